"""What a profile costs while it is on: how many percent longer a step and one operation take.

The same with and without a profile, in turns; each figure is the median of many ratios.
"""

from importlib import import_module

import _harness

N = 10_000
ROUNDS = 31
SETUP = f"""
torch.manual_seed(0)
x, w = torch.randn({N}, requires_grad=True), torch.randn({N})
"""
# (case, statement, budget in percent)
STATEMENTS = (
    (f"one op of {N:,}", "w * w", 3.0),
    (
        f"a step of {N:,}, both ways",
        "((x * w + w).tanh() * w).square().mean().backward()",
        None,
    ),
)


def profiled(run, profile):
    """``run`` inside a profile, which begins and ends outside of what it measures."""

    def inside(torch, count):
        with profile():
            return run(torch, count)

    return inside


def percents(run, module):
    profile = import_module(f"{module.__name__}.autograd.profiler").profile
    runs = {"plain": (run, module), "profiled": (profiled(run, profile), module)}
    taken = _harness.measure(runs, rounds=ROUNDS)
    pairs = zip(taken["plain"], taken["profiled"], strict=True)
    return _harness.Spread.of([100 * (on / off - 1) for off, on in pairs])


def rows(modules):
    for case, statement, budget in STATEMENTS:
        run = _harness.statement_loop(statement, SETUP)
        more = {name: percents(run, module) for name, module in modules.items() if module}
        yield _harness.Row(
            f"under a profile: {case}",
            more["rushlight"],
            more.get("torch"),
            unit="%",
            budget=budget,
        )

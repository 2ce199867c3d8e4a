"""Sums, maxima, softmax, copies and choices. The results are compared before they are timed.

The last row is the geometric mean, with the least and the greatest ratio beside it.
"""

import _harness

SHAPES = ((25, 40), (250, 400), (2500, 4000))
STATEMENTS = (
    *("x.sum()", "x.sum(0)", "x.sum(1)", "x.t().sum(0)", "h.sum(1)"),
    *("x.max()", "x.amax(0)", "x.amax(1)", "x.max(1)[0]", "torch.count_nonzero(x)"),
    *("torch.softmax(x, 0)", "torch.softmax(x, 1)"),
    *("x.t().contiguous()", "torch.gather(x, 1, i)", "torch.gather(x, 0, k)"),
)


def setup_of(rows, columns):
    """A matrix, and places along its rows and columns: the same in both libraries."""
    n = rows * columns
    return (
        f"x = ((torch.arange({n}) * 7919) % {n} / {n}).reshape({rows}, {columns})\n"
        "h = x.half()\n"
        f"i = ((torch.arange({n}) * 7919) % {columns}).reshape({rows}, {columns})\n"
        f"k = ((torch.arange({n}) * 7919) % {rows}).reshape({rows}, {columns})"
    )


def tolerance(statement):
    """Long sums round in different orders; half has ten bits of mantissa."""
    if "sum(" not in statement:
        return 1e-4, 1e-8
    return (1e-2, 1e-1) if statement.startswith("h.") else (1e-4, 1e-2)


def rows(modules):
    done = []
    for statement in STATEMENTS:
        for shape in SHAPES:
            setup = setup_of(*shape)
            rtol, atol = tolerance(statement)
            _harness.check_agreement(statement, setup, modules, rtol, atol)
            run = _harness.statement_loop(statement, setup)
            done.append(_harness.compare(f"{statement}, {shape}", run, modules))
            yield done[-1]
    yield from _harness.geometric_mean("reductions and choices, geometric mean", done)

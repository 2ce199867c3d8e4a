"""Sums, maxima, softmax, copies and choices. The results are compared before they are timed.

The last row is the geometric mean, with the least and the greatest ratio beside it.
"""

import functools

import _harness

SHAPES = ((25, 40), (250, 400), (2500, 4000))
STATEMENTS = (
    *("x.sum()", "x.sum(0)", "x.sum(1)", "x.t().sum(0)", "h.sum(1)"),
    *("x.max()", "x.amax(0)", "x.amax(1)", "x.max(1)[0]", "torch.count_nonzero(x)"),
    *("h.sum()", "h.sum(0)", "n.amax()", "n.amax(1)"),
    *("torch.softmax(x, 0)", "torch.softmax(x, 1)", "torch.log_softmax(x, 1)"),
    *("torch.softmax(h, 1)", "torch.gather(h, 1, i)"),
    *("x.t().contiguous()", "torch.gather(x, 1, i)", "torch.gather(x, 0, k)"),
)


@functools.lru_cache(maxsize=2)
def operands(torch, rows, columns):
    """A matrix, in half precision and in int32 as well, and places along its rows and columns."""
    n = rows * columns
    mixed = ((torch.arange(n) * 7919) % n).reshape(rows, columns)
    return mixed / n, (mixed / n).half(), mixed.int(), mixed % columns, mixed % rows


def tolerance(statement):
    """Long sums round in different orders; half has ten bits of mantissa."""
    half = statement.startswith("h.") or "(h," in statement
    if "sum(" not in statement:
        return (1e-2, 1e-6) if half else (1e-4, 1e-8)
    return (1e-2, 1e-1) if half else (1e-4, 1e-2)


def rows(modules):
    done = []
    for shape in SHAPES:
        setup = f"import reductions; x, h, n, i, k = reductions.operands(torch, *{shape})"
        for statement in STATEMENTS:
            rtol, atol = tolerance(statement)
            _harness.check_agreement(statement, setup, modules, rtol, atol)
            run = _harness.statement_loop(statement, setup)
            done.append(_harness.compare(f"{statement}, {shape}", run, modules))
            yield done[-1]
    yield from _harness.geometric_mean("reductions and choices, geometric mean", done)

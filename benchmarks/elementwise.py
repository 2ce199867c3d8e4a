"""Elementary functions of contiguous floats. The results are compared before they are timed.

The last row is the geometric mean, with the least and the greatest ratio beside it.
"""

import _harness

SIZES = (10**3, 10**5, 10**7)
# (function, where its argument runs)
FUNCTIONS = (
    ("exp", -5, 5),
    ("log", 0.01, 100),
    ("tanh", -5, 5),
    ("sin", -9, 9),
    ("sigmoid", -9, 9),
)


def rows(modules):
    done = []
    for name, low, high in FUNCTIONS:
        for n in SIZES:
            statement, setup = f"torch.{name}(x)", f"x = torch.linspace({low}, {high}, {n})"
            _harness.check_agreement(statement, setup, modules)
            run = _harness.statement_loop(statement, setup)
            done.append(_harness.compare(f"{name} of {n:,}", run, modules))
            yield done[-1]
    yield from _harness.geometric_mean("elementary functions, geometric mean", done)

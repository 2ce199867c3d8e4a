"""What one operation costs on small tensors, its graph node included, the empty loop left out."""

import _harness

ONE = "a = torch.randn(1, requires_grad=True); b = torch.randn(1, requires_grad=True)"
PLAIN = "a = torch.randn(1); b = torch.randn(1)"
SCALAR = "a = torch.tensor(1.5, requires_grad=True); b = torch.tensor(2.5, requires_grad=True)"
SQUARE = "a = torch.randn(8, 8, requires_grad=True); b = torch.randn(8, 8, requires_grad=True)"
OUTER = "a = torch.randn(3, 1, requires_grad=True); b = torch.randn(1, 3, requires_grad=True)"

OPERATOR, FUNCTION = 60e-9, 90e-9

# (statement, set-up, shape in words, budget in seconds)
STATEMENTS = (
    ("a * b", ONE, "(1,)", OPERATOR),
    ("a + b", ONE, "(1,)", OPERATOR),
    ("2.0 * a", ONE, "(1,)", OPERATOR),
    ("a * b", PLAIN, "(1,) without grad", None),
    ("torch.add(a, b, alpha=2)", ONE, "(1,)", FUNCTION),
    ("torch.sum(a, dim=0)", ONE, "(1,)", FUNCTION),
    ("torch.add(a, b, alpha=2)", PLAIN, "(1,) without grad", None),
    ("a * b", SCALAR, "0-d", OPERATOR),
    ("a + b", SCALAR, "0-d", OPERATOR),
    ("torch.exp(a)", SCALAR, "0-d", FUNCTION),
    ("a + b", SQUARE, "8x8", None),
    ("a * b", SQUARE, "8x8", None),
    ("a @ b", SQUARE, "8x8", None),
    ("a + b", OUTER, "(3,1) and (1,3)", None),
)


def site_row(torch, overhead):
    """What recording the source position costs; None where it cannot be switched off."""
    switch = getattr(torch._C, "_set_site_capture", None)
    if switch is None:
        return None
    run = _harness.statement_loop("a * b", ONE)

    def without_site(torch, count):
        switch(False)
        try:
            return run(torch, count)
        finally:
            switch(True)

    pairs = {"on": (run, torch), "off": (without_site, torch)}
    taken = _harness.measure(pairs, overhead=overhead, rounds=31)
    cost = [on - off for on, off in zip(taken["on"], taken["off"])]
    return _harness.Row("of which the Site of a * b", _harness.Spread.of(cost), budget=8e-9)


def rows(modules):
    overhead = _harness.empty_loop_seconds()
    for statement, setup, shape, budget in STATEMENTS:
        run = _harness.statement_loop(statement, setup)
        case = f"{statement}, {shape}"
        yield _harness.compare(case, run, modules, overhead=overhead, budget=budget)
    row = site_row(modules["rushlight"], overhead)
    if row:
        yield row

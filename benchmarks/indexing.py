"""Copies, choices and orders of a million elements: what moves memory rather than computes."""

import _harness

N = 1000
MATRIX = f"torch.manual_seed(0); a = torch.randn({N}, {N}); b = torch.randn({N}, {N})"
PLACES = f"{MATRIX}; rows = torch.randint(0, {N}, ({N},)); i = torch.randint(0, {N}, ({N}, {N}))"
FLAT = f"torch.manual_seed(0); a = torch.randn({N * N}); i = torch.randint(0, {N * N}, ({N * N},))"
HALF = "h = torch.float16; a = torch.zeros(200_000, 64, dtype=h); s = torch.ones(1, 64, dtype=h)"
VOLUME = "v = torch.arange(32 * 128 * 8 * 64).float().reshape(32, 128, 8, 64)"
ROWS = "torch.manual_seed(0); a = torch.randn(500, 64); b = torch.randn(500, 64)"

# (statement, set-up, shape in words)
STATEMENTS = (
    ("a.t().contiguous()", MATRIX, "(1000, 1000)"),
    ("p.t().contiguous()", f"{MATRIX}; p = a.to(torch.uint8)", "(1000, 1000), uint8"),
    ("v.permute(0, 2, 3, 1).contiguous()", VOLUME, "(32, 128, 8, 64)"),
    ("v.permute(3, 2, 1, 0).contiguous()", VOLUME, "(32, 128, 8, 64)"),
    ("a + b.t()", MATRIX, "(1000, 1000)"),
    ("torch.cat([a, b], 1)", MATRIX, "two of (1000, 1000)"),
    ("torch.gather(a, 1, i)", PLACES, "(1000, 1000)"),
    ("a[rows]", PLACES, "1000 rows of 1000"),
    ("a[:, rows]", PLACES, "1000 columns of 1000"),
    ("a[rows[:, None], rows]", PLACES, "1000 rows and columns"),
    ("a[i]", FLAT, "10^6 of 10^6"),
    ("torch.index_select(a, 0, i)", FLAT, "10^6 of 10^6"),
    ("torch.take(a, i)", FLAT, "10^6 of 10^6"),
    ("a[a > 0]", FLAT, "10^6"),
    ("a.index_add_(0, rows, b)", PLACES, "1000 rows of 1000"),
    ("a.scatter_add_(1, i, b)", PLACES, "(1000, 1000)"),
    ("a.index_add_(0, i, s)", f"{HALF}; i = torch.tensor([5])", "one row of 200000, float16"),
    ("torch.cumsum(a, 0)", MATRIX, "(1000, 1000)"),
    ("torch.logcumsumexp(a, 0)", FLAT, "10^6"),
    ("a.masked_fill(m, 0.0)", f"{FLAT}; m = a > 0", "10^6"),
    ("torch.sort(a, 1)", MATRIX, "(1000, 1000)"),
    ("torch.sort(a)", FLAT, "10^6"),
    ("torch.sort(i)", FLAT, "10^6"),
    ("torch.unique(a)", FLAT, "10^6"),
    ("torch.median(a)", FLAT, "10^6"),
    ("torch.unique_consecutive(i)", FLAT, "10^6"),
    ("torch.cdist(a, b)", ROWS, "500 rows of 64"),
    ("torch.cdist(a, b, p=1)", ROWS, "500 rows of 64"),
)


def rows(modules):
    for statement, setup, shape in STATEMENTS:
        run = _harness.statement_loop(statement, setup)
        yield _harness.compare(f"{statement}, {shape}", run, modules)

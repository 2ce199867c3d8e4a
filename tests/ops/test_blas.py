"""Products that a BLAS library computes: layouts, special values, accuracy, and which library."""

import os
import subprocess
import sys
import textwrap
from fractions import Fraction

import numpy as np
import pytest
from support import inf, nan, rushlight_only, torch

FLOATS = [torch.float32, torch.float64]
NARROW = [torch.float16, torch.bfloat16, torch.int8, torch.int32]


def whole(*shape, dtype, seed=0):
    """Whole numbers from -2 to 2: their products are exact, in whatever order they are added."""
    values = np.random.default_rng(seed).integers(-2, 3, shape)
    return torch.tensor(values.tolist(), dtype=torch.int64).to(dtype)


def product(a, b):
    """By the loops for integers, which no library has."""
    return (a.to(torch.int64) @ b.to(torch.int64)).to(a.dtype)


def transposed(t):
    return t.transpose(-2, -1).contiguous().transpose(-2, -1)


def spread(t):
    """The same in every second place of a tensor that is twice as large each way."""
    memory = torch.full([2 * size for size in t.shape], 9).to(t.dtype)
    view = memory[tuple(slice(1, None, 2) for _ in t.shape)]
    return view.copy_(t)


def padded(t):
    """Contiguous rows that are further apart than they are long, from an offset on."""
    rows, columns = t.shape[-2:]
    memory = torch.full([*t.shape[:-2], rows + 2, columns + 3], 9).to(t.dtype)
    return memory[..., 2:, 3:].copy_(t)


LAYOUTS = [lambda t: t, transposed, spread, padded, lambda t: transposed(padded(t))]
SIZES = [(40, 30, 50), (1, 60, 50), (60, 1, 50), (3, 2, 700), (257, 3, 9), (16, 16, 16)]


@pytest.mark.parametrize("dtype", FLOATS + NARROW)
@pytest.mark.parametrize("size", SIZES)
def test_product_is_the_same_in_every_layout(dtype, size):
    m, n, k = size
    a, b = whole(m, k, dtype=dtype), whole(k, n, dtype=dtype, seed=1)
    want = product(a, b)
    for left in LAYOUTS:
        for right in LAYOUTS:
            assert torch.equal(left(a) @ right(b), want)
            assert torch.equal(left(a) @ right(b)[:, 0], want[:, 0])
            assert torch.equal(left(a)[0] @ right(b), want[0])


@pytest.mark.parametrize("dtype", FLOATS + NARROW)
@pytest.mark.parametrize("beta", [0, 1, 2])
def test_sum_with_a_product_is_the_same_in_every_layout(dtype, beta):
    a, b, into = (whole(*s, dtype=dtype) for s in ((40, 50), (50, 30), (40, 30)))
    want = beta * into + 2 * product(a, b)
    vector = beta * into[:, 0] + 2 * product(a, b[:, :1])[:, 0]
    for layout in LAYOUTS:
        x, y, target = layout(a), layout(b), layout(into.clone())
        assert torch.equal(torch.addmm(target, x, y, beta=beta, alpha=2), want)
        assert torch.equal(torch.addmv(target[:, 0], x, y[:, 0], beta=beta, alpha=2), vector)
        column = target.clone()[:, 0]
        assert torch.equal(column.addmv_(x, y[:, 0], beta=beta, alpha=2), vector)
        assert torch.equal(target.addmm_(x, y, beta=beta, alpha=2), want)


@pytest.mark.parametrize("dtype", FLOATS + NARROW)
def test_sum_with_a_product_broadcasts_its_input(dtype):
    a, b = whole(40, 50, dtype=dtype), whole(50, 30, dtype=dtype)
    for shape in [(30,), (40, 1), (1, 1), ()]:
        into = whole(*shape, dtype=dtype, seed=2)
        want = into.expand(40, 30) + product(a, b)
        assert torch.equal(torch.addmm(into, a, b), want)
        many = torch.baddbmm(into, a.expand(3, 40, 50), b.expand(3, 50, 30))
        assert torch.equal(many, want.expand(3, 40, 30))


@pytest.mark.parametrize("dtype", FLOATS + NARROW)
def test_factors_may_be_expanded_or_overlap_themselves(dtype):
    row, column = whole(50, dtype=dtype), whole(50, 1, dtype=dtype, seed=1)
    windows = torch.as_strided(whole(90, dtype=dtype), (40, 50), (1, 1))
    for a in (row.expand(40, 50), windows, torch.as_strided(row, (40, 50), (0, 0))):
        for b in (column.expand(50, 40), windows.t(), windows[:25].repeat(2, 1)):
            assert torch.equal(a @ b, product(a.contiguous(), b.contiguous()))
            assert torch.equal(a @ b[:, 0], product(a.contiguous(), b[:, :1].contiguous())[:, 0])
    assert torch.equal(
        row.expand(40, 50) @ row[:1].expand(50), row.sum().to(dtype) * row[0] + row.new_zeros(40)
    )


@pytest.mark.parametrize("dtype", FLOATS + NARROW)
def test_batches_are_broadcast_and_may_be_transposed(dtype):
    a, b = whole(4, 1, 20, 30, dtype=dtype), whole(5, 30, 20, dtype=dtype, seed=1)
    want = torch.stack([torch.stack([product(x[0], y) for y in b]) for x in a])
    assert torch.equal(a @ b, want)
    assert torch.equal(transposed(a) @ transposed(b), want)
    each = a[:, 0].transpose(0, 1).contiguous().transpose(0, 1)
    assert torch.equal(torch.bmm(each, b[:1].expand(4, 30, 20)), want[:, 0])
    total = torch.addbmm(torch.zeros(20, 20, dtype=dtype), each, b[:4], alpha=2, beta=0)
    assert torch.equal(total, 2 * sum(want[i, i] for i in range(4)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(0, 30, 50), (40, 0, 50), (40, 30, 0), (0, 0, 0)])
def test_empty_sizes_give_zeros_or_nothing(dtype, shape):
    m, n, k = shape
    a, b = torch.ones(m, k, dtype=dtype), torch.ones(k, n, dtype=dtype)
    assert torch.equal(a @ b, torch.zeros(m, n, dtype=dtype))
    into = torch.full((m, n), 3, dtype=dtype)
    assert torch.equal(torch.addmm(into, a, b, beta=0.5), into * 0.5)
    assert torch.equal(torch.addmm(into * nan, a, b, beta=0), torch.zeros(m, n, dtype=dtype))
    assert torch.equal(a.expand(3, m, k) @ b, torch.zeros(3, m, n, dtype=dtype))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("size", SIZES)
def test_nan_and_inf_reach_just_the_elements_that_they_belong_to(dtype, size):
    m, n, k = size
    for special, other in [(nan, 0), (inf, 0), (inf, 1), (-inf, -1)]:
        for layout in (lambda t: t, transposed):
            a, b = torch.zeros(m, k, dtype=dtype), torch.full((k, n), other, dtype=dtype)
            a[m // 2, k // 3] = special
            want = torch.zeros(m, n, dtype=dtype)
            want[m // 2] = special * other
            for got in (layout(a) @ layout(b), (layout(b).t() @ layout(a).t()).t()):
                assert torch.equal(got.isnan(), want.isnan())
                assert torch.equal(got.nan_to_num(), want.nan_to_num())


@pytest.mark.parametrize("dtype", FLOATS + NARROW[:2])
def test_beta_0_forgets_nan_in_the_input(dtype):
    a, b = whole(40, 50, dtype=dtype), whole(50, 30, dtype=dtype)
    want, gone = product(a, b), torch.full((40, 30), nan, dtype=dtype)
    for layout in LAYOUTS[:3]:
        assert torch.equal(torch.addmm(gone, a, b, beta=0), want)
        assert torch.equal(layout(gone).addmm_(a, b, beta=0), want)
        assert torch.equal(layout(gone)[:, 0].clone().addmv_(a, b[:, 0], beta=0), want[:, 0])
    batch = torch.baddbmm(gone.expand(2, 40, 30), a.expand(2, 40, 50), b.expand(2, 50, 30), beta=0)
    assert torch.equal(batch, want.expand(2, 40, 30))


def test_alpha_0_forgets_nan_in_the_factors():
    into, a, b = torch.ones(40, 30), torch.full((40, 50), nan), torch.ones(50, 30)
    assert torch.equal(torch.addmm(into, a, b, alpha=0), into)
    assert torch.equal(torch.addmv(into[:, 0], a, b[:, 0], alpha=0), into[:, 0])
    assert torch.equal(into.clone().addmm_(a, b, alpha=0, beta=3), 3 * into)


def test_the_target_may_be_a_factor():
    x = whole(40, 40, dtype=torch.float32)
    want = x + product(x, x)
    mine = x.clone()
    assert torch.equal(mine.addmm_(mine, mine), want)
    mine = x.clone()
    assert torch.equal(mine.t().addmm_(mine, mine), x.t() + product(x, x))


@pytest.mark.parametrize("dtype", NARROW[:2])
def test_16_bit_floats_are_rounded_once(dtype):
    # 1 + 300 small terms, each of which would be lost if it were added to 1 and rounded.
    tiny = 2.0**-12
    a = torch.full((40, 301), tiny, dtype=dtype)
    a[:, 0] = 1
    b = torch.ones(301, 30, dtype=dtype)
    want = torch.full((40, 30), 1 + 300 * tiny).to(dtype)
    assert want[0, 0] != 1
    assert torch.equal(a @ b, want)
    # 1 + 2 a b, with the sum rounded at its end only
    once = torch.addmm(torch.ones((), dtype=dtype), a, b, alpha=0.5)
    assert torch.equal(once, torch.full((40, 30), 1.5 + 150 * tiny).to(dtype))


@pytest.mark.parametrize("name", ["", "none"])
def test_sums_of_a_million_terms_keep_their_digits(name):
    run(
        """
        n = 10**6
        x = torch.arange(n, dtype=torch.float64)
        a = ((x * 7919) % 1009 / 1009).to(torch.float32).reshape(1, n).repeat(2, 1)
        b = ((x * 104729) % 997 / 997).to(torch.float32).reshape(n, 1).repeat(1, 3)
        want = (a[0].double() * b[:, 0].double()).sum().item()
        columns = a.t().contiguous().t()
        for y in (a @ b, columns @ b, a @ b[:, 0], a[0] @ b, a[0] @ b[:, 0]):
            assert (y.double() - want).abs().max().item() < 3e-6 * want, y
        """,
        RUSHLIGHT_BLAS=name,
    )


def test_a_product_of_halves_is_exact_where_fractions_say_so():
    a, b = (whole(24, 24, dtype=torch.float64, seed=s) / 8 for s in (3, 4))
    left, right = a.tolist(), b.tolist()
    want = [
        [
            float(sum(Fraction(x) * Fraction(row[j]) for x, row in zip(line, right)))
            for j in range(24)
        ]
        for line in left
    ]
    assert (a @ b).tolist() == want


def test_the_same_product_has_the_same_bits_again():
    generator = torch.Generator().manual_seed(3)
    a, b = (torch.randn(600, 300, generator=generator) for _ in range(2))
    first = a @ b.t()
    for _ in range(3):
        assert torch.equal(a.clone() @ b.clone().t(), first)
    # and by the other door, with the sum of nothing
    assert torch.equal(torch.addmm(torch.zeros(600, 600), a, b.t(), beta=0), first)


@pytest.mark.parametrize("dtype", FLOATS)
def test_gradients_of_a_large_product_are_products(dtype):
    a, b, g = (whole(*s, dtype=dtype) for s in ((40, 50), (50, 30), (40, 30)))
    for left in (lambda t: t, transposed):
        x, y = left(a).requires_grad_(), left(b).requires_grad_()
        grad_x, grad_y = torch.autograd.grad(x @ y, (x, y), g)
        assert torch.equal(grad_x, product(g, b.t())) and torch.equal(grad_y, product(a.t(), g))
        # A gradient lies as its factor does.
        assert grad_x.stride() == x.stride() and grad_y.stride() == y.stride()
        batches = torch.autograd.grad(
            x.expand(2, 40, 50) @ y.expand(2, 50, 30), (x, y), g.expand(2, 40, 30)
        )
        assert torch.equal(batches[0], 2 * grad_x) and torch.equal(batches[1], 2 * grad_y)


# --- which library -----------------------------------------------------------------------------

HEAD = """
import os, sys
import rushlight as torch

def mapped():
    with open("/proc/self/maps") as file:
        return "blas64_" in file.read()
"""
LIBRARY = torch._C._blas_info()["library"] if hasattr(torch._C, "_blas_info") else "none"
bundled = pytest.mark.skipif(LIBRARY == "none", reason="no library was bundled on this platform")


def run(program, expect=0, **environment):
    """What a program prints in a process of its own, with rushlight as torch."""
    result = subprocess.run(
        [sys.executable, "-c", HEAD + textwrap.dedent(program)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == expect, result.stdout + result.stderr
    return result.stdout + result.stderr


@rushlight_only
@bundled
def test_the_library_is_loaded_by_the_first_large_product_and_starts_no_thread():
    run(
        """
        here = os.sched_getaffinity(0)
        x = torch.ones(8, 8, requires_grad=True)
        (x @ x).sum().backward()
        torch.ones(100, 1) @ torch.ones(1)
        torch.ones(10**5) @ torch.ones(10**5)
        assert not mapped()
        threads = len(os.listdir("/proc/self/task"))
        torch.ones(64, 64) @ torch.ones(64, 64)
        assert mapped()
        assert len(os.listdir("/proc/self/task")) == threads and os.sched_getaffinity(0) == here
        """,
        RUSHLIGHT_BLAS="",
        RUSHLIGHT_NUM_THREADS="1",
    )


@rushlight_only
@bundled
def test_the_librarys_licences_lie_beside_it():
    with open(os.path.join(os.path.dirname(LIBRARY), "LICENSE.openblas.txt")) as file:
        text = file.read()
    for words in (
        "The OpenBLAS Project",
        "University of Tennessee",
        "GCC RUNTIME LIBRARY EXCEPTION",
    ):
        assert words in text


@rushlight_only
def test_our_own_loops_serve_where_no_library_is_wanted():
    run(
        """
        x = torch.arange(1600.0).reshape(40, 40) % 7
        assert torch.equal(x @ x, (x.long() @ x.long()).float())
        assert not mapped() and torch._C._blas_info()["library"] == "none"
        """,
        RUSHLIGHT_BLAS="none",
    )


@rushlight_only
@bundled
def test_another_library_is_taken_by_its_path(tmp_path):
    other = tmp_path / "libother_blas64_.so"
    other.symlink_to(LIBRARY)
    printed = run(
        """
        x = torch.ones(40, 40)
        assert torch.equal(x @ x, 40 * x)
        info = torch._C._blas_info()
        print(info["library"], info["core"])
        """,
        RUSHLIGHT_BLAS=str(other),
    )
    library, core = printed.split()
    assert library == str(other) and core == torch._C._blas_info()["core"]


@rushlight_only
@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "/nowhere/libblas.so",
            "RUSHLIGHT_BLAS cannot be loaded: /nowhere/libblas.so: cannot open",
        ),
        ("libm.so.6", "RUSHLIGHT_BLAS has no C interface of BLAS: libm.so.6 lacks scipy_cblas_"),
    ],
)
def test_a_library_that_cannot_serve_is_named_at_each_product(path, message):
    printed = run(
        """
        assert (torch.ones(4, 4) @ torch.ones(4, 4)).sum().item() == 64
        for _ in range(2):
            try:
                torch.ones(40, 40) @ torch.ones(40, 40)
            except RuntimeError as error:
                print(error)
            else:
                raise AssertionError("no error")
        """,
        RUSHLIGHT_BLAS=path,
    )
    assert printed.count(message) == 2 and "fix: unset RUSHLIGHT_BLAS" in printed


@rushlight_only
@bundled
def test_too_little_memory_for_the_librarys_buffer_is_an_error_not_the_end():
    printed = run(
        """
        import resource
        large = torch.ones(40, 40)
        with open("/proc/self/statm") as file:
            held = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (held + 60 * 2**20, resource.RLIM_INFINITY))
        for _ in range(2):
            try:
                large @ large
            except torch.OutOfMemoryError as error:
                print(error)
            else:
                raise AssertionError("no error")
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
        assert (large @ large)[0, 0].item() == 40
        """,
        RUSHLIGHT_BLAS="",
    )
    assert printed.count("cannot allocate memory for the buffer of OpenBLAS") == 2


@rushlight_only
def test_products_go_on_in_forked_children():
    run(
        """
        x = torch.ones(300, 300)
        assert (x @ x)[0, 0].item() == 300
        children = []
        for _ in range(3):
            child = os.fork()
            if child == 0:
                os._exit(0 if torch.equal(x @ x @ x[0], torch.full((300,), 90000.0)) else 1)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
        assert (x @ x)[0, 0].item() == 300
        """
    )

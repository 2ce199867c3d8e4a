"""Products that are written where a tensor is, products with a vector, and norms of matrices."""

import math

import numpy as np
import pytest
from support import rushlight_only, torch


def randn(*shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


@rushlight_only
@pytest.mark.parametrize("beta", [0, 1, 0.5])
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("addmm", ((70, 130), (70, 9), (9, 130))),
        ("addmm", ((5, 1), (5, 300), (300, 1))),
        ("addmm", ((3, 4), (3, 0), (0, 4))),
        ("addmv", ((5000,), (5000, 3), (3,))),
        ("addmv", ((3,), (3, 700), (700,))),
        ("baddbmm", ((3, 66, 65), (3, 66, 2), (3, 2, 65))),
        ("addbmm", ((66, 65), (3, 66, 2), (3, 2, 65))),
        ("addr", ((5, 66), (5,), (66,))),
    ],
)
def test_in_place_product_has_the_bits_of_the_other_form(name, shapes, beta):
    for dtype in (torch.float32, torch.float64):
        into, a, b = (randn(*shape, dtype=dtype) for shape in shapes)
        want = getattr(torch, name)(into, a, b, beta=beta, alpha=-0.3)
        strided = torch.empty(*(2 * s for s in shapes[0]), dtype=dtype)
        strided = strided[tuple(slice(0, 2 * s, 2) for s in shapes[0])].copy_(into)
        for target in (into.clone(), strided):
            getattr(target, name + "_")(a, b, beta=beta, alpha=-0.3)
            assert torch.equal(target, want)


@rushlight_only
def test_in_place_product_reads_its_own_memory_before_it_is_written():
    x, y = randn(70, 70), randn(70, 70)
    want = torch.addmm(x, x, y)
    assert torch.equal(x.clone().addmm_(x, y), want)
    mine = x.clone()
    assert torch.equal(mine.addmm_(mine, y), want)


def test_in_place_product_with_beta_0_forgets_nan():
    x = torch.full((2, 2), math.nan)
    assert x.addmm_(torch.ones(2, 3), torch.ones(3, 2), beta=0).tolist() == [[3.0, 3.0]] * 2


@pytest.mark.parametrize("n", [1, 31, 32, 33, 5000])
def test_matrix_times_vector_agrees_with_numpy_in_both_layouts(n):
    a, v = randn(7, n), randn(n)
    want = np.array(a.tolist()) @ np.array(v.tolist())
    columns = a.t().contiguous().t()
    for got in (torch.mv(a, v), torch.mv(columns, v), a @ v[:, None], torch.mv(a[:, :], v)):
        np.testing.assert_allclose(got.flatten().tolist(), want, rtol=1e-12, atol=1e-12)
    assert torch.dot(a[0], v).item() == pytest.approx(want[0], rel=1e-12, abs=1e-12)


def test_mean_by_slices_counts_each_slice_once():
    x = torch.arange(6.0, dtype=torch.float64).reshape(3, 2)
    x.index_reduce_(0, torch.tensor([2, 2, 0]), torch.ones(3, 2, dtype=x.dtype), "mean")
    assert x.tolist() == [[0.5, 1.0], [2.0, 3.0], [2.0, 7 / 3]]
    x = torch.arange(6).reshape(2, 3)
    x.index_reduce_(1, torch.tensor([1, 1]), torch.full((2, 2), 9), "mean", include_self=False)
    assert x.tolist() == [[0, 9, 2], [3, 9, 5]]


def test_masked_scatter_takes_masks_of_any_layout():
    mask = torch.tensor([[True, False, True], [False, True, False]])
    source = torch.arange(1.0, 13.0)
    assert torch.zeros(2, 3).masked_scatter_(mask, source).tolist() == [[1, 0, 2], [0, 3, 0]]
    assert torch.zeros(3, 2).masked_scatter_(mask.t(), source).tolist() == [[1, 0], [0, 2], [3, 0]]
    wide = torch.zeros(2, 2, 3).masked_scatter_(mask[:1], source)
    assert wide.tolist() == [[[1, 0, 2], [3, 0, 4]], [[5, 0, 6], [7, 0, 8]]]
    bools = torch.tensor([True, False, True])
    bools.masked_scatter_(bools, torch.tensor([False, True, True]))
    assert bools.tolist() == [False, False, True]


def test_fill_and_zero_are_functions_that_write_into_their_tensor():
    x = torch.ones(2)
    assert torch.fill_(x, 3) is x and x.tolist() == [3.0, 3.0]
    assert torch.fill_(x, torch.tensor(4.0)).tolist() == [4.0, 4.0]
    assert torch.zero_(x) is x and x.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("ord", ["fro", 1, -1, math.inf, -math.inf])
@pytest.mark.parametrize("dim", [(-2, -1), (0, 1), (1, 0)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_matrix_norm_agrees_with_numpy(ord, dim, keepdim):
    a = randn(3, 4)
    want = np.linalg.norm(np.array(a.tolist()), ord, dim, keepdim)
    for norm in (torch.linalg.norm, torch.linalg.matrix_norm):
        got = norm(a, ord, dim, keepdim)
        assert list(got.shape) == list(want.shape)
        np.testing.assert_allclose(got.tolist(), want, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a: torch.linalg.norm(a, 3), "linalg.matrix_norm: Order 3 not supported."),
        (lambda a: torch.linalg.matrix_norm(a, "x"), "linalg.matrix_norm: Order x not supported."),
        (
            lambda a: torch.linalg.matrix_norm(a[0]),
            "linalg.matrix_norm: The input tensor A must have at least 2 dimensions.",
        ),
        (
            lambda a: torch.linalg.matrix_norm(a, dim=(0, 0)),
            "linalg.matrix_norm: dims must be different. Got (0, 0)",
        ),
        (
            lambda a: torch.linalg.matrix_norm(a.long(), 1),
            "linalg.matrix_norm: Expected a floating point or complex tensor as input. Got Long",
        ),
        (
            lambda a: torch.linalg.norm(a.expand(2, 2, 2), 1),
            "linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got 3D.",
        ),
        (
            lambda a: torch.linalg.norm(a.expand(2, 2, 2), 1, (0, 1, 2)),
            "linalg.norm: If dim is specified, it must be of length 1 or 2. Got [0, 1, 2]",
        ),
    ],
)
def test_norm_that_is_none_says_why(call, message):
    with pytest.raises(RuntimeError) as caught:
        call(torch.ones(2, 2))
    assert str(caught.value).splitlines()[0] == message


def test_bilinear_refuses_sizes_that_do_not_match():
    a = torch.ones(2, 3)
    with pytest.raises(RuntimeError, match=r"^bilinear\(\): input2 size does not match weight"):
        torch.nn.functional.bilinear(a, a, torch.ones(4, 3, 2))
    with pytest.raises(RuntimeError, match="^All tensors must have the same dtype, got input1: f"):
        torch.nn.functional.bilinear(a, a, torch.ones(4, 3, 3, dtype=torch.float64))

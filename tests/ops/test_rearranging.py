"""flip, roll, rot90, triangles, diagonals, scatters into parts and repeats, against NumPy."""

import numpy as np
import pytest
from support import assert_values, leaf, torch

DTYPES = [
    *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
]
ARRAY = (np.arange(24).reshape(2, 3, 4) * 5 % 17) - 8.0


def tensor_of(array, dtype=torch.float64):
    return torch.tensor(np.asarray(array).tolist(), dtype=torch.float64).to(dtype)


def layouts(array):
    """Tensors of one value: row-major, transposed, with gaps, and both."""
    yield tensor_of(array)
    yield tensor_of(array.swapaxes(0, -1)).transpose(0, -1)
    gaps = np.zeros([2 * n for n in array.shape])
    gaps[tuple(slice(None, None, 2) for _ in array.shape)] = array
    yield tensor_of(gaps)[tuple(slice(None, None, 2) for _ in array.shape)]
    yield tensor_of(gaps.swapaxes(0, -1)).transpose(0, -1)[::2, ::2, ::2]


REARRANGED = [
    (lambda x: x.flip(0), lambda x: np.flip(x, 0)),
    (lambda x: x.flip(-1), lambda x: np.flip(x, 2)),
    (lambda x: x.flip((0, 2)), lambda x: np.flip(x, (0, 2))),
    (lambda x: x.fliplr(), np.fliplr),
    (lambda x: torch.flipud(x), np.flipud),
    (lambda x: x.roll(5), lambda x: np.roll(x, 5)),
    (lambda x: x.roll(-1, 1), lambda x: np.roll(x, -1, 1)),
    (lambda x: x.roll((1, 10, 2), (0, 1, -1)), lambda x: np.roll(x, (1, 10, 2), (0, 1, 2))),
    (lambda x: x.roll((1, 1), (2, 2)), lambda x: np.roll(x, 2, 2)),
    (lambda x: x.rot90(), np.rot90),
    (lambda x: x.rot90(2, (1, 2)), lambda x: np.rot90(x, 2, (1, 2))),
    (lambda x: x.rot90(-1, (2, 0)), lambda x: np.rot90(x, -1, (2, 0))),
    (lambda x: x.rot90(8), lambda x: x),
    (lambda x: x.tril(), np.tril),
    (lambda x: x.tril(-1), lambda x: np.tril(x, -1)),
    (lambda x: x.triu(2), lambda x: np.triu(x, 2)),
    (lambda x: x.triu(-9), lambda x: x),
    (lambda x: x.repeat_interleave(2), lambda x: np.repeat(x, 2)),
    (lambda x: x.repeat_interleave(3, -1), lambda x: np.repeat(x, 3, 2)),
    (
        lambda x: x.repeat_interleave(torch.tensor([2, 0, 1]), 1),
        lambda x: np.repeat(x, [2, 0, 1], 1),
    ),
    (lambda x: x.repeat(2, 1, 3), lambda x: np.tile(x, (2, 1, 3))),
    (lambda x: x.contiguous(), lambda x: x),
    (lambda x: x.permute(2, 0, 1).contiguous(), lambda x: x.transpose(2, 0, 1)),
]


@pytest.mark.parametrize(("function", "reference"), REARRANGED)
def test_elements_move_as_numpy_moves_them(function, reference):
    expected = reference(ARRAY).tolist()
    for x in layouts(ARRAY):
        assert function(x).tolist() == expected


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_moves_alike(dtype):
    for function, reference in REARRANGED:
        x = tensor_of(ARRAY, dtype)
        result = function(x)
        assert result.dtype == dtype
        assert result.tolist() == reference(np.array(x.tolist())).tolist()


@pytest.mark.parametrize("shape", [(70, 45), (33, 2, 40), (64, 64), (1, 100), (40, 1, 3)])
def test_large_transposes_are_copied_whole(shape):
    array = np.arange(np.prod(shape)).reshape(shape)
    for axes in ((-1, 0), (0, -1)):
        turned = torch.tensor(array.tolist()).transpose(*axes)
        assert turned.contiguous().tolist() == array.swapaxes(*axes).tolist()
        assert (turned + 0).tolist() == array.swapaxes(*axes).tolist()


@pytest.mark.parametrize("dtype", [torch.float64, torch.uint8, torch.bfloat16])
@pytest.mark.parametrize("transposed", [False, True])
def test_triangles_in_place_write_zeros_alone(dtype, transposed):
    x = tensor_of(abs(ARRAY), dtype)
    x = x.transpose(1, 2) if transposed else x
    for name in ("tril", "triu"):
        y = x.clone()
        place = y.data_ptr()
        assert getattr(y, name + "_")(1) is y and y.data_ptr() == place
        assert y.tolist() == getattr(x, name)(1).tolist()
        assert y._version == 1


def test_triangle_numbers_name_what_the_triangles_keep():
    for rows, columns, k in ((3, 4, 0), (4, 3, -1), (2, 5, 3), (3, 3, -9), (0, 2, 0), (2, 0, 1)):
        ones = np.ones((rows, columns))
        expected = np.stack(np.nonzero(np.tril(ones, k)))
        assert torch.tril_indices(rows, columns, k).tolist() == expected.tolist()
        expected = np.stack(np.nonzero(np.triu(ones, k)))
        assert torch.triu_indices(rows, columns, k).tolist() == expected.tolist()
    assert torch.tril_indices(2, 2).dtype == torch.int64
    assert torch.tril_indices(2, 2, dtype=torch.int32).dtype == torch.int32
    assert torch.triu_indices(2**60, 3).shape == (2, 6), "empty rows are not visited"
    with pytest.raises(NotImplementedError, match="\"triu_indices\" not implemented for 'Float'"):
        torch.triu_indices(2, 2, dtype=torch.float32)


def test_layouts_of_results_are_pytorchs():
    turned = torch.arange(6.0).reshape(2, 3).t()
    assert turned.flip(0).stride() == (1, 3), "flip keeps a dense layout"
    assert turned.roll(1, 0).stride() == (2, 1)
    assert turned.rot90().stride() == (3, 1)
    assert turned.rot90(2).stride() == (1, 3)
    assert turned.rot90(0).stride() == (2, 1)
    assert turned.tril().stride() == (2, 1)
    assert turned.diagonal_scatter(torch.ones(2)).stride() == (1, 3)


def test_diagonals_are_numpys():
    vector, matrix = ARRAY[0, 0], ARRAY[0]
    for k in (-2, 0, 1, 5):
        assert torch.diag(tensor_of(vector), k).tolist() == np.diag(vector, k).tolist()
        assert torch.diag(tensor_of(matrix), k).tolist() == np.diag(matrix, k).tolist()
        assert tensor_of(matrix).diagflat(k).tolist() == np.diagflat(matrix, k).tolist()
    stacked = tensor_of(matrix).diag_embed(1, 0, 2)
    assert stacked.shape == (5, 3, 5)
    assert stacked.diagonal(1, 0, 2).tolist() == matrix.tolist()
    assert stacked.sum().item() == matrix.sum()
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert type(torch.diag(x).grad_fn).__name__ == "DiagonalBackward0_copy"
    assert type(torch.diag(x[0]).grad_fn).__name__ == "DiagEmbedBackward0"


def test_scatters_replace_a_part_of_a_copy():
    x = tensor_of(ARRAY[0])
    src = torch.tensor([-1, -2], dtype=torch.int64)
    for result, part in (
        (x.diagonal_scatter(src, 2), lambda t: t.diagonal(2)),
        (x.t()[:2].select_scatter(src, 1, -1), lambda t: t.select(1, -1)),
        (x[:2].slice_scatter(src[:, None], 1, 1, 2), lambda t: t[:, 1]),
        (x.as_strided_scatter(src, (2,), (5,), 1), lambda t: t.as_strided((2,), (5,), 1)),
    ):
        assert part(result).tolist() == [-1, -2] and result.dtype == torch.float64
    assert x.tolist() == ARRAY[0].tolist(), "the input keeps its values"
    # Offsets count in the layout of the copy, which is the input's where that is dense.
    turned = x.t().as_strided_scatter(torch.zeros(2, dtype=torch.float64), (2,), (1,))
    assert turned.stride() == x.t().stride() and turned[:2, 0].tolist() == [0, 0]
    with pytest.raises(
        RuntimeError, match=r"expected src to have a size equal to the slice of self. src size = \["
    ):
        x.select_scatter(src, 0, 0)


def test_gradient_of_a_scatter_is_zero_where_it_wrote():
    x, src = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf([5.0, 6.0])
    result = x.as_strided_scatter(src, (2,), (3,))
    grads = torch.autograd.grad(result, (x, src), torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    assert_values(grads[0], [[0, 2], [3, 0]])
    assert_values(grads[1], [1, 4])


@pytest.mark.parametrize(
    ("repeats", "keywords", "kind", "message"),
    [
        (-1, {}, RuntimeError, "Repeats must be non-negative"),
        (2, {"output_size": 5}, RuntimeError, "repeat_interleave: Invalid output_size, expected"),
        ([1, -1], {"dim": 0}, RuntimeError, "repeats can not be negative"),
        ([1, 2, 3], {"dim": 0}, RuntimeError, "repeats must have the same size as input along dim"),
        ([1, 2], {"dim": 0, "output_size": 4}, RuntimeError, "allocated size does not match"),
        ([1.0, 2.0], {"dim": 0}, NotImplementedError, '"repeat_interleave_cpu" not implemented'),
        ([[1, 2]], {"dim": 0}, RuntimeError, "repeats must be 0-dim or 1-dim tensor"),
    ],
)
def test_repeats_that_make_no_sense_are_refused(repeats, keywords, kind, message):
    x = torch.ones(2, 3)
    repeats = torch.tensor(repeats) if isinstance(repeats, list) else repeats
    with pytest.raises(kind, match=message):
        x.repeat_interleave(repeats, **keywords)


def test_repeat_interleave_of_counts_alone_gives_indices():
    counts = torch.tensor([1, 0, 2], dtype=torch.int32)
    assert torch.repeat_interleave(counts).tolist() == [0, 2, 2]
    assert torch.repeat_interleave(repeats=counts, output_size=3).dtype == torch.int32
    with pytest.raises(TypeError):
        counts.repeat_interleave()
    huge = torch.tensor([2**62, 2**62, 2**62])
    with pytest.raises(RuntimeError):
        torch.repeat_interleave(huge)


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: x.flip(0, -2), RuntimeError, "dim 0 appears multiple times in the list of dims"),
        (lambda x: x.flip(2), IndexError, "Dimension out of range"),
        (lambda x: torch.flip(x, 0), TypeError, "must be tuple of ints, not int"),
        (lambda x: x.roll(()), RuntimeError, "`shifts` required"),
        (lambda x: x.roll((1, 2), 0), RuntimeError, "shifts and dimensions must align. shifts: 2"),
        (lambda x: x.rot90(1, (0, -2)), RuntimeError, "expected rotation dims to be different"),
        (lambda x: x[0].rot90(), RuntimeError, "expected total dims >= 2, but got total dims = 1"),
        (lambda x: x[0].tril(), RuntimeError, "tril: input tensor must have at least 2 dimensions"),
        (lambda x: torch.diag(x[0, 0]), RuntimeError, "Supports 1D or 2D tensors. Got 0D"),
        (lambda x: torch.tril_indices(-1, 2), RuntimeError, "row must be non-negative, got-1"),
        (
            lambda x: torch.tril(x, out=torch.empty(0, dtype=torch.float64)),
            RuntimeError,
            "Expected out tensor to have dtype float, but got double instead",
        ),
    ],
)
def test_errors_are_pytorchs(call, kind, message):
    with pytest.raises(kind, match=message):
        call(torch.ones(2, 3))


@pytest.mark.parametrize("shift", [2**63 - 1, -(2**63), 10**18])
def test_shifts_of_any_size_wrap_around(shift):
    x = torch.arange(7)
    assert x.roll(shift).tolist() == x.roll(shift % 7).tolist()
    y = leaf([1.0, 2.0, 3.0]).roll(shift)
    (grad,) = torch.autograd.grad(y, y.grad_fn.next_functions[0][0].variable, y.detach())
    assert_values(grad, [1, 2, 3])


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32, torch.int64])
@pytest.mark.parametrize(
    "shape",
    [(1, 9), (8, 8), (9, 7), (16, 33), (65, 130), (131, 66), (7, 300), (300, 7), (515, 270)],
)
def test_transposes_of_every_shape_move_each_element(dtype, shape):
    rows, columns = shape
    x = ((torch.arange(3 * rows * columns) * 7919) % 32749).to(dtype).reshape(3, rows, columns)
    by_number = torch.arange(rows * columns).reshape(rows, columns)
    flat = x.reshape(3, -1)
    turned = x.transpose(1, 2).contiguous()
    places = torch.stack([by_number[i] for i in range(rows)], 1).reshape(-1)
    assert torch.equal(turned.reshape(3, -1), flat[:, places])
    assert torch.equal(turned.transpose(1, 2), x)
    assert torch.equal(x.permute(2, 1, 0).contiguous().permute(2, 1, 0), x)
    assert torch.equal(x.permute(2, 0, 1).contiguous().permute(1, 2, 0), x)
    # Only a part of wider rows is written, and what lies beside it stays.
    out = torch.full((columns + 2, rows + 3), 5, dtype=dtype)
    out[1:-1, 2:-1] = x[1].t()
    assert torch.equal(out[1:-1, 2:-1], turned[1])
    assert (out[0] == 5).all() and (out[-1] == 5).all() and (out[:, :2] == 5).all()
    assert (out[:, -1] == 5).all()
    # Steps between the elements, and backwards.
    assert torch.equal(x[1, :, ::2].t().contiguous(), turned[1, ::2])
    assert torch.equal(x[1].flip(0).t().contiguous().flip(1), turned[1])

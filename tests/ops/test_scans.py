"""Scans, logsumexp, differences and integrals: values, dtypes, ties, nan, errors, graphs."""

import numpy
import pytest
from support import assert_values, inf, leaf, nan, torch

RAGGED = [[1.0, 3.0, -2.0], [2.0, 2.0, 0.0]]
DTYPES = ["uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]


def gradient(function, values, dtype=torch.float64):
    x = torch.tensor(values, dtype=dtype, requires_grad=True)
    (grad,) = torch.autograd.grad(function(x).sum(), x)
    return grad


def spread(shape, seed=0):
    """Values in every memory order: a row-major array and tensors that show the same numbers."""
    array = numpy.random.default_rng(seed).normal(size=shape)
    row_major = torch.tensor(array.tolist(), dtype=torch.float64)
    order = tuple(range(array.ndim))[::-1]
    turned = torch.tensor(array.transpose(order).tolist(), dtype=torch.float64).permute(order)
    return array, (row_major, turned)


@pytest.mark.parametrize("shape", [(7,), (3, 5), (300, 9), (9, 300), (4, 3, 5), (2, 1, 300, 2)])
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("cumsum", numpy.cumsum),
        ("cumprod", numpy.cumprod),
        ("cummax", numpy.maximum.accumulate),
        ("cummin", numpy.minimum.accumulate),
        ("logcumsumexp", lambda x, axis: numpy.logaddexp.accumulate(x, axis=axis)),
    ],
)
def test_scan_matches_numpy_along_every_dimension_and_in_every_layout(name, reference, shape):
    array, tensors = spread(shape)
    for t in tensors:
        for dim in range(-len(shape), len(shape)):
            found = getattr(t, name)(dim)
            found = found.values if isinstance(found, tuple) else found
            numpy.testing.assert_allclose(
                found.numpy(), reference(array, axis=dim), rtol=1e-12, atol=1e-13
            )


@pytest.mark.parametrize("dtype", DTYPES)
def test_cumsum_and_cumprod_of_integers_are_int64_and_of_floats_stay(dtype):
    x = torch.tensor([[1, 2], [3, 4]], dtype=getattr(torch, dtype))
    wide = torch.int64 if "int" in dtype else x.dtype
    assert x.cumsum(0).dtype == wide and x.cumsum(0).tolist() == [[1, 2], [4, 6]]
    assert x.cumprod(1).dtype == wide and x.cumprod(1).tolist() == [[1, 2], [3, 12]]
    assert x.clone().cumsum_(1).dtype == x.dtype
    values, indices = x.cummax(0)
    assert values.dtype == x.dtype and indices.dtype == torch.int64


def test_cumsum_of_bools_counts_and_small_integers_wrap_in_place():
    assert torch.tensor([True, False, True]).cumsum(0).tolist() == [1, 1, 2]
    assert torch.tensor(True).cumsum_(0).item() is True
    assert torch.tensor(2).cumsum(0, dtype=torch.bool).item() is True
    assert torch.tensor([200, 100], dtype=torch.uint8).cumsum_(0).tolist() == [200, 44]
    assert torch.tensor([200, 100]).cumsum(0, dtype=torch.uint8).tolist() == [200, 44]


def test_float16_scans_carry_in_float32():
    ones = torch.ones(4096, dtype=torch.float16)
    assert (ones * 0.5).cumsum(0)[-1].item() == 2048
    assert torch.ones(300, 3000, dtype=torch.float16).cumsum(1)[299, 2999].item() == 3000


def test_float32_scans_carry_in_float64():
    x = torch.full((10001,), 0.1).cumsum(0)
    assert abs(x[-1].item() - 1000.1) < 1e-4


def test_scan_in_place_writes_into_any_layout_without_another_tensor():
    x = torch.tensor(RAGGED).t()
    pointer = x.data_ptr()
    assert x.cumsum_(0) is x and x.data_ptr() == pointer
    assert x.tolist() == [[1, 2], [4, 4], [2, 4]]
    column = torch.tensor(RAGGED)
    column[:, 1].cumprod_(0)
    assert column.tolist() == [[1, 3, -2], [2, 6, 0]]


def test_cummax_tells_the_last_of_equals_and_nan_wins():
    values, indices = torch.tensor([1.0, 3, 3, 2, nan, 4, nan]).cummax(0)
    assert_values(values, [1, 3, 3, 3, nan, nan, nan])
    assert indices.tolist() == [0, 1, 2, 2, 4, 4, 6]
    values, indices = torch.tensor([[2.0, 1], [2, nan], [1, 0]]).cummin(0)
    assert_values(values, [[2, 1], [2, nan], [1, nan]])
    assert indices.tolist() == [[0, 0], [1, 1], [2, 1]]


@pytest.mark.parametrize("name", ["cummax", "cummin"])
def test_cummax_and_cummin_give_named_pairs(name):
    found = getattr(torch.tensor([2.0, 1.0]), name)(0)
    assert type(found).__name__ == name and found.values is found[0] and found.indices is found[1]
    out = (torch.empty(0), torch.empty(0, dtype=torch.int64))
    given = getattr(torch, name)(torch.tensor([2.0, 1.0]), 0, out=out)
    assert given.values is out[0] and given.indices is out[1]


def test_cummax_gradient_goes_to_the_element_that_was_told():
    assert_values(gradient(lambda x: x.cummax(0).values, [1.0, 3, 3, 2]), [1, 1, 2, 0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2.0, 3.0, 4.0], [16, 10, 6]),
        ([2.0, 0.0, 4.0], [1, 10, 0]),
        ([0.0, 0.0, 4.0], [1, 0, 0]),
        ([0.0, 3.0, 4.0], [16, 0, 0]),
    ],
)
def test_cumprod_gradient_is_exact_at_zeros(values, expected):
    assert_values(gradient(lambda x: x.cumprod(0), values), expected)


def test_cumprod_second_gradient_at_a_zero():
    x = leaf([2.0, 0.0, 4.0])
    (g,) = torch.autograd.grad(x.cumprod(0).sum(), x, create_graph=True)
    rows = [torch.autograd.grad(g[i], x, retain_graph=True)[0].tolist() for i in range(3)]
    assert rows == [[0, 5, 0], [5, 0, 2], [0, 2, 0]]


def test_logcumsumexp_of_infinities_and_far_numbers():
    assert_values(torch.tensor([-inf, 1, inf, 2]).logcumsumexp(0), [-inf, 1, inf, inf])
    assert_values(torch.tensor([-inf, -inf, nan, 2]).logcumsumexp(0), [-inf, -inf, nan, nan])
    x = torch.tensor([1000.0, 1000.0, -1000.0], dtype=torch.float64)
    assert_values(x.logcumsumexp(0), [1000, 1000.6931471805599, 1000.6931471805599])
    tiny = torch.tensor([0.0, -50.0], dtype=torch.float64).logcumsumexp(0)
    assert abs(tiny[1].item() / 1.9287498479639178e-22 - 1) < 1e-12
    assert_values(gradient(lambda x: x.logcumsumexp(0), [800.0, 800.0, -900.0]), [2.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: x.cumsum(5), IndexError, "Dimension out of range (expected to be in range of"),
        (lambda x: x.cumsum(), TypeError, "cumsum() missing 1 required positional arguments: "),
        (
            lambda x: (x > 0).cumsum_(0),
            NotImplementedError,
            "\"cumsum_out_cpu\" not implemented for 'Bool'",
        ),
        (
            lambda x: x.int().logcumsumexp(0),
            NotImplementedError,
            "\"logcumsumexp_out_cpu\" not implemented for 'Int'",
        ),
        (
            lambda x: x.cumsum_(0, dtype=torch.int64),
            RuntimeError,
            "Bad in-place call: input tensor dtype float and output tensor dtype long int should",
        ),
        (
            lambda x: torch.tensor(1.0).cummax(1),
            IndexError,
            "cummax(): Expected reduction dim -1 or 0 for scalar but got 1",
        ),
        (
            lambda x: torch.cumsum(x, 0, dtype=torch.float64, out=torch.empty(0)),
            RuntimeError,
            "Expected out tensor to have dtype double, but got float instead",
        ),
        (
            lambda x: torch.logcumsumexp(x, 0, out=torch.empty(0, dtype=torch.float64)),
            RuntimeError,
            "expected scalar_type Float but found Double",
        ),
    ],
)
def test_scan_errors_are_pytorchs(call, kind, message):
    with pytest.raises(kind) as caught:
        call(torch.tensor(RAGGED))
    assert str(caught.value).startswith(message)


def test_out_decides_the_dtype_that_a_scan_computes_in():
    x = torch.tensor([0.5, 0.75])
    assert torch.cumsum(x, 0, out=torch.empty(0, dtype=torch.float64)).tolist() == [0.5, 1.25]
    assert torch.cumsum(x, 0, out=torch.empty(0, dtype=torch.int32)).tolist() == [0, 0]


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_gradient_of_a_narrower_scan_is_added_in_the_inputs_dtype(name):
    x = torch.ones(4096, dtype=torch.float64, requires_grad=True)
    getattr(x, name)(0, dtype=torch.float16).sum().backward()
    assert x.grad.tolist() == list(range(4096, 0, -1))


@pytest.mark.parametrize("name", ["sum", "nansum", "prod", "cumsum", "cumprod"])
def test_integer_results_that_would_need_a_gradient_are_refused(name):
    x = leaf([1.5, 2.5])
    with pytest.raises(RuntimeError, match="Autograd not support dtype: Int"):
        getattr(x, name)(0, dtype=torch.int32)
    with torch.no_grad():
        assert getattr(x, name)(0, dtype=torch.int32).dtype == torch.int32
    assert getattr(x.detach(), name)(0, dtype=torch.int64).dtype == torch.int64


def test_integral_is_the_graph_that_pytorch_has():
    y, x = leaf([1.0, 2.0, 4.0]), torch.tensor([0.0, 1.0, 3.0])
    assert torch.trapezoid(y).grad_fn.name() == "MulBackward1"
    assert torch.trapezoid(y, dx=0.5).grad_fn._saved_other == 0.5
    assert torch.trapezoid(y, x).grad_fn.name() == "DivBackward1"
    assert torch.cumulative_trapezoid(y).grad_fn.name() == "CumsumBackward0"
    assert y.diff(2).grad_fn.name() == "SubBackward0"


# --- logsumexp


@pytest.mark.parametrize("dim", [0, 1, -1, (0, 1), (0, 2), (2, 1, 0)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_logsumexp_matches_numpy(dim, keepdim):
    array, tensors = spread((3, 4, 5))
    expected = numpy.log(numpy.exp(array).sum(axis=dim, keepdims=keepdim))
    for t in tensors:
        numpy.testing.assert_allclose(t.logsumexp(dim, keepdim).numpy(), expected, rtol=1e-13)


def test_logsumexp_of_infinities_nothing_and_integers():
    assert_values(torch.tensor([inf, 1.0]).logsumexp(0), inf)
    assert_values(torch.tensor([-inf, -inf]).logsumexp(0), -inf)
    assert_values(torch.tensor([nan, -inf]).logsumexp(0), nan)
    assert_values(torch.zeros(0, 2).logsumexp(0), [-inf, -inf])
    assert torch.tensor([1, 2]).logsumexp(0).dtype == torch.float32
    assert torch.tensor([1000.0, 1000.0]).logsumexp(0).item() == pytest.approx(1000.6931)
    with pytest.raises(RuntimeError, match="output with shape \\[\\] doesn't match the broadcast"):
        torch.ones(2, 3).logsumexp(())


def test_logsumexp_gradient_is_softmax_and_saves_what_pytorch_shows():
    x = leaf([0.0, 0.0])
    y = x.logsumexp(0)
    assert y.grad_fn.name() == "LogsumexpBackward0" and y.grad_fn._saved_dim == (0,)
    y.backward()
    assert x.grad.tolist() == [0.5, 0.5]


# --- differences and integrals


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_diff_matches_numpy(n, dim):
    array, tensors = spread((4, 5))
    for t in tensors:
        numpy.testing.assert_allclose(t.diff(n, dim).numpy(), numpy.diff(array, n, dim))
    before = torch.tensor(array[:, :2].tolist(), dtype=torch.float64)
    if n and dim:
        numpy.testing.assert_allclose(
            tensors[0].diff(n, dim, prepend=before, append=before[:, :1]).numpy(),
            numpy.diff(array, n, dim, prepend=array[:, :2], append=array[:, :1]),
        )


def test_diff_of_bools_and_bytes():
    assert torch.tensor([True, False, False]).diff().tolist() == [True, False]
    assert torch.tensor([3, 1], dtype=torch.uint8).diff().tolist() == [254]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (
            lambda: torch.tensor(1.0).diff(),
            RuntimeError,
            "diff expects input to be at least one-dimensional",
        ),
        (lambda: torch.ones(2).diff(-1), RuntimeError, "order must be non-negative but got -1"),
        (
            lambda: torch.ones(2, 3).diff(prepend=torch.ones(3)),
            RuntimeError,
            "diff expects prepend or append to be the same dimension as input",
        ),
        (
            lambda: torch.ones(2, 3).diff(prepend=torch.ones(3, 1)),
            RuntimeError,
            "diff expects the shape of tensor to prepend or append to match that of input except "
            "along the differencing dimension; input.size(0) = 2, but got tensor.size(0) = 3",
        ),
        (
            lambda: torch.trapezoid(torch.ones(2) > 0),
            RuntimeError,
            "trapezoid: received a bool input for `y`, but bool is not supported",
        ),
        (
            lambda: torch.trapezoid(torch.ones(2), dx=True),
            RuntimeError,
            "trapezoid: Currently, we only support dx as a real number.",
        ),
        (
            lambda: torch.trapezoid(torch.ones(3), torch.ones(2)),
            RuntimeError,
            "trapezoid: There must be one `x` value for each sample point",
        ),
        (
            lambda: torch.cumulative_trapezoid(torch.ones(3), torch.ones(2)),
            RuntimeError,
            "cumulative_trapezoid: There must be one `x` value for each sample point",
        ),
        (
            lambda: torch.trapezoid(torch.tensor(1.0)),
            IndexError,
            "Dimension specified as -1 but tensor has no dimensions",
        ),
        (
            lambda: torch.cumulative_trapezoid(torch.tensor(1.0)),
            IndexError,
            "slice() cannot be applied to a 0-dim tensor.",
        ),
    ],
)
def test_difference_errors_are_pytorchs(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).split("\n")[0] == message


def test_integrals_match_numpy():
    array, tensors = spread((3, 6))
    points = numpy.sort(numpy.random.default_rng(1).normal(size=6))
    x = torch.tensor(points.tolist(), dtype=torch.float64)
    steps = numpy.diff(points)
    means = (array[:, 1:] + array[:, :-1]) / 2
    for t in tensors:
        for function in (torch.trapezoid, torch.trapz):
            numpy.testing.assert_allclose(function(t, x).numpy(), (means * steps).sum(1))
            numpy.testing.assert_allclose(function(t, dx=0.5).numpy(), means.sum(1) * 0.5)
        numpy.testing.assert_allclose(
            torch.cumulative_trapezoid(t, x).numpy(), (means * steps).cumsum(1)
        )
        numpy.testing.assert_allclose(
            torch.cumulative_trapezoid(t, dx=2).numpy(), means.cumsum(1) * 2
        )


def test_integral_of_no_samples_is_zero_and_of_integers_floats():
    assert torch.trapezoid(torch.zeros(0, 2), dim=0).tolist() == [0, 0]
    assert torch.trapezoid(torch.tensor([1, 2])).item() == 1.5
    assert not hasattr(torch.Tensor, "trapezoid")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_logcumsumexp_of_long_lines_is_that_of_their_columns(dtype):
    # A line is added up in blocks once its sum exceeds them, columns are gone through side by side.
    x = (torch.arange(3 * 700, dtype=torch.float64) * 0.37).sin().reshape(3, 700) * 30
    x[1, 350:] += 80
    x[2, 100] = -inf
    x = x.to(dtype)
    lines, columns = x.logcumsumexp(1), x.t().contiguous().logcumsumexp(0).t()
    assert torch.allclose(lines, columns, rtol=1e-6 if dtype == torch.float32 else 1e-13)
    x[0, 650] = nan
    x[1, 500] = inf
    lines, columns = x.logcumsumexp(1), x.t().contiguous().logcumsumexp(0).t()
    assert torch.equal(lines.isnan(), columns.isnan()) and lines[0, 650:].isnan().all()
    assert (lines[1, 500:] == inf).all() and (lines[1, :500] < inf).all()

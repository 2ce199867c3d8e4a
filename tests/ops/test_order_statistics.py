"""Order statistics: medians, modes, quantiles, the k largest; ties, nan, errors, gradients."""

import numpy
import pytest
from support import assert_values, inf, leaf, nan, rushlight_only, torch

NUMBERS = ["uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"]
# Twenty numbers with ties: so many that library sorts leave the order of equals.
TIED = [3, 1, 8, 1, 6, 0, 1, 2, 6, 2, 1, 8, 49, 0, 0, 1, 1, 2, 6, 3]


def random_array(shape, seed=0):
    return numpy.random.default_rng(seed).normal(size=shape)


def tensor_of(array):
    return torch.tensor(array.tolist(), dtype=torch.float64)


def gradient(function, values):
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    (grad,) = torch.autograd.grad(function(x).sum(), x)
    return grad


@pytest.mark.parametrize("dtype", NUMBERS)
def test_every_order_statistic_takes_every_number(dtype):
    x = torch.tensor([[3, 1, 2], [1, 1, 5]], dtype=getattr(torch, dtype))
    for found, values, indices in [
        (x.median(1), [2, 1], [2, 1]),
        (x.nanmedian(0), [1, 1, 2], [1, 0, 0]),
        (x.mode(1), [1, 1], [1, 1]),
        (x.kthvalue(3), [3, 5], [0, 2]),
        (x.topk(1), [[3], [5]], [[0], [2]]),
        (x.sort(1), [[1, 2, 3], [1, 1, 5]], [[1, 2, 0], [0, 1, 2]]),
    ]:
        assert found.values.dtype == x.dtype and found.indices.dtype == torch.int64
        assert found.values.tolist() == values and found.indices.tolist() == indices
    assert x.median().item() == 1 and x.aminmax().max.item() == max(3, 5)
    assert x.msort().tolist() == [[1, 1, 2], [3, 1, 5]]


# PyTorch's quickselect writes into its own copy of an expanded tensor.
LAYOUTS = ["plain", "turned", pytest.param("expanded", marks=rushlight_only)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dim", [0, 1, 2])
def test_values_match_numpy_in_every_layout(layout, dim):
    array = random_array((4, 7, 3))
    t = tensor_of(array)
    if layout == "turned":
        t = tensor_of(array.transpose(2, 0, 1)).permute(1, 2, 0)
    if layout == "expanded":
        array = numpy.broadcast_to(array[:, :1], (4, 7, 3))
        t = tensor_of(array[:, :1]).expand(4, 7, 3)
    ordered = numpy.sort(array, axis=dim)
    n = array.shape[dim]
    for k in (1, n // 2 + 1, n):
        values, indices = t.kthvalue(k, dim)
        numpy.testing.assert_array_equal(values.numpy(), ordered.take(k - 1, axis=dim))
        numpy.testing.assert_array_equal(
            numpy.take_along_axis(array, numpy.expand_dims(indices.numpy(), dim), dim).squeeze(dim),
            values.numpy(),
        )
        largest = t.topk(k, dim).values.numpy()
        numpy.testing.assert_array_equal(largest, numpy.flip(ordered, dim).take(range(k), axis=dim))
        smallest = t.topk(k, dim, largest=False).values.numpy()
        numpy.testing.assert_array_equal(smallest, ordered.take(range(k), axis=dim))
    numpy.testing.assert_array_equal(t.sort(dim).values.numpy(), ordered)
    numpy.testing.assert_array_equal(
        t.median(dim).values.numpy(), ordered.take((n - 1) // 2, axis=dim)
    )
    for name in ("max", "min"):
        values, indices = getattr(t, name)(dim)
        numpy.testing.assert_array_equal(values.numpy(), getattr(array, name)(axis=dim))
        numpy.testing.assert_array_equal(indices.numpy(), getattr(array, f"arg{name}")(axis=dim))


@pytest.mark.parametrize("name", ["max", "min"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.float16])
def test_first_of_equal_extremes_is_found_in_long_and_strided_lines(name, dtype):
    array = numpy.random.default_rng(3).integers(-3, 4, size=(130, 301))
    t = torch.tensor(array.tolist()).to(dtype)
    for dim in (0, 1):
        expected = getattr(array, f"arg{name}")(axis=dim).tolist()
        assert getattr(t, name)(dim).indices.tolist() == expected
        assert getattr(torch, f"arg{name}")(t, dim).tolist() == expected
    assert getattr(torch, f"arg{name}")(t).item() == getattr(array, f"arg{name}")()
    assert getattr(torch, f"arg{name}")(t.t()).item() == getattr(array.T, f"arg{name}")()


# As PyTorch 2.13 answers on the CPU.
@pytest.mark.parametrize(
    ("call", "indices"),
    [
        (lambda x: x.median(0).indices, 7),
        (lambda x: x.mode(0).indices, 3),
        (lambda x: x.kthvalue(6, 0).indices, 1),
        (lambda x: x.topk(6).indices, [12, 2, 11, 4, 8, 18]),
        (lambda x: x.topk(6, largest=False).indices, [5, 14, 13, 10, 1, 15]),
        (lambda x: x.sort().indices[:9], [14, 13, 5, 1, 16, 15, 10, 6, 3]),
        (lambda x: x.sort(stable=True).indices[:9], [5, 13, 14, 1, 3, 6, 10, 15, 16]),
    ],
)
def test_ties_are_decided_as_in_pytorch(call, indices):
    assert call(torch.tensor(TIED, dtype=torch.float32)).tolist() == indices


def test_nan_is_the_largest_and_a_median_of_it_is_nan():
    x = torch.tensor([nan, 1.0, nan, 2.0])
    assert_values(x.topk(3).values, [nan, nan, 2])
    assert x.topk(2).indices.tolist() == [0, 2]
    assert_values(x.topk(2, largest=False).values, [1, 2])
    assert_values(x.kthvalue(2).values, 2)
    values, indices = x.median(0)
    assert repr(values.item()) == "nan" and indices.item() == 0
    assert x.nanmedian().item() == 1 and x.nanmedian(0).indices.item() == 1
    values, indices = torch.tensor([nan, nan]).nanmedian(0)
    assert repr(values.item()) == "nan" and indices.item() == 0
    assert_values(torch.tensor([nan, 1.0]).aminmax().min, nan)


@rushlight_only  # PyTorch sorts without an order for nan
def test_nan_is_never_the_mode_of_numbers():
    assert torch.tensor([nan, 2.0, nan, 2.0]).mode().values.item() == 2
    assert repr(torch.tensor([nan, nan]).mode().values.item()) == "nan"


def test_zero_dimensional_and_empty():
    x = torch.tensor(3.0)
    for found in (x.median(0), x.mode(), x.kthvalue(1), x.topk(1), x.sort()):
        assert found.values.item() == 3 and found.indices.item() == 0
    assert torch.ones(0, 3).median(1).values.shape == (0,)
    assert torch.ones(0, 3).topk(2).values.shape == (0, 2)
    assert torch.ones(2, 3).topk(0).indices.shape == (2, 0)
    assert repr(torch.ones(0).median().item()) == "nan"
    assert torch.ones(0, dtype=torch.int64).median().item() == -(2**63)
    assert torch.ones(0, dtype=torch.bool).median().item() is True


@pytest.mark.parametrize("name", ["median", "nanmedian"])
def test_ties_share_the_gradient_of_the_median_of_all(name):
    assert_values(gradient(lambda x: getattr(x, name)(), [2.0, 2.0, 2.0, 5.0]), [1 / 3] * 3 + [0])


def test_gradients_go_to_the_told_element():
    assert_values(gradient(lambda x: x.median(0).values, [2.0, 2.0, 2.0, 1.0]), [1, 0, 0, 0])
    assert_values(gradient(lambda x: x.topk(2).values, [2.0, 5.0, 3.0]), [0, 1, 1])
    assert_values(gradient(lambda x: x.kthvalue(2).values, [2.0, 5.0, 3.0]), [0, 0, 1])
    assert_values(gradient(lambda x: x.mode().values, [2.0, 5.0, 5.0]), [0, 0, 1])
    assert_values(gradient(lambda x: x.msort()[0], [2.0, 5.0, 1.0]), [0, 0, 1])


def test_indices_do_not_require_grad_and_nodes_are_pytorchs():
    x = leaf([[1.0, 3.0], [2.0, 0.0]])
    for found, name in [
        (x.median(1), "MedianBackward1"),
        (x.nanmedian(1), "NanmedianBackward1"),
        (x.mode(1), "ModeBackward0"),
        (x.kthvalue(1), "KthvalueBackward0"),
        (x.topk(1), "TopkBackward0"),
        (x.sort(), "SortBackward0"),
        (x.sort(stable=True), "SortBackward1"),
        (x.cummax(0), "CummaxBackward0"),
    ]:
        assert found.values.grad_fn.name() == name
        assert not found.indices.requires_grad
        assert found.values.grad_fn._saved_indices.dtype == torch.int64
    assert x.median().grad_fn.name() == "MedianBackward0"
    assert x.topk(1).values.grad_fn._saved_self_sym_sizes == (2, 2)


def test_aminmax_gives_both_ends_and_shares_gradients():
    found = torch.aminmax(torch.tensor([[3.0, 1.0], [0.0, 2.0]]), dim=0)
    assert type(found).__name__ == "aminmax"
    assert found.min.tolist() == [0, 1] and found.max.tolist() == [3, 2]
    x = leaf([1.0, 1.0, 4.0])
    low, high = x.aminmax()
    assert low.grad_fn is high.grad_fn and low.grad_fn.name() == "AminmaxBackward0"
    (low * 2 + high * 3).backward()
    assert x.grad.tolist() == [1, 1, 3]
    y = leaf([1.0, 5.0])
    y.aminmax().max.backward()
    assert y.grad.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: x.topk(4), RuntimeError, "selected index k out of range"),
        (lambda x: x.topk(-1), RuntimeError, "selected index k out of range"),
        (lambda x: (x > 1).topk(1), RuntimeError, "topk does not support bool dtypes on CPU"),
        (
            lambda x: x.kthvalue(0),
            RuntimeError,
            "kthvalue(): selected number k out of range for dimension 1",
        ),
        (
            lambda x: (x > 1).kthvalue(1),
            NotImplementedError,
            "\"kthvalue_cpu\" not implemented for 'Bool'",
        ),
        (
            lambda x: (x > 1).median(),
            NotImplementedError,
            "\"median_cpu\" not implemented for 'Bool'",
        ),
        (
            lambda x: torch.ones(0, 3).median(0),
            IndexError,
            "median(): Expected reduction dim 0 to have non-zero size.",
        ),
        (
            lambda x: torch.ones(0, 3).mode(0),
            IndexError,
            "mode(): Expected reduction dim 0 to have non-zero size.",
        ),
        (
            lambda x: torch.ones(0).aminmax(),
            RuntimeError,
            "aminmax(): cannot compute aminmax over an empty dimension as the operation has no "
            "identity.",
        ),
        (
            lambda x: torch.ones(0, 3).aminmax(dim=0),
            IndexError,
            "aminmax: Expected reduction dim 0 to have non-zero size.",
        ),
        (lambda x: x.aminmax(0), TypeError, None),
        (
            lambda x: torch.msort(x, out=torch.empty(0, dtype=torch.float64)),
            RuntimeError,
            "Expected out tensor to have dtype float, but got double instead",
        ),
    ],
)
def test_errors_are_pytorchs(call, kind, message):
    with pytest.raises(kind) as caught:
        call(torch.tensor([[1.0, 2.0, 3.0]]))
    assert message is None or str(caught.value).split("\n")[0] == message


# --- quantiles

MODES = ["linear", "lower", "higher", "midpoint", "nearest"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
@pytest.mark.parametrize("keepdim", [False, True])
def test_quantiles_match_numpy(mode, dim, keepdim):
    array = random_array((5, 8))
    t = tensor_of(array)
    q = [0.0, 0.3, 0.55, 1.0]
    expected = numpy.quantile(array, q, axis=dim, keepdims=keepdim, method=mode)
    asked = torch.tensor(q, dtype=torch.float64)
    for name in ("quantile", "nanquantile"):
        found = getattr(t, name)(asked, dim, keepdim, interpolation=mode)
        numpy.testing.assert_allclose(found.numpy(), expected, rtol=1e-13)
        one = getattr(t, name)(0.3, dim, keepdim, interpolation=mode)
        numpy.testing.assert_allclose(one.numpy(), expected[1], rtol=1e-13)


def test_quantiles_of_nan():
    x = torch.tensor([[1.0, nan, 3.0], [nan, nan, nan], [4.0, 0.0, 2.0]])
    assert_values(x.quantile(0.5, 1), [nan, nan, 2])
    assert_values(x.nanquantile(0.5, 1), [2, nan, 2])
    assert_values(torch.tensor([inf, 1.0, -inf]).quantile(0.5), 1)


def test_quantile_gradient_is_the_weights_and_reaches_q():
    x, q = leaf([[1.0, 3.0, 2.0]]), leaf([0.25])
    y = x.quantile(q, 1)
    assert y.grad_fn.name() == "SqueezeBackward4" and y.shape == (1, 1)
    y.sum().backward()
    assert x.grad.tolist() == [[0.5, 0, 0.5]] and q.grad.tolist() == [2.0]
    z = leaf([4.0, 1.0])
    z.quantile(0.5, interpolation="higher").backward()
    assert z.grad.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: x.quantile(1.5), "quantile() q must be in the range [0, 1] but got 1.5"),
        (lambda x: x.quantile(nan), "quantile() q must be in the range [0, 1] but got nan"),
        (
            lambda x: x.quantile(torch.tensor([0.5, -1.0])),
            "quantile() q values must be in the range [0, 1]",
        ),
        (
            lambda x: x.quantile(torch.ones(1, 1)),
            "quantile() q must be a scalar or 1D tensor",
        ),
        (
            lambda x: x.int().quantile(0.5),
            "quantile() input tensor must be either float or double dtype",
        ),
        (
            lambda x: x.quantile(torch.tensor(0.5, dtype=torch.float64)),
            "quantile() q tensor must be same dtype as the input tensor",
        ),
        (lambda x: x[:0].quantile(0.5), "quantile() input tensor must be non-empty"),
        (
            lambda x: x.quantile(0.5, interpolation="no"),
            "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, "
            "but got no",
        ),
        (
            lambda x: torch.quantile(x, 0.5, out=torch.empty(0, dtype=torch.float64)),
            "quantile() out tensor must be same dtype as the input tensor",
        ),
    ],
)
def test_quantile_errors_are_pytorchs(call, message):
    with pytest.raises(RuntimeError) as caught:
        call(torch.tensor([1.0, 2.0]))
    assert str(caught.value).split("\n")[0] == message

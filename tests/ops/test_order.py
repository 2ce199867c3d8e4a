"""max, min, sort and their kin: ties, nan, named results, gradients; floor division."""

import itertools
import math
import pickle

import pytest
from support import assert_values, inf, leaf, nan, recorded_warnings, rushlight_only, torch


def gradient(function, values):
    x = leaf(values)
    (grad,) = torch.autograd.grad(function(x), x)
    return grad


TIES = [[1.0, 3.0, 3.0], [2.0, 2.0, 1.0]]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.max(), [[0, 0.5, 0.5], [0, 0, 0]]),
        (lambda x: x.min(), [[0.5, 0, 0], [0, 0, 0.5]]),
        (lambda x: x.max(1).values.sum(), [[0, 1, 0], [1, 0, 0]]),
        (lambda x: x.amax(1).sum(), [[0, 0.5, 0.5], [0.5, 0.5, 0]]),
        (lambda x: x.amin(), [[0.5, 0, 0], [0, 0, 0.5]]),
        (lambda x: x.sort(1).values[:, 2].sum(), [[0, 0, 1], [0, 1, 0]]),
        (lambda x: torch.maximum(x, torch.tensor(2.0)).sum(), [[0, 1, 1], [0.5, 0.5, 0]]),
        (lambda x: torch.min(x, torch.tensor(2.0)).sum(), [[1, 0, 0], [0.5, 0.5, 1]]),
    ],
)
def test_gradient_of_ties(function, expected):
    assert_values(gradient(function, TIES), expected)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x.max(), [0.5, 0, 0.5]),
        (lambda x: x.max(0).values, [1, 0, 0]),
        (lambda x: x.amax(), [nan, nan, nan]),
        (lambda x: torch.maximum(x, torch.ones(3)).sum(), [1, 0.5, 1]),
    ],
)
def test_gradient_of_nan(function, expected):
    assert_values(gradient(function, [nan, 1.0, nan]), expected)


def test_nan_wins_and_its_first_place_is_told():
    x = torch.tensor([[1.0, nan, nan], [inf, 2.0, -inf]])
    assert_values(x.max(1).values, [nan, inf])
    assert x.max(1).indices.tolist() == [1, 0] and x.argmin(1).tolist() == [1, 2]
    assert_values(x.amin(0), [1.0, nan, nan])
    assert repr(x.max().item()) == "nan"
    assert repr(torch.maximum(torch.tensor(nan), torch.tensor(1.0)).item()) == "nan"


@pytest.mark.parametrize("name", ["max", "min", "sort"])
def test_named_results_are_tuples_with_names(name):
    result = getattr(torch.tensor([3.0, 1.0]), name)(0)
    assert type(result).__name__ == name and isinstance(result, tuple) and len(result) == 2
    values, indices = result
    assert result.values is values and result[1] is indices
    assert type(result) is getattr(torch.return_types, name)
    assert repr(result).startswith(f"torch.return_types.{name}(\nvalues=tensor(")
    with pytest.raises(AttributeError):
        result.values = values


@rushlight_only
def test_named_results_survive_pickling():
    result = torch.tensor([3.0, 1.0]).max(0)
    again = pickle.loads(pickle.dumps(result))
    assert type(again) is type(result) and again.values.item() == 3.0


@pytest.mark.parametrize("descending", [False, True])
def test_sort_keeps_the_order_of_equal_elements_and_puts_nan_at_the_large_end(descending):
    x = torch.tensor([2.0, nan, 1.0, 2.0, nan])
    values, indices = x.sort(descending=descending, stable=True)
    assert indices.tolist() == ([1, 4, 0, 3, 2] if descending else [2, 0, 3, 1, 4])
    assert_values(values, [x[i].item() for i in indices.tolist()])
    assert x.argsort(descending=descending, stable=True).tolist() == indices.tolist()


def test_sort_keeps_the_strides_of_a_dense_tensor():
    x = torch.tensor([[3.0, 1.0], [2.0, 4.0], [5.0, 0.0]]).t()
    values = x.sort(1).values
    assert values.tolist() == [[2.0, 3.0, 5.0], [0.0, 1.0, 4.0]] and values.stride() == x.stride()


def test_only_the_values_require_grad():
    x = leaf([3.0, 1.0])
    values, indices = x.sort()
    assert values.requires_grad and not indices.requires_grad and not x.argmax().requires_grad
    node = x.max(0).values.grad_fn
    assert node._saved_indices.tolist() == 0 and node._saved_self_sym_sizes == (2,)


def test_indices_may_not_change_before_the_backward_pass():
    # They are saved without an edge: their version tells.
    values, indices = leaf([3.0, 1.0]).sort()
    indices.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        values.sum().backward()


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: torch.ones(0).max(), RuntimeError, "max(): Expected reduction dim to be"),
        (lambda: torch.ones(2, 0).min(1), IndexError, "min(): Expected reduction dim 1 to"),
        (lambda: torch.ones(0).argmax(), IndexError, "argmax(): Expected reduction dim to be spec"),
        (lambda: torch.ones(2, 0).amax(1), IndexError, "amax(): Expected reduction dim 1 to have"),
        (lambda: torch.ones(2, 3).max(2), IndexError, "Dimension out of range"),
        (lambda: torch.ones(2, 3).amax((0, 0)), RuntimeError, "dim 0 appears multiple times"),
        (
            lambda: torch.tensor([True]).argmax(),
            RuntimeError,
            "argmax(): does not support bool input",
        ),
    ],
)
def test_complaints(call, kind, message):
    with pytest.raises(kind) as caught:
        call()
    assert str(caught.value).startswith(message)


def test_an_empty_result_needs_no_element():
    assert torch.ones(2, 0).max(0).values.shape == (0,)
    assert torch.ones(2, 0).argmin(0).shape == (0,)
    assert torch.ones(0).sort().values.shape == (0,)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([7, -7, 7, -7], [2, 2, -2, -2], [3, -4, -4, 3]),
        ([7.0, -7.0, 0.5, -1.0], [2.0, 2.0, 0.25, inf], [3.0, -4.0, 2.0, -1.0]),
        ([0.0, 7.0, nan], [0.0, 0.0, 1.0], [nan, inf, nan]),
        ([-(2**63)], [-1], [-(2**63)]),
    ],
)
def test_floor_division_rounds_down(a, b, expected):
    assert_values(torch.tensor(a) // torch.tensor(b), expected)


def test_floor_division_by_an_integer_0_is_refused():
    for by in (0, torch.tensor([1, 0])):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            torch.tensor([7, 7]) // by
    with pytest.raises(NotImplementedError, match="\"div_floor_cpu\" not implemented for 'Bool'"):
        torch.tensor([True]) // torch.tensor([True])


def test_floor_division_has_no_derivative():
    y = leaf([7.0, -7.0]) // 2
    assert y.grad_fn.name() == "torch::autograd::NotImplemented"
    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide is not implemented"):
        y.sum().backward()


def test_floor_division_of_a_number_and_in_place():
    assert (5 // torch.tensor([2, 3])).tolist() == [2, 1]
    x = torch.tensor([7.0, -7.0])
    x //= 2
    assert x.tolist() == [3.0, -4.0]


def pair(*sizes):
    return torch.empty(sizes), torch.empty(sizes, dtype=torch.int64)


@pytest.mark.parametrize("name", ["max", "min", "sort"])
@pytest.mark.parametrize("kind", [tuple, list])
def test_out_takes_values_and_indices(name, kind):
    function, x = getattr(torch, name), torch.tensor(TIES)
    values, indices = pair(0)
    result = function(x, 0, out=kind((values, indices)))
    assert type(result).__name__ == name + "_out"
    assert result.values is values and result.indices is indices
    expected = function(x, 0)
    assert torch.equal(values, expected.values) and torch.equal(indices, expected.indices)


def test_out_of_another_shape_is_resized_with_a_warning_each():
    with recorded_warnings() as caught:
        result = torch.max(torch.tensor(TIES), 0, out=pair(2))
    assert result.values.tolist() == [2.0, 3.0, 3.0]
    said = "An output with one or more elements was resized since it had shape [2]"
    assert [str(w.message).split(",")[0] for w in caught] == [said] * 2


@pytest.mark.parametrize(
    ("out", "kind", "message"),
    [
        (lambda: pair(3)[:1], TypeError, "expected tuple of 2 elements but got 1"),
        (lambda: (*pair(3), torch.empty(3)), TypeError, "expected tuple of 2 elements but got 3"),
        (
            lambda: (torch.empty(3), 3),
            TypeError,
            "expected Tensor as element 1 in argument 3, but got int",
        ),
        (lambda: torch.empty(3), TypeError, "received an invalid combination of arguments"),
        (
            lambda: (torch.empty(3), torch.empty(3)),
            RuntimeError,
            "Expected out tensor to have dtype long int, but got float instead",
        ),
        (
            lambda: (torch.empty(3, dtype=torch.float64), torch.empty(3)),
            RuntimeError,
            "Expected out tensor to have dtype float, but got double instead",
        ),
    ],
)
@pytest.mark.parametrize("name", ["max", "min", "sort"])
def test_out_of_a_wrong_type_is_refused(name, out, kind, message):
    with pytest.raises(kind, match=message):
        getattr(torch, name)(torch.tensor(TIES), 0, out=out())


def test_out_and_gradients_exclude_each_other():
    x = leaf(TIES)
    with pytest.raises(RuntimeError, match=r"^max\(\): functions with out=\.\.\. arguments don't"):
        torch.max(x, 0, out=pair(3))
    with torch.no_grad():
        assert torch.max(x, 0, out=pair(3)).values.tolist() == [2.0, 3.0, 3.0]


def test_out_that_overlaps_the_input_is_refused_unless_it_is_the_input():
    x = torch.tensor(TIES)
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        torch.max(x, 0, out=(x[0], pair(3)[1]))
    torch.sort(x, 0, out=(x, pair(2, 3)[1]))
    assert x.tolist() == [[1.0, 2.0, 1.0], [2.0, 3.0, 3.0]]


def test_out_of_a_whole_reduction_and_of_pairs_is_one_tensor():
    x, out = torch.tensor(TIES), torch.empty(())
    assert torch.max(x, out=out) is out and out == 3.0
    out = torch.empty(2, 3)
    assert torch.min(x, x[:1], out=out) is out and out[1].tolist() == [1.0, 2.0, 1.0]


def test_in_place_floor_division_is_named_in_the_backward_pass():
    y = leaf([1.0]) * 2
    y.floor_divide_(2)
    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide_ is not implemented"):
        y.sum().backward()


def sort_reference(x, descending):
    """Stable, nan the largest, both zeros equal; by comparing Python numbers."""
    values = x.tolist()

    def key(place):
        value = values[place]
        number = (1, 0) if value != value else (0, value)
        return (-number[0], -number[1]) if descending else number

    return sorted(range(len(values)), key=key)


@pytest.mark.parametrize("n", [100, 700, 1500, 5000])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("descending", [False, True])
def test_long_lines_of_integers_are_sorted_by_their_digits(n, dtype, descending):
    dtype = getattr(torch, dtype)
    torch.manual_seed(n)
    x = torch.randint(-(2**62), 2**62, (n,))
    for given in (x, x % 1000 - 500, x % 3, x >> 40, x * 0):
        given = given.to(dtype)
        values, places = torch.sort(given, stable=True, descending=descending)
        assert places.tolist() == sort_reference(given, descending)
        assert torch.equal(values, given[places])
        loose = torch.sort(given, descending=descending)
        assert torch.equal(loose[0], values) and torch.equal(given[loose[1]], values)


@pytest.mark.parametrize("n", [100, 700, 1500, 5000])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("descending", [False, True])
def test_long_lines_of_floats_are_sorted_by_their_digits(n, dtype, descending):
    torch.manual_seed(n)
    x = torch.randn(n, dtype=torch.float64)
    x[::7] = 0.0
    x[3::7] = -0.0
    x[5::11] = math.nan
    x[1::13] = math.inf
    x[2::17] = -math.inf
    x[4::19] *= 1e-300
    for given in (x.to(getattr(torch, dtype)), (x * 100).round().to(getattr(torch, dtype))):
        values, places = torch.sort(given, stable=True, descending=descending)
        assert places.tolist() == sort_reference(given, descending)
        want = given[places]
        assert torch.equal(values.isnan(), want.isnan())
        assert torch.equal(values.nan_to_num(7.0), want.nan_to_num(7.0))
        assert torch.equal(torch.signbit(values), torch.signbit(want))
        lines = torch.stack([given, given.flip(0), given.roll(9)], 1)
        by_column = torch.sort(lines, dim=0, stable=True, descending=descending)
        for j in range(3):
            assert by_column[1][:, j].tolist() == sort_reference(lines[:, j], descending)


@pytest.mark.parametrize("dtype", ["int16", "int64", "float16", "float32", "float64"])
def test_unique_of_many_elements_agrees_with_sets(dtype):
    torch.manual_seed(1)
    x = (torch.randn(6000) * 300).round().to(getattr(torch, dtype)) * 3
    values, inverse, counts = torch.unique(x, return_inverse=True, return_counts=True)
    assert values.tolist() == sorted(set(x.tolist())) == torch.unique(x).tolist()
    assert torch.equal(values[inverse], x)
    assert counts.tolist() == torch.bincount(inverse).tolist()
    for given in (x, values, x.sort()[0], x[:1], x[:0]):
        y, groups, sizes = torch.unique_consecutive(given, return_inverse=True, return_counts=True)
        runs = [(k, len(list(run))) for k, run in itertools.groupby(given.tolist())]
        assert y.tolist() == [k for k, _ in runs] == torch.unique_consecutive(given).tolist()
        assert sizes.tolist() == [count for _, count in runs]
        assert torch.equal(y[groups], given) and groups.shape == given.shape
        assert y.is_contiguous() and y.numel() == len(runs)

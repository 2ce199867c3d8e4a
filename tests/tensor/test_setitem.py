"""t[key] = value: the graph that is recorded, shapes, dtypes, refusals. Values: test_indexing."""

import pytest
from gradcheck import assert_gradients_match, assert_second_gradients_match
from support import leaf, torch

np = pytest.importorskip("numpy")


def graph(node):
    """The names of a graph's nodes, nested."""
    if node is None:
        return None
    name = node.name()
    if name == "torch::autograd::AccumulateGrad":
        return "leaf"
    return (name, *[graph(before) for before, _ in node.next_functions])


MUL = ("MulBackward0", "leaf", None)
SLICES = "torch::autograd::CopySlices"
ROW = torch.tensor([0, 1])
MASK = torch.tensor([[True, False, True], [False, False, True]])

GRAPHS = {
    "row, number": (0, 1.0, (SLICES, MUL, None)),
    "row, vector": (0, "vector", (SLICES, MUL, "leaf")),
    "row, scalar": (0, "scalar", (SLICES, MUL, "leaf")),
    "element, number": ((0, 1), 3, (SLICES, MUL, None)),
    "everything, number": (..., 1.0, ("FillBackward3", MUL, None)),
    "full slice, number": (slice(None), 1.0, ("FillBackward3", MUL, None)),
    "everything, scalar": ((), "scalar", ("FillBackward3", MUL, "leaf")),
    "full slice, vector": (
        slice(None),
        "vector",
        (
            "torch::autograd::CopyBackwards",
            MUL,
            ("ExpandBackward0", ("ViewBackward0", "leaf")),
        ),
    ),
    "new dimension": (None, 1.0, (SLICES, MUL, None)),
    "true": (True, 1.0, (SLICES, MUL, None)),
    "true, vector": (
        True,
        "vector",
        (SLICES, MUL, ("ExpandBackward0", ("ViewBackward0", "leaf"))),
    ),
    "false": (False, 1.0, MUL),
    "indices": (ROW, "vector", ("IndexPutBackward0", MUL, "leaf")),
    "indices, number": (ROW, 1.0, ("IndexPutBackward0", MUL, None)),
    "mask, number": (MASK, 1.0, ("IndexPutBackward0", MUL, None)),
    "mask, scalar": (MASK, "scalar", ("IndexPutBackward0", MUL, "leaf")),
    "indices of a row": ((0, ROW), 1.0, (SLICES, MUL, None)),
}


@pytest.mark.parametrize("key, value, expected", GRAPHS.values(), ids=GRAPHS)
def test_recorded_graph(key, value, expected):
    values = {"vector": leaf([1.0, 2.0, 3.0]), "scalar": leaf(2.0)}
    y = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]) * 1
    y[key] = values[value] if isinstance(value, str) else value
    assert graph(y.grad_fn) == expected


@pytest.mark.parametrize("shape", [(2,), (1, 2), (1, 1, 2), (1, 1, 1), ()])
@pytest.mark.parametrize(
    "key",
    [(0, slice(2)), (0, ROW), (ROW, ROW), (slice(None), 1)],
    ids=["slice", "row", "pair", "column"],
)
def test_leading_ones_of_the_value_are_dropped(key, shape):
    x = torch.arange(6, dtype=torch.float64).reshape(2, 3)
    value = (torch.arange(2.0 if 2 in shape else 1.0, dtype=torch.float64) + 0.5).reshape(shape)
    array = np.array(x.tolist())
    array_key = tuple(np.array(k.tolist()) if isinstance(k, torch.Tensor) else k for k in key)
    array[array_key] = np.array(value.tolist()).reshape(-1)

    def write(x, v):
        y = x * 1
        y[key] = v
        return y * y

    written = x * 1
    written[key] = value
    assert written.tolist() == array.tolist()
    assert_gradients_match(write, [x, value])
    assert_second_gradients_match(write, [x, value], rtol=1e-4, atol=1e-6)


def test_key_beside_a_mask_of_two_dimensions():
    x = torch.arange(24.0).reshape(2, 3, 4)
    array = np.arange(24.0).reshape(2, 3, 4)
    mask = np.array(MASK.tolist())
    for ours, theirs in [([0], [0]), (slice(1, 3), slice(1, 3)), (2, 2), (None, None)]:
        assert x[MASK, ours].tolist() == array[mask, theirs].tolist()
        x[MASK, ours] = -1.0
        array[mask, theirs] = -1.0
        assert x.tolist() == array.tolist()


def test_dtypes():
    whole = torch.arange(3)
    whole[0] = 1.7
    whole[torch.tensor([1])] = 2.7
    whole[2] = torch.tensor(5.9)
    assert whole.tolist() == [1, 2, 5]
    flags = torch.zeros(2, dtype=torch.bool)
    flags[0] = 2.5
    assert flags.tolist() == [True, False]
    # Masks alone convert a single value; indices want the same dtype.
    x = torch.zeros(2, 3)
    x[MASK] = torch.tensor(7)
    assert x.tolist() == [[7.0, 0.0, 7.0], [0.0, 0.0, 7.0]]
    with pytest.raises(RuntimeError, match="Index put requires the source and destination dtypes"):
        x[ROW] = torch.tensor(7)


def test_gradient_of_a_converted_value_has_the_value_s_dtype():
    v = leaf([1.0, 2.0, 3.0], dtype=torch.float64)
    x = torch.zeros(2, 3)
    x[0] = v
    (x * x).sum().backward()
    assert v.grad.dtype == torch.float64 and v.grad.tolist() == [2.0, 4.0, 6.0]


def test_empty_keys_and_tensors():
    x = torch.zeros(2, 3)
    x[[]] = 1
    x[torch.zeros(2, 3, dtype=torch.bool)] = 1
    x[2:] = 5
    assert x.tolist() == [[0.0] * 3] * 2
    hollow = torch.zeros(3, 0)
    assert hollow[torch.tensor([0, 7])].shape == (2, 0)  # nothing is read: no index is checked
    with pytest.raises(IndexError, match="index is out of bounds for dimension with size 0"):
        torch.zeros(0, 3)[torch.tensor([0])]


def test_lists_become_whole_numbers_or_a_mask():
    x = torch.arange(3.0)
    assert x[[True, False, True]].tolist() == [0.0, 2.0]
    assert x[[1.9, 0]].tolist() == [1.0, 0.0]
    assert x[range(2)].tolist() == [0.0, 1.0]
    loop = []
    loop.append(loop)
    with pytest.raises(TypeError, match="self-referential lists are incompatible"):
        x[loop]


LEAF_VIEW = "a view of a leaf Variable that requires grad is being used in an in-place operation."
LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
TOO_MANY = "too many indices for tensor of dimension 0"
REFUSED = [
    (lambda t: torch.tensor(1.0)[torch.tensor(0)], IndexError, TOO_MANY),
    (lambda t: torch.tensor(1.0)[ROW], IndexError, TOO_MANY),
    (lambda t: torch.tensor(1.0)[MASK], IndexError, TOO_MANY),
    (lambda t: torch.tensor(1.0)[1.0], IndexError, TOO_MANY),
    (
        lambda t: t[torch.ones(2, 3, 4, dtype=torch.bool)],
        IndexError,
        "too many indices for tensor of dimension 2",
    ),
    (lambda t: t.__setitem__(0, 2**70), ValueError, "Overflow when unpacking long long"),
    (lambda t: t.__setitem__(0, 1e300), RuntimeError, "value cannot be converted to type float"),
    (lambda t: t.__setitem__(ROW, 1e300), RuntimeError, "value cannot be converted to type float"),
    (lambda t: t.__setitem__(0, "a"), TypeError, "can't assign a str to a torch.FloatTensor"),
    (
        lambda t: t.__setitem__((0, 0), torch.ones(2)),
        RuntimeError,
        r"expand\(torch.FloatTensor\{\[2\]\}, size=\[\]\): the number of sizes provided \(0\)",
    ),
    (lambda t: leaf([1.0]).__setitem__(0, 2.0), RuntimeError, LEAF_VIEW),
    (lambda t: leaf([1.0]).__setitem__(slice(None), 2.0), RuntimeError, LEAF),
    (lambda t: leaf([1.0]).__setitem__([0], 2.0), RuntimeError, LEAF),
]


@pytest.mark.parametrize("call, kind, sentence", REFUSED)
def test_refused(call, kind, sentence):
    t = torch.zeros(2, 3)
    with pytest.raises(kind, match=sentence):
        call(t)
    assert t.tolist() == [[0.0] * 3] * 2


def test_index_put_makes_a_copy():
    x, v = leaf([1.0, 2.0, 3.0]), leaf([5.0, 6.0])
    y = x.index_put((ROW,), v)
    assert x.tolist() == [1.0, 2.0, 3.0] and y.tolist() == [5.0, 6.0, 3.0]
    assert graph(y.grad_fn) == ("IndexPutBackward0", "leaf", "leaf")
    torch.index_put(y, (ROW,), v, accumulate=True).sum().backward()
    assert x.grad.tolist() == [0.0, 0.0, 1.0] and v.grad.tolist() == [2.0, 2.0]

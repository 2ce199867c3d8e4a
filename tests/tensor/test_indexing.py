"""t[key] and t[key] = value: values against NumPy, gradients, shared memory, refusals."""

import random

import pytest
from gradcheck import assert_gradients_match, assert_second_gradients_match
from support import leaf, recorded_warnings, rushlight_only, torch

np = pytest.importorskip("numpy")

KEYS = {
    "int": lambda: 1,
    "negative int": lambda: (-1, 0),
    "slice": lambda: slice(0, 2),
    "step": lambda: (slice(None), slice(0, 4, 3)),
    "none": lambda: (None, 1, ..., None),
    "ellipsis": lambda: (..., 1),
    "tensor": lambda: torch.tensor([2, 0, 0]),
    "matrix": lambda: torch.tensor([[0, -1], [1, 1]]),
    "pair": lambda: (torch.tensor([0, 2]), torch.tensor([[1], [3]])),
    "list": lambda: ([0, 1], [1, 2]),
    "apart": lambda: (torch.tensor([0, 1]), None, torch.tensor([1, 1])),
    "second": lambda: (slice(None), torch.tensor([3, 3, 0])),
    "mixed": lambda: (1, torch.tensor([0, 2])),
    "mask": lambda: torch.tensor([[i % 3 == 0 for i in range(4 * r, 4 * r + 4)] for r in range(3)]),
    "row mask": lambda: torch.tensor([True, False, True]),
    "row mask and index": lambda: (torch.tensor([True, False, True]), torch.tensor([1, 2])),
    "true": lambda: True,
    "false": lambda: False,
    "empty": lambda: torch.tensor([], dtype=torch.int64),
    "scalar tensor": lambda: torch.tensor(2),
}
# Of two writes to one place PyTorch gives both values the gradient, though only the last is there.
REPEATED = ("tensor", "matrix", "second")
every_key = pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)


def values(dtype=torch.float64):
    return torch.arange(12, dtype=dtype).reshape(3, 4) * 0.1 + 0.3


@every_key
def test_read_has_the_right_gradients(key):
    assert_gradients_match(lambda x: x[key()] ** 2, [values()])
    assert_second_gradients_match(lambda x: x[key()] ** 2, [values()], rtol=1e-4, atol=1e-6)


@every_key
def test_read_of_strided_and_expanded_tensors(key):
    dense = values()
    strided = dense.t().contiguous().t()
    wide = torch.stack([dense, dense])[0]
    assert strided[key()].tolist() == dense[key()].tolist() == wide[key()].tolist()
    assert_gradients_match(lambda x: (x.expand(3, 4) * 1)[key()], [values()[:, :1]])


@pytest.mark.parametrize("key", [KEYS[name] for name in KEYS if name not in REPEATED])
def test_write_has_the_right_gradients_on_both_sides(key):
    def write(x, v):
        y = x * 2
        y[key()] = v * v
        return y * y

    assert_gradients_match(write, [values(), torch.tensor(0.7, dtype=torch.float64)])
    assert_second_gradients_match(
        write, [values(), torch.tensor(0.7, dtype=torch.float64)], rtol=1e-4, atol=1e-6
    )


@every_key
def test_write_of_a_number(key):
    x = leaf(values(torch.float32).tolist())
    y = x * 2
    y[key()] = 5
    expected = np.array(values().tolist())
    reached = np.ones((3, 4))
    as_numpy = key()
    if isinstance(as_numpy, tuple):
        as_numpy = tuple(np.array(k) if isinstance(k, torch.Tensor) else k for k in as_numpy)
    elif isinstance(as_numpy, torch.Tensor):
        as_numpy = np.array(as_numpy)
    reached[as_numpy] = 0
    y.sum().backward()
    assert x.grad.tolist() == (2 * reached).tolist()
    kept = (expected * 2 * reached).sum()
    assert y.sum().item() == pytest.approx(kept + 5 * (reached == 0).sum())


def random_key(rng, shape):
    """One NumPy key and the same key for a tensor."""
    ours, theirs = [], []
    length = rng.randint(1, 3)
    dim = 0
    while dim < len(shape):
        size = shape[dim]
        kind = rng.choice(["int", "slice", "none", "index", "mask", "stop"])
        if kind == "stop":
            break
        if kind == "none":
            ours.append(None)
            theirs.append(None)
            continue
        if kind == "int":
            part = rng.randrange(-size, size)
            ours.append(part)
            theirs.append(part)
        elif kind == "slice":
            part = slice(rng.randint(-size, size), rng.randint(-size, size + 2), rng.randint(1, 3))
            ours.append(part)
            theirs.append(part)
        else:
            if kind == "mask":
                part = np.array([rng.random() < 0.5 for _ in range(size)])
                while part.sum() != length and part.sum() != 1:
                    part[:] = [rng.random() < 0.5 for _ in range(size)]
                    if size < length:
                        part[:] = [i == 0 for i in range(size)]
            else:
                part = np.array([rng.randrange(-size, size) for _ in range(length)])
            ours.append(torch.tensor(part))
            theirs.append(part)
        dim += 1
    return tuple(ours), tuple(theirs)


@pytest.mark.parametrize("seed", range(100))
def test_random_keys_read_and_write_as_numpy_does(seed):
    rng = random.Random(seed)
    shape = [rng.randint(1, 4) for _ in range(rng.randint(1, 4))]
    array = np.arange(np.prod(shape), dtype=np.float64).reshape(shape)
    t = torch.tensor(array)
    ours, theirs = random_key(rng, shape)
    # An integer beside index arrays counts as one of them in NumPy: their places can differ.
    arrays = [i for i, part in enumerate(theirs) if isinstance(part, np.ndarray)]
    if arrays and any(isinstance(part, int) for part in theirs):
        theirs = tuple(np.array([p]) if isinstance(p, int) else p for p in theirs)
        ours = tuple(torch.tensor([p]) if isinstance(p, int) else p for p in ours)
    got, want = t[ours], array[theirs]
    assert tuple(got.shape) == want.shape and got.tolist() == want.tolist()
    array[theirs] = -1.0
    t[ours] = -1.0
    assert t.tolist() == array.tolist()


def test_what_shares_memory():
    t = values()
    for key in (0, slice(1, 3), (slice(None), 2), None, ..., slice(None)):
        assert t[key]._is_view() and t[key]._base is t
    for key in ([0, 1], torch.tensor([True, False, True]), True):
        part = t[key]
        part.zero_()
        assert t.sum().item() == pytest.approx(values().sum().item())


@pytest.mark.parametrize(
    "key, names",
    [
        (0, ["SelectBackward0"]),
        ((0, 1), ["SelectBackward0", "SelectBackward0"]),
        ((slice(None), 1), ["SelectBackward0"]),
        (slice(None), ["SliceBackward0"]),
        (..., ["AliasBackward0"]),
        (None, ["UnsqueezeBackward0"]),
        ([0, 1], ["IndexBackward0"]),
        ((0, [1, 2]), ["IndexBackward0", "SelectBackward0"]),
        (True, ["IndexBackward0", "UnsqueezeBackward0"]),
    ],
)
def test_nodes_of_a_read(key, names):
    node = leaf([[1.0, 2.0, 3.0]] * 3)[key].grad_fn
    for name in names:
        assert node.name() == name
        node = node.next_functions[0][0]
    assert node.name() == "torch::autograd::AccumulateGrad"


def test_nodes_of_a_write():
    y = leaf([1.0, 2.0, 3.0]) * 1
    y[0] = 1.0
    assert y.grad_fn.name() == "torch::autograd::CopySlices"
    y[torch.tensor([0, 1])] = 2.0
    assert y.grad_fn.name() == "IndexPutBackward0"
    assert [name for name, _ in y.grad_fn.next_functions[1:]] == [None]


def test_indices_that_are_chosen_twice_add_up():
    x = leaf([1.0, 2.0, 3.0])
    x[torch.tensor([0, 0, 2, 0])].sum().backward()
    assert x.grad.tolist() == [3.0, 0.0, 1.0]


def test_accumulating_write():
    x, v = leaf([1.0, 2.0]), leaf([10.0, 20.0, 30.0])
    y = x.clone().index_put_((torch.tensor([0, 0, 1]),), v, accumulate=True)
    assert y.tolist() == [31.0, 32.0]
    (y * torch.tensor([1.0, 5.0])).sum().backward()
    assert x.grad.tolist() == [1.0, 5.0] and v.grad.tolist() == [1.0, 1.0, 5.0]


def test_written_values_broadcast_and_convert():
    t = torch.zeros(2, 3)
    t[0] = torch.ones(1, 1, 3)
    t[1] = torch.tensor(2.5, dtype=torch.float64)
    t[:, 2] = torch.tensor([7, 8])
    assert t.tolist() == [[1.0, 1.0, 7.0], [2.5, 2.5, 8.0]]
    count = torch.zeros(2, dtype=torch.int64)
    count[0] = 2.7
    count[torch.tensor([1])] = 2**53 + 1
    assert count.tolist() == [2, 2**53 + 1]


def test_iteration_and_membership():
    t = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert [row.tolist() for row in t] == t.tolist()
    assert 3.0 in t and 5 not in t and torch.tensor(4.0) in t
    a, b = t
    assert b.tolist() == [3.0, 4.0]
    with pytest.raises(TypeError, match="iteration over a 0-d tensor"):
        iter(torch.tensor(1.0))
    with pytest.raises(RuntimeError, match="Tensor.__contains__ only supports Tensor or scalar"):
        "a" in t  # noqa: B015


def test_nested_list_is_read_as_a_tuple_with_a_warning():
    t = values()
    with recorded_warnings() as caught:
        assert t[[[0, 1], [1, 0]]].tolist() == t[[0, 1], [1, 0]].tolist()
    assert "Using a non-tuple sequence for multidimensional indexing" in str(caught[0].message)


REFUSED = [
    (lambda t: t[5], IndexError, "index 5 is out of bounds for dimension 0 with size 3"),
    (lambda t: t[-4], IndexError, "index -4 is out of bounds for dimension 0 with size 3"),
    (lambda t: t[0, 0, 0], IndexError, "too many indices for tensor of dimension 2"),
    (lambda t: t[0][0][0], IndexError, "invalid index of a 0-dim tensor"),
    (lambda t: t[..., ..., 1], IndexError, "index 1 is out of bounds for dimension 2 with size 0"),
    (lambda t: t[0][..., ..., None], IndexError, "Dimension out of range"),
    (lambda t: t[1.0], IndexError, "only integers, slices .* valid indices .got float"),
    (lambda t: t[{}], IndexError, "only integers, slices .* valid indices .got dict"),
    (lambda t: t[::0], ValueError, "slice step cannot be zero"),
    (lambda t: t[::-1], ValueError, "step must be greater than zero"),
    (lambda t: t[2**70], ValueError, "Overflow when unpacking long long"),
    (lambda t: t[torch.tensor([7])], IndexError, "index 7 is out of bounds for dimension 0 with"),
    (lambda t: t[torch.tensor([1.0])], IndexError, "tensors used as indices must be long, int"),
    (
        lambda t: t[torch.tensor([True])],
        IndexError,
        r"The shape of the mask \[1\] at index 0 does not match the shape of the indexed tensor",
    ),
    (
        lambda t: t[torch.tensor([0, 1]), torch.tensor([0, 1, 2])],
        IndexError,
        r"shape mismatch: indexing tensors could not be broadcast together with shapes",
    ),
    (lambda t: t.__delitem__(0), TypeError, "Tensor does not support deleting items"),
    (lambda t: t.__setitem__(0, [1, 2]), TypeError, "can't assign a list to a torch.DoubleTensor"),
    (
        lambda t: t.__setitem__(0, torch.ones(3)),
        RuntimeError,
        r"The expanded size of the tensor \(4\) must match the existing size \(3\)",
    ),
    (
        lambda t: t.__setitem__([0, 1], torch.ones(3, dtype=torch.float64)),
        RuntimeError,
        r"shape mismatch: value tensor of shape \[3\] cannot be broadcast to indexing result of",
    ),
    (
        lambda t: t.__setitem__([0, 1], torch.ones(2, 4)),
        RuntimeError,
        "Index put requires the source and destination dtypes match, got Double for the",
    ),
]


@pytest.mark.parametrize("call, kind, sentence", REFUSED)
def test_refused(call, kind, sentence):
    t = values()
    with pytest.raises(kind, match=sentence):
        call(t)
    assert t.tolist() == values().tolist()


@rushlight_only
def test_error_of_an_index_object_passes_through():
    class Raises:
        def __index__(self):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        values()[Raises()]


def test_two_writes_to_one_place():
    x, v = leaf([1.0, 2.0]), leaf([10.0, 20.0])
    y = x * 1
    y[torch.tensor([0, 0])] = v
    assert y.tolist() == [20.0, 2.0]
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0] and v.grad.tolist() == [1.0, 1.0]


def test_leaf_is_not_written():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being"):
        x[0] = 1.0
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in"):
        x[torch.tensor([0])] = 1.0
    with torch.no_grad():
        x[0] = 5.0
    assert x.tolist() == [5.0, 2.0]


@pytest.mark.parametrize("name", ["int32", "int64"])
def test_indices_of_each_dtype_that_pytorch_takes(name):
    x, i = torch.arange(6.0).view(2, 3), torch.tensor([1, 0], dtype=getattr(torch, name))
    assert x[i].tolist() == x.index_select(0, i).tolist() == [[3.0, 4.0, 5.0], [0.0, 1.0, 2.0]]
    assert x[i, i].tolist() == [4.0, 0.0] and x[:, i].tolist() == [[1.0, 0.0], [4.0, 3.0]]
    assert x.gather(1, i.view(2, 1)).tolist() == [[1.0], [3.0]]
    x[i[0], i] = 9.0  # int32 was read as int64, beyond its memory
    assert x.tolist() == [[0.0, 1.0, 2.0], [9.0, 9.0, 5.0]]


def test_gradients_through_int32_indices():
    x = torch.ones(2, 3, requires_grad=True)
    i = torch.tensor([1, 1], dtype=torch.int32)
    (x[i].sum() + x.gather(1, i.view(2, 1)).sum() + x.index_select(1, i).sum()).backward()
    assert x.grad.tolist() == [[0.0, 3.0, 0.0], [2.0, 5.0, 2.0]]


@pytest.mark.parametrize("name", ["int8", "int16", "float16", "float32"])
def test_indices_of_other_dtypes_are_refused(name):
    x, i = torch.arange(6.0).view(2, 3), torch.tensor([1, 0], dtype=getattr(torch, name))
    sentence = "tensors used as indices must be long, int, byte or bool tensors"
    for read in (lambda: x[i], lambda: x[:, i], lambda: x[i, i], lambda: x.index_put((i,), x[0])):
        with pytest.raises(IndexError, match=sentence):
            read()


def test_zero_dim_integers_of_every_dtype_select():
    x = torch.arange(6.0).view(2, 3)
    for dtype in (torch.int8, torch.int16, torch.int32, torch.int64):
        assert x[torch.tensor(-1, dtype=dtype)].tolist() == [3.0, 4.0, 5.0]


def test_bytes_are_a_mask_with_a_warning():
    x, mask = torch.arange(6.0).view(2, 3), torch.tensor([0, 5], dtype=torch.uint8)
    with recorded_warnings() as caught:
        assert x[mask].tolist() == [[3.0, 4.0, 5.0]]
    assert str(caught[0].message).startswith("indexing with dtype torch.uint8 is now deprecated")
    assert x[torch.tensor(2, dtype=torch.uint8)].shape == (1, 2, 3)

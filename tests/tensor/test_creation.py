"""Making tensors, and reading them back as Python numbers and NumPy arrays."""

import math

import pytest
from support import assert_values, inf, leaf, nan, recorded_warnings, torch


@pytest.mark.parametrize(
    "data, shape, dtype, values",
    [
        (1.5, (), torch.float32, 1.5),
        (3, (), torch.int64, 3),
        (True, (), torch.bool, True),
        ([], (0,), torch.float32, []),
        ([[]], (1, 0), torch.float32, [[]]),
        ([[], []], (2, 0), torch.float32, [[], []]),
        ([1, 2], (2,), torch.int64, [1, 2]),
        ([1, 2.5], (2,), torch.float32, [1.0, 2.5]),
        ([True, 2], (2,), torch.int64, [1, 2]),
        ([True, False], (2,), torch.bool, [True, False]),
        ([True, 0.5], (2,), torch.float32, [1.0, 0.5]),
        ((1.0, 2.0), (2,), torch.float32, [1.0, 2.0]),
        ([(1, 2), [3, 4]], (2, 2), torch.int64, [[1, 2], [3, 4]]),
        ([[[1.0]], [[2.0]]], (2, 1, 1), torch.float32, [[[1.0]], [[2.0]]]),
        (range(3), (3,), torch.int64, [0, 1, 2]),
        ([nan, inf, -inf], (3,), torch.float32, [nan, inf, -inf]),
        ([2**62, -(2**63)], (2,), torch.int64, [2**62, -(2**63)]),
        ([1e40], (1,), torch.float32, [inf]),
    ],
    ids=str,
)
def test_tensor_of_python_data(data, shape, dtype, values):
    x = torch.tensor(data)
    assert x.shape == shape and x.dtype == dtype and x.is_contiguous()
    assert_values(x, values)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
def test_tensor_with_a_dtype(dtype):
    x = torch.tensor([0, 1, 2], dtype=dtype)
    assert x.dtype == dtype
    assert x.tolist() == ([False, True, True] if dtype == torch.bool else [0, 1, 2])


def test_tensor_of_scalars_that_are_tensors():
    assert_values(torch.tensor([torch.tensor(1.0), torch.tensor(2.0)]), [1.0, 2.0])


def test_float_to_int_truncates():
    assert torch.tensor([1.9, -1.9], dtype=torch.int64).tolist() == [1, -1]


@pytest.mark.parametrize(
    "data, error, text",
    [
        ([[1, 2], [3]], ValueError, "expected sequence of length 2 at dim 1 (got 1)"),
        ([1, [2]], TypeError, ""),
        ([[1], 2], TypeError, ""),
        ("abc", TypeError, ""),
        ([None], (TypeError, RuntimeError), ""),
        ([object()], (TypeError, RuntimeError), ""),
        (2**64, (RuntimeError, OverflowError, ValueError), ""),
    ],
    ids=str,
)
def test_tensor_refuses(data, error, text):
    with pytest.raises(error) as refused:
        torch.tensor(data)
    assert str(refused.value).startswith(text)


@pytest.mark.parametrize("name, value", [("zeros", 0.0), ("ones", 1.0)])
def test_filled_factories(name, value):
    make = getattr(torch, name)
    for args, shape in [((2, 3), (2, 3)), (([2, 3],), (2, 3)), (((),), ()), ((0,), (0,))]:
        x = make(*args)
        assert x.shape == shape and x.dtype == torch.float32
        assert all(v == value for v in x.reshape(-1).tolist())
    assert make(2, dtype=torch.int64).tolist() == [int(value)] * 2
    assert make(2, dtype=torch.bool).tolist() == [bool(value)] * 2
    assert make(size=(2, 1)).shape == (2, 1)
    with pytest.raises(TypeError):
        make()


def test_full_takes_its_dtype_from_the_value():
    assert torch.full((2,), 1.5).dtype == torch.float32
    assert torch.full((2,), 1).dtype == torch.int64
    assert torch.full((2,), True).dtype == torch.bool
    assert torch.full((2,), 1, dtype=torch.float64).tolist() == [1.0, 1.0]
    assert torch.full((), 3.0).item() == 3.0
    assert torch.full((0, 2), 3.0).shape == (0, 2)


def test_empty_has_shape_and_dtype():
    x = torch.empty(2, 3, dtype=torch.float64)
    assert x.shape == (2, 3) and x.dtype == torch.float64 and x.stride() == (3, 1)


@pytest.mark.parametrize("args", [(-1,), (2, -3), ([-1],)], ids=str)
def test_negative_size_is_refused(args):
    with pytest.raises(RuntimeError, match="negative"):
        torch.zeros(*args)


@pytest.mark.parametrize(
    ("call", "name", "argument", "place"),
    [
        (lambda: torch.zeros(2**63), "zeros", "size", 1),
        (lambda: torch.rand(2, 2**63), "rand", "size", 2),
        (lambda: torch.ones(size=(2**63,)), "ones", "size", 1),
        (lambda: torch.zeros(-(2**63) - 1), "zeros", "size", 1),
        (lambda: torch.ones(1).view(2**63), "view", "size", 1),
        (lambda: torch.ones(1).repeat((1, 2**63)), "repeat", "repeats", 2),
        (lambda: torch.ones(1).permute(2**63), "permute", "dims", 1),
        (lambda: torch.ones(1).sum((0, 2**63)), "sum", "dim", 2),
        (lambda: torch.ones(1).resize_(1, 2**63), "resize_", "size", 2),
    ],
)
def test_size_beyond_int64_is_refused_by_its_place(call, name, argument, place):
    # It was a ValueError without the name.
    with pytest.raises(TypeError) as error:
        call()
    assert str(error.value).startswith(
        f"{name}(): argument '{argument}' failed to unpack the object at pos {place} with error "
        '"Overflow when unpacking long long'
    )


@pytest.mark.parametrize(
    ("call", "name", "argument", "instead"),
    [
        (lambda: torch.zeros(1, "a"), "zeros", "size", "str"),
        (lambda: torch.zeros([1, 1.5]), "zeros", "size", "float"),
        (lambda: torch.ones(1).view(1, None), "view", "size", "NoneType"),
        (lambda: torch.ones(1).sum((0, "a")), "sum", "dim", "str"),
        (lambda: torch.ones(1).permute(0, "a"), "permute", "dims", "str"),
        (lambda: torch.ones(1).resize_((1, "a")), "resize_", "size", "str"),
    ],
)
def test_size_that_is_no_int_is_refused_by_its_place(call, name, argument, instead):
    # The first int was named as what is no tuple of ints.
    with pytest.raises(TypeError) as error:
        call()
    assert str(error.value).split("\n")[0] == (
        f"{name}(): argument '{argument}' failed to unpack the object at pos 2 with error "
        f'"type must be tuple of ints,but got {instead}"'
    )


def test_size_that_overflows_is_refused():
    with pytest.raises((RuntimeError, MemoryError)):
        torch.zeros(2**62, 2**62)
    with pytest.raises((RuntimeError, MemoryError)):
        torch.empty(2**60)


@pytest.mark.parametrize(
    "args, values",
    [
        ((4,), [0, 1, 2, 3]),
        ((1, 4), [1, 2, 3]),
        ((1, 8, 3), [1, 4, 7]),
        ((5, 0, -2), [5, 3, 1]),
        ((0,), []),
        ((3.0,), [0.0, 1.0, 2.0]),
        ((0, 1, 0.25), [0.0, 0.25, 0.5, 0.75]),
        ((1, 2.5), [1.0, 2.0]),
    ],
    ids=str,
)
def test_arange(args, values):
    x = torch.arange(*args)
    assert x.dtype == (torch.float32 if any(isinstance(a, float) for a in args) else torch.int64)
    assert_values(x, values)


def test_arange_with_dtype_and_its_refusals():
    assert torch.arange(3, dtype=torch.float64).tolist() == [0.0, 1.0, 2.0]
    assert torch.arange(start=1, end=3).tolist() == [1, 2]
    with pytest.raises(RuntimeError, match="step must be nonzero"):
        torch.arange(0, 3, 0)
    with pytest.raises(RuntimeError, match="upper bound and lower bound inconsistent with step"):
        torch.arange(0, 3, -1)


@pytest.mark.parametrize("name", ["zeros_like", "ones_like", "empty_like", "rand_like"])
def test_like_factories_take_shape_and_dtype(name):
    like = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    x = getattr(torch, name)(like)
    assert x.shape == (2, 3) and x.dtype == torch.float64 and not x.requires_grad
    assert getattr(torch, name)(like, dtype=torch.float32).dtype == torch.float32


def test_like_factories_keep_the_strides_of_a_dense_tensor():
    t = torch.ones(2, 3).t()
    assert torch.zeros_like(t).stride() == (1, 3)
    assert torch.zeros_like(torch.ones(1).expand(3)).stride() == (1,)
    assert_values(torch.full_like(t, 2), [[2.0, 2.0]] * 3)


def test_random_numbers_are_pytorchs():
    torch.manual_seed(42)
    assert torch.randn(1).item() == pytest.approx(0.33669036626815796, abs=0)
    assert torch.randn(1).item() == pytest.approx(0.12880940735340118, abs=0)
    torch.manual_seed(0)
    assert torch.rand(3).tolist() == [0.49625658988952637, 0.7682217955589294, 0.08847743272781372]


def test_random_fills():
    torch.manual_seed(3)
    a = torch.empty(20_000).normal_(mean=2.0, std=0.5)
    assert a.mean().item() == pytest.approx(2.0, abs=0.02)
    b = torch.empty(20_000).uniform_(-1, 3)
    assert b.mean().item() == pytest.approx(1.0, abs=0.05)
    assert -1 <= min(b.tolist()) and max(b.tolist()) < 3
    torch.manual_seed(3)
    assert torch.empty(20_000).normal_(mean=2.0, std=0.5).tolist() == a.tolist()


def test_item_and_conversions():
    assert torch.tensor([[2.5]]).item() == 2.5
    assert type(torch.tensor(3).item()) is int and type(torch.tensor(True).item()) is bool
    assert float(torch.tensor(2.5)) == 2.5 and int(torch.tensor(3)) == 3
    assert bool(torch.tensor(0.0)) is False and bool(torch.tensor([nan])) is True
    assert int(torch.tensor(2.9)) == 2
    assert math.sqrt(torch.tensor(4.0)) == 2.0
    assert [10, 20, 30][torch.tensor(1)] == 20


def test_item_of_several_elements_is_refused():
    with pytest.raises(RuntimeError, match="^a Tensor with 2 elements cannot be converted to Scal"):
        torch.ones(2).item()
    with pytest.raises(RuntimeError, match="^a Tensor with 0 elements cannot be converted to Scal"):
        torch.ones(0).item()
    with pytest.raises(ValueError, match="^only one element tensors can be converted to Python sc"):
        float(torch.ones(2))


def test_truth_of_several_elements_is_refused():
    with pytest.raises(RuntimeError, match="^Boolean value of Tensor with more than one value"):
        bool(torch.ones(2))
    with pytest.raises(RuntimeError, match="^Boolean value of Tensor with no values is"):
        bool(torch.ones(0))


def test_float_of_a_leaf_warns():
    with recorded_warnings() as caught:
        assert float(leaf(2.0)) == 2.0
    assert len(caught) == 1
    assert str(caught[0].message).startswith("Converting a tensor with requires_grad=True to a sc")
    with recorded_warnings() as caught:
        assert leaf(2.0).item() == 2.0 and leaf([2.0]).tolist() == [2.0]
    assert not caught


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 0, 3), (1, 2, 3)])
def test_tolist_nests_as_the_shape(shape):
    x = torch.zeros(shape, dtype=torch.int64)

    def nested(sizes):
        return [nested(sizes[1:]) for _ in range(sizes[0])] if sizes else 0

    assert x.tolist() == nested(shape)


def test_tolist_of_views():
    x = torch.arange(6).view(2, 3)
    assert x.t().tolist() == [[0, 3], [1, 4], [2, 5]]
    assert torch.tensor([[1], [2]]).expand(2, 3).tolist() == [[1, 1, 1], [2, 2, 2]]
    assert torch.tensor(5).expand(2, 2).tolist() == [[5, 5], [5, 5]]


def test_float32_reads_back_exactly():
    assert torch.tensor(0.1).item() == 0.10000000149011612
    assert torch.tensor(0.1, dtype=torch.float64).item() == 0.1


def test_shape_attributes():
    x = torch.zeros(2, 3, 4)
    assert x.shape == (2, 3, 4) and isinstance(x.shape, tuple) and x.size() == x.shape
    assert repr(x.shape) == "torch.Size([2, 3, 4])"
    assert x.size(-1) == 4 and x.dim() == x.ndim == 3 and x.numel() == 24 and len(x) == 2
    assert x.stride() == (12, 4, 1) and x.stride(1) == 4 and x.storage_offset() == 0
    assert x.element_size() == 4 and str(x.device) == "cpu" and x.is_contiguous()
    with pytest.raises(IndexError, match="^Dimension out of range"):
        x.size(3)
    with pytest.raises(TypeError, match="len"):
        len(torch.tensor(1.0))


def test_equality_is_elementwise_and_hash_is_identity():
    x, y = torch.ones(2), torch.ones(2)
    assert (x == y).tolist() == [True, True]
    assert len({x, y, x}) == 2 and hash(x) != hash(y)


# --- NumPy --------------------------------------------------------------------------------------


def test_from_numpy_shares_memory():
    np = pytest.importorskip("numpy")
    a = np.array([1.0, 2.0])
    x = torch.from_numpy(a)
    assert x.dtype == torch.float64
    x.mul_(2)
    assert a.tolist() == [2.0, 4.0]
    a[0] = 7
    assert x.tolist() == [7.0, 4.0]


def test_numpy_shares_memory():
    np = pytest.importorskip("numpy")
    x = torch.ones(2, 3)
    a = x.numpy()
    assert a.dtype == np.float32 and a.shape == (2, 3)
    a[0, 0] = 5
    assert x.tolist()[0][0] == 5.0
    x.zero_()
    assert a.sum() == 0
    assert np.asarray(x.t()).strides == (4, 12)


def test_array_outlives_its_tensor_and_the_other_way_round():
    np = pytest.importorskip("numpy")
    a = torch.arange(1000.0).numpy()
    for _ in range(20):
        torch.zeros(1000)
    assert a.tolist() == list(range(1000))
    x = torch.from_numpy(np.arange(1000.0))
    assert x.tolist() == list(range(1000))


def test_strided_arrays_come_in_and_reversed_ones_do_not():
    np = pytest.importorskip("numpy")
    a = np.arange(12.0).reshape(3, 4)
    assert torch.from_numpy(a.T).tolist() == a.T.tolist()
    assert torch.from_numpy(a[:, ::2]).tolist() == a[:, ::2].tolist()
    with pytest.raises(ValueError, match="^At least one stride in the given numpy array is neg"):
        torch.from_numpy(a[::-1])


def test_as_tensor_shares_where_it_can():
    np = pytest.importorskip("numpy")
    a = np.ones(2, dtype=np.float32)
    assert torch.as_tensor(a).data_ptr() == a.ctypes.data
    assert torch.as_tensor(a, dtype=torch.float64).dtype == torch.float64
    x = torch.ones(2)
    assert torch.as_tensor(x) is x
    assert torch.as_tensor([1, 2]).tolist() == [1, 2]
    assert torch.as_tensor(2.5).shape == ()


def test_numpy_scalars_and_arrays_in_tensor():
    np = pytest.importorskip("numpy")
    assert torch.tensor(np.float64(1.5)).dtype == torch.float64
    assert torch.tensor([np.float32(1.5), np.float32(2.5)]).tolist() == [1.5, 2.5]
    assert torch.tensor(np.array([True, False])).dtype == torch.bool
    assert torch.tensor(np.zeros((2, 0))).shape == (2, 0)


def test_numpy_of_a_tensor_in_the_graph_is_refused():
    np = pytest.importorskip("numpy")
    x = leaf([1.0, 2.0])
    text = "^Can't call numpy\\(\\) on Tensor that requires grad. Use tensor.detach\\(\\).numpy"
    for read in (lambda: x.numpy(), lambda: (x * 2).numpy(), lambda: np.asarray(x)):
        with pytest.raises(RuntimeError, match=text):
            read()
    assert x.detach().numpy().tolist() == [1.0, 2.0]
    assert x.numpy(force=True).tolist() == [1.0, 2.0]


def test_zero_dim_and_empty_arrays():
    np = pytest.importorskip("numpy")
    assert torch.from_numpy(np.array(2.5)).shape == ()
    assert torch.tensor(2.5).numpy().shape == ()
    assert torch.zeros(0, 3).numpy().shape == (0, 3)

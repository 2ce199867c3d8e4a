"""NumPy's functions on tensors, and NumPy's scalars as operands and arguments."""

import warnings

import pytest
from support import assert_values, leaf, rushlight_only, torch

numpy = pytest.importorskip("numpy")


@pytest.fixture(autouse=True)
def no_deprecations():
    """PyTorch's ``__array_wrap__`` has an old signature, of which NumPy warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def same(result, expected, dtype):
    assert type(result) is torch.Tensor and result.dtype == dtype
    assert_values(result, expected)


def test_ufuncs_give_tensors():
    t, a = torch.tensor([1.0, 2.0]), numpy.array([3.0, 4.0])
    same(numpy.sin(t), [0.84147098, 0.90929743], torch.float32)
    same(numpy.add(t, a), [4.0, 6.0], torch.float64)
    same(numpy.add(a, t), [4.0, 6.0], torch.float64)
    same(numpy.maximum(t, 1.5), [1.5, 2.0], torch.float32)
    same(numpy.add.accumulate(t), [1.0, 3.0], torch.float32)
    same(numpy.add.reduce(t), 3.0, torch.float32)
    same(numpy.matmul(t, t), 5.0, torch.float32)
    fraction, whole = numpy.modf(t)
    same(fraction, [0.0, 0.0], torch.float32)
    same(whole, [1.0, 2.0], torch.float32)


def test_ufunc_of_bools_gives_uint8():
    t = torch.tensor([1.0, float("nan")])
    same(numpy.isnan(t), [0, 1], torch.uint8)
    same(numpy.less(t, 2.0), [1, 0], torch.uint8)


def test_functions_that_wrap_give_tensors():
    t = torch.tensor([1.0, 2.0])
    same(numpy.cumsum(t), [1.0, 3.0], torch.float32)
    same(numpy.clip(t, 0, 1), [1.0, 1.0], torch.float32)
    same(numpy.reshape(t, (2, 1)), [[1.0], [2.0]], torch.float32)
    same(numpy.repeat(t, 2), [1.0, 1.0, 2.0, 2.0], torch.float32)
    same(numpy.squeeze(t), [1.0, 2.0], torch.float32)


def test_functions_that_do_not_wrap_give_arrays():
    t = torch.tensor([1.0, 2.0])
    for result in (numpy.stack([t, t]), numpy.array([t, t]), numpy.vstack([t, t])):
        assert type(result) is numpy.ndarray and result.tolist() == [[1.0, 2.0]] * 2
    assert type(numpy.sort(t)) is type(numpy.where(t > 1, t, t)) is numpy.ndarray
    assert numpy.array([torch.tensor(1.0), torch.tensor(2.0)]).tolist() == [1.0, 2.0]
    assert numpy.allclose(t, t) and numpy.array_equal(t, [1.0, 2.0])
    numpy.testing.assert_allclose(t, [1.0, 2.0])
    assert numpy.shape(t) == (2,) and numpy.ndim(t) == 1


def test_out_takes_arrays_only():
    t, out = torch.tensor([1.0, 2.0]), numpy.zeros(2)
    assert numpy.sin(t, out=out) is out and out[1] > 0.9
    with pytest.raises(TypeError, match="^return arrays must be of ArrayType"):
        numpy.sin(out, out=t)


def test_tensor_that_requires_grad_is_refused():
    x = leaf([1.0, 2.0])
    for call in (
        lambda: numpy.sin(x),
        lambda: numpy.add(x, 1.0),
        lambda: numpy.stack([x, x]),
        lambda: numpy.array([x, x]),
        lambda: numpy.cumsum(x),
        lambda: numpy.array([x[0], x[1]]),
    ):
        with pytest.raises(RuntimeError, match=r"^Can't call numpy\(\) on Tensor that requires gr"):
            call()


@rushlight_only  # PyTorch's take neither axis nor out
def test_reductions_of_numpy_are_the_tensors_own():
    x = leaf([1.0, 2.0])
    assert numpy.sum(x).grad_fn is not None and numpy.mean(x).item() == 1.5
    assert numpy.sum(torch.ones(2, 3), axis=0).tolist() == [2.0] * 3


def test_array_with_dtype_and_copy():
    t = torch.tensor([1.0, 2.0])
    assert numpy.asarray(t, dtype="float64").dtype == numpy.float64
    assert numpy.asarray(t, dtype="float32").ctypes.data == t.data_ptr()
    assert t.__array__("int64").tolist() == [1, 2]
    assert numpy.array(t).ctypes.data != t.data_ptr()


@rushlight_only  # PyTorch knows no copy
def test_array_method_follows_numpys_meaning_of_copy():
    t = torch.tensor([1.0, 2.0])
    for copy in (None, False):
        assert t.__array__(copy=copy).ctypes.data == t.data_ptr()
        assert t.__array__("float32", copy=copy).ctypes.data == t.data_ptr()
    assert t.__array__(copy=True).ctypes.data != t.data_ptr()
    assert t.__array__("float32", copy=True).ctypes.data != t.data_ptr()
    assert t.__array__("float64", copy=True).tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="^Unable to avoid copy while creating"):
        t.__array__("float64", copy=False)
    assert numpy.array(t, copy=False).ctypes.data == t.data_ptr()


SCALARS = [numpy.float64(3), numpy.float32(3), numpy.int64(3), numpy.int32(3), numpy.uint8(3)]


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda s: type(s).__name__)
def test_numpy_scalar_is_a_number(scalar):
    t, whole, x = torch.tensor([1.0, 2.0]), torch.tensor([1, 2]), leaf([1.0, 2.0])
    for made in (torch.tensor(scalar), torch.as_tensor(scalar), torch.tensor([scalar])):
        assert str(made.dtype) == f"torch.{scalar.dtype}"
    for result in (t + scalar, scalar + t):
        same(result, [4.0, 5.0], torch.float32)
    same(scalar - t, [2.0, 1.0], torch.float32)
    same(scalar * t, [3.0, 6.0], torch.float32)
    same(scalar / t, [3.0, 1.5], torch.float32)
    same(scalar**t, [3.0, 9.0], torch.float32)
    same(scalar < t, [False, False], torch.bool)
    same(torch.add(t, scalar), [4.0, 5.0], torch.float32)
    same(torch.add(t, t, alpha=scalar), [4.0, 8.0], torch.float32)
    kind = torch.int64 if isinstance(scalar, numpy.integer) else torch.float32
    same(whole * scalar, [3, 6], kind)
    same(scalar * whole, [3, 6], kind)
    assert (scalar * x).grad_fn is not None and (x * scalar).grad_fn is not None
    same(torch.ones(2).fill_(scalar), [3.0, 3.0], torch.float32)
    if not isinstance(scalar, numpy.float32):  # not assigned by PyTorch
        t[0] = scalar
        same(t, [3.0, 2.0], torch.float32)


@pytest.mark.parametrize("scalar", SCALARS, ids=lambda s: type(s).__name__)
def test_numpy_integer_is_a_size_and_an_index(scalar):
    if isinstance(scalar, numpy.integer):
        assert torch.ones(scalar).shape == (3,)
        assert torch.arange(6.0)[scalar].item() == 3.0
        assert torch.ones(6).view(scalar, -1).shape == (3, 2)
        assert torch.ones(2, 2, 2, 2).sum(scalar).shape == (2, 2, 2)
        return
    with pytest.raises(TypeError, match="must be tuple of ints, not (numpy.)?float"):
        torch.ones(scalar)
    with pytest.raises(IndexError, match=r"^only integers, slices"):
        torch.arange(6.0)[scalar]


def test_numpy_bool_is_a_number():
    one, t = numpy.bool_(True), torch.tensor([1.0, 2.0])
    assert torch.tensor(one).dtype == torch.bool
    same(t + one, [2.0, 3.0], torch.float32)
    same(one * t, [1.0, 2.0], torch.float32)


def test_tensors_as_python_numbers():
    assert int(torch.tensor(3.7)) == 3 and float(torch.tensor([2])) == 2.0
    assert complex(torch.tensor(1.5)) == 1.5 + 0j and [10, 20][torch.tensor(1)] == 20
    assert f"{torch.tensor(1.5):.2f}" == "1.50" and format(torch.tensor(3), "d") == "3"
    assert 2.0 in torch.tensor([1.0, 2.0]) and 3 not in torch.tensor([1, 2])
    assert torch.tensor([[1], [2]]).tolist() == [[1], [2]] and torch.tensor(True).tolist() is True
    with pytest.raises(TypeError, match="^only integer tensors of a single element can be conv"):
        [1, 2][torch.tensor(1.0)]
    with pytest.raises((TypeError, ValueError), match="^only one element tensors can be converted"):
        float(torch.ones(2))
    with pytest.raises(TypeError, match="^unsupported format string passed to Tensor.__format__"):
        format(torch.ones(2), ".2f")

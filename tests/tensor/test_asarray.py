"""``asarray``, and what ``tensor`` and ``as_tensor`` make of objects with memory of their own."""

import array

import pytest
from support import leaf, recorded_warnings, rushlight_only, torch

numpy = pytest.importorskip("numpy")


class Offers:
    """An object that hands its tensor over by DLPack."""

    def __init__(self, t):
        self.t = t

    def __dlpack__(self, **options):
        return self.t.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.t.__dlpack_device__()


def test_tensor_that_fits_is_returned_itself():
    t = torch.ones(2)
    assert torch.asarray(t) is t is torch.asarray(t, dtype=torch.float32, copy=False)
    assert torch.asarray(t, copy=True).data_ptr() != t.data_ptr()
    assert torch.asarray(t, dtype=torch.float64).dtype == torch.float64


def test_array_buffer_and_dlpack_are_shared():
    numbers = numpy.arange(3.0)
    t = torch.ones(2)
    assert torch.asarray(numbers).data_ptr() == numbers.ctypes.data
    assert torch.asarray(numbers, copy=True).data_ptr() != numbers.ctypes.data
    assert torch.asarray(t.__dlpack__()).data_ptr() == t.data_ptr()
    buffer = array.array("d", [1.0, 2.0])
    shared = torch.asarray(buffer, dtype=torch.float64)
    buffer[0] = 5.0
    assert shared.tolist() == [5.0, 2.0]
    assert torch.asarray(bytearray(8)).tolist() == [0.0, 0.0]


def test_dlpack_object_is_shared_by_as_tensor_and_copied_by_tensor():
    t = torch.tensor([1.0, 2.0])
    assert torch.as_tensor(Offers(t)).data_ptr() == t.data_ptr()
    assert torch.as_tensor(Offers(t), dtype=torch.float64).dtype == torch.float64
    copied = torch.tensor(Offers(t))
    assert copied.tolist() == [1.0, 2.0] and copied.data_ptr() != t.data_ptr()
    assert torch.asarray(Offers(t)).tolist() == [1.0, 2.0]


def test_sequences_and_numbers_are_copied():
    assert torch.asarray([[1, 2], [3, 4]]).dtype == torch.int64
    assert torch.asarray(3.5).dtype == torch.float32 and torch.asarray(True).dtype == torch.bool
    assert torch.asarray(numpy.float64(2)).dtype == torch.float64
    assert torch.asarray([1, 2], dtype=torch.float64).tolist() == [1.0, 2.0]
    assert torch.asarray([1.0], requires_grad=True).requires_grad


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: torch.asarray([1.0], copy=False),
            ValueError,
            "can't alias arbitrary sequence into a tensor.",
        ),
        (
            lambda: torch.asarray(numpy.arange(3.0), dtype=torch.float32, copy=False),
            ValueError,
            "can't alias tensor with dtype 'Double' into dtype 'Float'.",
        ),
        (
            lambda: torch.asarray(numpy.float64(2), copy=False),
            RuntimeError,
            "can't alias NumPy scalars. Either remove copy=False or transform it in a ndarray.",
        ),
        (lambda: torch.asarray(None), RuntimeError, "Could not infer dtype of NoneType"),
        (lambda: torch.asarray("abcd"), TypeError, r"new\(\): invalid data type 'str'"),
        (
            lambda: torch.asarray([1, 2], requires_grad=True),
            RuntimeError,
            "Only Tensors of floating point and complex dtype can require gradients",
        ),
        (
            lambda: torch.asarray([1.0], device="cuda"),
            AssertionError,
            "Torch not compiled with CUDA enabled",
        ),
        (
            lambda: torch.asarray([1.0], device=3.5),
            TypeError,
            r"asarray\(\): argument 'device' must be torch.device, not float",
        ),
        (
            lambda: torch.asarray([1.0], dtype=3),
            TypeError,
            r"asarray\(\): argument 'dtype' must be torch.dtype, not int",
        ),
        (
            lambda: torch.asarray([1.0], copy=3),
            TypeError,
            r"asarray\(\): argument 'copy' must be bool, not int",
        ),
        (
            lambda: torch.asarray([1.0], requires_grad=1),
            TypeError,
            r"asarray\(\): argument 'requires_grad' must be bool, not int",
        ),
        (
            lambda: torch.asarray(bytes(2)),
            ValueError,
            r"buffer length \(2 bytes\) after offset \(0 bytes\) must be a multiple of element "
            r"size \(4\)",
        ),
    ],
)
def test_asarray_refuses(call, error, text):
    with recorded_warnings(), pytest.raises(error, match=f"^{text}"):
        call()


def test_requires_grad():
    x = leaf([1.0, 2.0])
    with recorded_warnings() as caught:
        assert torch.asarray(x).requires_grad
    assert ["unspecified requires_grad now defaults" in str(w.message) for w in caught] == [True]
    with recorded_warnings() as caught:
        assert torch.asarray(x, requires_grad=True) is x
        copied = torch.asarray(x, requires_grad=True, copy=True)
        computed = torch.asarray(x * 2, requires_grad=True)
        cut = torch.asarray(x * 2, requires_grad=False)
        cut_copy = torch.asarray(x, requires_grad=False, copy=True)
    assert not caught and copied.grad_fn is not None and computed.grad_fn is not None
    assert cut.is_leaf and not cut.requires_grad and not cut_copy.requires_grad
    assert x.requires_grad and torch.asarray(x, requires_grad=False) is x and not x.requires_grad


@rushlight_only  # PyTorch cannot infer their dtype
def test_objects_that_offer_an_array():
    numbers = numpy.arange(3.0)

    class Array:
        def __array__(self, dtype=None, copy=None):
            return numbers

    class Interface:
        __array_interface__ = numbers.__array_interface__

    for make in (torch.tensor, torch.as_tensor, torch.asarray):
        assert make(Array()).tolist() == make(Interface()).tolist() == [0.0, 1.0, 2.0]

"""DLPack: ``from_dlpack``, ``to_dlpack``, ``Tensor.__dlpack__``, and capsules that lie."""

import ctypes
import gc
import sys
import threading
from importlib import import_module

import pytest
from support import ON_TORCH, leaf, rushlight_only, torch

numpy = pytest.importorskip("numpy")
dlpack = import_module(f"{torch.__name__}.utils.dlpack")
N = 1000
INVALID = (
    "^from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
    "once, so you might have already constructed a tensor from it once."
)


# --- between libraries


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (3,), (2, 3)])
@pytest.mark.parametrize(
    "name", ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
)
def test_numpy_and_tensor_exchange_every_shape_and_dtype(name, shape):
    t = torch.ones(shape, dtype=getattr(torch, name))
    array = numpy.from_dlpack(t)
    assert array.dtype == numpy.dtype(name) and array.shape == shape
    assert array.tolist() == t.tolist()
    back = torch.from_dlpack(array)
    assert back.dtype == t.dtype and back.shape == t.shape and back.tolist() == t.tolist()


def test_bfloat16_which_numpy_lacks():
    t = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
    back = torch.from_dlpack(t)
    assert back.dtype == torch.bfloat16 and back.tolist() == [1.5, -2.0]
    with pytest.raises((RuntimeError, BufferError)):
        numpy.from_dlpack(t)


def test_exchanged_memory_is_shared():
    t = torch.zeros(2, 3)
    array, alias = numpy.from_dlpack(t.t()), torch.from_dlpack(t)
    t[0, 1] = 4.0
    alias[1, 2] = 5.0
    assert array.tolist() == [[0.0, 0.0], [4.0, 0.0], [0.0, 5.0]] and alias[0, 1] == 4.0
    assert alias.data_ptr() == t.data_ptr() and alias._version == 1 != t._version + 1
    assert alias.is_leaf and not alias.requires_grad and alias._base is None


def test_strides_and_offset_are_kept():
    t = torch.arange(12.0).view(3, 4)
    for part in (t.t(), t[1:, ::2], t[2], torch.ones(1).expand(3)):
        got = torch.from_dlpack(part)
        assert got.stride() == part.stride() and got.data_ptr() == part.data_ptr()
        assert got.tolist() == part.tolist()
    backwards = numpy.arange(6.0).reshape(2, 3).T
    assert torch.from_dlpack(backwards).stride() == (1, 3)


@rushlight_only  # PyTorch ends the process
def test_negative_strides_are_refused():
    with pytest.raises(ValueError, match="^At least one stride in the given DLPack tensor is neg"):
        torch.from_dlpack(numpy.arange(3.0)[::-1])
    assert torch.from_dlpack(numpy.arange(1.0)[::-1]).tolist() == [0.0]


@rushlight_only
@pytest.mark.parametrize(
    ("name", "kind", "bits"), [("uint16", "kUInt", 16), ("uint64", "kUInt", 64)]
)
def test_element_types_that_do_not_exist_are_refused(name, kind, bits):
    with pytest.raises(BufferError, match=f"^Unsupported {kind} bits {bits}"):
        torch.from_dlpack(numpy.ones(2, dtype=name))


def test_what_numpy_refuses_to_give_is_numpys_error():
    for array in (numpy.array(["a"]), numpy.arange(2, dtype=">f8"), numpy.zeros(1, "f4,i4")):
        with pytest.raises(BufferError, match="^DLPack only supports"):
            torch.from_dlpack(array)


def test_memory_lives_as_long_as_either_side():
    t = torch.arange(float(N))
    array = numpy.from_dlpack(t)
    if not ON_TORCH:  # PyTorch gives the memory back here
        t.data = torch.zeros(N)
    del t
    taken = [torch.full((N,), 7.0) for _ in range(20)]
    assert array.tolist() == list(range(N)) and taken

    array = numpy.arange(float(N))
    t = torch.from_dlpack(array)
    part = t[1:]
    del array, t
    gc.collect()
    taken = [numpy.full(N, 7.0) for _ in range(20)]
    assert part.tolist() == list(range(1, N)) and taken


@rushlight_only  # PyTorch moves the memory from under the consumer
def test_tensor_cannot_grow_under_its_consumer():
    t = torch.arange(3.0)
    array = numpy.from_dlpack(t)
    with pytest.raises(RuntimeError, match="^Trying to resize storage that is not resizable"):
        t.resize_(N)
    assert array.tolist() == [0.0, 1.0, 2.0]


def test_copy():
    t = torch.arange(6.0).view(2, 3).t()
    for copied in (torch.from_dlpack(t, copy=True), torch.from_dlpack(t.__dlpack__(copy=True))):
        assert copied.data_ptr() != t.data_ptr() and copied.tolist() == t.tolist()
        assert copied.stride() == (1, 3)
    assert torch.from_dlpack(t, copy=False).data_ptr() == t.data_ptr()
    array = numpy.arange(3.0)
    copied = torch.from_dlpack(array, copy=True)
    array[0] = 9.0
    assert copied.tolist() == [0.0, 1.0, 2.0]
    assert not numpy.shares_memory(numpy.from_dlpack(copied, copy=True), copied.numpy())


def test_memory_that_must_not_be_written_says_so():
    array = numpy.arange(3.0)
    array.flags.writeable = False
    t = torch.from_dlpack(array)
    assert t.tolist() == [0.0, 1.0, 2.0]
    if not ON_TORCH:  # PyTorch forgets it
        assert not numpy.from_dlpack(t).flags.writeable and memoryview(t).readonly
        with pytest.raises(BufferError, match="^the tensor's memory is not writable"):
            t.__dlpack__()


# --- what a tensor gives


def test_device_is_the_cpu():
    assert leaf([1.0]).__dlpack_device__() == (1, 0)
    device, _ = torch.ones(2).__dlpack_device__()
    assert device is dlpack.DLDeviceType.kDLCPU


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "dltensor"),
        ({"max_version": (0, 8)}, "dltensor"),
        ({"max_version": (1, 0)}, "dltensor_versioned"),
        ({"max_version": (7, 3)}, "dltensor_versioned"),
        ({"stream": None, "copy": False, "dl_device": (1, 0)}, "dltensor"),
        ({"stream": -1}, "dltensor"),
    ],
    ids=str,
)
def test_capsule_has_the_version_that_was_asked_for(options, name):
    t = torch.arange(3.0)
    capsule = t.__dlpack__(**options)
    assert f'capsule object "{name}"' in repr(capsule)
    assert torch.from_dlpack(capsule).tolist() == [0.0, 1.0, 2.0]
    assert f'capsule object "used_{name}"' in repr(capsule)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"stream": 1}, AssertionError, r"^stream should be None on cpu\."),
        ({"stream": "x"}, TypeError, "^stream must be ``int`` or ``none``"),
        ({"max_version": 3}, TypeError, "^'int' object is not subscriptable"),
        (
            {"dl_device": 3},
            TypeError,
            r"^_to_dlpack\(\): argument 'dl_device' must be tuple of ints, not int",
        ),
        (
            {"dl_device": (1,)},
            RuntimeError,
            "^dl_device must be either None or a tuple of ints",
        ),
        ({"dl_device": (2, 0), "copy": False}, ValueError, "^cannot move"),
    ],
    ids=str,
)
def test_dlpack_refuses_other_arguments(options, error, text):
    with pytest.raises(error, match=text):
        torch.ones(2).__dlpack__(**options)


def test_tensor_that_requires_grad_is_not_exported():
    x = leaf([1.0, 2.0])
    text = "^Can't export tensors that require gradient, use tensor.detach()"
    for t in (x, x * 2):
        for give in (t.__dlpack__, lambda t=t: torch.from_dlpack(t)):
            with pytest.raises(BufferError, match=text):
                give()
    with pytest.raises(BufferError, match=text):
        numpy.from_dlpack(x)
    assert torch.from_dlpack(x.detach()).data_ptr() == x.data_ptr()


def test_to_dlpack():
    x = leaf([1.0, 2.0])
    alias = dlpack.from_dlpack(dlpack.to_dlpack(x))
    assert alias.data_ptr() == x.data_ptr() and not alias.requires_grad
    with pytest.raises(
        TypeError,
        match=r"^_to_dlpack\(\): argument 'data' \(position 1\) must be Tensor, not int",
    ):
        dlpack.to_dlpack(3)


def test_capsule_nobody_took_gives_its_memory_back():
    t = torch.ones(N)
    for options in ({}, {"max_version": (1, 0)}):
        capsule = t.__dlpack__(**options)
        assert capsule is not None
        del capsule
    t.fill_(2.0)
    assert t.sum().item() == 2 * N


# --- what from_dlpack takes


@pytest.mark.parametrize("options", [{}, {"max_version": (1, 0)}], ids=str)
def test_capsule_is_taken_once(options):
    capsule = torch.ones(2).__dlpack__(**options)
    assert torch.from_dlpack(capsule).tolist() == [1.0, 1.0]
    with pytest.raises(RuntimeError, match=INVALID):
        torch.from_dlpack(capsule)


@pytest.mark.parametrize("thing", [3, None, [1.0], "text", object()], ids=str)
def test_things_that_are_no_capsules_are_refused(thing):
    with pytest.raises(RuntimeError, match=INVALID):
        torch.from_dlpack(thing)


class Producer:
    def __init__(self, capsule, device=(1, 0)):
        self.capsule, self.device, self.asked = capsule, device, []

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **options):
        self.asked.append(options)
        if isinstance(self.capsule, BaseException):
            raise self.capsule
        return self.capsule


def test_producer_is_asked_for_what_the_caller_wants():
    for options in ({}, {"copy": True}, {"device": "cpu"}, {"device": torch.device("cpu")}):
        producer = Producer(torch.ones(2).__dlpack__())
        assert torch.from_dlpack(producer, **options).tolist() == [1.0, 1.0]
        wanted = {"max_version": (1, 0)}
        if "copy" in options:
            wanted["copy"] = True
        if "device" in options:
            wanted["dl_device"] = (1, 0)
        assert producer.asked == [wanted]


def test_producers_exception_is_the_callers():
    for error in (KeyError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            torch.from_dlpack(Producer(error))
    with pytest.raises(TypeError, match="mine"):
        torch.from_dlpack(Producer(TypeError("mine")))
    with pytest.raises(RuntimeError, match=INVALID):
        torch.from_dlpack(Producer("no capsule"))
    with pytest.raises(TypeError):
        torch.from_dlpack(Producer(torch.ones(2).__dlpack__(), device=3))


class OldProducer:
    """Of the time when ``__dlpack__`` knew only streams."""

    def __init__(self, t):
        self.t = t

    def __dlpack_device__(self):
        return 1, 0

    def __dlpack__(self, stream=None):
        return self.t.__dlpack__()


def test_old_producer_is_asked_again_without_what_it_does_not_know():
    t = torch.ones(2)
    assert torch.from_dlpack(OldProducer(t)).data_ptr() == t.data_ptr()
    assert torch.from_dlpack(OldProducer(t), device="cpu").data_ptr() == t.data_ptr()
    assert torch.from_dlpack(OldProducer(t), copy=True).data_ptr() != t.data_ptr()


def test_device_and_copy_of_a_capsule_are_refused():
    for options in ({"copy": True}, {"device": "cpu"}):
        with pytest.raises(AssertionError, match="^device and copy kwargs not supported when"):
            torch.from_dlpack(torch.ones(2).__dlpack__(), **options)
    with pytest.raises(AssertionError, match="^from_dlpack: unsupported device type"):
        torch.from_dlpack(torch.ones(2), device=3)
    with pytest.raises(AssertionError, match="^Torch not compiled with CUDA enabled"):
        torch.from_dlpack(Producer(None, device=(2, 0)))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_from_dlpack_in_a_mode(mode):
    with mode():
        t = torch.from_dlpack(numpy.arange(3.0))
    assert t.is_inference() == (mode is torch.inference_mode)


# --- capsules that lie: made by hand


class Device(ctypes.Structure):
    _fields_ = (("type", ctypes.c_int32), ("id", ctypes.c_int32))


class DataType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class DLTensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", Device),
        ("ndim", ctypes.c_int32),
        ("dtype", DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    _fields_ = (("tensor", DLTensor), ("context", ctypes.c_void_p), ("deleter", Deleter))


class ManagedVersioned(ctypes.Structure):
    _fields_ = (
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", Deleter),
        ("flags", ctypes.c_uint64),
        ("tensor", DLTensor),
    )


def new_capsule(pointer, name):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return new(pointer, name, None)


class HandMade:
    """A capsule over 64 floats, 0 to 63, that counts how often it is given back."""

    def __init__(self, shape=(2, 3), strides=None, *, data=True, versioned=False, **lies):
        self.given_back = 0
        self.numbers = (ctypes.c_float * 64)(*range(64))
        self.shape = (ctypes.c_int64 * max(1, len(shape)))(*shape)
        self.managed = ManagedVersioned() if versioned else Managed()
        self.deleter = Deleter(self.count)
        tensor = self.managed.tensor
        tensor.data = ctypes.addressof(self.numbers) if data else None
        tensor.device = Device(lies.pop("device", 1), 0)
        tensor.dtype = DataType(*lies.pop("dtype", (2, 32, 1)))
        tensor.ndim = lies.pop("ndim", len(shape))
        if lies.pop("has_shape", True):
            tensor.shape = self.shape
        if strides is not None:
            self.strides = (ctypes.c_int64 * len(strides))(*strides)
            tensor.strides = self.strides
        tensor.byte_offset = lies.pop("byte_offset", 0)
        if lies.pop("has_deleter", True):
            self.managed.deleter = self.deleter
        for name, value in lies.items():
            setattr(self.managed, name, value)
        name = b"dltensor_versioned" if versioned else b"dltensor"
        self.capsule = new_capsule(ctypes.addressof(self.managed), name)

    def count(self, pointer):
        self.given_back += 1


@pytest.mark.parametrize("versioned", [False, True])
def test_capsule_without_strides_is_row_major(versioned):
    made = HandMade(versioned=versioned)
    t = torch.from_dlpack(made.capsule)
    assert t.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]] and t.stride() == (3, 1)
    view = t[1]
    del t
    assert made.given_back == 0 and view.tolist() == [3.0, 4.0, 5.0]
    del view
    assert made.given_back == 1


def test_capsule_without_a_deleter():
    made = HandMade(has_deleter=False)
    t = torch.from_dlpack(made.capsule)
    assert t.sum().item() == 15.0
    del t
    gc.collect()


@pytest.mark.parametrize(
    ("lies", "error", "text"),
    [
        ({"dtype": (2, 32, 2)}, BufferError, "ATen does not support lanes != 1 for dtype code2"),
        ({"dtype": (2, 32, 0)}, BufferError, "ATen does not support lanes != 1 for dtype code2"),
        ({"dtype": (2, 7, 1)}, BufferError, "Unsupported kFloat bits 7"),
        ({"dtype": (0, 128, 1)}, BufferError, "Unsupported kInt bits 128"),
        ({"dtype": (1, 3, 1)}, BufferError, "Unsupported kUInt bits 3"),
        ({"dtype": (6, 16, 1)}, BufferError, "Unsupported kDLBool bits 16"),
        ({"dtype": (99, 32, 1)}, BufferError, "Unsupported code 99"),
        ({"device": 99}, BufferError, "Unsupported device_type: 99"),
        ({"device": 0}, BufferError, "Unsupported device_type: 0"),
        ({"shape": (-1, 3)}, RuntimeError, r"Trying to create tensor with negative dimension -1"),
        (
            {"versioned": True, "major": 2},
            RuntimeError,
            "unsupported DLPack capsule major version: 2. Maximum supported version: 1",
        ),
    ],
    ids=str,
)
def test_capsule_that_does_not_fit_is_refused_and_not_taken(lies, error, text):
    made = HandMade(**lies)
    with pytest.raises(error, match=f"^{text}"):
        torch.from_dlpack(made.capsule)
    assert made.given_back == 0 and "used" not in repr(made.capsule)


@rushlight_only  # PyTorch crashes on most of these
@pytest.mark.parametrize(
    "lies",
    [
        {"ndim": -1},
        {"ndim": 65, "shape": (1,) * 65},
        {"ndim": 2**31 - 1},
        {"has_shape": False},
        {"data": False},
        {"byte_offset": 1},
        {"byte_offset": 2**64 - 1},
        {"shape": (2**62, 2**62)},
        {"shape": (2**40, 2**40), "strides": (0, 0)},
        {"shape": (2, 2), "strides": (2**62, 2**62)},
        {"shape": (3,), "strides": (2**61,)},
        {"strides": (-3, 1)},
        {"strides": (3, -1)},
        {"strides": (-(2**63), 1)},
    ],
    ids=str,
)
@pytest.mark.parametrize("versioned", [False, True])
def test_capsule_that_leads_outside_memory_is_refused(lies, versioned):
    made = HandMade(**lies, versioned=versioned)
    with pytest.raises((RuntimeError, ValueError)):
        torch.from_dlpack(made.capsule)
    assert made.given_back == 0


@rushlight_only
def test_byte_offset_is_followed():
    assert torch.from_dlpack(HandMade((2,), byte_offset=8).capsule).tolist() == [2.0, 3.0]


@pytest.mark.parametrize("name", [b"foo", b"", b"used_dltensor", b"used_dltensor_versioned", None])
def test_capsule_of_another_name_is_refused(name):
    made = HandMade()
    with pytest.raises(RuntimeError, match=INVALID):
        torch.from_dlpack(new_capsule(ctypes.addressof(made.managed), name))


def test_tensor_without_elements_needs_no_memory():
    t = torch.from_dlpack(HandMade((2, 0, 3), data=False).capsule)
    assert t.shape == (2, 0, 3) and t.tolist() == [[], []] and (t + 1).numel() == 0
    assert t.numpy().shape == (2, 0, 3) and t.sum().item() == 0.0


@rushlight_only
def test_deleter_that_raises_disturbs_nobody(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    made = HandMade()
    made.deleter = made.managed.deleter = Deleter(lambda pointer: 1 / 0)
    t = torch.from_dlpack(made.capsule)
    del t
    assert [event.exc_type for event in seen] == [ZeroDivisionError]


def test_memory_given_back_by_other_threads():
    kept = [torch.full((N,), float(i)) for i in range(20)]
    capsules = [t.__dlpack__(max_version=(1, 0)) for t in kept]
    sums = []

    def take(capsule):
        sums.append(torch.from_dlpack(capsule).sum().item())

    threads = [threading.Thread(target=take, args=(capsule,)) for capsule in capsules]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sums) == [N * float(i) for i in range(20)]
    assert all(t[0] == i for i, t in enumerate(kept))


@rushlight_only
def test_deleter_called_without_the_gil():
    # ctypes releases the GIL around the call, as a consumer in C++ may.
    t = torch.full((N,), 3.0)
    capsule = t.__dlpack__()
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    managed = Managed.from_address(get(capsule, b"dltensor"))
    rename = ctypes.pythonapi.PyCapsule_SetName
    rename.argtypes = (ctypes.py_object, ctypes.c_char_p)
    used = b"used_dltensor"
    rename(capsule, used)
    del t
    managed.deleter(ctypes.addressof(managed))
    taken = [torch.full((N,), 7.0) for _ in range(20)]
    assert taken[0].sum().item() == 7.0 * N

"""Memory that others own: resized, closed or freed under a tensor; and what no tensor can take."""

import array
import gc
import mmap
import threading
import weakref

import pytest
from support import recorded_warnings, rushlight_only, torch

numpy = pytest.importorskip("numpy")
N = 1000
TYPES = "The only supported types are: float64, float32, float16, "


def overwrite():
    """Take the memory that was freed just now, here and at NumPy's."""
    gc.collect()
    return [torch.full((N,), 7.0) for _ in range(20)], [numpy.full(N, 7.0) for _ in range(20)]


OWNERS = {
    "bytearray": lambda: bytearray(4 * N),
    "array": lambda: array.array("f", [0.0] * N),
    "memoryview": lambda: memoryview(bytearray(4 * N)),
    "mmap": lambda: mmap.mmap(-1, 4 * N),
    "ndarray": lambda: numpy.zeros(N, dtype="float32"),
    "tensor": lambda: torch.zeros(N),
}
CHANGES = {
    "bytearray": [lambda b: b.clear(), lambda b: b.extend(b"1234"), lambda b: b.pop()],
    "array": [lambda a: a.append(1.0), lambda a: a.pop(), lambda a: a.extend([1.0])],
    "memoryview": [lambda m: m.release()],
    "mmap": [lambda m: m.close(), lambda m: m.resize(8 * N)],
    "ndarray": [lambda a: a.resize(2 * N)],
    "tensor": [lambda t: t.resize_(2 * N)],
}


@rushlight_only  # PyTorch holds the object, but lets it free its memory
@pytest.mark.parametrize("owner", OWNERS)
def test_owner_cannot_take_its_memory_away(owner):
    buffer = OWNERS[owner]()
    t = torch.frombuffer(buffer, dtype=torch.float32)
    view = t[1:]
    del t
    for change in CHANGES[owner]:
        with pytest.raises((BufferError, ValueError, RuntimeError)):
            change(buffer)
    view.fill_(2.0)
    assert view.sum().item() == 2.0 * (N - 1)
    watch = weakref.ref(view)
    del view
    gc.collect()
    assert watch() is None
    if owner in ("bytearray", "array", "memoryview"):  # with nothing else that refuses
        CHANGES[owner][0](buffer)


@rushlight_only
@pytest.mark.parametrize("owner", OWNERS)
def test_memory_lives_on_when_its_owner_is_forgotten(owner):
    buffer = OWNERS[owner]()
    t = torch.frombuffer(buffer, dtype=torch.float32)
    t.fill_(3.0)
    del buffer
    taken = overwrite()
    assert t.sum().item() == 3.0 * N and taken
    part = t[N - 1 :]
    t.data = torch.zeros(N)
    taken = overwrite()
    assert part.item() == 3.0 and taken


def test_saved_value_over_a_buffer_outlives_it():
    buffer = numpy.full(N, 2.0, dtype="float32")
    x = torch.ones(N, requires_grad=True)
    y = (x * torch.from_numpy(buffer)).sum()
    del buffer
    taken = overwrite()
    y.backward()
    assert x.grad.sum().item() == 2.0 * N and taken


@rushlight_only
def test_owner_that_a_cycle_keeps_is_collected():
    class Owner(bytearray):
        pass

    owner = Owner(4 * N)
    watch = weakref.ref(owner)
    owner.t = torch.frombuffer(owner, dtype=torch.float32)
    del owner
    gc.collect()
    # The storage's reference is not visible to the collector: the pair stays, whole and usable.
    assert watch() is None or watch().t.sum().item() == 0.0
    if watch() is not None:
        del watch().t
        gc.collect()
    assert watch() is None


def test_subarrays_and_their_tensors_share_in_both_directions():
    a = numpy.arange(12.0).reshape(3, 4)
    t = torch.from_numpy(a[1:, ::2])
    t.mul_(-1)
    assert a[1].tolist() == [-4.0, 5.0, -6.0, 7.0] and a[0, 0] == 0.0
    again = t.numpy()
    del a, t
    taken = overwrite()
    assert again.tolist() == [[-4.0, -6.0], [-8.0, -10.0]] and taken


@rushlight_only
def test_buffers_exchanged_by_many_threads():
    wrong = []

    def work(k):
        for i in range(50):
            buffer = bytearray(4 * 64)
            t = torch.frombuffer(buffer, dtype=torch.float32)
            t.fill_(float(k))
            a, m = t.numpy(), memoryview(t)
            d = torch.from_dlpack(numpy.from_dlpack(t))
            t.data = torch.zeros(i + 1)
            del t
            if not a.sum() == sum(m.tolist()) == d.sum().item() == 64.0 * k:
                wrong.append((k, i))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@rushlight_only  # PyTorch writes into the bytes object
def test_readonly_memory_is_never_written():
    frozen = numpy.arange(3.0, dtype="float32")
    frozen.flags.writeable = False
    with recorded_warnings():
        tensors = [
            torch.frombuffer(b"\0" * 12, dtype=torch.float32),
            torch.frombuffer(mmap.mmap(-1, 12, access=mmap.ACCESS_READ), dtype=torch.float32),
            torch.from_numpy(frozen),
            torch.from_dlpack(frozen),
            torch.from_numpy(numpy.broadcast_to(numpy.float32(0), (3,))),
        ]
    text = "^this tensor's memory belongs to a read-only buffer|^unsupported operation: more than"
    for t in tensors:
        before = t.tolist()
        for write in (
            lambda t=t: t.add_(1),
            lambda t=t: t.fill_(1.0),
            lambda t=t: t[1:].zero_(),
            lambda t=t: t.__setitem__(0, 1.0),
            lambda t=t: torch.add(t, t, out=t),
            lambda t=t: t.copy_(torch.ones(3)),
            lambda t=t: t.detach().mul_(2),
            lambda t=t: t.data.mul_(2),
            lambda t=t: t.uniform_(),
            lambda t=t: t.view(3, 1).t()[0].sub_(1),
        ):
            with pytest.raises(RuntimeError, match=text):
                write()
        assert t.tolist() == before and not t.numpy().flags.writeable
        assert (t + 1).sum().item() == sum(before) + 3
        x = t.requires_grad_()
        (x * x).sum().backward()
        assert x.grad.tolist() == [2 * value for value in before]


def test_readonly_memory_is_warned_of():
    frozen = numpy.broadcast_to(numpy.arange(3.0), (2, 3))
    with recorded_warnings() as caught:
        t = torch.from_numpy(frozen)
        u = torch.frombuffer(bytes(8), dtype=torch.float32)
    assert t.stride() == (0, 1) and u.tolist() == [0.0, 0.0]
    for warning in caught:
        assert warning.category is UserWarning and "is not writable, and PyTorch does" in str(
            warning.message
        )


ELEMENTS = {
    "str_": numpy.array(["a"]),
    "object_": numpy.array([None]),
    "bytes_": numpy.array([b"a"]),
    "void": numpy.zeros(2, dtype="f4,i4"),
    "datetime64": numpy.array(["2020-01-01"], dtype="M8[D]"),
    "timedelta64": numpy.zeros(2, dtype="m8[s]"),
    "longdouble": numpy.zeros(2, dtype="g"),
}


@pytest.mark.parametrize("name", ELEMENTS)
def test_elements_that_are_no_numbers_are_refused(name):
    text = f"^can't convert np.ndarray of type numpy.{name}. {TYPES}complex64, complex128, int64, "
    for make in (torch.from_numpy, torch.tensor, torch.as_tensor):
        with pytest.raises(TypeError, match=text):
            make(ELEMENTS[name])


@rushlight_only
@pytest.mark.parametrize("name", ["uint16", "uint32", "uint64", "complex64", "complex128"])
def test_numbers_that_have_no_dtype_here_are_refused(name):
    for make in (torch.from_numpy, torch.tensor, torch.as_tensor, torch.asarray):
        with pytest.raises(
            TypeError, match=f"^can't convert np.ndarray of type numpy.{name}. {TYPES}"
        ):
            make(numpy.ones(2, dtype=name))


LAYOUTS = {
    "At least one stride in the given numpy array is negative, and tensors with negative strides "
    "are not currently supported.": numpy.arange(6.0)[::-1],
    "given numpy array has byte order different from the native byte order. Conversion between "
    "byte orders is currently not supported.": numpy.arange(3, dtype=">i8"),
    "given numpy array strides not a multiple of the element byte size. Copy the numpy array to "
    "reallocate the memory.": numpy.zeros(3, dtype=[("a", "u1"), ("b", "f4")])["b"],
}


@pytest.mark.parametrize("text", LAYOUTS)
def test_layouts_that_no_tensor_has_are_refused(text):
    with pytest.raises(ValueError, match=f"^{text}"):
        torch.from_numpy(LAYOUTS[text])


@rushlight_only  # PyTorch reads it, as the processor allows
def test_unaligned_memory_is_refused_or_copied():
    data = numpy.zeros(25, dtype="u1")
    with pytest.raises(ValueError, match="^the given numpy array is not aligned to its element"):
        torch.from_numpy(data[1:].view("f8"))
    assert torch.tensor(data[1:].view("f8")).tolist() == [0.0] * 3
    with pytest.raises(ValueError, match="^the buffer is not aligned to the element size"):
        torch.frombuffer(bytearray(25), dtype=torch.float64, offset=1)
    # Bytes cannot change: what is not aligned in them is copied.
    body = array.array("f", [1.5, 2.5]).tobytes()
    with recorded_warnings():
        t = torch.frombuffer(b"x" + body, dtype=torch.float32, offset=1)
    assert t.tolist() == [1.5, 2.5]


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"count": 0}, ValueError, r"both buffer length \(16\) and count \(0\) must not be 0"),
        (
            {"offset": 16},
            ValueError,
            r"offset \(16 bytes\) must be non-negative and no greater than buffer length \(16 "
            r"bytes\) minus 1",
        ),
        (
            {"offset": 3},
            ValueError,
            r"buffer length \(13 bytes\) after offset \(3 bytes\) must be a multiple of element "
            r"size \(4\)",
        ),
        (
            {"count": 9},
            ValueError,
            r"requested buffer length \(9 \* 4 bytes\) after offset \(0 bytes\) must not be "
            r"greater than actual buffer length \(16 bytes\)",
        ),
        ({"count": 2**70}, ValueError, "Overflow when unpacking long long"),
        ({"count": 1.0}, TypeError, r"frombuffer\(\): argument 'count' must be int, not float"),
    ],
    ids=str,
)
def test_parts_that_do_not_fit_the_buffer(options, error, text):
    with pytest.raises(error, match=f"^{text}"):
        torch.frombuffer(bytearray(16), dtype=torch.float32, **options)


def test_objects_that_give_no_buffer():
    for wrong in (3, None, "abcd", [1.0]):
        with pytest.raises(ValueError, match="^object does not implement Python buffer protocol"):
            torch.frombuffer(wrong, dtype=torch.float32)
    released = memoryview(bytearray(8))
    released.release()
    for wrong in (released, memoryview(bytearray(16))[::2], numpy.zeros((2, 3)).T):
        with pytest.raises(RuntimeError, match="^could not retrieve buffer from object"):
            torch.frombuffer(wrong, dtype=torch.float32)
    t = torch.frombuffer(bytearray(16), dtype=torch.float32, count=numpy.int64(2))
    assert t.tolist() == [0.0, 0.0]


def test_bytes_that_are_no_bool_are_true_or_false():
    t = torch.frombuffer(bytearray([0, 1, 2, 255]), dtype=torch.bool)
    assert [bool(value) for value in t.tolist()] == [False, True, True, True]
    assert t.numpy().dtype == numpy.bool_


def test_set_warn_always_refuses_what_is_no_bool():
    with pytest.raises(RuntimeError, match="^setWarnOnlyOnce expects a bool, but got int"):
        torch.set_warn_always(1)
    assert torch.is_warn_always_enabled() is False

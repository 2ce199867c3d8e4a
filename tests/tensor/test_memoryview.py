"""The buffer protocol: ``memoryview(t)``, and what holds its memory."""

import array
import ctypes
import gc
import io
import struct
import weakref

import pytest
from support import leaf, recorded_warnings, rushlight_only, torch

pytestmark = rushlight_only  # PyTorch's tensors are no buffers
N = 1000


def test_memoryview_describes_the_tensor():
    view = memoryview(torch.arange(6.0).view(2, 3))
    assert (view.format, view.shape, view.strides) == ("f", (2, 3), (12, 4))
    assert not view.readonly and view.contiguous and view.nbytes == 24
    assert view.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]


@pytest.mark.parametrize(
    ("dtype", "code"),
    [("float32", "f"), ("float64", "d"), ("bool", "?")]
    + [("int64", "l"), ("int32", "i"), ("int16", "h"), ("int8", "b"), ("uint8", "B")],
)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0), (3,), (1, 2, 1), (1,) * 7])
def test_memoryview_of_every_dtype_and_shape(dtype, code, shape):
    t = torch.ones(shape, dtype=getattr(torch, dtype))
    view = memoryview(t)
    assert (view.shape, view.format) == (shape, code)
    assert view.itemsize == t.element_size() == struct.calcsize(code)
    assert view.tolist() == t.tolist() or 0 in shape


def test_memoryview_of_sixteen_bit_floats():
    view = memoryview(torch.tensor([1.5, -2.0], dtype=torch.float16))
    assert view.format == "e" and struct.unpack("2e", view) == (1.5, -2.0)
    with pytest.raises(BufferError, match="^no buffer format describes bfloat16"):
        memoryview(torch.ones(2, dtype=torch.bfloat16))


def test_memoryview_of_64_dimensions():
    assert memoryview(torch.ones((1,) * 64)).ndim == 64


def test_write_through_a_memoryview():
    t = torch.zeros(3)
    memoryview(t)[1] = 2.5
    assert t.tolist() == [0.0, 2.5, 0.0]
    memoryview(t[1:])[1] = 4.0
    assert t.tolist() == [0.0, 2.5, 4.0]


def test_memoryview_keeps_its_memory():
    for change in (
        lambda t: setattr(t, "data", torch.zeros(N)),
        lambda t: gc.collect(),
        lambda t: t.resize_(2),
    ):
        t = torch.arange(float(N))
        view = memoryview(t)
        change(t)
        del t
        gc.collect()
        taken = [torch.full((N,), 7.0) for _ in range(20)]
        assert view.tolist() == list(range(N)) and taken


@pytest.mark.parametrize("n", [3, N])
def test_tensor_cannot_grow_under_a_memoryview(n):
    t = torch.zeros(n)
    view = memoryview(t)
    with pytest.raises(RuntimeError, match="^Trying to resize storage that is not resizable"):
        t.resize_(10 * N)
    t.fill_(1.0)
    assert view.tolist() == [1.0] * n


def test_strided_tensor_is_a_strided_buffer():
    t = torch.arange(6.0).view(2, 3).t()
    view = memoryview(t)
    assert view.strides == (4, 12) and view.f_contiguous and not view.c_contiguous
    assert bytes(view) == array.array("f", [0, 3, 1, 4, 2, 5]).tobytes()
    assert memoryview(torch.ones(1).expand(3)).strides == (0,)


def test_consumer_that_needs_contiguous_memory_is_told():
    # A transposed tensor was handed to consumers that asked for row-major bytes.
    strided = torch.arange(6.0).view(2, 3).t()
    with pytest.raises(BufferError, match="^the tensor's memory is not contiguous"):
        struct.unpack_from("6f", strided)
    assert struct.unpack_from("3f", strided.contiguous()) == (0.0, 3.0, 1.0)
    numbers = (ctypes.c_float * 6).from_buffer(torch.arange(6.0))
    assert list(numbers) == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]


def test_tensor_that_requires_grad_is_no_buffer():
    x = leaf([1.0, 2.0])
    for t in (x, x * 2):
        with pytest.raises(BufferError, match="^Can't export tensors that require gradient"):
            memoryview(t)
    assert memoryview(x.detach()).tolist() == [1.0, 2.0]


def test_tensor_over_readonly_memory_is_a_readonly_buffer():
    with recorded_warnings():
        t = torch.frombuffer(bytes(8), dtype=torch.float32)
    assert memoryview(t).readonly
    with pytest.raises(TypeError, match="read-write"):
        io.BytesIO(b"12345678").readinto(t)
    assert t.tolist() == [0.0, 0.0]


def test_memoryview_in_the_tensors_own_attributes_is_collected():
    t = torch.arange(float(N))
    t.window = memoryview(t)
    watch = weakref.ref(t)
    del t
    gc.collect()
    assert watch() is None


def test_file_takes_a_tensor(tmp_path):
    path = tmp_path / "numbers"
    with path.open("wb") as file:
        file.write(torch.arange(3.0))
    t = torch.zeros(3)
    with path.open("rb") as file:
        assert file.readinto(t) == 12
    assert t.tolist() == [0.0, 1.0, 2.0]

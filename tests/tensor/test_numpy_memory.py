"""Memory shared with NumPy: ``numpy()``, ``np.asarray(t)``, ``from_numpy``."""

import gc

import pytest
from support import leaf, rushlight_only, torch

numpy = pytest.importorskip("numpy")

WAYS = {
    "numpy": lambda t: t.numpy(),
    "asarray": lambda t: numpy.asarray(t),
    "array": lambda t: t.__array__(),
    "view": lambda t: t[:].numpy(),
    "array of the array": lambda t: t.numpy()[10:].base.reshape(-1),
    "force": lambda t: t.numpy(force=True),
}
N = 1000  # more than fits into a storage itself


def overwrite():
    """Take the memory that was freed just now."""
    return [torch.full((N,), 7.0) for _ in range(20)]


@pytest.mark.parametrize("way", WAYS)
def test_array_keeps_its_memory_when_the_tensor_takes_other_data(way):
    # The array held the tensor, which had let go of the array's memory.
    t = torch.arange(float(N))
    array = WAYS[way](t)
    t.data = torch.zeros(N)
    taken = overwrite()
    assert array.tolist() == list(range(N)) and len(taken) == 20
    t.fill_(3.0)
    assert array[-1] == N - 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("n", [3, N])
def test_array_keeps_its_memory_when_the_tensor_dies(way, n):
    t = torch.arange(float(n))
    array = WAYS[way](t) if n == N or "[10:]" not in way else t.numpy()
    del t
    gc.collect()
    taken = overwrite()
    assert array.tolist() == list(range(n)) and taken


def test_array_of_a_part_keeps_the_whole():
    t = torch.arange(float(N))
    part = t[N - 2 :]
    array = part.numpy()
    part.data = torch.zeros(2)
    del t, part
    gc.collect()
    taken = overwrite()
    assert array.tolist() == [N - 2, N - 1] and taken


@pytest.mark.parametrize("n", [3, N])
def test_tensor_whose_memory_an_array_sees_cannot_move(n):
    t = torch.arange(float(n))
    array = t.numpy()
    with pytest.raises(RuntimeError, match="^Trying to resize storage that is not resizable"):
        t.resize_(10 * N)
    t.resize_(2).fill_(5.0)
    assert array.tolist() == [5.0, 5.0, *range(2, n)]


def test_array_and_tensor_see_each_others_writes():
    t = torch.zeros(2, 3)
    array, transposed = t.numpy(), t.t().numpy()
    array[0, 1] = 4.0
    t[1, 2] = 5.0
    assert t.tolist() == [[0.0, 4.0, 0.0], [0.0, 0.0, 5.0]] == array.tolist()
    assert transposed.shape == (3, 2) and transposed[2, 1] == 5.0
    assert transposed.strides == (4, 12)


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (1,), (2, 3)])
@pytest.mark.parametrize(
    "name", ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]
)
def test_array_has_shape_and_dtype(shape, name):
    t = torch.ones(shape, dtype=getattr(torch, name))
    array = t.numpy()
    assert array.shape == shape and array.dtype == numpy.dtype(name)
    assert array.tolist() == t.tolist()
    assert array.flags.writeable and array.flags.aligned


def test_array_of_an_expanded_tensor_repeats():
    array = torch.tensor([1.0, 2.0]).expand(3, 2).numpy()
    assert array.strides == (0, 4) and array.tolist() == [[1.0, 2.0]] * 3


def test_tensor_that_requires_grad_gives_no_array():
    x = leaf([1.0, 2.0])
    with torch.no_grad():
        view = x.view(2)
    late = torch.zeros(2)
    late_view = late.view(2)
    late.mul_(x)
    for t in (x, x * 2, view, late, late_view):
        for ask in (lambda t=t: t.numpy(), lambda t=t: t.__array__(), lambda t=t: numpy.asarray(t)):
            with pytest.raises(
                RuntimeError,
                match=r"^Can't call numpy\(\) on Tensor that requires grad. "
                r"Use tensor.detach\(\).numpy\(\) instead.",
            ):
                ask()


def test_numpy_by_force_leaves_the_graph():
    x = leaf([1.0, 2.0])
    assert x.numpy(force=True).tolist() == [1.0, 2.0]
    assert (x * 2).numpy(force=True).tolist() == [2.0, 4.0]
    x.numpy(force=True)[0] = 8.0
    assert x.tolist() == [8.0, 2.0]


def test_numpy_refuses_other_arguments():
    t = torch.ones(2)
    with pytest.raises(TypeError, match=r"^numpy\(\) takes 0 positional arguments but 1 was given"):
        t.numpy(True)
    with pytest.raises(TypeError, match=r"^numpy\(\): argument 'force' must be bool, not int"):
        t.numpy(force=1)


def test_array_keeps_the_tensor_of_a_dead_array():
    array = numpy.arange(float(N))
    t = torch.from_numpy(array)
    del array
    gc.collect()
    taken = [numpy.full(N, 7.0) for _ in range(20)]
    assert t.tolist() == list(range(N)) and taken


@rushlight_only
def test_subclass_with_an_array_method_of_its_own_decides():
    class Celsius(torch.Tensor):
        def __array__(self, dtype=None, copy=None):
            return self.detach().numpy(force=True) + 273.0

    assert numpy.asarray(torch.ones(2).as_subclass(Celsius)).tolist() == [274.0, 274.0]
    assert torch.ones(2).as_subclass(Celsius).numpy().tolist() == [1.0, 1.0]

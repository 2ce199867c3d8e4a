"""Objects that raise, lie or change what is being read; broken subclasses; odd orders of `del`."""

import array
import gc
import mmap
import sys
import weakref

import pytest
from support import leaf, rushlight_only, torch


class Acts:
    """A number that does something when it is asked for its value."""

    def __init__(self, act, value=1):
        self.act, self.value = act, value

    def __index__(self):
        self.act()
        return self.value

    def __float__(self):
        self.act()
        return float(self.value)


def fails():
    raise KeyError("mine")


def junk():
    """Reuse what has just been freed."""
    return [torch.ones(n) for n in range(1, 40)] and gc.collect()


def emptied(items):
    """A list whose second item empties it when it is read."""
    items.insert(1, Acts(lambda: (items.clear(), junk())))
    return items


@rushlight_only  # PyTorch reads freed memory here
@pytest.mark.parametrize("name", ["ones", "zeros", "empty", "rand", "randn"])
def test_sizes_that_empty_their_list(name):
    # The list's items were read by a length taken before the first of them.
    for call in (
        lambda: getattr(torch, name)(emptied([2, 3, 4])),
        lambda: torch.ones(24).view(emptied([2, 3, 4])),
        lambda: torch.ones(24).expand(emptied([2, 3, 24])),
        lambda: torch.ones(2, 3).sum(emptied([0, 1])),
        lambda: torch.ones(2, 3).permute(emptied([0, 1])),
        lambda: torch.ones(5).split(emptied([2, 3])),
    ):
        try:
            result = call()
        except (TypeError, RuntimeError, IndexError, ValueError):
            continue
        assert isinstance(result, torch.Tensor | tuple)


@rushlight_only
@pytest.mark.parametrize("name", ["cat", "stack"])
def test_tensors_whose_list_is_emptied_by_a_later_argument(name):
    # The tensors were borrowed from the list that the next argument's code emptied.
    tensors = [torch.full((100,), 2.0), torch.full((100,), 3.0)]
    dim = Acts(lambda: (tensors.clear(), junk()), 0)
    try:
        result = getattr(torch, name)(tensors, dim)
    except (TypeError, RuntimeError, IndexError) as error:
        # PyTorch reads the list first or last: either is in order, but not freed tensors.
        assert "zero-dimensional" not in str(error) and "overflow" not in str(error)
    else:
        assert result.sum().item() == 500.0


def test_data_that_changes_while_it_is_read():
    rows = [[1.0, 2.0], [3.0, 4.0]]
    rows.append(emptied([1, 2, 3]))
    for data in (emptied([1, 2, 3]), rows, [Acts(fails)], [[Acts(fails)]], [1.0, Acts(fails)]):
        with pytest.raises((TypeError, ValueError, RuntimeError, KeyError)):
            torch.tensor(data)
        with pytest.raises((TypeError, ValueError, RuntimeError, KeyError)):
            torch.tensor(data, dtype=torch.float32)


@rushlight_only
def test_target_that_is_exchanged_by_its_argument():
    x = torch.ones(3, 4)

    def exchange(value):
        return Acts(lambda: setattr(x, "data", torch.ones(1)), value)

    for call in (
        lambda: x.select(exchange(1), 3),
        lambda: x.narrow(0, exchange(2), 1),
        lambda: x.view(exchange(4), 3),
        lambda: x[exchange(2), 3],
        lambda: x.as_strided((exchange(3), 4), (4, 1)),
        lambda: x.sum(exchange(1)),
        lambda: x.transpose(exchange(1), 0),
    ):
        x.data = torch.ones(3, 4)
        try:
            result = call()
        except (TypeError, IndexError, RuntimeError):
            continue
        assert result.numel() <= 12 and result.sum().item() == result.numel()


@pytest.mark.parametrize("depth", [10, 63, 64, 65, 200, 5000])
def test_deep_lists_are_refused_or_right(depth):
    data = 1.5
    for _ in range(depth):
        data = [data]
    try:
        t = torch.tensor(data)
    except (ValueError, RuntimeError, RecursionError, TypeError) as error:
        assert str(error)
        return
    assert t.dim() == depth and t.item() == 1.5


def test_list_that_holds_itself_is_refused():
    data = [1]
    data[0] = data
    with pytest.raises((ValueError, RuntimeError, RecursionError, TypeError)):
        torch.tensor(data)


def test_low_recursion_limit_leaves_backward_whole():
    before, depth = sys.getrecursionlimit(), len(list(iter_frames()))
    x = leaf([1.0, 2.0])
    y = x
    for _ in range(3000):
        y = y * 1.0
    seen = []
    y.register_hook(lambda g: seen.append(1))
    sys.setrecursionlimit(depth + 60)
    try:
        y.sum().backward()
        text = repr(x)
        with pytest.raises(RecursionError):
            forever = lambda: forever() + x  # noqa: E731
            forever()
    finally:
        sys.setrecursionlimit(before)
    assert x.grad.tolist() == [1.0, 1.0] and seen == [1] and text.startswith("tensor(")


def iter_frames():
    frame = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


class Broken(torch.Tensor):
    """A subclass that cannot be made."""

    def __new__(cls, *arguments):
        raise ValueError("not made")


class Odd(torch.Tensor):
    """A subclass whose __new__ returns something else."""

    def __new__(cls, *arguments):
        return 3


def test_subclasses_that_cannot_be_made():
    with pytest.raises(ValueError, match="not made"):
        Broken([1.0])
    assert Odd([1.0]) == 3
    t = torch.ones(2).as_subclass(Broken)
    assert type(t) is Broken and t.sum().item() == 2.0
    x = leaf([1.0, 2.0])
    (x.as_subclass(Broken) * 2).sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_subclass_whose_init_fails_leaves_nothing_behind():
    class Fails(torch.Tensor):
        def __init__(self, *arguments):
            kept.append(weakref.ref(self))
            raise ValueError("init")

    kept = []
    for _ in range(20):
        with pytest.raises(ValueError, match="init"):
            Fails([1.0, 2.0])
    gc.collect()
    assert all(reference() is None for reference in kept)


class Raising(torch.Tensor):
    """A subclass whose attributes raise."""

    @property
    def shape(self):
        raise ValueError("shape")

    @property
    def grad_fn(self):
        raise ValueError("grad_fn")


@rushlight_only
def test_subclass_whose_attributes_raise_still_computes():
    x = leaf([1.0, 2.0])
    y = x.as_subclass(Raising)
    (y * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    with pytest.raises(ValueError, match="shape"):
        y.shape  # noqa: B018


def frombuffer(buffer):
    return torch.frombuffer(buffer, dtype=torch.float32)


@rushlight_only
def test_bytearray_cannot_shrink_under_its_tensor():
    data = bytearray(16)
    t = frombuffer(data)
    view = t[1:3] * 1, t[2:]
    # Deleted further down.
    grow, pop = lambda: data.extend(b"1234" * 1000), lambda: data.pop()  # noqa: F821
    for change in (data.clear, grow, pop):
        with pytest.raises(BufferError):
            change()
    t.fill_(1.5)
    assert bytes(data) == array.array("f", [1.5] * 4).tobytes()
    del data
    gc.collect()
    junk()
    assert t.tolist() == [1.5] * 4 and view[1].tolist() == [1.5] * 2


@rushlight_only
def test_bytearray_may_grow_when_its_tensors_are_gone():
    data = bytearray(16)
    t = frombuffer(data)
    part = t[1:]
    del t
    with pytest.raises(BufferError):
        data.append(1)
    del part
    gc.collect()
    data.append(1)
    assert len(data) == 17


@rushlight_only
def test_array_and_mmap_stay_open_under_their_tensor():
    numbers = array.array("f", [1, 2, 3])
    t = frombuffer(numbers)
    with pytest.raises(BufferError):
        numbers.append(4.0)
    numbers[0] = 7.0
    assert t.tolist() == [7.0, 2.0, 3.0]

    mapped = mmap.mmap(-1, 4096)
    m = frombuffer(mapped)
    with pytest.raises(BufferError):
        mapped.close()
    with pytest.raises((BufferError, SystemError, ValueError)):
        mapped.resize(0) if hasattr(mapped, "resize") else mapped.close()
    m[:4] = 2.0
    assert m.numel() == 1024 and m[:4].tolist() == [2.0] * 4
    del m
    gc.collect()
    mapped.close()


def test_wrong_buffers_are_refused():
    released = memoryview(bytearray(8))
    released.release()
    for wrong in (released, bytearray(0), bytearray(7), "abc", 3, None):
        with pytest.raises((ValueError, TypeError, RuntimeError)):
            torch.frombuffer(wrong, dtype=torch.float32)


@rushlight_only
def test_parts_outside_the_buffer_are_refused():
    for options in ({"offset": -4}, {"offset": 2**62}, {"count": 2**62}, {"count": 0}):
        with pytest.raises((ValueError, RuntimeError, OverflowError)):
            torch.frombuffer(bytearray(16), dtype=torch.float32, **options)


@rushlight_only
@pytest.mark.parametrize("order", range(6))
def test_parts_of_a_graph_may_die_in_any_order(order):
    import itertools

    order = list(itertools.permutations(range(3)))[order]
    x = leaf([1.0, 2.0])
    parts = [x, x * 2, None]
    parts[2] = (parts[1] * x).sum()
    node = parts[2].grad_fn
    watched = [weakref.ref(part) for part in parts]
    del x
    for which in order:
        parts[which] = None
        gc.collect()
    assert watched[2]() is None
    assert len(node.next_functions) == 1
    del node
    gc.collect()
    assert all(watch() is None for watch in watched)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300, 1e-300])
def test_odd_numbers_as_scalars(value):
    x = leaf([1.0, -1.0, 0.0])
    y = (x * value + value - x / value) ** 2
    y.sum().backward()
    assert x.grad.shape == (3,) and repr(y) and y.tolist()
    for wrong in (lambda: torch.ones(value), lambda: x.sum(value), lambda: x.view(value)):
        with pytest.raises((TypeError, OverflowError, ValueError, RuntimeError)):
            wrong()
    with pytest.raises((RuntimeError, OverflowError, ValueError, TypeError)):
        torch.arange(0, 1, value) if value != value or value < 0 else torch.arange(0, value, 1e-320)

"""``__torch_function__`` of classes that raise, recurse, change under the call or keep things."""

import gc
import operator
import sys
import weakref

import pytest
from support import rushlight_only, torch
from torch_function_classes import Duck, Named, Recorder, Sub, recorder

# How a class is looked up depends on the interpreter.
pytestmark = pytest.mark.python_versions


def test_exception_inside_comes_out():
    class Raises(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            raise KeyError(func.__name__)

    x = torch.ones(2).as_subclass(Raises)
    for call in (
        lambda: x + 1,
        lambda: torch.exp(x),
        lambda: x.shape,
        lambda: setattr(x, "grad", None),
        lambda: x[0],
        lambda: x.__setitem__(0, 1),
        lambda: len(x),
        lambda: bool(x),
        lambda: list(x),
        lambda: 1 in x,
        lambda: repr(x),
        lambda: torch.stack([x]),
    ):
        with pytest.raises(KeyError):
            call()


@rushlight_only  # PyTorch takes it for NotImplemented
def test_type_error_inside_an_operator_comes_out():
    class Raises(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            raise TypeError("my own")

    with pytest.raises(TypeError, match="^my own$"):
        torch.ones(1).as_subclass(Raises) + 1


def test_endless_recursion_is_an_error():
    class Endless(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    x = torch.ones(2).as_subclass(Endless)
    for call in (lambda: torch.exp(x), lambda: x.shape, lambda: x[0], lambda: torch.stack([x])):
        with pytest.raises(RecursionError):
            call()


def test_results_of_the_wrong_type_are_refused_where_python_needs_a_type():
    x = torch.ones(2).as_subclass(Named)
    for call in (
        lambda: bool(x),
        lambda: len(x),
        lambda: float(x),
        lambda: int(x),
        lambda: repr(x),
        lambda: [1][x],
    ):
        with pytest.raises(TypeError):
            call()
    assert (1 in x) is True


@pytest.mark.parametrize("value", [None, 3, "text"])
def test_protocol_that_cannot_be_called(value):
    class Broken(torch.Tensor):
        __torch_function__ = value

    x = torch.ones(1).as_subclass(Broken)
    with pytest.raises(TypeError):
        torch.exp(x)
    with pytest.raises(TypeError):
        x + 1


def test_class_that_deletes_its_protocol_in_the_call():
    class Gone(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            del cls.__torch_function__
            return "last"

    x = torch.ones(1).as_subclass(Gone)
    assert torch.exp(x) == "last" and type(torch.exp(x)) is Gone


def test_list_that_changes_while_it_is_read():
    class Clears:
        def __getattr__(self, name):
            items.clear()
            gc.collect()
            raise AttributeError(name)

    items = [torch.ones(1), Clears(), torch.ones(1).as_subclass(Sub)]
    with pytest.raises((TypeError, RuntimeError)):
        torch.stack(items)


def test_attribute_look_up_that_fails_is_an_error_not_a_miss():
    class Fails:
        def __getattr__(self, name):
            raise KeyError(name)

    with pytest.raises((KeyError, TypeError)):
        torch.add(Fails(), 1)


def test_self_referential_result_is_an_error_or_kept():
    loop = []
    loop.append(loop)
    with pytest.raises(RecursionError):
        Sub.__torch_function__(lambda: loop, ())


def test_nothing_is_held_after_a_call():
    class Held(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return super().__torch_function__(func, types, args, kwargs)

    x = torch.ones(2).as_subclass(Held)
    marker = Duck()
    for _ in range(3):
        for call in (
            lambda: x + 1,
            lambda: torch.add(x, 1, alpha=2),
            lambda: x.shape,
            lambda: x[0],
            lambda: torch.stack([x, x]),
            lambda: x.add_(1),
            lambda: len(x),
            lambda: torch.add(marker, 1),
        ):
            call()
    counts = [sys.getrefcount(o) for o in (x, marker, Held, torch.add)]
    for _ in range(100):
        _ = x + 1
        torch.add(x, 1, alpha=2)
        _ = x.shape, x[0], len(x)
        torch.stack([x, x])
        x.add_(1)
        torch.add(marker, 1)
    # Other threads of the test run touch nothing of this.
    after = [sys.getrefcount(o) for o in (x, marker, Held, torch.add)]
    assert all(abs(b - a) <= 2 for a, b in zip(counts, after)), (counts, after)


def test_tensor_of_a_class_with_the_protocol_dies():
    x = recorder()
    _ = x + 1, x[0], x.shape
    dead = weakref.ref(x)
    Recorder.calls.clear()
    del x, _
    gc.collect()
    assert dead() is None


def test_floor_division_is_taken_over():
    class Takes:
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            return function.__name__

    x = torch.ones(2, dtype=torch.uint8)
    assert x // Takes() == "__floordiv__" and Takes() // x == "__rfloordiv__"  # ended the process
    assert torch.floor_divide(x, Takes()) == "floor_divide"


def test_class_is_no_operand_though_it_has_the_method():
    x = torch.ones(2)
    for apply in (operator.add, operator.floordiv, operator.truediv, operator.matmul):
        with pytest.raises(TypeError, match="unsupported operand type"):
            apply(x, torch.Tensor)
    with pytest.raises(TypeError, match=r"^relu\(\): argument .input. .* must be Tensor, not"):
        torch.relu(torch.Tensor)

"""Contexts that see every call: ``torch.overrides.TorchFunctionMode``."""

import gc
import importlib
import sys
import threading
import weakref

import pytest
from support import leaf, recorded_warnings, rushlight_only, torch

overrides = importlib.import_module(f"{torch.__name__}.overrides")
BaseTorchFunctionMode = overrides.BaseTorchFunctionMode
TorchFunctionMode = overrides.TorchFunctionMode

# How a class is looked up depends on the interpreter.
pytestmark = pytest.mark.python_versions


class Log(TorchFunctionMode):
    def __init__(self, name="", heard=None):
        super().__init__()
        self.name = name
        self.heard = [] if heard is None else heard

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.heard.append((self.name, func) if self.name else func)
        return func(*args, **(kwargs or {}))


class Sub(torch.Tensor):
    pass


def heard(call):
    with Log() as log:
        call()
    return log.heard


T = torch.Tensor


@pytest.mark.parametrize(
    "call, func",
    [
        (lambda t: t + 1, T.add),
        (lambda t: 1 - t, T.__rsub__),
        (lambda t: -t, T.neg),
        (lambda t: t.exp(), T.exp),
        (lambda t: torch.exp(t), torch.exp),
        (lambda t: torch.zeros(2), torch.zeros),
        (lambda t: torch.tensor([1.0]), torch.tensor),
        (lambda t: torch.as_tensor([1.0]), torch.as_tensor),
        (lambda t: torch.asarray([1.0]), torch.asarray),
        (lambda t: torch.rand(2), torch.rand),
        (lambda t: t.shape, T.shape.__get__),
        (lambda t: t.grad, T.grad.__get__),
        (lambda t: setattr(t, "grad", None), T.grad.__set__),
        (lambda t: t[0], T.__getitem__),
        (lambda t: t.__setitem__(0, 1), T.__setitem__),
        (lambda t: t.dim(), T.dim),
        (lambda t: t.detach(), T.detach),
        (lambda t: t.tolist(), T.tolist),
        (lambda t: bool(t[0]), T.__bool__),
        (lambda t: len(t), T.__len__),
        (lambda t: t == 1, T.__eq__),
        (lambda t: t.clone().add_(1), T.add_),
        (lambda t: repr(t), T.__repr__),
        (lambda t: torch.nn.functional.relu(t), torch.nn.functional.relu),
        (lambda t: torch.autograd.grad((t * 1).sum(), t), torch.autograd.grad),
    ],
)
def test_mode_sees_calls_with_plain_tensors_and_with_none(call, func):
    t = leaf([1.0, 2.0]) if func is torch.autograd.grad else torch.tensor([1.0, 2.0])
    assert heard(lambda: call(t))[-1] == func
    call(t)


def test_mode_does_not_see_itself():
    t = torch.ones(2)

    class Twice(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {})) * 2

    with Twice():
        y = t + 1
    assert y.tolist() == [4.0, 4.0]


def test_modes_nest_and_the_innermost_is_first():
    log = []
    with Log("outer", log), Log("inner", log):
        torch.ones(1)
    assert log == [("inner", torch.ones), ("outer", torch.ones)]
    torch.ones(1)
    assert len(log) == 2


def test_mode_may_be_entered_again_inside_itself():
    log = []
    mode = Log("m", log)
    with mode, mode:
        torch.ones(1)
    assert log == [("m", torch.ones)] * 2


def test_mode_may_stay_on_inside_its_handler():
    class Deep(TorchFunctionMode):
        depth = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.depth += 1
            if self.depth < 3:
                with self:
                    return func(*args, **(kwargs or {}))
            return func(*args, **(kwargs or {}))

    with Deep() as mode:
        torch.ones(1)
    assert mode.depth == 3


def test_mode_comes_before_classes_and_hears_of_them():
    types_seen = []

    class See(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            types_seen.append(types)
            return func(*args, **(kwargs or {}))

    s = torch.ones(1).as_subclass(Sub)
    with See():
        y = torch.add(s, 1)
    assert types_seen == [(Sub,)] and type(y) is Sub


def test_base_mode_changes_nothing():
    with BaseTorchFunctionMode():
        assert torch.add(torch.ones(1), 1, alpha=2).tolist() == [3.0]


def test_exception_leaves_the_mode_where_it_was():
    class Raises(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            raise KeyError(func)

    t = torch.ones(1)
    with Raises():
        for _ in range(2):
            with pytest.raises(KeyError):
                torch.exp(t)
            with pytest.raises(KeyError):
                _ = t.shape
    assert torch.exp(t).shape == (1,)


def test_switches_and_modes():
    t = torch.ones(1)
    with Log() as log:
        with torch._C.DisableTorchFunctionSubclass():
            torch.exp(t)
            _ = t.shape, t.dim()
        assert log.heard == [torch.exp, T.shape.__get__, T.dim]
        log.heard.clear()
        with torch._C.DisableTorchFunction():
            torch.exp(t)
            assert not torch._C._is_torch_function_mode_enabled()
        assert log.heard == []
        assert torch._C._is_torch_function_mode_enabled()
        assert torch._C._len_torch_function_stack() == 1
        assert torch._C._get_function_stack_at(0) is log
    assert torch._C._len_torch_function_stack() == 0


def test_mode_that_implements_nothing():
    class Refuses(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return NotImplemented

    t = torch.ones(1)
    with Refuses() as mode:
        with pytest.raises(TypeError) as caught:
            torch.add(t, 1)
        with pytest.raises(TypeError, match=r"^unsupported operand type\(s\) for \+"):
            t + 1
        with pytest.raises(TypeError, match="^Multiple dispatch failed for 'torch.zeros'"):
            torch.zeros(2)
        with pytest.raises(TypeError, match="^no implementation found for 'torch.nn.functional."):
            torch.nn.functional.relu(t)
        # PyTorch asks the tensor's class, which asks the mode again, until the stack is full.
        with pytest.raises((TypeError, RecursionError)):
            t.dim()
    assert str(caught.value).startswith(
        "Multiple dispatch failed for 'torch.add'; all __torch_function__ handlers returned "
        f"NotImplemented:\n\n  - mode object {mode!r}\n"
    )


def test_mode_without_a_handler_or_with_a_wrong_one():
    class Empty(TorchFunctionMode):
        pass

    class OfClass(TorchFunctionMode):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return 5

    t = torch.ones(1)
    with Empty(), pytest.raises(NotImplementedError):
        torch.add(t, 1)
    with (
        OfClass(),
        pytest.raises(
            RuntimeError,
            match="^Defining your mode's `__torch_function__` as a classmethod is not supported, "
            "please make it a plain method",
        ),
    ):
        torch.add(t, 1)


def test_leaving_more_than_was_entered():
    with pytest.raises(RuntimeError, match="^trying to pop from empty mode stack"):
        Log().__exit__(None, None, None)


def test_modes_left_in_another_order():
    log = []
    first, second = Log("first", log), Log("second", log)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    torch.ones(1)
    second.__exit__(None, None, None)
    # Leaving takes the innermost away, whoever asks.
    assert log == [("first", torch.ones)]
    assert torch._C._len_torch_function_stack() == 0


def test_handler_that_leaves_and_enters_modes():
    class Leaves(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            if torch._C._len_torch_function_stack():
                torch._C._pop_torch_function_stack()
            return func(*args, **(kwargs or {}))

    outer = Log()
    outer.__enter__()
    with Leaves():
        torch.ones(1)
        assert torch._C._len_torch_function_stack() == 1
    assert torch._C._len_torch_function_stack() == 0 and outer.heard == []


def test_mode_belongs_to_its_thread():
    counts = []

    def other():
        counts.append(torch._C._len_torch_function_stack())
        with Log() as log:
            torch.zeros(1)
        counts.append(len(log.heard))

    with Log() as log:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    assert counts == [0, 1] and log.heard == []


def test_thread_that_ends_inside_a_mode_lets_it_go():
    refs = []

    def other():
        mode = Log()
        refs.append(weakref.ref(mode))
        mode.__enter__()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    del thread
    for _ in range(100):  # the thread itself ends a little after join()
        gc.collect()
        if refs[0]() is None:
            break
        threading.Event().wait(0.01)
    assert refs[0]() is None


@rushlight_only
def test_only_modes_are_entered():
    with pytest.raises(TypeError, match="^a mode has a method __torch_function__, and int has"):
        torch._C._push_on_torch_function_stack(3)


def test_push_is_deprecated():
    with recorded_warnings() as caught:
        mode = Log.push()
    assert type(mode) is Log and len(caught) == 1
    assert str(caught[0].message).startswith("`Mode.push()` is no longer necessary")


def test_endless_recursion_is_an_error():
    class Endless(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            with self:
                return func(*args, **(kwargs or {}))

    t = torch.ones(1)
    with Endless():
        for call in (lambda: torch.zeros(1), lambda: T.shape.__get__(t)):
            with pytest.raises(RecursionError):
                call()
    assert torch._C._len_torch_function_stack() == 0


def test_backward_and_hooks_inside_a_mode():
    x = leaf([1.0, 2.0])
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    with Log() as log:
        (x * 3).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0] and seen == [[3.0, 3.0]]
    # The handler carries backward() out with the mode left, hooks and all.
    assert log.heard == [T.mul, T.sum, T.backward]


def test_mode_holds_nothing_after_it_was_left():
    t, mode = torch.ones(1), Log()
    dead = weakref.ref(mode)
    with mode:
        torch.exp(t)
        _ = t.shape
    before = sys.getrefcount(torch.exp)
    for _ in range(50):
        with mode:
            torch.add(t, 1)
            t.view(1)
            _ = t[0]
        mode.heard.clear()
    assert abs(sys.getrefcount(torch.exp) - before) <= 2
    del mode, _
    gc.collect()
    assert dead() is None

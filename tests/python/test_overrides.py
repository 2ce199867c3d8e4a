"""``torch.overrides``: functions of Python that can be taken over, and the lists of those."""

import importlib
import inspect
import pickle

import pytest
from support import recorded_warnings, rushlight_only, torch

overrides = importlib.import_module(f"{torch.__name__}.overrides")
F = torch.nn.functional


class Duck:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return "duck", func, types, args, kwargs


class Silent:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return NotImplemented


class Sub(torch.Tensor):
    pass


def half(a, b=2):
    if overrides.has_torch_function((a, b)):
        return overrides.handle_torch_function(half, (a, b), a, b=b)
    return "half"


def test_function_that_asks_for_overrides():
    t, s = torch.ones(1), torch.ones(1).as_subclass(Sub)
    assert half(t, t) == half(1, 2) == half(s, t) == "half"
    d = Duck()
    assert half(d, 3) == ("duck", half, (Duck,), (d,), {"b": 3})
    assert half(s, d)[2] == (Sub, Duck) and half(t, d)[2] == (torch.Tensor, Duck)


def test_function_that_nobody_implements():
    with pytest.raises(TypeError) as caught:
        half(Silent(), torch.ones(1).as_subclass(Sub))
    assert str(caught.value) == (
        f"no implementation found for '{__name__}.half' on types that implement "
        f"__torch_function__: [{Silent!r}, {Sub!r}]"
    )


def test_plain_method_is_deprecated():
    class Plain:
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return "plain"

    with recorded_warnings() as caught:
        assert half(Plain()) == "plain"
    assert [w.category for w in caught] == [DeprecationWarning]
    assert str(caught[0].message) == (
        "Defining your `__torch_function__ as a plain method is deprecated and will be an error in "
        "future, please define it as a classmethod."
    )


def test_has_torch_function():
    has, unary = overrides.has_torch_function, overrides.has_torch_function_unary
    variadic = overrides.has_torch_function_variadic
    t, s, p = torch.ones(1), torch.ones(1).as_subclass(Sub), torch.nn.Parameter(torch.ones(1))
    for plain in (t, p, 3, None, "a", object()):
        assert not has((plain,)) and not unary(plain) and not variadic(plain, 1)
    for other in (s, Duck()):
        assert has([t, other]) and unary(other) and variadic(t, 1, other)
    assert not has(()) and not variadic()
    with pytest.raises(TypeError, match="^expected a sequence$"):
        has(3)
    with torch._C.DisableTorchFunctionSubclass():
        assert not has((s,)) and not unary(s) and not variadic(s)
    with overrides.BaseTorchFunctionMode():
        assert unary(t) and has((3,)) and not has(())


def test_wrap_torch_function():
    @overrides.wrap_torch_function(lambda a, b: (a,))
    def wrapped(a, b):
        """What it does."""
        return "own"

    assert wrapped(torch.ones(1), Duck()) == "own" and wrapped.__doc__ == "What it does."
    assert wrapped(Duck(), 1)[:2] == ("duck", wrapped)


def test_is_tensor_like():
    like = overrides.is_tensor_like
    assert like(torch.ones(1)) and like(torch.ones(1).as_subclass(Sub)) and like(Duck())
    assert not like(6) and not like(None) and not like(object())


FUNCTIONAL = {
    "relu": lambda x: F.relu(x),
    "mse_loss": lambda x: F.mse_loss(x, torch.ones(2)),
    "l1_loss": lambda x: F.l1_loss(torch.ones(2), x, reduction="sum"),
    "softsign": lambda x: F.softsign(x),
}


@pytest.mark.parametrize("name", FUNCTIONAL)
def test_functional_is_taken_over_as_a_whole(name):
    heard = []

    class Hears(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            heard.append(func)
            return super().__torch_function__(func, types, args, kwargs)

    x = torch.tensor([-1.0, 2.0])
    y = FUNCTIONAL[name](x.as_subclass(Hears))
    assert heard == [getattr(F, name)] and type(y) is Hears
    assert y.tolist() == FUNCTIONAL[name](x).tolist()


def test_functions_with_tensors_in_a_sequence_are_taken_over():
    assert torch.broadcast_tensors(torch.ones(1), Duck())[0] == "duck"
    said, func, types, args, kwargs = torch.autograd.grad([Duck()], Duck())
    assert said == "duck" and func is torch.autograd.grad and types == (Duck,)


def test_function_that_can_be_taken_over_looks_like_any_other():
    function = F.mse_loss
    assert function.__name__ == "mse_loss" and callable(function) and function.__doc__
    assert list(inspect.signature(function).parameters)[:2] == ["input", "target"]
    assert pickle.loads(pickle.dumps(function)) is function
    assert repr(function).startswith("<function mse_loss")
    assert {function: 1}[F.mse_loss] == 1

    class Holder:
        method = function

    assert Holder().method.__self__ is not None
    with pytest.raises(TypeError):
        function()


# --- the lists


def test_resolve_name():
    name = overrides.resolve_name
    assert name(torch.add) == "torch.add" and name(torch.Tensor.add) == "torch.Tensor.add"
    assert name(torch.Tensor.shape.__get__) == "torch.Tensor.shape.__get__"
    assert name(torch.Tensor.grad.__set__) == "torch.Tensor.grad.__set__"
    assert name(F.relu) == "torch.nn.functional.relu"
    assert name(torch.Tensor.__rsub__) == "torch.Tensor.__rsub__"
    assert name(half) is None


def test_overridable_functions_by_namespace():
    found = overrides.get_overridable_functions()
    assert torch.add in found[torch] and torch.stack in found[torch]
    assert torch.Tensor.add in found[torch.Tensor] and F.relu in found[F]
    assert torch.Tensor.shape.__get__ in found[torch.Tensor.shape]
    assert torch.Tensor.__getitem__ in found[torch.Tensor]
    assert torch.is_tensor not in found[torch] and torch.no_grad not in found[torch]


def test_ignored_functions_are_not_overridable():
    ignored = overrides.get_ignored_functions()
    assert torch.is_tensor in ignored and torch.add not in ignored
    found = overrides.get_overridable_functions()
    assert not any(f in ignored for functions in found.values() for f in functions)


def test_testing_overrides_have_the_functions_signatures():
    dummies = overrides.get_testing_overrides()
    assert dummies[torch.add](1, 2) == -1 and dummies[torch.Tensor.exp](1) == -1
    assert dummies[torch.Tensor.shape.__get__](1) == -1
    assert all(callable(dummy) for dummy in dummies.values())
    with pytest.raises(TypeError):
        dummies[torch.exp]()


def test_tensor_methods_and_properties():
    is_one = overrides.is_tensor_method_or_property
    assert is_one(torch.Tensor.add) and is_one(torch.Tensor.shape.__get__)
    assert is_one(torch.Tensor.__getitem__) and not is_one(torch.add)


def test_nowrap_functions():
    assert torch.Tensor.grad.__get__ in overrides.get_default_nowrap_functions()
    assert torch.Tensor.data.__get__ not in overrides.get_default_nowrap_functions()


@rushlight_only
def test_every_overridable_function_asks_a_duck_or_a_mode():
    """The lists are made from the package itself: what they say is tried here on every function."""
    heard = []

    class Mode(overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            heard.append(func)
            return -1

    class Hears(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            heard.append(func)
            return -1

    silent = []
    for namespace, functions in overrides.get_overridable_functions().items():
        if namespace is torch.Tensor or inspect.isgetsetdescriptor(namespace):
            continue
        for function in functions:
            heard.clear()
            needed = {"size": 2} if function is torch.nonzero_static else {}
            for n in range(6):
                try:
                    with Mode():
                        function(*[Duck()] * n, **needed)
                except TypeError:
                    continue
                if heard:
                    break
            if not heard:
                silent.append(overrides.resolve_name(function))
    assert silent == []


@rushlight_only
def test_what_is_no_function_is_not_made_overridable():
    with pytest.raises(TypeError, match=r"^_overridable\(\) takes a function, not int$"):
        torch._C._overridable(3)

"""Hooks around a module's call: order, what they may change, and what happens on an exception."""

import copy
import pickle

import pytest
from support import recorded_warnings, rushlight_only, torch

nn = torch.nn
module_functions = torch.nn.modules.module


class Add(nn.Module):
    def forward(self, x, y=1):
        return x + y


class Fails(nn.Module):
    def forward(self, x):
        raise ValueError("forward failed")


def test_call_passes_arguments_to_forward():
    m = Add()
    assert m(torch.ones(1), y=3).item() == 4 and m(torch.ones(1), 5).item() == 6
    assert m.__call__(torch.ones(1)).item() == 2


def test_call_of_a_module_without_forward_raises():
    with pytest.raises(NotImplementedError) as caught:
        nn.Module()(1)
    assert str(caught.value) == 'Module [Module] is missing the required "forward" function'


def test_call_before_init_raises():
    class Early(nn.Module):
        def __init__(self):
            pass

        def forward(self, x):
            return x

    with pytest.raises(AttributeError, match="'Early' object has no attribute '_backward_hooks'"):
        Early()(1)


def test_forward_assigned_to_the_instance_is_called():
    m = Add()
    m.forward = lambda x: x * 10
    assert m(torch.ones(1)).item() == 10


def test_call_defined_by_a_class_is_used():
    class Twice(Add):
        def __call__(self, *args, **kwargs):
            return super().__call__(*args, **kwargs) * 2

    assert Twice()(torch.ones(1)).item() == 4


def test_hooks_run_in_order_around_forward():
    m, seen = Add(), []
    m.register_forward_pre_hook(lambda mod, args: seen.append(("pre", len(args))))
    m.register_forward_hook(lambda mod, args, out: seen.append(("post", out.item())))
    m.register_forward_pre_hook(lambda mod, args: seen.append("first"), prepend=True)
    m.register_forward_hook(lambda mod, args, out: seen.append("earlier"), prepend=True)
    m(torch.ones(1))
    assert seen == ["first", ("pre", 1), "earlier", ("post", 2)]


def test_hooks_may_change_arguments_and_result():
    m = Add()
    m.register_forward_pre_hook(lambda mod, args: args[0] * 10)
    m.register_forward_pre_hook(
        lambda mod, args, kwargs: (args, {"y": kwargs.get("y", 0) + 5}), with_kwargs=True
    )
    m.register_forward_hook(lambda mod, args, kwargs, out: out * kwargs["y"], with_kwargs=True)
    assert m(torch.ones(1), y=2).item() == (10 + 7) * 7


def test_pre_hook_with_kwargs_that_returns_something_else_raises():
    m = Add()
    m.register_forward_pre_hook(lambda mod, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match="forward pre-hook must return None or a tuple of"):
        m(torch.ones(1))


def test_removed_hook_is_not_called():
    m, seen = Add(), []
    with m.register_forward_hook(lambda mod, args, out: seen.append(1), with_kwargs=False):
        m(torch.ones(1))
    handle = m.register_forward_pre_hook(lambda *a: seen.append(2), with_kwargs=True)
    handle.remove()
    m(torch.ones(1))
    assert seen == [1]
    assert not m._forward_hooks and not m._forward_pre_hooks_with_kwargs


def test_hooks_cleared_by_hand_are_not_called():
    m = Add()
    m.register_forward_hook(lambda *a: 1 / 0)
    m._forward_hooks.clear()
    assert m(torch.ones(1)).item() == 2


def test_global_hooks_see_every_module_and_run_first():
    m, seen = nn.Module(), []
    m.inner = Add()
    m.forward = lambda x: m.inner(x)
    m.inner.register_forward_hook(lambda mod, args, out: seen.append("own"))
    before = module_functions.register_module_forward_pre_hook(
        lambda mod, args: seen.append(type(mod).__name__)
    )
    after = module_functions.register_module_forward_hook(
        lambda mod, args, kwargs, out: seen.append(len(kwargs)), with_kwargs=True
    )
    try:
        m(torch.ones(1))
    finally:
        before.remove()
        after.remove()
    assert seen == ["Module", "Add", 0, "own", 0]
    seen.clear()
    m(torch.ones(1))
    assert seen == ["own"]


def test_always_called_hook_runs_after_an_exception():
    m, seen = Fails(), []
    m.register_forward_hook(lambda mod, args, out: seen.append("never"))
    m.register_forward_hook(lambda mod, args, out: seen.append(out), always_call=True)
    with pytest.raises(ValueError, match="forward failed"):
        m(1)
    assert seen == [None]


def test_always_called_hook_runs_once():
    m, seen = Add(), []
    m.register_forward_hook(lambda mod, args, out: seen.append("always"), always_call=True)

    def fails(mod, args, out):
        raise ValueError("hook failed")

    m.register_forward_hook(fails)
    with pytest.raises(ValueError, match="hook failed"):
        m(torch.ones(1))
    assert seen == ["always"]


def test_always_called_hook_that_fails_too_warns():
    m = Fails()

    def fails(mod, args, out):
        raise KeyError("second")

    m.register_forward_hook(fails, always_call=True)
    with recorded_warnings() as caught, pytest.raises(ValueError, match="forward failed"):
        m(1)
    assert [str(w.message) for w in caught] == [
        "module forward hook with ``always_call=True`` raised an exception that was silenced as "
        "another error was raised in forward: 'second'"
    ]


def test_hooks_are_kept_by_copies_and_pickles():
    m = Add()
    handle = m.register_forward_hook(str, with_kwargs=True)
    for other in (copy.deepcopy(m), pickle.loads(pickle.dumps(m))):
        assert list(other._forward_hooks) == [handle.id] == list(other._forward_hooks_with_kwargs)
        other._forward_hooks.clear()
    assert m._forward_hooks


@rushlight_only
def test_node_made_in_forward_knows_the_line_of_forward():
    out = Add()(torch.ones(1, requires_grad=True))
    assert out.grad_fn.site.lineno == Add.forward.__code__.co_firstlineno + 1
    m = Add()
    m.register_forward_hook(lambda mod, args, result: None)
    assert m(torch.ones(1, requires_grad=True)).grad_fn.site.expression == "x + y"

"""Tensor hooks, their handles, and ``retain_grad``."""

import collections
import gc
import pickle
import weakref

import pytest
from support import assert_values, leaf, torch

if torch.__name__ == "torch":
    from torch.utils.hooks import RemovableHandle
else:
    from rushlight.utils.hooks import RemovableHandle


def test_hooks_of_a_leaf_run_in_order_and_replace_the_gradient():
    x = leaf([1.0, 2.0])
    x.register_hook(lambda g: g * 2)
    x.register_hook(lambda g: g + 1)
    x.sum().backward()
    assert_values(x.grad, [3.0, 3.0])


def test_hook_that_returns_none_only_looks():
    x = leaf([1.0, 2.0])
    seen = []
    x.register_hook(lambda g: seen.append(g.tolist()))
    (x * 3).sum().backward()
    assert seen == [[3.0, 3.0]]
    assert_values(x.grad, [3.0, 3.0])


def test_hook_of_a_computed_tensor_changes_what_flows_on():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.register_hook(lambda g: g * 10)
    (y * 3).sum().backward()
    assert_values(x.grad, [60.0, 60.0])


def test_hook_sees_the_whole_gradient_once():
    x = leaf([1.0])
    y = x * 2
    seen = []
    y.register_hook(lambda g: seen.append(g.item()))
    (y + y * 2 + y * 3).backward()
    assert seen == [6.0]


def test_hook_registered_twice_runs_twice():
    x = leaf([1.0])
    hook = lambda g: g * 2  # noqa: E731
    x.register_hook(hook)
    x.register_hook(hook)
    (x * 1).backward()
    assert_values(x.grad, [4.0])


def test_removed_hook_does_not_run():
    x = leaf([1.0])
    first = x.register_hook(lambda g: g * 2)
    second = x.register_hook(lambda g: g * 5)
    first.remove()
    (x * 1).backward()
    assert_values(x.grad, [5.0])
    second.remove()
    x.grad = None
    (x * 1).backward()
    assert_values(x.grad, [1.0])


def test_handle_is_a_context_and_remove_is_idempotent():
    x = leaf([1.0])
    with x.register_hook(lambda g: g * 5) as handle:
        assert isinstance(handle, RemovableHandle)
        x.sum().backward()
    x.sum().backward()
    assert x.grad.item() == 6.0
    handle.remove()
    handle.remove()


def test_handle_outlives_its_tensor():
    x = leaf([1.0])
    handle = x.register_hook(lambda g: g)
    assert handle.hooks_dict_ref()
    gone = weakref.ref(x)
    del x
    gc.collect()
    assert gone() is None and handle.hooks_dict_ref() is None  # the handle keeps neither alive
    assert handle.remove() is None


def test_hook_on_a_tensor_without_grad_is_refused():
    with pytest.raises(
        RuntimeError, match="^cannot register a hook on a tensor that doesn't require gradient"
    ):
        torch.ones(2).register_hook(lambda g: g)


def test_hook_that_is_not_callable_fails_in_backward():
    x = leaf([1.0])
    x.register_hook(1)
    with pytest.raises(TypeError, match="not callable"):
        (x * 1).backward()


def test_hook_must_return_a_tensor_of_the_same_size():
    x = leaf([1.0, 2.0])
    handle = x.register_hook(lambda g: "text")
    with pytest.raises(TypeError, match="^expected Variable, but hook returned 'str'"):
        x.sum().backward()
    handle.remove()
    x.register_hook(lambda g: torch.ones(3))
    with pytest.raises(RuntimeError, match="has changed the size of value"):
        x.sum().backward()
    assert x.grad is None


def test_hook_may_be_removed_while_hooks_run():
    x = leaf([1.0])
    handles = []
    handles.append(x.register_hook(lambda g: handles[1].remove()))
    handles.append(x.register_hook(lambda g: g * 100))
    (x * 1).backward()
    x.grad = None
    (x * 1).backward()
    assert_values(x.grad, [1.0])


def test_hook_registered_by_a_hook_runs_from_the_next_time():
    x = leaf([1.0])
    added = []

    def adds(g):
        if not added:
            added.append(x.register_hook(lambda g: g * 100))

    x.register_hook(adds)
    (x * 1).backward()
    first = x.grad.item()
    x.grad = None
    (x * 1).backward()
    assert first in (1.0, 100.0) and x.grad.item() == 100.0


def test_hooks_stay_with_the_value_they_were_registered_on():
    x = leaf([1.0])
    y = x * 2
    seen = []
    y.register_hook(lambda g: seen.append(("before mul_", g.item())))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("after mul_", g.item())))
    y.backward()
    assert seen == [("after mul_", 1.0), ("before mul_", 3.0)]


def test_hook_is_dropped_with_its_tensor():
    class Witness:
        pass

    witness = Witness()
    x = leaf([1.0])
    y = x * 2
    y.register_hook(lambda g, w=witness: None)
    ref = weakref.ref(witness)
    del witness, y
    gc.collect()
    assert ref() is None


def test_hook_that_captures_its_leaf_is_collected():
    class Witness:
        pass

    witness = Witness()
    x = leaf([1.0])
    x.register_hook(lambda g, w=witness, x=x: None)
    ref = weakref.ref(witness)
    del witness, x
    gc.collect()
    assert ref() is None


# --- retain_grad --------------------------------------------------------------------------------


def test_post_accumulate_hook_may_return_the_leaf_and_nothing_else():
    # The leaf itself was refused.
    x = leaf([1.0, 2.0])
    x.register_post_accumulate_grad_hook(lambda p: p).remove()
    for hook, kind, sentence in [
        (lambda p: p, None, ""),
        (lambda p: p * 1, RuntimeError, "Tensor post accumulate grad hooks should return None."),
        (lambda p: torch.ones(3), RuntimeError, "hook '<lambda>' has changed the size of value"),
        (lambda p: 1, TypeError, "expected Variable, but hook returned 'int'"),
    ]:
        with x.register_post_accumulate_grad_hook(hook):
            if kind is None:
                (x * 2).sum().backward()
                continue
            with pytest.raises(kind) as error:
                (x * 2).sum().backward()
            assert str(error.value).startswith(sentence)


def test_hooks_of_every_version_of_a_tensor_run_for_that_version():
    x = leaf([1.0, 2.0])
    y = x * 2
    seen = []
    y.retain_grad()
    y.register_hook(lambda g: seen.append((0, g.tolist())))
    y.mul_(3)
    y.register_hook(lambda g: seen.append((1, g.tolist())))
    y.mul_(5)
    y.register_hook(lambda g: seen.append((2, g.tolist())))
    y.sum().backward()
    assert seen == [(2, [1.0, 1.0]), (1, [5.0, 5.0]), (0, [15.0, 15.0])]
    assert y.grad.tolist() == [1.0, 1.0]


def test_retained_gradients_of_a_base_and_its_view_after_writes_through_both():
    x = leaf([1.0, 2.0])
    y = x * 2
    view = y[:1]
    view.retain_grad()
    y.retain_grad()
    view.mul_(3)
    y.mul_(2)
    (y.sum() + view.sum()).backward()
    assert view.grad.tolist() == [1.0] and y.grad.tolist() == [2.0, 1.0]
    assert x.grad.tolist() == [24.0, 4.0]
    assert view.retains_grad and y.retains_grad


def test_hook_of_a_view_stays_behind_when_its_base_is_written():
    x = leaf([1.0, 2.0])
    y = x * 2
    view = y.view(2)
    seen = []
    view.register_hook(lambda g: seen.append("view"))
    y.register_hook(lambda g: seen.append(g.tolist()))
    y.mul_(3)
    (view * 2).sum().backward()
    assert seen == [[6.0, 6.0]]


class AddOne(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.add_(1)

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_hooks_and_retained_gradient_across_a_function_that_writes():
    x = leaf([1.0])
    y = x * 1
    seen = []
    y.retain_grad()
    y.register_hook(lambda g: seen.append(("before", g.item())))
    assert AddOne.apply(y) is y
    y.register_hook(lambda g: seen.append(("after", g.item())))
    (y * 3).backward()
    assert seen == [("after", 3.0), ("before", 6.0)] and y.grad.item() == 3.0


def test_hook_may_write_into_the_gradient():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.register_hook(lambda g: g.mul_(2) is None or None)
    (y * y).sum().backward()
    assert_values(x.grad, [16.0, 32.0])


def test_gradient_that_a_hook_keeps_stays_as_it_was():
    x = leaf([1.0, 2.0])
    kept = []
    x.register_hook(kept.append)
    (x * x).sum().backward()
    (x * x).sum().backward()
    assert [g.tolist() for g in kept] == [[2.0, 4.0], [2.0, 4.0]]


def test_hooks_registered_further_on_run_in_the_same_pass():
    x = leaf([1.0])
    y = x * 2
    seen = []
    y.register_hook(lambda g: x.register_hook(lambda g: seen.append("leaf")) and None)
    y.register_hook(lambda g: y.retain_grad())
    y.backward()
    assert seen == ["leaf"] and y.grad.item() == 1.0


def test_retain_grad_keeps_the_gradient_of_a_computed_tensor():
    x = leaf([1.0, 2.0])
    y = x * 2
    assert not y.retains_grad
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad and not x.retains_grad
    (y * y).sum().backward()
    assert_values(y.grad, [4.0, 8.0])
    assert_values(x.grad, [8.0, 16.0])


def test_retain_grad_sees_what_the_hooks_made():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    y.sum().backward()
    assert_values(y.grad, [10.0, 10.0])


def test_retain_grad_does_nothing_on_a_leaf_and_refuses_without_grad():
    x = leaf([1.0])
    x.retain_grad()
    assert not x.retains_grad
    with pytest.raises(RuntimeError, match="^can't retain_grad on Tensor that has requires_grad=F"):
        torch.ones(1).retain_grad()


def test_retained_grad_moves_with_an_in_place_change():
    x = leaf([1.0])
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * 5).backward()
    assert_values(y.grad, [5.0])
    assert_values(x.grad, [30.0])


def test_retained_grad_accumulates_not():
    x = leaf([1.0])
    y = x * 2
    y.retain_grad()
    y.backward(retain_graph=True)
    first = y.grad.item()
    y.backward()
    assert (first, y.grad.item()) == (1.0, 2.0)


# --- the handle by itself -----------------------------------------------------------------------


def test_handles_have_ids_of_their_own():
    hooks = collections.OrderedDict()
    a, b = RemovableHandle(hooks), RemovableHandle(hooks)
    assert isinstance(a.id, int) and b.id == a.id + 1
    hooks[a.id], hooks[b.id] = "a", "b"
    a.remove()
    assert list(hooks.values()) == ["b"]
    a.remove()
    b.remove()
    assert not hooks


def test_handle_does_not_keep_the_hooks_alive():
    class Hooks(dict):
        pass

    hooks = Hooks()
    handle = RemovableHandle(hooks)
    ref = weakref.ref(hooks)
    del hooks
    gc.collect()
    assert ref() is None
    handle.remove()


def test_handle_removes_from_extra_dicts():
    Extra = collections.OrderedDict
    hooks, one, two = Extra(), Extra(), Extra()
    handle = RemovableHandle(hooks, extra_dict=[one, two])
    for d in (hooks, one, two):
        d[handle.id] = 1
    handle.remove()
    assert not hooks and not one and not two
    single = RemovableHandle(hooks, extra_dict=one)
    hooks[single.id] = one[single.id] = 1
    single.remove()
    assert not hooks and not one


def test_pickled_handle_and_hooks_stay_together():
    hooks = collections.OrderedDict()
    handle = RemovableHandle(hooks)
    hooks[handle.id] = "hook"
    loaded_hooks, loaded = pickle.loads(pickle.dumps((hooks, handle)))
    assert loaded.id == handle.id
    loaded.remove()
    assert not loaded_hooks and hooks
    assert RemovableHandle(hooks).id > handle.id


def test_handle_pickled_after_its_hooks_died_is_dead():
    handle = RemovableHandle(collections.OrderedDict())
    gc.collect()
    loaded = pickle.loads(pickle.dumps(handle))
    assert loaded.id == handle.id and not loaded.hooks_dict_ref()
    assert loaded.remove() is None

"""Hooks that raise, remove hooks, delete their tensor, collect garbage or form cycles."""

import gc
import weakref

import pytest
from support import leaf, rushlight_only, torch


class Stop(Exception):
    """Raised by a hook."""


def stop(*arguments):
    raise Stop


HOOKS = {
    "result": lambda x, y, h: y.register_hook(h),
    "leaf": lambda x, y, h: x.register_hook(h),
    "after accumulation": lambda x, y, h: x.register_post_accumulate_grad_hook(h),
}


@pytest.mark.parametrize("kind", HOOKS)
def test_hook_that_raises_leaves_a_usable_state(kind):
    x, other = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    y = x * x
    handle = HOOKS[kind](x, y, stop)
    with pytest.raises(Stop):
        (y.sum() + other.sum()).backward(retain_graph=True)
    # The gradient that was being accumulated is there only where the hook comes after it.
    assert x.grad is None or kind == "after accumulation"
    assert torch.is_grad_enabled()
    handle.remove()
    x.grad = other.grad = None
    (y.sum() + other.sum()).backward()
    assert x.grad.tolist() == [2.0, 4.0] and other.grad.tolist() == [1.0, 1.0]


def test_branch_that_ran_before_the_exception_keeps_its_gradient():
    a, b = leaf([1.0]), leaf([2.0])
    early = b * 1  # its node is younger than that of `late`, hence runs first
    late = a * 1
    order = []
    early.register_hook(stop)
    late.register_hook(lambda g: order.append("late"))
    with pytest.raises(Stop):
        (early + late).sum().backward()
    assert order == ["late"] and a.grad.tolist() == [1.0] and b.grad is None


def test_exception_of_a_hook_in_grad_keeps_its_identity():
    x = leaf([1.0])
    y = x * 2
    error = Stop("mine")

    def hook(grad):
        raise error

    y.register_hook(hook)
    with pytest.raises(Stop) as caught:
        torch.autograd.grad(y.sum(), x)
    assert caught.value is error
    assert x.grad is None


def test_interrupt_in_a_hook_passes_through():
    x = leaf([1.0])
    y = x * 2

    def hook(grad):
        raise KeyboardInterrupt

    handle = y.register_hook(hook)
    with pytest.raises(KeyboardInterrupt):
        y.sum().backward(retain_graph=True)
    handle.remove()
    y.sum().backward()
    assert x.grad.tolist() == [2.0]


def test_hook_may_remove_itself_and_others():
    x = leaf([1.0])
    y = x * 2
    ran, handles = [], []

    def first(grad):
        ran.append("first")
        for handle in handles:
            handle.remove()

    def second(grad):
        ran.append("second")

    handles += [y.register_hook(first), y.register_hook(second)]
    y.sum().backward(retain_graph=True)
    assert ran[0] == "first"
    ran.clear()
    y.sum().backward()
    assert ran == [] and x.grad.tolist() == [4.0]


def test_hook_may_add_a_hook_for_the_next_run():
    x = leaf([1.0])
    y = x * 2
    ran = []

    def adds(grad):
        ran.append("adds")
        if len(ran) < 5:
            y.register_hook(lambda g: ran.append("added"))

    y.register_hook(adds)
    y.sum().backward(retain_graph=True)
    y.sum().backward()
    assert ran.count("adds") == 2 and "added" in ran and x.grad.tolist() == [4.0]


def test_tensor_deleted_inside_its_own_hook():
    x = leaf([1.0, 2.0])
    held = {"y": x * 2}
    watch = weakref.ref(held["y"])

    def hook(grad):
        held.clear()
        gc.collect()
        return grad * 3

    held["y"].register_hook(hook)
    loss = (held["y"] * 1).sum()
    loss.backward()
    assert x.grad.tolist() == [6.0, 6.0]
    del loss
    gc.collect()
    assert watch() is None


def test_loss_deleted_inside_a_hook():
    x = leaf([1.0, 2.0])
    y = x.exp()
    held = [(y * y).sum()]
    y.register_hook(lambda g: (held.clear(), gc.collect(), None)[2])
    node = held[0].grad_fn
    held[0].backward()
    assert held == [] and x.grad is not None and node.name() == "SumBackward0"


def test_leaf_deleted_inside_a_hook():
    held = [leaf([1.0, 2.0])]
    y = held[0] * 2
    watch = weakref.ref(held[0])
    y.register_hook(lambda g: held.clear())
    y.sum().backward()
    del y
    gc.collect()
    assert watch() is None


def test_garbage_collection_in_the_middle_of_backward():
    x = leaf([1.0, 2.0])
    y = x
    for i in range(60):
        y = y * 1.0
        if i % 3 == 0:
            y.register_hook(lambda g: (gc.collect(), None)[1])
        cycle = [y * 2]
        cycle.append(cycle)
        cycle[0].register_hook(lambda g, cycle=cycle: None)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_results_that_die_in_the_middle_of_backward_and_have_finalizers():
    class Dies(torch.Tensor):
        # Otherwise the sum would be one of these, and die as well, for ever.
        __torch_function__ = torch._C._disabled_torch_function_impl

        def __del__(self):
            deaths.append(self.sum().item())

    deaths = []
    x = leaf([1.0, 2.0])
    held = [(x * 2).as_subclass(Dies) for _ in range(5)]
    y = x * 3
    y.register_hook(lambda g: held.clear())
    y.sum().backward()
    gc.collect()
    assert deaths == [6.0] * 5 and x.grad.tolist() == [3.0, 3.0]


# Not those that lead from a leaf to its own graph and back, which live as long as in PyTorch.
CYCLES = {
    "tensor": lambda x, y: y.register_hook(lambda g: (y, None)[1]),
    "tensor and leaf": lambda x, y: y.register_hook(lambda g: (x, y, None)[2]),
    "leaf": lambda x, y: x.register_hook(lambda g: (x, None)[1]),
    "node": lambda x, y: y.register_hook(lambda g, node=y.grad_fn: None),
    "after accumulation": lambda x, y: x.register_post_accumulate_grad_hook(lambda p: (x, None)[1]),
    "attribute": lambda x, y: setattr(y, "result", (x, y)),
    "retained": lambda x, y: (y.retain_grad(), setattr(y, "me", [y])),
}


@rushlight_only  # PyTorch keeps the first two
@pytest.mark.parametrize("ran", [False, True], ids=["unused", "after backward"])
@pytest.mark.parametrize("kind", CYCLES)
def test_cycle_through_a_hook_is_collected(kind, ran):
    x = leaf([1.0, 2.0])
    y = x * x
    CYCLES[kind](x, y)
    if ran:
        y.sum().backward()
    watched = [weakref.ref(x), weakref.ref(y)]
    del x, y
    gc.collect()
    assert [watch() for watch in watched] == [None, None]


def test_backward_inside_a_hook_of_another_graph_and_of_the_same():
    x, z = leaf([1.0]), leaf([2.0])
    y = x * 2
    inner = (z * z).sum()

    def hook(grad):
        inner.backward()
        with torch.enable_grad():  # hooks run without it
            (x * 5).sum().backward()

    y.register_hook(hook)
    y.sum().backward()
    assert z.grad.tolist() == [4.0] and x.grad.tolist() == [7.0]


def test_hook_that_changes_the_gradient_in_place_changes_what_follows_it():
    x = leaf([1.0, 2.0])
    y = x * 2

    def hook(grad):
        grad.mul_(10)

    y.register_hook(hook)
    (y * 1).sum().backward()
    assert x.grad.tolist() == [20.0, 20.0]


def test_hook_that_drops_the_gradient_of_its_leaf():
    x = leaf([1.0])
    x.grad = torch.ones(1)
    x.register_hook(lambda g: setattr(x, "grad", None))
    (x * 2).sum().backward()
    assert x.grad.tolist() == [2.0]


def test_many_hooks_and_handles_of_dead_tensors():
    handles, ran = [], []
    for _ in range(200):
        x = leaf([1.0])
        y = x * 2
        handles += [y.register_hook(ran.append) for _ in range(5)]
        y.sum().backward()
    del x, y
    gc.collect()
    for handle in handles:
        handle.remove()
        handle.remove()
    assert len(ran) == 1000

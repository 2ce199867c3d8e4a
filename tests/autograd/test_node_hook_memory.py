"""Hooks of graph nodes die with the node, also where they capture what is around it."""

import gc
import weakref

import pytest
from support import leaf, rushlight_only, torch


class Twice(torch.autograd.Function):
    """x and 2x."""

    @staticmethod
    def forward(ctx, x):
        return x * 1, x * 2

    @staticmethod
    def backward(ctx, g, h):
        return g + 2 * h


class Thing:
    pass


def dies_unaided(make):
    """Whether what ``make`` returned is gone without the collector, else with it."""
    gc.collect()
    gc.disable()
    try:
        alive = weakref.ref(make())
        return alive() is None
    finally:
        gc.enable()


def test_hooks_die_with_the_node():
    def make():
        thing = Thing()
        y = leaf([1.0]) * 2
        y.grad_fn.register_hook(lambda gi, go, thing=thing: None)
        y.grad_fn.register_prehook(lambda go, thing=thing: None)
        return thing

    assert dies_unaided(make)


def test_hooks_die_with_the_context():
    def make():
        thing = Thing()
        a, _ = Twice.apply(leaf([1.0]))
        a.grad_fn.register_hook(lambda gi, go, thing=thing: None)
        return thing

    assert dies_unaided(make)


def test_hooks_of_a_context_that_recorded_nothing_die_with_it():
    kept = []

    class Watched(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            thing = Thing()
            kept.append(weakref.ref(thing))
            ctx.register_hook(lambda gi, go, thing=thing: None)
            return x * 1

    gc.disable()
    try:
        Watched.apply(torch.ones(1))
        assert kept[0]() is None
    finally:
        gc.enable()


def capture_grad_fn(thing):
    y = leaf([1.0]) * 2
    node = y.grad_fn
    node.register_hook(lambda gi, go: (thing, node))
    node.register_prehook(lambda go: (thing, node))


def capture_leaf(thing):
    x = leaf([1.0])
    y = x * 2
    node = y.grad_fn.next_functions[0][0]
    node.register_hook(lambda gi, go: (thing, x, node))


def capture_descendant(thing):
    y = leaf([1.0]) * 2
    z = y * 3
    y.grad_fn.register_hook(lambda gi, go: (thing, z))


def capture_descendant_of_leaf(thing):
    x = leaf([1.0])
    z = x * 3
    z.grad_fn.next_functions[0][0].register_prehook(lambda go: (thing, z))


def capture_context(thing):
    a, _ = Twice.apply(leaf([1.0]))
    node = a.grad_fn
    node.register_hook(lambda gi, go: (thing, node))


@pytest.mark.parametrize(
    "make",
    [
        capture_grad_fn,
        capture_leaf,
        capture_context,
        # PyTorch leaks these.
        pytest.param(capture_descendant, marks=rushlight_only),
        pytest.param(capture_descendant_of_leaf, marks=rushlight_only),
    ],
)
def test_hook_that_captures_its_surroundings_is_collected(make):
    thing = Thing()
    alive = weakref.ref(thing)
    make(thing)
    del thing
    gc.collect()
    assert alive() is None

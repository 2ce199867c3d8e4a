"""Hooks on saved tensors and memory: nothing stays once the graph is gone."""

import gc
import weakref

import pytest
from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
graph = torch.autograd.graph
CONTEXTS = ["save_on_cpu", "allow_mutation_on_saved_tensors"]


class Witness:
    """Dies with what holds it."""


class Result(torch.autograd.Function):
    """Saves its input, its output and something between."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y, x * 3)
        return y

    @staticmethod
    def backward(ctx, grad):
        return ctx.saved_tensors[1] * grad


def hooks_with(witness):
    """Pairs that keep the witness in the graph, by closures and by what they pack."""

    def same(t, keep=witness):
        return t

    return [
        (same, same),
        (lambda t: (t.detach(), witness), lambda p: p[0]),
        (lambda t: (t.tolist(), witness), lambda p: torch.tensor(p[0])),
    ]


OPS = {
    "input": lambda x: x * x,
    "result": lambda x: x.exp(),
    "results": lambda x: x.exp().tanh().sigmoid(),
    "list": lambda x: x[torch.tensor([0])],
    "in place": lambda x: (x * 1).exp_(),
    "view": lambda x: (x * 1)[:1].exp_(),
    "function": Result.apply,
}


@pytest.mark.parametrize("kind", range(3))
@pytest.mark.parametrize(
    "after", ["dropped", "backward", "retained", "recorded", "read", "grad_fn"]
)
@pytest.mark.parametrize("op", OPS)
def test_packed_tensors_die_with_the_graph_without_the_collector(op, after, kind):
    gc.collect()
    gc.disable()
    try:
        witness = Witness()
        alive = weakref.ref(witness)
        x = leaf([1.0, 2.0])
        with graph.saved_tensors_hooks(*hooks_with(witness)[kind]):
            y = OPS[op](x)
        del witness
        node = y.grad_fn
        if after == "backward":
            y.sum().backward()
        elif after == "retained":
            y.sum().backward(retain_graph=True)
        elif after == "recorded":
            torch.autograd.grad(y.sum(), x, create_graph=True)
        elif after == "read":
            for name in dir(node):
                if name.startswith("_saved_"):
                    getattr(node, name)
        elif after == "grad_fn":
            del y
        y = node = None
        assert alive() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("pair", [(lambda t: [t], lambda p: p[0]), (lambda t: t, lambda t: t)])
def test_cycle_through_a_packed_result_is_collected(pair):
    pack, unpack = pair
    witness = Witness()
    alive = weakref.ref(witness)
    with graph.saved_tensors_hooks(pack, unpack):
        y = leaf([1.0]).exp()
    y.witness = witness
    del witness, y
    gc.collect()
    assert alive() is None


def test_cycle_through_a_registered_hook_is_collected():
    witness = Witness()
    alive = weakref.ref(witness)
    y = leaf([1.0]).exp()
    y.witness = witness
    y.grad_fn._raw_saved_result.register_hooks(lambda t: t, lambda t, mine=y: t)
    del witness, y
    gc.collect()
    assert alive() is None


def test_result_outlives_its_tensor_in_the_graph():
    x = leaf([1.0])
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x.exp()
        z = y * 1
    del y
    z.backward()
    assert x.grad.item() == pytest.approx(2.718281828)


def test_result_that_moves_to_another_node_leaves_its_value():
    x = leaf([1.0])
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x.exp()
        z = y * 1
    y.detach_()
    del y
    z.backward()
    assert x.grad.item() == pytest.approx(2.718281828)


@pytest.mark.parametrize("context", CONTEXTS)
def test_context_leaves_nothing_of_a_result(context):
    gc.collect()
    gc.disable()
    try:
        with getattr(graph, context)():
            y = leaf([1.0]).exp()
            y.witness = Witness()
            alive = weakref.ref(y.witness)
            del y
            assert alive() is None
    finally:
        gc.enable()

"""Graphs of every operation: values and gradients in them are those of the pass."""

import pytest
from op_samples import bind, samples
from support import rushlight_only, torch

pytestmark = [
    rushlight_only,
    pytest.mark.filterwarnings("ignore:index_reduce"),
    pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter"),
    pytest.mark.filterwarnings("ignore:torch.range is deprecated"),
]

DIFFERENTIABLE = [
    op for op in torch._C._op_table() if op["form"] != "internal" and op["differentiable"]
]


def same(summary, t):
    """Whether a summary is that of a tensor."""
    found = torch._C._tensor_summary(t.detach())
    return repr(found[:7]) == repr((*summary[:6], float(summary.count)))


def check_forms(made):
    text = made.to_json()
    again = torch.Graph.from_json(text)
    assert again.to_json() == text and not made.diff(again)
    assert str(again) == str(made) and again.to_dot() == made.to_dot()
    assert made.to_mermaid().count("\n") > 1


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: f"{op['name']}-{op['overload']}")
def test_every_op(op):
    for sample in samples(op):
        function, tensors = bind(op, sample)
        leaves = [t.detach().clone().requires_grad_() for t in tensors]
        torch.manual_seed(1)
        with torch.record() as tape:
            result = function(*leaves)
            if not result.requires_grad:
                continue
            made = torch.graph(result, values=True)
            wanted = torch.autograd.grad(
                result, leaves, torch.ones_like(result), retain_graph=True, allow_unused=True
            )
        recorded = tape.graph
        assert [n.op for n in made.nodes] == [n.op for n in recorded.nodes]
        for graph in (made, recorded):
            assert same(graph.roots()[0].value, result)
            for t, g in zip(leaves, wanted, strict=True):
                if g is not None:
                    node = made[t]
                    assert same(graph.nodes[node.index].grad, g)
                    assert same(graph.nodes[node.index].value, t)
            for node in graph.nodes:
                assert node.is_leaf or len(node.rules) == len(node.inputs)
                assert all(len(rule.text) > 5 for rule in node.rules)
        for step in torch.debug.trace_backward(result, torch.ones_like(result)):
            for nr, g in enumerate(step.grads):
                if g is not None and step.leaf is None:
                    index = made[step.node].index
                    assert same(made.nodes[index].grads[nr], g)
                    assert same(recorded.nodes[index].grads[nr], g)
        values = {n.index: n.value for n in recorded.nodes}
        for node in made.nodes:
            if node.value is not None and values[node.index] is not None:
                assert repr(node.value) == repr(values[node.index]), node
        check_forms(made)
        check_forms(recorded)

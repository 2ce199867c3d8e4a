"""The rules of what a module computes inside: they speak of the names that cards have."""

import re

from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
graph, record = torch.graph, torch.record


def texts(made):
    return [rule.text for node in made.nodes for rule in node.rules]


def layers(*kinds):
    torch.manual_seed(0)
    return torch.nn.Sequential(*kinds)


def test_recorded_modules_are_named_as_their_cards_are():
    linear, nn = torch.nn.Linear, torch.nn
    net = layers(linear(2, 3), nn.Tanh(), linear(3, 3), nn.ReLU(), linear(3, 1))
    x = torch.ones(4, 2)
    with record(params=dict(net.named_parameters())) as tape:
        net(x).sum().backward()
    assert [re.sub(",  .*", "", text) for text in texts(tape.graph)] == [
        "d(0 t)/d(0.weight) = 1",
        "0.bias gets g",
        "0 t gets (x^T @ g)",
        "d(1 tanh)/d(0 addmm) = 1 - (1 tanh)^2",
        "d(2 t)/d(2.weight) = 1",
        "2.bias gets g",
        "1 tanh gets (g @ (2 t)^T)",
        "2 t gets ((1 tanh)^T @ g)",
        "d(3 relu)/d(2 addmm) = 1 where (3 relu) > 0, else 0",
        "d(4 t)/d(4.weight) = 1",
        "4.bias gets g",
        "3 relu gets (g @ (4 t)^T)",
        "4 t gets ((3 relu)^T @ g)",
        "d(net(x).sum())/d(net(x)) = 1",
    ]
    (relu,) = tape.graph.find(op="relu")
    assert relu.rules[0].sentence.endswith("  ->  2 addmm")


def test_an_input_of_the_nodes_own_title_is_told_by_its_number():
    net, a = layers(torch.nn.Tanh(), torch.nn.Tanh(), torch.nn.Sigmoid()), leaf(1.0)
    first, second, last = (node.rules[0] for node in graph(net(a), values=True).nodes[1:])
    assert first.text.startswith("dtanh/da = 1 - tanh^2 = 0.4199")
    assert second.text.startswith("dtanh/d(input 0) = 1 - tanh^2 = 0.5878")
    assert second.sentence.endswith("  ->  input 0")
    assert last.text.startswith("d(net(a))/dtanh = y (1 - y)")


def test_rules_told_of_many_nodes_name_no_neighbour():
    net, a = layers(torch.nn.Tanh(), torch.nn.Tanh(), torch.nn.Sigmoid()), leaf(1.0)
    assert texts(graph(net(a + 1)))[1:] == [
        "dtanh/d(a + 1) = 1 - tanh^2",
        "dtanh/d(input 0) = 1 - tanh^2",
        "d(net(a + 1))/d(input 0) = y (1 - y)",
    ]


def test_rounds_of_a_loop_are_the_variable_they_are_stored_in():
    cell, h = torch.nn.Tanh(), leaf(1.0)
    for _ in range(3):
        h = cell(h)
    found = [text.split(" = ")[0] for text in texts(graph(h, values=True))]
    assert found[1:] == ["dh/d(input 0)", "d(cell(h))/dh"]


def test_inside_a_function_that_computes_several():
    x, w = torch.ones(2, 3), leaf([[1.0, 2.0, 3.0]] * 3)
    F = torch.nn.functional
    made = graph(F.cross_entropy(F.linear(x, w), torch.tensor([0, 1])), values=True)
    assert not re.search(r"\bh\d\b", " ".join(texts(made)))
    assert texts(made)[:2] == ["dt/dw = 1", "t gets x^T @ g,  x: shape (2, 3), all 1.0"]


def test_rounds_of_a_long_loop_share_no_rule_with_the_one_on_the_leaf():
    a = h = leaf(0.5)
    for _ in range(2500):
        h = torch.tanh(h)
    found = texts(graph(h))
    del a
    assert found[0] == "d(torch.tanh(h))/da = 1 - (new h)^2"
    assert set(found[1:]) == {"d(torch.tanh(h))/dh = 1 - (new h)^2"}


def test_what_is_stored_under_the_name_of_its_input_is_new():
    h = leaf([1.0, 2.0]) * 1
    loss = h.sum()
    loss += h.prod()
    found = texts(graph(loss, values=True))
    assert "d(new loss)/dloss = 1" in found


def test_summaries_in_a_rule_are_told_apart():
    m = torch.nn.Linear(3, 1)
    x, y = torch.ones(32, 3), torch.zeros(32, 1)
    made = graph(torch.nn.functional.mse_loss(m(x), y), values=True)
    (rule,) = made.nodes[-1].rules
    formula, held = rule.text.split(",  ")
    assert formula.endswith("/d(m(x)) = 2 (m(x) - y), over n for a mean")
    assert [text.split(":")[0] for text in held.split("; ")] == ["m(x)", "y"]
    svg = made.to_svg()
    assert ">m(x): shape (32, 1)," in svg and ">y: shape (32, 1), all 0.0<" in svg
    assert "d(m.weight) = 1<" in svg

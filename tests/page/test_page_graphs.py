"""The page of graphs that programs make, from the statement to the drawing."""

import re

import pytest
from support import torch

import rushlight

pytestmark = pytest.mark.page


def test_the_seeds_regression_shows_its_names_rules_and_gradients(open_page):
    torch.manual_seed(42)
    x = torch.rand(80, 1)
    y = 1 + 2 * x + 0.1 * torch.randn(80, 1)
    b = torch.randn(1, requires_grad=True)
    w = torch.randn(1, requires_grad=True)
    yhat = b + w * x
    error = y - yhat
    loss = (error**2).mean()
    page = open_page(rushlight.graph(loss, values=True))
    loss.backward()
    boxes = page.closed()
    assert {"w", "b", "w * x", "yhat", "error", "error**2", "loss"} <= set(boxes)
    rows = page.js("Object.fromEntries(rushlight.app.scene.items.map(i => [i.label, i.rows]))")
    grads = {name: float(dict(rows[name])[".grad"]) for name in ("w", "b")}
    assert grads["w"] == pytest.approx(w.grad.item(), rel=1e-3)
    assert grads["b"] == pytest.approx(b.grad.item(), rel=1e-3)
    page.press("]")
    assert "MeanBackward0 (loss)" in page.text("#said")
    page.press(*"]]]]]]")
    assert page.state("step") == 6


def test_a_rule_in_words_has_the_gradient_that_comes_the_rule_and_what_it_gives(open_page):
    b, w = (torch.tensor(v, requires_grad=True) for v in (0.5, 2.0))
    loss = (b + w * 3.0) ** 2
    page = open_page(rushlight.graph(loss, values=True))
    page.press("]", "]")
    assert page.text("#said") == (
        "2/5 AddBackward0 (b + w * 3.0) receives 13; d(b + w * 3.0)/db = 1, so b gets "
        "13.0 * 1.0 = 13.0; d(b + w * 3.0)/d(w * 3.0) = 1, so w * 3.0 gets 13.0 * 1.0 = 13.0"
    )


def recurrent(turns):
    w = (torch.randn(4, 4) * 0.9).requires_grad_()
    h, loss = torch.ones(1, 4), torch.zeros(())
    for t in range(turns):  # noqa: B007 - the page names turns by it
        h = torch.tanh(h @ w)
        loss = loss + h.sum()
    return loss


def test_a_loop_is_folded_by_the_variable_that_counts_it(open_page):
    page = open_page(rushlight.graph(recurrent(240)))
    assert [box["label"] for box in page.boxes()][:2] == ["t = 0 … 9", "t = 10 … 19"]
    page.click_box("t = 0 … 9", double=True)
    page.click_box("t = 3", double=True)
    assert "h @ w" in page.closed()


def test_modules_of_a_recorded_training_are_groups_with_times_and_norms(open_page):
    with rushlight.record() as tape:
        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        for _ in range(3):
            loss = net(torch.randn(5, 4)).pow(2).sum()
            loss.backward()
    page = open_page(tape.graph)
    assert page.state("by") == "module"
    assert "Sequential" in [box["label"] for box in page.boxes() if box["frame"]]
    assert "gradient norms over 3 steps" in page.js(
        "document.querySelector('#training svg').getAttribute('aria-label')"
    )
    page.press("4")
    assert "not recorded" not in page.text("#legend")


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def test_operations_without_an_expression_have_the_names_that_the_picture_gives_them(open_page):
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Flatten())
    with rushlight.record(params=dict(net.named_parameters())) as tape:
        names = {"Doubled": Doubled, "y": net(torch.ones(2, 4, 3))}
        exec("Doubled.apply(y.clone()).sum().backward()", names)  # no source, so no expressions
    page = open_page(tape.graph)
    picture = re.findall(r">([^<>]+)</text>", tape.graph.to_svg())
    labels = [
        box["label"] for box in page.boxes() if box["second"].endswith(("Backward0", "Backward"))
    ]
    assert {"0 addmm", "0 view"} <= set(labels)
    assert {"Doubled", "sum", "clone"} <= {label.rpartition(" ")[2] for label in labels}
    for label in labels:
        assert {label, label.rpartition(" ")[2]} & set(picture), label


def test_what_detach_cut_is_shown_where_it_was_cut(open_page):
    w = torch.ones(3, requires_grad=True)
    v = torch.ones(3, requires_grad=True)
    k = w.exp().detach()
    page = open_page(rushlight.graph((k * v).sum()))
    page.press("w")
    assert "k was detached at test_page_graphs.py" in page.text("#why")


def test_a_graph_after_its_backward_pass_says_where_it_was_freed(open_page):
    w = torch.ones(3, requires_grad=True)
    loss = (w.exp() * w).sum()
    loss.backward()
    page = open_page(rushlight.graph(loss))
    page.click_box("w.exp()")
    assert "saved tensors freed" in page.text("#info")

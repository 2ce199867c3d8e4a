"""What the page says of numbers that are not known, not finite, or none."""

import page_models as models
import pytest
from support import torch

import rushlight

pytestmark = pytest.mark.page


def freed():
    """After a pass that freed the graph: no number is known but the value of the leaf."""
    w = torch.tensor(6.0, requires_grad=True)
    loss = (w * 2.0).exp()
    loss.backward()
    return rushlight.graph(loss, values=True)


def test_a_graph_of_leaves_alone_has_no_data_on_what_is_finite(open_page):
    page = open_page(freed())
    assert page.js("rushlight.app.modes[rushlight.app.state.mode].name") == "memory"
    assert "(not recorded)" in page.text("#mode option:nth-child(3)")
    page.press("3")
    assert page.text("#legend").startswith("No colours for nan and inf. Values were not recorded")
    figures = page.js(
        "[...document.querySelectorAll('#source b')].map(b => b.textContent).join('')"
    )
    assert figures == ""
    page.press("n")
    assert page.live.startswith("Values were not recorded")


def test_where_some_operations_are_known_the_legend_speaks_of_those(open_page):
    for known, said in (
        (2, "all values and gradients are finite"),
        (1, "no nan or inf in the 1 operation that is known"),
    ):
        m = models.Model()
        exp = m.node("ExpBackward0", models.NONE, m.leaf("w"), shape=(3,))
        loss = m.node("SumBackward0", models.NONE, exp, flags=models.ROOT, shape=())
        for node in (loss, exp)[:known]:
            m.summary("values", node, [1.0])
        page = open_page(m.build())
        page.press("3")
        assert page.text("#legend").endswith(said)


def test_a_tensor_without_elements_is_called_empty(open_page):
    w, e = torch.ones(3, requires_grad=True), torch.zeros(0, 3, requires_grad=True)
    page = open_page(rushlight.graph(torch.cat([e.flatten(), w * 2]).sum(), values=True))
    page.click_box("e")
    assert "empty" in page.text("#info")
    assert "finite" not in page.text("#info")


def test_the_gain_of_what_hands_on_nan_or_inf_is_no_number(open_page):
    a = torch.tensor([0.5, -1.0, 0.0], requires_grad=True)
    b = a * 2
    page = open_page(rushlight.graph((b.sqrt() * 3).sum(), values=True))
    page.click_box("b.sqrt()")
    assert "local gain\nnot finite" in page.text("#info dl")
    page.press("2")
    assert "not finite" not in page.text("#legend")
    page.search("gain>1e9")
    matches = page.js(
        "rushlight.app.state.list.map(i => rushlight.app.M.strs[rushlight.app.M.nodes.op[i]])"
    )
    assert matches == ["MulBackward0", "SqrtBackward0"]  # of 2 too, which hands the nan on

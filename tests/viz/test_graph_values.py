"""graph(loss, values=True): values, gradients and rules with numbers, known afterwards."""

import gc
import math
import weakref

import pytest
from support import assert_values, leaf, rushlight_only, torch

pytestmark = rushlight_only
graph = torch.graph


def summary(t):
    return torch._C._tensor_summary(t)


class TestSummary:
    def test_numbers_of_a_small_tensor(self):
        low, high, mean, norm, nan, inf, count, bins, data = summary(torch.tensor([3.0, -4.0]))
        assert (low, high, mean, norm) == (-4.0, 3.0, -0.5, 5.0)
        assert (nan, inf, count) == (0, 0, 2.0)
        assert memoryview(data).cast("d").tolist() == [3.0, -4.0]
        counts = memoryview(bins).cast("I").tolist()
        assert len(counts) == 32 and counts[0] == counts[31] == 1 and sum(counts) == 2

    def test_what_is_not_finite_is_counted_apart(self):
        t = torch.tensor([1.0, math.nan, math.inf, -math.inf, 3.0])
        low, high, mean, norm, nan, inf, count, _, _ = summary(t)
        assert (low, high, mean, nan, inf, count) == (1.0, 3.0, 2.0, 1, 2, 5.0)
        assert norm == math.sqrt(10)

    def test_nothing_finite_and_nothing_at_all(self):
        assert math.isnan(summary(torch.tensor([math.nan]))[0])
        empty = summary(torch.ones(0, 3))
        assert math.isnan(empty[0]) and empty[3] == empty[6] == 0 and empty[7] is empty[8] is None

    @pytest.mark.parametrize("scale", [1e-25, 1e30])
    def test_norms_of_float32_do_not_leave_its_range(self, scale):
        t = torch.full((100,), scale)
        assert summary(t)[3] == pytest.approx(10 * float(t[0]), rel=1e-12)

    @pytest.mark.parametrize("scale", [1e300, 1e-300, 5e-324])
    def test_norms_of_float64_are_scaled(self, scale):
        t = torch.full((4,), scale, dtype=torch.float64)
        assert summary(t)[3] == pytest.approx(2 * scale, rel=1e-9)
        assert summary(t)[2] == pytest.approx(scale, rel=1e-9)

    def test_the_mean_of_what_is_too_large_to_add_up(self):
        t = torch.tensor([1.7e308, 1.7e308, 1.7e308], dtype=torch.float64)
        assert summary(t)[2] == pytest.approx(1.7e308)

    def test_a_range_wider_than_float64_has_no_bins(self):
        t = torch.tensor([-1.7e308, 1.7e308], dtype=torch.float64)
        assert summary(t)[7] is None and summary(t)[:2] == (-1.7e308, 1.7e308)

    @pytest.mark.parametrize(
        "dtype",
        ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float64"],
    )
    def test_every_dtype(self, dtype):
        t = torch.tensor([0, 1, 1], dtype=getattr(torch, dtype))
        assert summary(t)[:3] == (0.0, 1.0, 2 / 3) and summary(t)[6] == 3

    def test_views_are_read_in_their_order(self):
        t = torch.arange(12.0).reshape(3, 4)
        for view in (t.T, t[:, 1:3], t[::2], t[1].expand(2, 4), t.permute(1, 0)[1:]):
            got = summary(view)
            assert memoryview(got[8]).cast("d").tolist() == view.reshape(-1).tolist()
            assert got[3] == pytest.approx(float(view.double().norm()))

    def test_more_than_16_elements_are_not_written_down(self):
        assert summary(torch.ones(17))[8] is None and len(summary(torch.ones(16))[8]) == 128

    def test_bins_hold_every_finite_element(self):
        t = torch.randn(1000)
        t[3] = math.nan
        counts = memoryview(summary(t)[7]).cast("I").tolist()
        assert sum(counts) == 999


def line_fit():
    x, t = torch.tensor(3.0), torch.tensor(5.0)
    w, b = leaf(2.0), leaf(0.5)
    y = w * x + b
    loss = (y - t) ** 2
    return w, b, y, loss


def test_values_and_gradients_of_every_node():
    *_, loss = line_fit()
    made = graph(loss, values=True)
    values = {node.label: node.value.data[0] for node in made.nodes}
    grads = {node.label: node.grad.data[0] for node in made.nodes}
    assert values == {"w": 2.0, "w * x": 6.0, "b": 0.5, "y": 6.5, "y - t": 1.5, "loss": 2.25}
    assert grads == {"w": 9.0, "w * x": 3.0, "b": 3.0, "y": 3.0, "y - t": 3.0, "loss": 1.0}


def test_numbers_that_are_written_down_whole_have_no_bins():
    few, many = leaf([1.0, 2.0]), leaf(list(map(float, range(17))))
    made = graph((few * 2).sum() + (many * 2).sum(), values=True)
    assert made["few"].value.bins == () and made["few"].value.data == (1.0, 2.0)
    assert sum(made["many"].value.bins) == 17 and made["many"].value.data == ()
    assert len(made._model.bins) == 2 * 32  # of many, and of its double


def test_rules_with_numbers():
    *_, loss = line_fit()
    made = graph(loss, values=True)
    assert made.find(op="mul")[0].rules == [(0, "d(w * x)/dw = x = 3.0", "3.0 * 3.0 = 9.0  ->  w")]
    (rule,) = made["loss"].rules
    assert rule.text == "d((y - t) ** 2)/d(y - t) = 2 (y - t) = 3.0"
    assert rule.sentence == "1.0 * 3.0 = 3.0  ->  y - t"


def test_rules_of_tensors_say_what_was_passed_on():
    a = leaf([1.0, 2.0])
    made = graph((a * 3).sum(), values=True)
    (rule,) = made.find(op="mul")[0].rules
    assert rule.sentence == "[3.0, 3.0]  ->  a"


def test_a_value_that_no_node_saved_is_taken_from_the_variable_that_holds_it():
    w, b = leaf(2.0), torch.tensor(0.5)
    y = w * 3 + b
    made = graph((y - 1).exp(), values=True)
    assert made["y"].value.data == (6.5,)
    y.mul_(2)
    made = graph((y - 1).exp(), values=True)
    assert made.find(op="add")[0].value is None and made.find(op="mul")[-1].value.data == (13.0,)


def test_without_values_there_are_none():
    *_, loss = line_fit()
    made = graph(loss)
    assert all(node.value is None and node.grad is None for node in made.nodes)


def test_a_retained_gradient_does_not_change():
    w = leaf([1.0, 2.0])
    h = w * 2
    h.retain_grad()
    loss = h.exp().sum()
    assert graph(loss, values=True)["h"].grad.data == tuple(h.exp().tolist())
    assert h.grad is None
    loss.backward()
    assert_values(h.grad, h.exp().tolist())


def test_no_grad_changes_and_backward_still_works():
    w, b, _, loss = line_fit()
    w.grad = torch.tensor(7.0)
    graph(loss, values=True)
    assert w.grad.item() == 7.0 and b.grad is None
    loss.backward()
    assert w.grad.item() == 16.0


def test_a_root_of_several_elements_starts_with_ones():
    a = leaf([1.0, 2.0])
    made = graph(a * a, values=True)
    assert made["a"].grad.data == (2.0, 4.0) and made.nodes[-1].grad.data == (1.0, 1.0)


def test_several_roots_add_up():
    a = leaf(2.0)
    made = graph([a * 3, a.exp()], values=True)
    assert made["a"].grad.data[0] == pytest.approx(3 + math.exp(2))


def test_a_leaf_alone():
    a = leaf(2.0)
    (node,) = graph(a, values=True).nodes
    assert node.value.data == (2.0,) and node.grad.data == (1.0,)


def test_the_order_is_that_of_backward_with_its_leaves():
    *_, loss = line_fit()
    assert [n.order for n in graph(loss, values=True).nodes] == [n.order for n in graph(loss).nodes]


def test_flags_of_what_is_not_finite():
    a = leaf([0.0, 1.0])
    made = graph(a.log().sum(), values=True)
    assert [n.op for n in made.find(flag="value has inf")] == ["LogBackward0", "SumBackward0"]
    assert [n.label for n in made.find(flag="grad has inf")] == ["a"]
    assert made.find(flag="value has nan") == []


def test_values_under_no_grad():
    *_, loss = line_fit()
    with torch.no_grad():
        assert graph(loss, values=True)["w"].grad.data == (9.0,)


def test_after_backward_leaves_have_values_and_a_note_says_why_the_rest_has_not():
    w, b, y, loss = line_fit()
    loss.backward()
    made = graph(loss, values=True)
    assert made["w"].value.data == (2.0,) and made["w"].grad is None
    assert made["y"].value is None
    (note,) = made.notes
    assert "a backward pass has freed it (loss.backward() test_graph_values.py:" in note
    assert w.grad.item() == 9.0


def test_what_a_backward_raises_comes_through():
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            raise ValueError("no gradient today")

    with pytest.raises(ValueError, match="no gradient today"):
        graph(Broken.apply(leaf(1.0)), values=True)
    *_, loss = line_fit()
    assert graph(loss, values=True)["w"].grad.data == (9.0,), "nothing is left behind"


def test_hooks_run_and_their_results_are_shown():
    w, b, y, loss = line_fit()
    y.register_hook(lambda g: g * 10)
    made = graph(loss, values=True)
    assert made["y"].grad.data == (30.0,) and made["w"].grad.data == (90.0,)


def test_a_root_that_is_given_twice_counts_once():
    a = leaf(2.0)
    y = a * 3
    assert graph([y, {"again": y}], values=True)["a"].grad.data == (3.0,)


def test_who_looks_for_nan_is_not_stopped_by_it():
    a = leaf([0.0, 1.0])
    y = (a.log() * 0).sum()
    watch = torch.debug.watch_nonfinite(every_op=True)
    try:
        with torch.autograd.set_detect_anomaly(True):
            made = graph(y, values=True)
            assert torch.is_anomaly_enabled()
    finally:
        watch.stop()
    assert [node.op for node in made.find(flag="value has inf")] == ["LogBackward0"]
    assert "value has nan" in made["y"].flags and "grad has nan" in made["a"].flags


def test_too_large_a_graph_is_refused_with_the_way_out():
    a = torch.ones(1000, requires_grad=True)
    with pytest.raises(
        RuntimeError, match=r"values of 2 nodes have 8,000 bytes, more than max_bytes=100"
    ):
        graph(a * 2, values=True, max_bytes=100)
    with pytest.raises(RuntimeError, match="fix: pass a larger max_bytes"):
        graph(a * 2, values=True, max_bytes=7999)
    for wrong in (-1, 8e3, "8000", None):
        with pytest.raises(ValueError, match=r"graph\(\): argument 'max_bytes' must be at least 0"):
            graph(a * 2, values=True, max_bytes=wrong)
    assert graph(a * 2, values=True, max_bytes=8000)["a"].grad.norm == pytest.approx(
        2000**0.5 * 2**0.5
    )


def test_nodes_alone_have_no_values():
    with pytest.raises(TypeError, match="values=True needs tensors, not grad_fn objects"):
        graph((leaf(1.0) * 2).grad_fn, values=True)


def test_a_long_chain_has_gradients_and_a_note():
    h = leaf(1.0)
    for _ in range(1500):
        h = (h * 1.0).exp().log()
    made = graph(h, values=True)
    assert made.leaves()[0].grad.norm == pytest.approx(1.0, rel=1e-3)
    assert made.leaves()[0].value.data == (1.0,)
    assert "more than 2000 nodes" in made.notes[0]
    assert made.nodes[1].rules[0].text.startswith("d(h * 1.0)/dh = 1")
    known = {node.op for node in made.nodes if node.value is not None}
    assert known == {"AccumulateGrad", "ExpBackward0", "LogBackward0"}, "saved, or the root"
    assert made.find(op="exp")[7].value.data[0] == pytest.approx(math.e, rel=1e-3)


def test_it_keeps_no_tensor_alive():
    gc.disable()
    try:
        w, b, y, loss = line_fit()
        dead = [weakref.ref(t) for t in (w, b, y, loss, y.grad_fn, loss.grad_fn)]
        made = graph(loss, values=True)
        del w, b, y, loss
        assert [ref() for ref in dead] == [None] * 6
        assert made["w"].grad.data == (9.0,)
    finally:
        gc.enable()


def test_the_words_of_a_summary():
    a = leaf([[1.0, 2.0, 3.0]])
    node = graph(a, values=True)["a"]
    assert node.value.words(node.shape) == "shape (1, 3), 1.0 to 3.0, mean 2.0"
    assert graph(leaf([1.0, 2.0]), values=True).nodes[0].value.words((2,)) == "[1.0, 2.0]"

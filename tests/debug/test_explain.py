"""explain: the paths from a loss to a tensor, with numbers, before and after the pass."""

import gc
import re
import threading
import tracemalloc
import weakref

import pytest
from support import assert_values, leaf, rushlight_only, torch

pytestmark = rushlight_only
explain, keep_story = torch.debug.explain, torch.debug.keep_story


def fit(w, b):
    x, t = torch.tensor(3.0), torch.tensor(5.0)
    y = w * x + b
    return (y - t) ** 2


def test_one_path_is_a_product():
    w, b = leaf(2.0), leaf(0.5)
    story = explain(w, fit(w, b))
    (path,) = story.paths
    assert path.factors == [3.0, 1.0, 1.0, 3.0] and path.product == 9.0
    text = str(story)
    assert text.startswith("w gets its gradient along 1 path\n") and repr(story) == text
    assert "d((y - t) ** 2)/d(y - t) = 2 (y - t) = 3.0" in text
    assert "d(w * x)/dw = x = 3.0" in text and "test_explain.py:" in text
    assert text.endswith("product  1.0 * 3.0 * 1.0 * 1.0 * 3.0 = 9.0")
    assert w.grad is None and b.grad is None, "nothing is accumulated"


def test_asking_leaves_the_graph_to_backward():
    w, b = leaf(2.0), leaf(0.5)
    loss = fit(w, b)
    explain(w, loss)
    loss.backward()
    assert w.grad.item() == 9.0 and b.grad.item() == 3.0


def test_asking_changes_no_retained_gradient():
    w = leaf([1.0, 2.0])
    h = w * 2
    h.retain_grad()
    loss = h.exp().sum()
    explain(w, loss)
    assert h.grad is None
    torch.autograd.grad(loss, w)  # as in PyTorch, this one does
    assert_values(h.grad, h.exp().tolist())


def test_several_paths_add_up():
    a = leaf(3.0)
    story = explain(a, a * a + 2 * a)
    assert [path.product for path in story.paths] == [3.0, 3.0, 2.0]
    assert "along 3 paths, whose products add up" in str(story)
    assert str(story).endswith("sum  3.0 + 3.0 + 2.0 = 8.0")


def test_very_many_paths_are_counted_and_not_listed():
    y = a = leaf(1.0)
    for _ in range(60):
        y = y + y
    story = explain(a, y)
    assert story.n_paths == 2**60 and len(story.paths) == 8
    assert f"and {2**60 - 8} more paths" in str(story)


def test_the_memory_for_many_paths_is_in_proportion_to_the_nodes():
    def peak(n):
        y = a = leaf(1.0)
        for _ in range(n):
            y = y * y
        with keep_story():
            y.backward()
        tracemalloc.start()
        try:
            story = explain(a)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert story.n_paths == 2**n and len(story.paths) == 8

    few, many = peak(100), peak(1000)
    assert few < many < 30 * few  # 100 times where each way holds all that led to it


def test_names_inside_of_an_expression_are_found_with_work_in_proportion_to_them(monkeypatch):
    class Names(dict):
        looks = 0

        def values(self):
            Names.looks += 1
            return super().values()

    from rushlight.debug import _words

    monkeypatch.setattr(_words, "names_in", lambda frame: Names({1: "h2"}))
    a = leaf(1.0)
    layers = torch.nn.Sequential(*[torch.nn.Tanh(), torch.nn.Sigmoid()] * 50)
    text = str(explain(a, layers(a)))
    assert "d(layers(a))/dh1" in text and "dh1/dh3" in text and "(makes h100)" in text
    assert not re.search(r"\bh2\b", text) and Names.looks == 1


def test_a_count_of_paths_longer_than_int_writes_is_given_by_its_order():
    from rushlight.debug._story import Explanation, Story

    text = str(Explanation("a", [], 2**15000, Story(), None, False))
    assert text.startswith("a gets its gradient along about 10^4515 paths, whose products add up")
    assert text.endswith("and about 10^4515 more paths")


def test_a_long_chain():
    y = a = leaf(1.0)
    for _ in range(5000):
        y = y * 1.0
    assert explain(a, y).paths[0].product == 1.0


def test_larger_tensors_have_ranges_in_the_place_of_numbers():
    x, w = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), leaf([1.0, -1.0])
    story = explain(w, (x @ w).exp().mean())
    assert story.paths[0].product is None
    assert "shape (2, 2), 1.0 to 4.0, mean 2.5" in str(story)
    assert "= 1 / 2" in str(story)


def test_a_gradient_to_begin_with_and_tensors_that_are_no_leaves():
    a = leaf(2.0)
    y = a * 3
    loss = y**2
    story = explain(y, loss, torch.tensor(10.0))
    assert story.name == "y" and story.paths[0].product == 120.0


def test_after_a_pass_that_freed_the_graph_the_rules_remain():
    w, b = leaf(2.0), leaf(0.5)
    loss = fit(w, b)
    loss.backward()
    text = str(explain(w, loss))
    assert "without numbers" in text and "keep_story" in text
    assert "d(w * x)/dw = x\n" in text + "\n" and "product" not in text


def test_kept_stories_explain_without_the_loss():
    w, b = leaf(2.0), leaf(0.5)
    b.grad = torch.tensor(1.0)
    with keep_story():
        loss = fit(w, b)
        loss.backward()
    text = str(explain(b))
    assert text.endswith("= 3.0\nb.grad was 1.0, got 3.0, became 4.0")
    assert str(explain(w)).endswith("= 9.0\nw.grad was None, became 9.0")
    w.grad = None
    with keep_story():
        (w * 7).backward()
    assert str(explain(w)).endswith("= 7.0\nw.grad was None, became 7.0"), "the last one counts"


def test_traced_passes_are_explained():
    w, b = leaf(2.0), leaf(0.5)
    for _ in torch.debug.trace_backward(fit(w, b)):
        pass
    assert explain(w).paths[0].product == 9.0


def test_stories_of_this_thread_only_and_nested():
    a, b = leaf(1.0), leaf(1.0)
    with keep_story(), keep_story():
        other = threading.Thread(target=lambda: (a * 2).backward())
        other.start()
        other.join()
        (b * 2).backward()
    with pytest.raises(RuntimeError, match="no backward pass that reached this tensor"):
        explain(a)
    assert explain(b).paths[0].product == 2.0


def test_a_failed_pass_inside_of_a_story():
    a = leaf(1.0)
    y = a * 1
    y.register_hook(lambda g: 1 / 0)
    with keep_story(), pytest.raises(ZeroDivisionError):
        (y * 2).backward()
    with pytest.raises(RuntimeError, match="no backward pass"):
        explain(a)
    with keep_story():
        (a * 2).backward()
    assert explain(a).paths[0].product == 2.0


def test_what_cannot_be_explained_says_why():
    a, b = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match=r"fix: explain\(a, loss\) before loss.backward\(\)"):
        explain(a)
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        explain(a, b * 2)
    with pytest.raises(RuntimeError, match="does not require grad"):
        explain(torch.tensor(1.0), b * 2)
    with pytest.raises(TypeError, match="must be Tensor, not float"):
        explain(1.0)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        explain(a, torch.ones(2) * a)


def test_stories_keep_no_tensor():
    gc.collect()
    gc.disable()
    try:
        a = leaf([1.0, 2.0])
        with keep_story():
            loss = a.exp().sum()
            dying = [weakref.ref(a), weakref.ref(loss), weakref.ref(loss.grad_fn)]
            loss.backward()
        story = explain(a)
        del a, loss
        assert [ref() for ref in dying] == [None] * 3 and story.paths
    finally:
        gc.enable()

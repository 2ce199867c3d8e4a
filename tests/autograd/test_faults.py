"""Faults that were found once: each test failed before its mending."""

import gc
import threading
import weakref

import pytest
from support import leaf, rushlight_only, torch


def test_leaf_that_became_a_result_keeps_its_grad_fn():
    # The accumulator of the former leaf, dying late, erased the new grad_fn.
    w, x = leaf([1.0] * 3), leaf([1.0] * 3)
    y = x * 2
    x.requires_grad_(False)
    x.mul_(w)
    del y
    assert x.grad_fn.name() == "MulBackward0"
    x.sum().backward()
    assert w.grad.tolist() == [1.0] * 3


def test_backward_into_a_leaf_that_moved_into_the_graph_raises():
    w, x = leaf([1.0] * 3), leaf([1.0] * 3)
    y = (x * 2).sum()
    x.requires_grad_(False)
    x.mul_(w)
    with pytest.raises(RuntimeError, match="leaf variable has been moved into the graph interior"):
        y.backward()


def test_hook_that_changes_the_dtype_is_refused():
    # The kernel of the next node was looked up for a dtype that it does not have.
    x = leaf([1.0] * 3)
    y = x.exp()
    y.register_hook(lambda g: g.long())
    with pytest.raises(RuntimeError, match="has changed the type of value"):
        (y * y).sum().backward()


def test_hook_may_change_the_list_of_inputs_during_the_run():
    # The run went on with borrowed items of the caller's list.
    x, w = leaf([1.0] * 3), leaf([1.0] * 3)
    a = x * 1
    inputs = [a, w]
    a.register_hook(lambda g: inputs.clear())
    (a * w * 2).sum().backward(inputs=inputs)
    assert a.grad.tolist() == [2.0] * 3


def test_two_threads_on_one_graph_lose_nothing():
    # A node whose slot another run held was entered twice once that run had ended.
    x = leaf([1.0] * 3)
    h = x * 2
    y = h * 3
    z = y * 5
    entered, finish = threading.Event(), threading.Event()

    def hook(grad):
        if threading.current_thread().name == "first":
            entered.set()
            finish.wait(10)
        else:
            finish.set()
            first.join(10)

    y.register_hook(hook)
    run = lambda: z.sum().backward(retain_graph=True)  # noqa: E731
    first = threading.Thread(target=run, name="first")
    second = threading.Thread(target=run, name="second")
    first.start()
    entered.wait(10)
    second.start()
    second.join(20)
    first.join(20)
    assert x.grad.tolist() == [60.0] * 3


def test_recorded_write_into_a_tensor_with_views_reaches_the_views():
    # The view kept its old history and gave gradients of the value before the write.
    x = leaf([1.0] * 3)
    y = x * 2
    view = y.view(-1)
    y.mul_(3)
    view.sum().backward()
    assert x.grad.tolist() == [6.0] * 3


def test_inputs_that_retain_their_gradient_are_not_counted_twice():
    x = leaf([1.0] * 3)
    y = x * 1
    y.retain_grad()
    y.sum().backward(inputs=[y], retain_graph=True)
    assert y.grad.tolist() == [1.0] * 3
    y.sum().backward(inputs=[y])
    assert y.grad.tolist() == [2.0] * 3


def test_view_of_a_normal_tensor_stays_normal_in_inference_mode():
    x = torch.ones(4)
    with torch.inference_mode():
        view, alias, fresh = x.view(4), x.detach(), x * 1
        view.add_(1)
    assert not view.is_inference() and not alias.is_inference() and fresh.is_inference()
    assert x._version == 1
    w = leaf([1.0] * 4)
    (w * view).sum().backward()
    assert w.grad.tolist() == [2.0] * 4


def test_retained_gradient_is_the_tensors_own():
    x = leaf([1.0] * 2)
    y = x * 1
    y.retain_grad()
    y.sum().backward()
    y.grad.add_(1)
    assert y.grad.tolist() == [2.0] * 2 and x.grad.tolist() == [1.0] * 2


def test_expand_refuses_more_elements_than_can_be_counted():
    with pytest.raises(RuntimeError):
        torch.ones(1).expand(2**40, 2**40).numel()


def test_bool_bytes_of_other_libraries_count_as_true():
    numpy = pytest.importorskip("numpy")
    b = torch.from_numpy(numpy.array([2, 0, 255], dtype=numpy.uint8).view(bool))
    assert b.sum().item() == 2
    assert (b == torch.tensor([True] * 3)).tolist() == [True, False, True]
    assert b.float().tolist() == [1.0, 0.0, 1.0]


def test_vector_times_matrix_can_be_changed_in_place():
    w = leaf([1.0] * 3)
    y = torch.matmul(w, torch.ones(3, 4))
    assert not y._is_view()
    y += 1
    y.sum().backward()
    assert w.grad.tolist() == [4.0] * 3


def test_where_wants_a_bool_condition():
    with pytest.raises(RuntimeError, match="where expected condition to be a boolean tensor"):
        torch.where(torch.ones(2), torch.ones(2), torch.zeros(2))


@pytest.mark.parametrize(
    ("dtype", "value"),
    [(torch.int64, float("nan")), (torch.int64, 1e300), (torch.float32, 1e300)],
)
def test_fill_with_a_number_that_does_not_fit_is_refused(dtype, value):
    with pytest.raises(RuntimeError, match="cannot be converted to type .* without overflow"):
        torch.zeros(2, dtype=dtype).fill_(value)
    torch.zeros(2).fill_(float("inf"))


def test_cycle_through_the_dict_is_collected():
    x = torch.ones(3)
    x.__dict__["own"] = x
    watch = weakref.ref(x)
    del x
    gc.collect()
    assert watch() is None


@rushlight_only
def test_post_accumulate_hook_that_returns_a_tensor_is_refused():
    x = leaf([1.0])
    x.register_post_accumulate_grad_hook(lambda p: p.detach().clone())
    with pytest.raises(RuntimeError, match="hooks should return None"):
        x.sum().backward()


@pytest.mark.parametrize("view", [lambda t: t[0], lambda t: t.t(), lambda t: t.view(-1)])
def test_saved_view_changed_through_its_base_is_named_as_strided(view):
    base = torch.ones(3, 3, requires_grad=True).clone()
    v = view(base)
    y = (v * v).sum()
    base.add_(1)  # the message named the view's node of before the write
    with pytest.raises(RuntimeError, match="which is output 0 of AsStrided, is at version 1"):
        y.backward()

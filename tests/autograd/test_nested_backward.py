"""Backward passes inside backward passes, deeper than one thread's stack and recursion limit."""

import threading

import pytest
from support import leaf, run_script, rushlight_only, torch


class Nested(torch.autograd.Function):
    """Runs a pass of its own in its backward, until its input has been counted down to 0."""

    @staticmethod
    def forward(ctx, x, at_end):
        ctx.at_end = at_end
        with torch.enable_grad():
            ctx.next = x.detach().requires_grad_(True) - 1
        return ctx.next.detach()

    @staticmethod
    def backward(ctx, g):
        if ctx.next < 0:
            ctx.at_end()
            return g, None
        with torch.enable_grad():
            Nested.apply(ctx.next, ctx.at_end).sum().backward()
        return g, None


def run(depth, at_end=lambda: None):
    x = torch.tensor(float(depth), requires_grad=True)
    Nested.apply(x, at_end).sum().backward()
    return x.grad


@pytest.mark.parametrize("depth", [1, 59, 60, 61, 121, 2000])
def test_depth_has_no_limit_of_pythons(depth):
    reached = []
    assert run(depth, lambda: reached.append(True)).item() == 1
    assert reached == [True]


def test_exception_comes_up_from_another_thread():
    class Deep(Exception):
        pass

    error = Deep("at the bottom")

    def fails():
        raise error

    with pytest.raises(Deep) as caught:
        run(300, fails)
    assert caught.value is error
    names = []
    traceback = caught.value.__traceback__
    while traceback:
        names.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert names[-1] == "fails" and names.count("backward") > 300
    assert run(5).item() == 1


@rushlight_only
def test_modes_go_along_to_another_thread():
    seen = []

    def looks():
        seen.append(torch.is_grad_enabled())
        x = leaf([2.0])
        with torch.enable_grad():
            y = x * x
        seen.append(packed.count(4) + packed.count(2.0))
        assert y.requires_grad

    packed = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: packed.append(t.item()) or t, lambda t: t
    ):
        run(130, looks)
    assert seen == [False, 2]


def test_leaves_get_their_gradients_from_every_depth():
    total = leaf([0.0])
    weights = [leaf([float(i)]) for i in range(150)]

    def descend(i):
        with torch.enable_grad():
            y = weights[i] * 2
            if i + 1 < len(weights):
                y.register_hook(lambda g: descend(i + 1))
            (y * 3 + total * 1).backward()

    descend(0)
    assert total.grad.item() == 150
    assert all(w.grad.item() == 6 for w in weights)


def test_threads_nest_independently():
    grads = []

    def work():
        grads.append(run(200).item())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert grads == [1.0] * 4


@rushlight_only
def test_interrupt_reaches_the_innermost_pass():
    assert run_script("interrupted_nesting").strip() == "interrupted"

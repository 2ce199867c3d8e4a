"""Anomaly mode switched off and on while nodes run, and the traces of custom Functions."""

import threading
import warnings

import pytest
from support import leaf, torch


@pytest.fixture(autouse=True)
def off_again():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    torch.autograd.set_detect_anomaly(False)


def test_hook_that_switches_the_mode_off_leaves_nothing_behind():
    for _ in range(20):
        torch.autograd.set_detect_anomaly(True)
        x = leaf([1.0])
        y = (x * 2).sin()
        y.register_hook(lambda g: (torch.autograd.set_detect_anomaly(False), None)[1])
        y.backward()
        del x, y
        torch.autograd.set_detect_anomaly(True)
        z = leaf([1.0]) * 2
        assert "parent_" not in z.grad_fn.metadata
        torch.autograd.set_detect_anomaly(False)


def test_threads_that_switch_it_while_others_run():
    def train():
        for _ in range(100):
            x = leaf([1.0])
            y = x * 2
            y.register_hook(lambda g: g * 1)
            y.exp().sum().backward()

    def switch():
        for _ in range(100):
            with torch.autograd.set_detect_anomaly(True):
                (leaf([1.0]) * 2).sum().backward()

    threads = [threading.Thread(target=target) for target in (train, train, switch)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)


class Bad(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        raise ValueError("bad")


class Outer(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        with torch.enable_grad():
            return Bad.apply(g.detach().requires_grad_(True))


def test_functions_have_their_trace_and_parent_in_their_metadata():
    with torch.autograd.set_detect_anomaly(True):
        node = Outer.apply(leaf([1.0])).grad_fn
        assert "traceback_" in node.metadata
        x = leaf([1.0])
        (g,) = torch.autograd.grad(Outer.apply(x), x, torch.ones(1), create_graph=True)
        found = g.grad_fn
        assert found.metadata["parent_"].name() == "OuterBackward"
        with warnings.catch_warnings(record=True) as seen, pytest.raises(ValueError, match="bad"):
            warnings.simplefilter("always")
            g.sum().backward()
    texts = [str(w.message) for w in seen]
    assert any("Error detected in BadBackward. Traceback of forward call" in t for t in texts)
    assert any("Previous calculation was induced by OuterBackward." in t for t in texts)

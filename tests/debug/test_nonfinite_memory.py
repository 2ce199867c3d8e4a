"""What a watch keeps: nothing longer than the graph, and no tensor in a report."""

import gc
import weakref

import pytest
from support import rushlight_only, torch

if torch.__name__ == "rushlight":
    from rushlight.debug import NonfiniteError, explain_nonfinite, watch_nonfinite
    from rushlight.debug import nonfinite as module

pytestmark = rushlight_only


@pytest.fixture(autouse=True)
def no_collector():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def allocated():
    return torch.cpu.memory_allocated()


def test_a_report_keeps_no_tensor_alive():
    x = torch.tensor([1.0, 0.0], requires_grad=True)
    with watch_nonfinite():
        y = torch.log(x)
        y.sum().backward()
        torch.sqrt(x).sum().backward()
    report = explain_nonfinite(x.grad)
    dead = [weakref.ref(t) for t in (x, y, x.grad)]
    del x, y
    assert [ref() for ref in dead] == [None] * 3
    assert str(report)


def test_reports_go_with_their_gradients():
    before = len(module._reports)
    for _ in range(5):
        x = torch.zeros(2, requires_grad=True)
        with watch_nonfinite():
            torch.sqrt(x).sum().backward()
    assert len(module._reports) <= before + 1
    del x
    assert len(module._reports) <= before


def test_arguments_are_kept_no_longer_than_the_graph():
    x = torch.ones(10000, requires_grad=True)
    base = allocated()
    with watch_nonfinite():
        y = torch.zeros(10000)
        loss = (x - y).clamp(min=0.0).sum()
        del y
        assert allocated() >= base + 40000
        loss.backward()
        x.grad = None
        # What the graph kept is gone with the pass, though the graph is still there.
        assert allocated() <= base + 1000
        del loss
    assert allocated() == base


def test_a_graph_that_no_pass_played_goes_with_its_last_tensor():
    x = torch.ones(10000, requires_grad=True)
    base = allocated()
    with watch_nonfinite():
        y = torch.zeros(10000)
        z = torch.cat([x - y, torch.ones(5)])
        del y, z
    assert allocated() == base


def test_a_kept_argument_that_gets_a_history_makes_no_cycle():
    base = allocated()
    with watch_nonfinite():
        x = torch.ones(10000, requires_grad=True)
        y = torch.zeros(10000)
        z = x - y
        y.add_(z)
        refs = [weakref.ref(t) for t in (x, y, z)]
        del x, y, z
    assert [ref() for ref in refs] == [None] * 3
    assert allocated() == base


class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, other):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2, None


def test_outputs_of_custom_functions_and_random_operations_are_freed():
    base = allocated()
    with watch_nonfinite():
        x = torch.ones(10000, requires_grad=True)
        y = Twice.apply(x, torch.zeros(10000))
        z = torch.normal(y, torch.ones(10000))
        loss = z.sum()
        del y, z
        loss.backward(retain_graph=True)
        loss.backward()
        x.grad = None
        assert allocated() <= base + 41000
        del loss, x
    assert allocated() == base


def test_an_error_keeps_the_graph_only_while_it_lives():
    base = allocated()
    with watch_nonfinite("raise"):
        x = torch.zeros(10000, requires_grad=True)
        try:
            torch.sqrt(x).sum().backward()
        except NonfiniteError as error:
            assert error.report.op == "Sqrt"
        del x
    assert allocated() == base


def test_a_pass_that_fails_keeps_nothing():
    def fail(g):
        raise ZeroDivisionError

    base = allocated()
    with watch_nonfinite():
        x = torch.ones(10000, requires_grad=True)
        y = x * 2
        y.register_hook(fail)
        with pytest.raises(ZeroDivisionError):
            y.sum().backward()
        del x, y
    assert allocated() == base


def test_hooks_that_refer_to_their_tensor_are_still_collected():
    with watch_nonfinite():
        x = torch.zeros(3, requires_grad=True)
        y = x * 1
        y.register_hook(lambda g: g * 1)
        torch.sqrt(y).sum().backward()
        refs = weakref.ref(x), weakref.ref(y)
        del x, y
    assert [ref() for ref in refs] == [None, None]

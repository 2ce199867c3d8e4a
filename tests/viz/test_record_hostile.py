"""record() where threads, finalizers and passes in steps come between."""

import gc
import threading
import weakref

import pytest
from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
record = torch.record


def on_another_thread(call):
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def test_a_pass_in_steps_that_ends_on_another_thread_is_over():
    # The tape went on with the pass that was gone, and the next one crashed.
    w = leaf(2.0)
    with record() as tape:
        steps = torch.debug.trace_backward((w * 3).exp())
        next(steps)
        on_another_thread(steps.close)
        assert len(tape.graph) == 3
        (w * w).backward()
    assert [node.op for node in tape.graph.nodes] == ["AccumulateGrad", "MulBackward0"]


def test_a_pass_that_ends_while_the_graph_is_told():
    # What the result was read from was gone: the collector ran a backward pass in the middle.
    w, lines = leaf(2.0), []

    def compute(phase, info):
        if phase == "stop" and len(lines) < 50:
            lines.append("\n" * len(lines) + "(w * 2 * w).backward()")
            exec(lines[-1], {"w": w})

    thresholds = gc.get_threshold()
    with record() as tape:
        y = w
        for _ in range(1000):
            y = y * 1.0001
        y.backward()
        gc.callbacks.append(compute)
        gc.set_threshold(2, 2, 2)
        try:
            made = tape.graph
        finally:
            gc.set_threshold(*thresholds)
            gc.callbacks.remove(compute)
    assert len(lines) == 50 and len(made) == 1001
    assert [node.op for node in tape.graph.nodes] == ["AccumulateGrad"] + ["MulBackward0"] * 2


def test_a_recording_that_is_left_open_is_collected_with_the_module_that_holds_it():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x).sum()

    net = Net()
    net.tape = record()
    net.tape.__enter__()
    net(torch.ones(2)).backward()
    dead = weakref.ref(net)
    del net
    gc.collect()
    assert dead() is None


def test_a_recording_that_dies_on_another_thread_than_its_own():
    # It stayed in its thread's list, and died with the thread, which held no lock by then.
    begun, end = threading.Event(), threading.Event()

    def begin(held):
        held[0].__enter__()
        held[1](torch.ones(2)).sum().backward()
        begun.set()
        end.wait()

    held = [record(), torch.nn.Linear(2, 2)]
    thread = threading.Thread(target=begin, args=(held,))
    thread.start()
    begun.wait()
    dead = weakref.ref(held[1])
    held.clear()
    gc.collect()
    assert dead() is None
    end.set()
    thread.join()


def test_a_recording_that_ends_as_it_asks_for_names_holds_nothing():
    # The pass that it had begun with was kept, with all values, and waited for its end.
    w, asked = leaf(2.0), []

    def names(leaves):
        asked.append(len(leaves))
        tape.stop()
        tape.forget()
        return ["w"] * len(leaves)

    tape = torch._C._Tape(True, 1 << 20, names)
    tape.start()
    for _ in range(2):
        (w * 2).backward()
    assert asked == [1] and tape.result() is None
    tape.forget()
    dead = weakref.ref(w)
    del w
    assert dead() is None


def test_an_output_beyond_those_that_are_told_is_not_told_as_another():
    # Number 256 was written down as 0.
    w = torch.arange(300.0).requires_grad_()
    parts = w.unbind()
    with record() as tape:
        (parts[256] * 2).backward()
    assert tape.graph.find(op="unbind")[0].value is None
    y = parts[256] * 2
    for _ in range(2000):
        y = y * parts[256]
    assert torch.graph(y, values=True).find(op="unbind")[0].value is None


def test_an_edge_from_an_output_beyond_16_bits_is_not_one_from_the_first():
    parts = torch.ones(65_540, requires_grad=True).unbind()
    outputs = torch._C._graph_columns((parts[0] + parts[65_536],), 0)["edges"][3]
    assert sorted(memoryview(outputs).cast("H")) == [0, 0, 65_535]


@pytest.mark.parametrize(("name", "known"), [("\ud800", "?"), ("a\0b", "a\0b")])
def test_names_that_utf8_or_c_cannot_write(name, known):
    # The operation or the backward pass raised UnicodeEncodeError; a NUL ended a name.
    w = leaf(2.0)

    class Net(torch.nn.Module):
        def forward(self, x):
            return self._modules[name](x)

    def double(x):
        return x * 2

    net = Net()
    net._modules[name] = torch.nn.Linear(1, 1)
    double.__code__ = double.__code__.replace(co_name=name)
    tape = torch._C._Tape(True, 1 << 20, lambda leaves: [name] * len(leaves))
    tape.start()
    double(w * net(torch.ones(1))).backward()
    tape.stop()
    told = tape.result()
    assert [text for _, text, _ in told["scopes"]][-3:] == ["Net", known, known]
    assert told["leaf_names"] == [known] * 3 and {text for _, text in told["named"]} == {known}
    with record(params={name: w}) as tape:
        (w * 2).backward()
    assert tape.graph.steps == {known: [(0, 2.0)]}


@pytest.mark.parametrize("size", [10**12, 2**62])
def test_an_expanded_tensor_costs_what_it_has(size):
    # Each of its elements was visited; the number of its bytes was too large for a number.
    w = leaf(3.0)
    with record() as tape:
        w.expand(size)
        (w * 2).backward()
    assert tape.graph["w"].value.data == (3.0,)
    low, high, mean, norm, nan, inf, count, *_ = torch._C._tensor_summary(
        torch.tensor([3.0, float("nan")]).reshape(2, 1).expand(2, size // 4)
    )
    assert (low, high, mean, nan, inf, count) == (3, 3, 3, 2**32 - 1, 0, size // 4 * 2)
    assert norm == pytest.approx(3 * (size // 4) ** 0.5, rel=1e-15)

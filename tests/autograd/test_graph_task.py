"""What can be asked of the backward pass under way, and callbacks queued at its end."""

import gc
import threading
import weakref

import pytest
from support import leaf, rushlight_only, torch

queue_callback = torch.autograd.Variable._execution_engine.queue_callback


def names(nodes):
    return [node.name() for node in nodes]


# --- callbacks


def test_callback_runs_once_when_all_gradients_are_there():
    x, w = leaf([1.0]), leaf([1.0])
    y = x * w
    seen = []
    y.register_hook(lambda g: queue_callback(lambda: seen.append((x.grad.item(), w.grad.item()))))
    y.backward(retain_graph=True)
    y.backward()
    assert seen == [(1.0, 1.0), (2.0, 2.0)]


def test_callbacks_run_in_order_and_may_queue_more():
    x = leaf([1.0])
    y = x * 2
    seen = []

    def first():
        seen.append("first")
        queue_callback(lambda: seen.append("third"))

    def hook(g):
        queue_callback(first)
        queue_callback(lambda: seen.append("second"))

    y.register_hook(hook)
    y.backward()
    assert seen == ["first", "second", "third"]


def test_callback_is_inside_the_pass_but_in_no_node():
    x = leaf([1.0])
    y = x * 2
    seen = []

    def look():
        seen.append(torch._C._current_graph_task_id())
        seen.append(torch._C._current_autograd_node())
        seen.append(torch.is_grad_enabled())

    def hook(g):
        seen.append(torch._C._current_graph_task_id())
        queue_callback(look)

    y.register_hook(hook)
    y.backward()
    assert seen[0] == seen[1] != -1 and seen[2:] == [None, False]


def test_callback_belongs_to_the_innermost_pass():
    x = leaf([1.0])
    y = x * 2
    seen = []

    def inner(g):
        queue_callback(lambda: seen.append("inner callback"))
        seen.append("inner hook")

    def outer(g):
        with torch.enable_grad():
            z = leaf([1.0]) * 3
        z.register_hook(inner)
        z.backward()
        seen.append("outer hook")

    y.register_hook(outer)
    y.backward()
    assert seen == ["inner hook", "inner callback", "outer hook"]


def test_exception_in_a_callback_comes_out_of_backward():
    x = leaf([1.0])
    y = x * 2

    def fail():
        raise KeyError("no")

    y.register_hook(lambda g: queue_callback(fail))
    with pytest.raises(KeyError):
        y.backward()
    assert x.grad.item() == 2.0


def test_callbacks_do_not_run_after_an_error():
    y = leaf([1.0]) * 2
    seen = []

    def hook(g):
        queue_callback(lambda: seen.append(1))
        raise KeyError("no")

    y.register_hook(hook)
    with pytest.raises(KeyError):
        y.backward()
    assert seen == []


def test_callback_outside_a_pass_is_refused():
    sentence = "Final callbacks can only be installed during backward pass."
    with pytest.raises(RuntimeError, match=sentence):
        queue_callback(lambda: None)


def test_callbacks_are_let_go_with_the_pass():
    class Thing:
        pass

    thing = Thing()
    alive = weakref.ref(thing)
    y = leaf([1.0]) * 2

    def hook(g):
        nonlocal thing
        queue_callback(lambda thing=thing: None)
        thing = None

    gc.collect()
    gc.disable()
    try:
        y.register_hook(hook)
        y.backward()
        assert alive() is None
    finally:
        gc.enable()


def test_engine_runs_a_pass():
    run = torch.autograd.Variable._execution_engine.run_backward
    x, w = leaf([1.0]), leaf([1.0])
    y = x * 2
    one = (torch.ones(1),)
    found = run((y,), one, True, False, (x,), allow_unreachable=True)
    assert [g.item() for g in found] == [2.0] and x.grad is None
    found = run((y,), one, True, False, (w,), allow_unreachable=True)
    assert found == (None,)
    run((y,), one, True, False, (), allow_unreachable=True, accumulate_grad=True)
    assert x.grad.item() == 2.0


# --- questions


def test_outside_there_is_no_pass():
    node = (leaf([1.0]) * 2).grad_fn
    assert torch._C._current_graph_task_id() == -1
    assert torch._C._current_autograd_node() is None
    with pytest.raises(
        RuntimeError, match="_get_should_execute_nodes should only be called during the backward"
    ):
        torch._C._will_engine_execute_node(node)
    with pytest.raises(
        RuntimeError,
        match="_current_graph_task_execution_order should only be called during the backward pass",
    ):
        torch._C._current_graph_task_execution_order()
    with pytest.raises(RuntimeError, match="expects an grad_fn, but got int"):
        torch._C._will_engine_execute_node(1)


def test_every_pass_has_an_id_of_its_own():
    y = leaf([1.0]) * 2
    ids = []
    y.register_hook(lambda g: ids.append(torch._C._current_graph_task_id()))
    y.backward(retain_graph=True)
    y.backward()
    assert ids[0] != ids[1] and -1 not in ids


def test_current_node_is_the_one_that_runs_or_whose_hooks_do():
    x = leaf([1.0])
    y = x * 2
    z = y * y
    seen = []

    def look(*args):
        seen.append(torch._C._current_autograd_node())

    y.register_hook(look)
    y.grad_fn.register_hook(look)
    x.register_hook(look)
    z.backward()
    node = y.grad_fn.next_functions[0][0]
    assert seen == [y.grad_fn, y.grad_fn, node]


def test_current_node_inside_a_function():
    seen = []

    class Look(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            seen.append(torch._C._current_autograd_node() is ctx)
            return g

    Look.apply(leaf([1.0])).backward()
    assert seen == [True]


def order_of(run):
    """What _current_graph_task_execution_order says at the root."""
    x, w = leaf([1.0]), leaf([1.0])
    y = x.exp()
    root = (y * y * w).sum()
    seen = []
    root.register_hook(lambda g: seen.append(names(torch._C._current_graph_task_execution_order())))
    with torch.autograd.set_multithreading_enabled(False):
        run(root, x, y)
    return seen[0]


ACCUMULATE = "torch::autograd::AccumulateGrad"


def test_execution_order_of_a_whole_pass():
    assert order_of(lambda root, x, y: root.backward()) == [
        "SumBackward0",
        "MulBackward0",
        ACCUMULATE,
        "MulBackward0",
        "ExpBackward0",
        ACCUMULATE,
    ]


def test_execution_order_of_a_pass_for_some_inputs():
    short = ["SumBackward0", "MulBackward0", "MulBackward0", "ExpBackward0"]
    assert order_of(lambda root, x, y: torch.autograd.grad(root, y)) == short
    assert order_of(lambda root, x, y: torch.autograd.grad(root, x)) == [*short, ACCUMULATE]
    assert order_of(lambda root, x, y: root.backward(inputs=[x])) == [*short, ACCUMULATE]


@rushlight_only
def test_execution_order_is_the_same_from_any_node():
    x = leaf([1.0])
    y = x.exp()
    z = y.sin()
    seen = []
    for t in (z, y, x):
        t.register_hook(lambda g: seen.append(torch._C._current_graph_task_execution_order()))
    z.backward()
    assert seen[0] == seen[1] == seen[2] and names(seen[0]) == [
        "SinBackward0",
        "ExpBackward0",
        ACCUMULATE,
    ]


def test_which_nodes_a_pass_executes():
    x, w = leaf([1.0]), leaf([1.0])
    y = x * 2
    z = y * y * w
    root = z.sum()
    other = (x * 5).grad_fn
    nodes = {
        "z": z.grad_fn,
        "y": y.grad_fn,
        "w": z.grad_fn.next_functions[1][0],
        "x": y.grad_fn.next_functions[0][0],
        "other": other,
    }
    seen = []

    def look(g):
        named = nodes if "x" in asked else {k: v for k, v in nodes.items() if k != "x"}
        seen.append({k for k, node in named.items() if torch._C._will_engine_execute_node(node)})

    z.register_hook(look)
    asked = "x"
    root.backward(retain_graph=True)
    root.backward(inputs=[x], retain_graph=True)
    asked = ""
    torch.autograd.grad(root, y, retain_graph=True)
    assert seen == [{"z", "y", "w", "x"}, {"z", "y", "x"}, {"z", "y"}]


def test_passes_of_two_threads_do_not_meet():
    barrier = threading.Barrier(2)
    seen = []

    def work():
        y = leaf([1.0]) * 2

        def hook(g):
            barrier.wait(timeout=60)
            mine = torch._C._current_graph_task_id()
            queue_callback(lambda: seen.append((mine, torch._C._current_graph_task_id())))

        y.register_hook(hook)
        y.backward()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({mine for mine, _ in seen}) == 2
    assert all(mine == now for mine, now in seen)

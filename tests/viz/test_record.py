"""record(): the graph of the last backward pass, with all that was seen on the way."""

import gc
import math
import threading
import weakref

import pytest
from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
record = torch.record


def line_fit(w, b):
    x, t = torch.tensor(3.0), torch.tensor(5.0)
    y = w * x + b
    return (y - t) ** 2


def test_the_graph_of_the_last_pass():
    w, b = leaf(2.0), leaf(0.5)
    with record() as tape:
        line_fit(w, b).backward()
        (w * 2).backward()
    assert [node.op for node in tape.graph.nodes] == ["AccumulateGrad", "MulBackward0"]


def test_values_and_gradients_are_known_although_the_graph_is_freed():
    w, b = leaf(2.0), leaf(0.5)
    with record() as tape:
        line_fit(w, b).backward()
    made = tape.graph
    values = {node.label: node.value.data[0] for node in made.nodes}
    grads = {node.label: node.grad.data[0] for node in made.nodes}
    assert values["w * x"] == 6.0 and values["y"] == 6.5 and values["(y - t) ** 2"] == 2.25
    assert grads["w"] == 9.0 and grads["b"] == grads["y"] == 3.0
    assert made.find(op="mul")[0].rules[0].sentence == "3.0 * 3.0 = 9.0  ->  w"


def test_what_a_leaf_was_before_the_optimizer_changed_it():
    w = leaf([1.0, 2.0])
    optimizer = torch.optim.SGD([w], lr=0.5)
    with record() as tape:
        (w.view(2, 1) * w.view(2, 1)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    made = tape.graph
    assert made["w"].value.data == (1.0, 2.0) and made["w"].grad.data == (2.0, 4.0)
    assert made.find(op="view")[0].value.data == (1.0, 2.0)


def test_the_gradient_of_this_pass_alone():
    w = leaf(1.0)
    with record() as tape:
        for _ in range(3):
            (w * 2).backward()
    assert w.grad.item() == 6.0 and tape.graph["w"].grad.data == (2.0,)


def test_what_was_overwritten_is_left_out():
    a = leaf([1.0, 4.0])
    with record() as tape:
        y = a * 2
        y += 1
        y.sum().backward()
    made = tape.graph
    assert made.find(op="mul")[0].value is None
    assert made.find(op="add")[0].value.data == (3.0, 9.0)


def test_modules_and_functions_around_each_node():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(2, 2)
            self.blocks = torch.nn.ModuleList([torch.nn.Linear(2, 1)])

        def forward(self, x):
            return self.blocks[0](torch.tanh(self.fc(x)))

    def mean_square(x):
        return (x * x).mean()

    net = Net()
    with record() as tape:
        mean_square(net(torch.ones(1, 2))).backward()
    scopes = {node.op: node.scope for node in tape.graph.nodes}
    assert scopes["TanhBackward0"] == ("Net",)
    assert scopes["MeanBackward0"] == ("mean_square",)
    found = [node.scope for node in tape.graph.find(op="addmm")]
    assert found == [("Net", "fc"), ("Net", "blocks.0")]
    assert tape.graph.leaves()[0].scope == ()
    names = {node.name for node in tape.graph.leaves()}
    assert names == {"net.fc.weight", "net.fc.bias", "net.blocks.0.weight", "net.blocks.0.bias"}


def test_groups_follow_the_modules():
    from rushlight.viz._groups import group_tree

    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    with record() as tape:
        model(torch.ones(1, 2)).sum().backward()
    tree = group_tree(tape.graph)
    assert [group.label for group in tree.children] == ["Sequential", "SumBackward0"]
    assert [group.label for group in tree.children[0].children] == ["0", "1", "2"]


def test_layers_alike_are_no_iterations():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2))
    with record() as tape:
        model(torch.ones(1, 2)).sum().backward()
    assert {node.iteration for node in tape.graph.nodes} == {None}


def test_cuts_of_what_no_node_saved_and_no_variable_holds():
    w = leaf(2.0)

    def helper(v):
        part = w.detach()
        return v + part + torch.tensor(0.5) + 1.0

    with record() as tape:
        torch.stack([helper(w), torch.ones(())]).sum().backward()
    cuts = [cut for node in tape.graph.nodes for cut in node.cuts]
    reasons = [(cut.name, cut.reason) for cut in cuts]
    assert reasons == [
        ("part", "detach"),
        ("torch.tensor(0.5)", "requires_grad=False"),
        (None, "requires_grad=False"),
    ]
    assert open(__file__).read().split("\n")[cuts[0].line - 1].strip() == "part = w.detach()"


def test_times_and_memory():
    w = torch.ones(100, 100, requires_grad=True)
    with record() as tape:
        (w @ w).sum().backward()
    made = tape.graph
    (mm,) = made.find(op="mm")
    assert mm.forward_us > 0 and mm.backward_us > 0 and mm.alive >= 40_000
    assert made["w"].forward_us is None and made["w"].backward_us is not None


def test_lines():
    w = leaf([1.0] * 100)
    with record() as tape:
        for _ in range(5):
            y = w * 2
            y.sum().backward()
    by_line = {line.line: line for line in tape.graph.lines}
    (mul,) = tape.graph.find(op="mul")
    assert by_line[mul.line].calls == 5 and by_line[mul.line].bytes == 2000
    assert all(line.us > 0 and line.file == __file__ for line in by_line.values())
    assert tape.graph.lines == sorted(tape.graph.lines, key=lambda line: -line.us)


def test_gradient_norms_from_pass_to_pass():
    w, b = leaf([3.0, 4.0]), leaf(1.0)
    with record() as tape:
        for i in range(4):
            loss = (w * w).sum() * i
            if i == 2:
                loss = loss + b
            loss.backward()
    assert [step for step, _ in tape.graph.steps["w"]] == [0, 1, 2, 3]
    assert [norm for _, norm in tape.graph.steps["w"]] == [0.0, 10.0, 20.0, 30.0]
    assert tape.graph.steps["b"] == [(2, 1.0)]


def test_norms_from_pass_to_pass_are_under_the_names_given():
    w, b = leaf([3.0, 4.0]), leaf(1.0)
    with record(params={"slope": w}) as tape:
        for _ in range(2):
            (w.sum() + b).backward()
    assert sorted(tape.graph.steps) == ["b", "slope"]
    assert [leaf.name for leaf in tape.graph.leaves()] == ["slope", "b"]


def test_norms_of_gradients_that_float32_cannot_square():
    w = leaf([1.0, 1.0])
    with record() as tape:
        (w * 1e30).sum().backward()
    assert tape.graph["w"].grad.norm == pytest.approx(2**0.5 * 1e30)


def test_autograd_grad_is_a_pass_too():
    w, b = leaf(2.0), leaf(0.5)
    with record() as tape:
        torch.autograd.grad(line_fit(w, b), [w])
    made = tape.graph
    assert made["w"].grad.data == (9.0,) and made["b"].grad is None
    assert made["b"].order is None and w.grad is None


def test_nodes_that_did_not_run_have_no_order():
    w, b = leaf(2.0), leaf(0.5)
    with record() as tape:
        line_fit(w, b).backward(inputs=[b])
    orders = {node.label: node.order for node in tape.graph.nodes}
    assert orders["w * x"] is None and orders["b"] == 3 and orders["y"] == 2


def test_a_pass_that_fails_shows_how_far_it_came():
    a = leaf([1.0])

    def fail(g):
        raise ValueError("here")

    with record() as tape:
        y = a * 2
        y.register_hook(fail)
        with pytest.raises(ValueError, match="here"):
            y.sum().backward()
    made = tape.graph
    assert made.find(op="sum")[0].order == 0 and made.find(op="mul")[0].order is None
    assert made.notes == ["the backward pass failed: what it had not reached is not known"]


def test_custom_functions():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    a = leaf([1.0, 2.0])
    with record() as tape:
        (Double.apply(a) * 3).sum().backward()
    (node,) = tape.graph.find(flag="custom")
    assert node.value.data == (2.0, 4.0) and node.grad.data == (3.0, 3.0)
    assert node.forward_us > 0 and node.backward_us > 0


def test_a_pass_inside_another_belongs_to_its_node():
    a = leaf(2.0)

    class Inner(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            x = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                y = x * x
            y.backward(g)
            return x.grad

    with record() as tape:
        Inner.apply(a).backward()
    assert [node.op for node in tape.graph.nodes] == ["AccumulateGrad", "InnerBackward"]
    assert tape.graph["a"].grad.data == (4.0,)


def test_a_second_loss_over_the_same_part():
    w = leaf(3.0)
    with record() as tape:
        shared = w * 2
        first, second = shared * 5, shared * 7
        first.backward(retain_graph=True)
        second.backward()
    assert tape.graph["shared"].value.data == (6.0,) and tape.graph["shared"].grad.data == (7.0,)


def test_double_backward():
    x = leaf(3.0)
    with record() as tape:
        (g,) = torch.autograd.grad(x**3, x, create_graph=True)
        g.backward()
    assert tape.graph["x"].grad.data == (18.0,)


def test_the_graph_is_there_inside_the_block_too():
    w = leaf(2.0)
    with record() as tape:
        (w * 3).backward()
        assert tape.graph["w"].grad.data == (3.0,)
        (w * 4).backward()
        assert tape.graph["w"].grad.data == (4.0,)
    assert tape.graph["w"].grad.data == (4.0,)


def test_without_values():
    w, b = leaf(2.0), leaf(0.5)
    with record(values=False) as tape:
        line_fit(w, b).backward()
    made = tape.graph
    assert all(node.value is None and node.grad is None for node in made.nodes)
    assert made.find(op="mul")[0].forward_us is not None and made.steps["w"] == [(0, 9.0)]


def test_params_give_names():
    w, b = leaf(2.0), leaf(0.5)
    with record(params={"slope": w}) as tape:
        line_fit(w, b).backward()
    assert {node.name for node in tape.graph.leaves()} == {"slope", "b"}


def test_no_backward_pass():
    with record() as tape:
        leaf(1.0) * 2
    with pytest.raises(RuntimeError, match=r"no backward pass has run\n  fix: call loss.backward"):
        tape.graph  # noqa: B018 - a property that raises


def test_an_exception_in_the_block_comes_through_and_recording_ends():
    w = leaf(2.0)
    with pytest.raises(ZeroDivisionError), record() as tape:
        (w * 3).backward()
        1 / 0  # noqa: B018
    (w * 5).backward()
    assert tape.graph["w"].grad.data == (3.0,)


def test_one_recording_inside_another():
    w = leaf(2.0)
    with record() as outer:
        (w * 3).backward()
        with record() as inner:
            (w * 4).backward()
        (w * 5).backward()
    assert inner.graph["w"].grad.data == (4.0,) and outer.graph["w"].grad.data == (5.0,)
    assert len(outer.graph.steps["w"]) == 3 and len(inner.graph.steps["w"]) == 1


def test_a_recording_that_runs_does_not_begin_again_and_one_that_ended_does():
    w = leaf(2.0)
    with record() as tape:
        with pytest.raises(RuntimeError, match="has begun already"), tape:
            pass
        (w * 3).backward()
    with tape:
        (w * 4).backward()
    assert tape.graph["w"].grad.data == (4.0,)


def test_a_recording_that_a_thread_left_open_ends_with_it():
    w, tapes = leaf(2.0), []

    def begin():
        tapes.append(record())
        tapes[0].__enter__()
        (w * 3).backward()

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()
    assert tapes[0].graph["w"].grad.data == (3.0,)
    tapes.clear()
    with record() as tape:
        (w * 4).backward()
    assert tape.graph["w"].grad.data == (4.0,)


def test_looking_at_a_graph_is_no_part_of_the_recording():
    w = leaf(2.0)
    with record() as tape:
        (w * 3).backward()
        made = torch.graph((w * 4).exp(), values=True)
        assert len(made) == 3 and len(tape.graph) == 2
    assert [node.op for node in tape.graph.nodes] == ["AccumulateGrad", "MulBackward0"]
    assert tape.graph.steps == {"w": [(0, 3.0)]}


def test_the_code_is_let_go():
    import sys

    scope = {"torch": torch, "w": leaf(2.0)}
    code = compile("with torch.record() as tape:\n    (w * 3).backward()", "let_go.py", "exec")
    for _ in range(2):  # w.grad keeps the site of the last write to it
        exec(code, scope)
    assert len(scope["tape"].graph) == 2
    before = sys.getrefcount(code)
    for _ in range(3):
        exec(code, scope)
    assert sys.getrefcount(code) == before


def test_other_threads_are_not_recorded():
    w = leaf(2.0)
    with record() as tape:
        (w * 3).backward()
        thread = threading.Thread(target=lambda: (w * 4).backward())
        thread.start()
        thread.join()
    assert tape.graph["w"].grad.data == (3.0,)


@pytest.mark.parametrize("max_bytes", [-1, 1.5, None])
def test_bad_arguments(max_bytes):
    with pytest.raises(ValueError, match="'max_bytes' must be at least 0"):
        record(max_bytes=max_bytes)


def test_a_recording_that_has_not_begun_does_not_end():
    with pytest.raises(RuntimeError, match="has not begun\n  fix: `with"):
        record().__exit__(None, None, None)
    with record() as tape:
        leaf(1.0).sin().backward()
    with pytest.raises(RuntimeError, match="has not begun"):
        tape.__exit__(None, None, None)
    assert tape.graph.nodes[1].op == "SinBackward0"


def test_what_is_too_large_to_hold_is_summed_up_at_once():
    def made(**options):
        w = leaf([1.0, 2.0])
        with record(**options) as tape:
            y = w.exp()
            (y * y).sum().backward()
        return [(node.value, node.grad) for node in tape.graph.nodes]

    assert made(max_bytes=0) == made()


def test_gradients_are_the_same_bits():
    torch.manual_seed(0)
    x = torch.randn(20, 4)

    def grads(context):
        torch.manual_seed(1)
        model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 1))
        with context:
            for _ in range(3):
                model.zero_grad()
                (model(x) ** 2).mean().backward()
        return [p.grad.tolist() for p in model.parameters()]

    import contextlib

    assert grads(record()) == grads(contextlib.nullcontext())


def test_a_long_training_keeps_one_graph():
    w = torch.ones(1000, requires_grad=True)
    with record() as tape:
        sizes = []
        for i in range(60):
            (w * 2).sum().backward()
            if i in (10, 59):
                sizes.append(torch.cpu.memory_allocated())
    assert sizes[1] <= sizes[0] and len(tape.graph) == 3


def test_nothing_is_alive_after_the_block():
    gc.disable()
    try:
        model = torch.nn.Linear(2, 1)
        x = torch.ones(1, 2)
        with record() as tape:
            y = model(x)
            y.sum().backward()
        dead = [weakref.ref(t) for t in (model, model.weight, x, y, y.grad_fn)]
        del model, x, y
        assert [ref() for ref in dead] == [None] * 5
        assert math.isfinite(tape.graph.leaves()[0].grad.norm)
    finally:
        gc.enable()


def test_there_and_back_as_json():
    w, b = leaf(2.0), leaf(0.5)
    with record() as tape:
        for _ in range(3):
            line_fit(w, b).backward()
    again = torch.Graph.from_json(tape.graph.to_json())
    assert again.to_json() == tape.graph.to_json()
    assert again.lines == tape.graph.lines and again.steps == tape.graph.steps
    assert again["w"].backward_us == tape.graph["w"].backward_us

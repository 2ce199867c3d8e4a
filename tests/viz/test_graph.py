"""rushlight.graph: the structure of a graph as data."""

import dataclasses
import gc
import sys
import weakref

import pytest
from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
graph = torch.graph


def line_fit():
    x, t = torch.tensor(3.0), torch.tensor(5.0)
    w, b = leaf(2.0), leaf(0.5)
    y = w * x + b
    loss = (y - t) ** 2
    return w, b, y, loss


def test_every_node_in_the_order_of_recording_leaves_before_their_first_use():
    *_, loss = line_fit()
    assert [node.op for node in graph(loss).nodes] == [
        "AccumulateGrad",
        "MulBackward0",
        "AccumulateGrad",
        "AddBackward0",
        "SubBackward0",
        "PowBackward0",
    ]


def test_a_node_knows_its_source():
    *_, loss = line_fit()
    node = graph(loss).find(op="mul")[0]
    assert node.expression == "w * x" and node.file == __file__
    source = open(__file__).read().split("\n")[node.line - 1]
    assert source.strip() == "y = w * x + b" and node.end_line == node.line
    assert source[slice(*node.columns)] == "w * x"
    assert (
        node.label == "w * x" and repr(node) == f"<MulBackward0 w * x  test_graph.py:{node.line}>"
    )


def test_the_variable_belongs_to_the_node_that_made_the_stored_value():
    *_, loss = line_fit()
    names = {node.op: node.name for node in graph(loss).nodes if not node.is_leaf}
    assert names == {
        "MulBackward0": None,
        "AddBackward0": "y",
        "SubBackward0": None,
        "PowBackward0": "loss",
    }


def test_leaves_are_called_as_the_caller_calls_them():
    w, b, _, loss = line_fit()
    assert [node.name for node in graph(loss).leaves()] == ["w", "b"]
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh())
    found = graph(model(torch.ones(1, 2)).sum()).leaves()
    assert {node.name for node in found} == {"model.0.weight", "model.0.bias"}


def test_params_give_names_that_win():
    w, b, _, loss = line_fit()
    made = graph(loss, params={"slope": w})
    assert [node.name for node in made.leaves()] == ["slope", "b"]
    assert made["slope"] == made[w]
    assert graph(loss, params=[("k", b)])["k"].shape == ()


def test_params_that_the_graph_does_not_reach_are_told():
    w, never, frozen, off = leaf([1.0]), leaf(2.0), torch.ones(1), torch.ones(2)
    h = w * frozen
    params = {"w": w, "never": never, "frozen": frozen, "off": off, "h": h}
    made = graph(h.sum(), params=params)
    assert made.notes == [
        "params that the graph does not reach, which get no gradient: never",
        "params with requires_grad=False, which get no gradient: off",
        "params that are no leaves, whose names are not used: h",
    ]
    assert str(made).endswith("\n".join(f"note: {note}" for note in made.notes))
    assert [str(cut) for cut in made.find(op="mul")[0].cuts] == ["frozen: requires_grad=False"]
    many = {f"p{i}\n": leaf(1.0) for i in range(9)}
    (note,) = graph(w * 2, params=many).notes
    assert note.endswith(": p0, p1, p2, p3, p4, p5 and 3 more")
    assert graph(w * 2, params={"a": w, "b": w}).notes == []


def test_shapes_dtypes_and_bytes_of_outputs():
    x = leaf([[1.0, 2.0, 3.0]], dtype=torch.float64)
    values, indices = x.max(dim=1)
    node = graph(values).find(op="max")[0]
    assert node.shapes[0] == (1,) and node.shape == (1,)
    assert node.dtypes[0] == "float64" and node.bytes >= 8
    assert graph(x * 2).leaves()[0].bytes == 24


def test_saved_tensors_with_the_node_that_produced_them():
    a = leaf([1.0, 2.0])
    y = a.exp()
    z = y * a
    made = graph(z)
    (saved,) = made[y].saved
    assert saved.name == "result" and saved.source == made[y] and saved.bytes == 8
    by_name = {s.name: s for s in made[z].saved}
    assert by_name["self"].source == made[y] and by_name["other"].source == made[a]
    assert by_name["other"].version == 0 and by_name["other"].shape == (2,)


def test_other_saved_values_as_text():
    a = leaf([1.0, 2.0])
    made = graph((torch.add(a, a, alpha=2) ** 3).reshape(2, 1))
    assert made.find(op="add")[0].attrs == {"alpha": "2"}
    assert made.find(op="PowBackward0")[0].attrs == {"exponent": "3"}
    assert made.find(op="view")[0].attrs == {"self_sym_sizes": "(2,)"}


def test_inputs_and_users():
    w, b, y, loss = line_fit()
    made = graph(loss)
    assert [node.label for node in made[y].inputs] == ["w * x", "b"]
    assert [node.op for node in made[y].users] == ["SubBackward0"]
    assert made[w].users == [made.find(op="mul")[0]] and made[loss].users == []


def test_a_value_used_twice_by_one_node_is_two_inputs_and_one_user():
    a = leaf(3.0)
    made = graph(a * a)
    assert made.nodes[1].inputs == [made.nodes[0]] * 2
    assert made.nodes[0].users == [made.nodes[1]]


def test_order_is_that_of_the_backward_pass():
    a, b = leaf(1.0), leaf(2.0)
    c = a * b
    d = c.exp()
    loss = d * c + b
    ran = []
    for node in torch.debug.trace_backward(loss, retain_graph=True):
        ran.append((node.name, node.variable))
    made = sorted(graph(loss).nodes, key=lambda node: node.order)
    assert [(n.op, n.name) for n in made] == ran


def test_flags():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    a = leaf([1.0, 2.0])
    made = graph(Double.apply(a).view(2, 1))
    assert [node.flags for node in made.nodes] == [{"leaf"}, {"custom"}, {"view", "root"}]
    assert made.nodes[1].op == "DoubleBackward" and made.nodes[0].is_leaf
    assert made.find(flag="view")[0].op == "ViewBackward0"
    with pytest.raises(ValueError, match="no flag 'frozen'; there are 'leaf'"):
        made.find(flag="frozen")


def test_several_roots_in_any_nesting():
    @dataclasses.dataclass
    class Output:
        loss: object
        more: object = None

    a = leaf(2.0)
    x, y, z = a.exp(), a.log(), a.sin()
    nested = [{"x": x}, (Output(y, [z]), None)]
    made = graph(nested)
    assert [node.op for node in made.roots()] == ["ExpBackward0", "LogBackward0", "SinBackward0"]
    assert [node.order for node in made.nodes] == [3, 2, 1, 0]
    assert graph(x.grad_fn).nodes[-1].op == "ExpBackward0"


def test_a_nesting_that_holds_itself():
    a = leaf(2.0)
    outputs = [a.exp()]
    outputs.append(outputs)
    assert len(graph(outputs)) == 2


def test_a_leaf_alone():
    a = leaf([1.0, 2.0])
    (node,) = graph(a).nodes
    assert node.flags == {"leaf", "root"} and node.name == "a" and node.order == 0


def test_a_write_into_a_view():
    base = leaf([1.0, 2.0, 3.0]) * 1
    base[0].mul_(5)
    made = graph(base.sum())
    assert "CopySlices" in [node.op for node in made.nodes]
    assert [node.op for node in made.path(made.leaves()[0], made.roots()[0])][0] == "AccumulateGrad"


def test_finding():
    w, b, y, loss = line_fit()
    made = graph(loss)
    assert made.find(op="PowBackward0") == made.find(op="pow") == [made[loss]]
    assert made.find(name="y") == [made[y]] and made["y"] == made[y]
    assert made.find(expression="w * x") == made.find(line=made[y].line)
    assert made.find(file="test_graph.py", shape=()) == [n for n in made.nodes if not n.is_leaf]
    assert made.find(where=lambda node: len(node.inputs) == 2) == [made[y]]
    assert made.find(op="mul", name="nobody") == []
    with pytest.raises(TypeError, match="argument 'op' must be str, not int"):
        made.find(op=3)
    assert made.find(lambda node: len(node.inputs) == 2) == [made[y]]
    with pytest.raises(TypeError, match="argument 'line' must be int, not str"):
        made.find(line="3")
    assert made[-1] == made[loss] == made.node(made[loss]) and made[loss.grad_fn] == made[loss]
    for key in ("nobody", 99, leaf(1.0), leaf(1.0) * 2, object()):
        with pytest.raises(KeyError, match="no node of this graph is"):
            made[key]
    with pytest.raises(KeyError):
        made[graph(loss).nodes[0]]


def test_paths():
    w, b, y, loss = line_fit()
    made = graph(loss)
    ops = ["AccumulateGrad", "MulBackward0", "AddBackward0", "SubBackward0", "PowBackward0"]
    assert [node.op for node in made.path(w, loss)] == ops
    assert made.path(loss, w) == made.path("w", "loss") == made.path(w, loss)
    assert made.path(y, y) == [made[y]] and made.path(w, b) == []


def test_iterations_of_a_loop():
    h = leaf([1.0])
    for _ in range(5):
        h = torch.tanh(h * 2)
    made = graph(h)
    assert [n.iteration for n in made.find(op="tanh")] == [0, 1, 2, 3, 4]
    (node,) = made.find(op="mul", iteration=3)
    assert node.users[0].iteration == 3 and node.inputs[0].iteration == 2


def test_an_expression_that_ran_once_has_no_iteration():
    *_, loss = line_fit()
    assert {node.iteration for node in graph(loss).nodes} == {None}


def test_many_roots_are_counted():
    a = leaf([1.0])
    assert repr(graph([a * k for k in range(9)])).split(":")[0].endswith(" and 5 more")


def test_an_index_of_several_slices_ran_once():
    x = leaf(torch.ones(5, 6).tolist())
    part = x[1:4, ::2]
    made = graph(part.sum())
    assert [n.iteration for n in made.find(op="slice")] == [None, None]
    assert [n.name for n in made.find(op="slice")] == [None, "part"]
    for _ in range(3):
        x = x[:-1, 1:]
    made = graph(x.sum())
    assert [n.iteration for n in made.find(op="slice")] == [0, 0, 1, 1, 2, 2]
    assert [n.name for n in made.find(op="slice")] == [None, "x"] * 3


def test_iterations_of_a_call_that_consists_of_several_operations():
    cell = torch.nn.Linear(3, 3)
    h = torch.ones(1, 3)
    for _ in range(4):
        h = cell(h)
        h = h * 2
    made = graph(h)
    calls = [n for n in made.nodes if n.expression == "cell(h)"]
    assert [n.iteration for n in calls] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert [n.name for n in calls] == [None, "h"] * 4
    assert [n.iteration for n in made.find(op="mul")] == [0, 1, 2, 3]


def test_iterations_of_nested_loops_count_on():
    h = leaf([1.0])
    for _ in range(2):
        for _ in range(3):
            h = h.exp()
        h = h * 2
    made = graph(h)
    assert [n.iteration for n in made.find(op="exp")] == [0, 1, 2, 3, 4, 5]
    assert [n.iteration for n in made.find(op="mul")] == [0, 1]


def test_a_user_function_called_from_two_places():
    def f(x):
        return x.exp()

    made = graph(f(f(leaf(1.0))))
    assert [n.iteration for n in made.find(op="exp")] == [0, 1]


def test_after_backward_nodes_tell_what_freed_them():
    *_, loss = line_fit()
    loss.backward()
    made = graph(loss)
    by_op = {node.op: node for node in made.nodes}
    assert by_op["MulBackward0"].freed.startswith("test_graph.py:")
    assert "freed" in by_op["MulBackward0"].flags and by_op["MulBackward0"].saved == []
    assert by_op["AddBackward0"].freed is None, "it saves nothing that could be freed"


def test_after_backward_a_custom_function_is_freed_too():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return 2 * g * ctx.saved_tensors[0]

    y = Square.apply(leaf(3.0))
    (before,) = graph(y).find(flag="custom")
    assert before.saved[0].name == "saved_tensors[0]" and before.saved[0].source.is_leaf
    y.backward()
    (after,) = graph(y).find(flag="custom")
    assert after.freed.startswith("test_graph.py:") and after.saved == []


def test_rules_in_words():
    w, b, y, loss = line_fit()
    made = graph(loss)
    assert [rule.text for rule in made.find(op="mul")[0].rules] == ["d(w * x)/dw = x"]
    assert [rule.input for rule in made[y].rules] == [0, 1]
    assert made[loss].rules[0] == (0, "d((y - t) ** 2)/d(y - t) = 2 (y - t)", "")


def test_rules_of_a_loop_are_those_of_its_own_numbers():
    h = leaf(1.0)
    for factor in (2.0, 3.0):
        h = h * factor
    texts = [node.rules[0].text for node in graph(h).find(op="mul")]
    assert "= 2" in texts[0] and "= 3" in texts[1]


def test_cuts_say_why_an_input_gets_no_gradient():
    a = leaf([1.0, 2.0])
    plain = torch.ones(2)
    cut = a.detach()
    with torch.no_grad():
        quiet = a * 3
    z = a * plain + a * cut + a * quiet
    cuts = {c.name: c for node in graph(z).nodes for c in node.cuts}
    assert cuts["plain"].reason == "requires_grad=False" and cuts["plain"].line is None
    assert cuts["cut"].reason == "detach" and cuts["cut"].file == __file__
    assert cuts["quiet"].reason == "no_grad"
    source = open(__file__).read().split("\n")
    assert source[cuts["cut"].line - 1].strip() == "cut = a.detach()"
    assert source[cuts["quiet"].line - 1].strip() == "quiet = a * 3"
    assert str(cuts["cut"]) == f"cut: detach, at test_graph.py:{cuts['cut'].line}"


def test_a_variable_that_was_stored_into_since_does_not_say_why():
    a, y = leaf([1.0]), torch.ones(1)
    e = a - y
    y = (a * 3).detach()
    assert [str(c) for c in graph(e).find(op="sub")[0].cuts] == ["y: requires_grad=False"]
    e = a - y
    assert str(graph(e).find(op="sub")[0].cuts[0]).startswith("y: detach, at test_graph.py:")


def test_in_a_loop_the_last_value_says_why_for_the_last_turn_alone():
    a, loss = leaf([1.0]), leaf([0.0])
    for _ in range(3):
        h = (a * 2).detach()
        loss = loss + (a - h)
    cuts = [str(node.cuts[0]) for node in graph(loss).find(op="sub")]
    assert cuts[:2] == ["h: requires_grad=False"] * 2
    assert cuts[2].startswith("h: detach, at test_graph.py:")
    h = torch.ones(1)
    for _ in range(2):
        loss = a - h
        h = loss.detach()
        (cut,) = graph(loss).find(op="sub")[0].cuts
        assert str(cut) == "h: requires_grad=False"  # of the h before


def test_a_variable_of_another_function_does_not_say_why():
    h = leaf([1.0]).detach()

    def step():
        h = torch.ones(1)
        return leaf([1.0]) - h

    e = step()
    assert h.requires_grad is False
    assert [str(c) for c in graph(e).find(op="sub")[0].cuts] == ["h: requires_grad=False"]


def test_cuts_of_what_no_node_saved_are_found_by_their_name():
    w, b, number = leaf(2.0), torch.tensor(0.5), 0.25
    made = graph(w + b + number)
    cuts = [c for node in made.nodes for c in node.cuts]
    assert [(c.name, c.reason) for c in cuts] == [("b", "requires_grad=False")]


def test_a_leaf_tells_where_it_was_cut_off_from_a_history():
    w = leaf([1.0])
    h = w.exp()
    h = h.detach()
    h.requires_grad_()
    made = graph((h * 2) * leaf([3.0]))
    first, second = made.leaves()
    assert first.name == "h" and first.expression == "h.detach()" and first.file == __file__
    assert second.line is None and second.expression == ""


def test_a_graph_keeps_no_tensor_and_no_node_alive():
    gc.disable()
    try:
        w = leaf([1.0, 2.0])
        x = torch.ones(2)
        y = w * x
        dead = [weakref.ref(t) for t in (w, x, y, y.grad_fn)]
        made = graph(y)
        assert len(made.nodes[-1].cuts) == 1
        del w, x, y
        assert [ref() for ref in dead] == [None] * 4
        assert made.nodes[0].name == "w"
    finally:
        gc.enable()


def test_nothing_changes_by_looking():
    w, b, y, loss = line_fit()
    graph(loss, values=True)
    assert w.grad is None and loss._version == 0
    loss.backward()
    assert w.grad.item() == 9.0 and b.grad.item() == 3.0


def test_a_million_nodes_do_not_recurse():
    h = leaf(1.0)
    for _ in range(200_000):
        h = h + h
    made = graph(h)
    assert len(made) == 200_001 and made.nodes[-1].order == 0
    assert len(made.path(made.leaves()[0], h)) == 200_001
    assert made.find(iteration=199_999) == [made.nodes[-1]]


def test_a_graph_of_many_leaves():
    leaves = [leaf(float(i)) for i in range(300)]
    made = graph(torch.stack(leaves).sum())
    assert len(made.leaves()) == 300 and made.find(op="stack")[0].inputs == list(made.leaves())


def lines_run(function):
    """How many lines of Python a call runs, each turn of a comprehension counted."""
    lines, before = 0, sys.gettrace()

    def trace(frame, event, _):
        nonlocal lines
        lines += event == "line"
        return trace

    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return lines


def test_many_nodes_are_found_by_name_and_by_grad_fn():
    h = w = leaf([1.0])
    for _ in range(20_000):
        h = h * 2
    made, node = graph(h, {"w": w}), h.grad_fn
    for i in range(2000):
        assert made[node].index == 20_000 - i and made["h"].index == 20_000
        node = node.next_functions[0][0]
    # Once each of the two was asked for, no look walks over the nodes.
    assert lines_run(lambda: (made[node], made["h"])) < 200


def test_a_slice_is_that_of_the_nodes():
    made = graph((leaf([1.0]) * 2).sum())
    assert made[1:] == made.nodes[1:] and [node.op for node in made[-1:]] == ["SumBackward0"]


def test_a_shape_of_one_size_is_found_by_the_number():
    made = graph((leaf([1.0, 2.0]) * 2).sum())
    assert made.find(shape=2) == made.find(shape=(2,)) and len(made.find(shape=[2])) == 2


def test_an_operation_of_many_inputs_costs_as_much_for_each_as_one_of_few():
    def lines_of(n):
        root, made = torch.stack([leaf(1.0) * 2 for _ in range(n)]).sum(), []
        lines = lines_run(lambda: made.append(graph(root)))
        assert len(made[0].find("stack")[0].rules) == n
        return lines

    lines_of(10)  # what is read once
    few, many = lines_of(100), lines_of(400)
    assert many < 6 * few, "in proportion; where each input looks at all others, 16 times"


def test_overlays():
    w, b, y, loss = line_fit()
    made = graph(loss)
    assert made.overlay("cost", {w: 1.5, "y": 2}) is made
    assert made.overlays == {"cost": {made[w]: 1.5, made[y]: 2.0}}
    with pytest.raises(KeyError):
        made.overlay("cost", {"nobody": 1})
    with pytest.raises(TypeError):
        made.overlay("cost", {w: "much"})


class TestBadInput:
    def test_a_tensor_without_a_graph(self):
        with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
            graph(torch.ones(2))

    def test_it_is_told_what_cut_it_off(self):
        a = leaf([1.0])
        cut = a.detach()
        with pytest.raises(
            RuntimeError, match=r"(?s)cut off by    cut = a\.detach.*fix: compute it"
        ):
            graph(cut * 2)

    def test_the_second_of_two_without_a_graph(self):
        with pytest.raises(RuntimeError, match="element 1 of tensors"):
            graph([leaf(1.0) * 2, torch.ones(2)])

    @pytest.mark.parametrize("nothing", [[], (), {}, None, [None, []]])
    def test_nothing(self, nothing):
        with pytest.raises(
            RuntimeError, match=r"there is no tensor in what was given\n  fix: pass"
        ):
            graph(nothing)

    @pytest.mark.parametrize("other", [3, "loss", object(), [1.0], torch.nn.Linear(1, 1)])
    def test_what_is_no_tensor(self, other):
        with pytest.raises(TypeError, match=r"expected a tensor, or a nesting of tensors, not"):
            graph(other)

    @pytest.mark.parametrize("params", [3, [leaf(1.0)], {"w": 3}, {1: leaf(1.0)}])
    def test_params_that_are_none(self, params):
        with pytest.raises(TypeError, match=r"graph\(\): .*params"):
            graph(leaf(1.0) * 2, params=params)

"""``register_hook`` and ``register_prehook`` of graph nodes, and their order among other hooks."""

import pytest
from support import assert_values, leaf, torch


def accumulator(x):
    return x.view_as(x).grad_fn.next_functions[0][0]


class Twice(torch.autograd.Function):
    """x and 2x."""

    @staticmethod
    def forward(ctx, x):
        return x * 1, x * 2

    @staticmethod
    def backward(ctx, g, h):
        return g + 2 * h


class NoGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return None


# --- what they get and return


def test_post_hook_gets_both_sides_and_replaces_grad_inputs():
    x = leaf([1.0, 2.0])
    w = leaf([3.0, 4.0])
    y = x * w
    seen = []

    def hook(grad_inputs, grad_outputs):
        seen.append(([g.tolist() for g in grad_inputs], [g.tolist() for g in grad_outputs]))
        return grad_inputs[0] * 10, grad_inputs[1]

    y.grad_fn.register_hook(hook)
    y.sum().backward()
    assert seen == [([[3.0, 4.0], [1.0, 2.0]], [[1.0, 1.0]])]
    assert_values(x.grad, [30.0, 40.0])
    assert_values(w.grad, [1.0, 2.0])


def test_post_hook_gets_none_for_what_takes_no_gradient():
    x = leaf([1.0])
    y = x * 2
    seen = []
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi[0].item(), gi[1], len(gi))))
    y.backward()
    assert seen == [(2.0, None, 2)]


def test_post_hook_sees_a_broadcast_gradient_already_summed():
    x = leaf([1.0])
    y = x + torch.ones(3)
    seen = []
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi[0].tolist(), go[0].tolist())))
    y.sum().backward()
    assert seen == [([3.0], [1.0, 1.0, 1.0])]


def test_pre_hook_replaces_grad_outputs():
    x = leaf([1.0])
    y = x * 2
    seen = []
    y.grad_fn.register_prehook(lambda go: (go[0] * 3,))
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi[0].item(), go[0].item())))
    y.backward()
    assert seen == [(6.0, 3.0)]
    assert x.grad.item() == 6.0


def test_hooks_of_one_node_see_what_the_one_before_made():
    x = leaf([1.0])
    y = x * 2
    y.grad_fn.register_prehook(lambda go: (go[0] + 1,))
    y.grad_fn.register_prehook(lambda go: (go[0] * 10,))
    y.grad_fn.register_hook(lambda gi, go: (gi[0] + 1, None))
    y.grad_fn.register_hook(lambda gi, go: (gi[0] * 2, None))
    y.backward()
    assert x.grad.item() == (2.0 * 20 + 1) * 2


def test_hook_may_take_a_gradient_away():
    x = leaf([1.0])
    y = x * 2
    y.grad_fn.register_prehook(lambda go: (None,))
    y.backward()
    assert x.grad is None
    y = x * 2
    y.grad_fn.register_hook(lambda gi, go: (None, None))
    y.backward()
    assert x.grad is None


def test_node_of_several_outputs_gets_none_for_the_unused():
    x = leaf([1.0, 2.0])
    a, b = x.unbind()
    seen = []
    a.grad_fn.register_prehook(lambda go: seen.append(go))
    b.backward()
    assert seen == [(None, torch.tensor(1.0))]


def test_hook_on_the_context_of_a_function_runs():
    x = leaf([1.0])
    a, _ = Twice.apply(x)
    seen = []
    a.grad_fn.register_prehook(lambda go: seen.append(("before", go[0].item(), go[1])))
    a.grad_fn.register_hook(lambda gi, go: (gi[0] * 7,))
    a.backward()
    assert seen == [("before", 1.0, None)]
    assert x.grad.item() == 7.0


def test_hook_registered_in_forward_runs():
    seen = []

    class Watched(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.register_prehook(lambda go: seen.append("before"))
            ctx.register_hook(lambda gi, go: seen.append("after"))
            return x * 1

        @staticmethod
        def backward(ctx, g):
            seen.append("backward")
            return g

    Watched.apply(leaf([1.0])).backward()
    assert seen == ["before", "backward", "after"]
    seen.clear()
    assert Watched.apply(torch.ones(1)).item() == 1.0  # nothing is recorded: nothing to run
    assert seen == []


def test_hooks_run_in_every_pass_until_removed():
    x = leaf([1.0])
    y = x * 2
    seen = []
    with y.grad_fn.register_hook(lambda gi, go: seen.append(1)) as handle:
        y.backward(retain_graph=True)
        y.backward(retain_graph=True)
    handle.remove()
    y.backward()
    assert seen == [1, 1]


def test_hooks_see_gradients_with_history_under_create_graph():
    x = leaf([3.0])
    y = x * x * x
    y.grad_fn.register_hook(lambda gi, go: tuple(None if g is None else g * 2 for g in gi))
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    assert first.item() == 54.0
    (second,) = torch.autograd.grad(first, x)
    assert second.item() == 36.0


# --- AccumulateGrad


def test_hooks_of_an_accumulate_grad_that_is_older_than_the_graph():
    x = leaf([1.0])
    node = accumulator(x)
    seen = []
    node.register_prehook(lambda go: (go[0] * 10,))
    node.register_hook(lambda gi, go: seen.append((gi, go[0].item(), x.grad.item())))
    (x * 2).backward()
    (x * 3).backward()
    assert seen == [((), 20.0, 20.0), ((), 30.0, 50.0)]


def test_post_hook_does_not_make_accumulate_grad_copy():
    x = leaf([1.0, 2.0])
    node = accumulator(x)
    same = []
    node.register_hook(lambda gi, go: same.append(go[0].data_ptr() == x.grad.data_ptr()))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    assert same == [True, False]


def test_post_hook_sees_the_gradient_that_a_post_accumulate_hook_dropped():
    x = leaf([1.0])
    node = accumulator(x)
    seen = []

    def drop(t):
        t.grad = None

    x.register_post_accumulate_grad_hook(drop)
    node.register_hook(lambda gi, go: seen.append(go[0].item()))
    (x * 2).backward()
    assert seen == [2.0] and x.grad is None


def test_hooks_of_an_accumulate_grad_end_with_it():
    x = leaf([1.0])
    seen = []
    accumulator(x).register_hook(lambda gi, go: seen.append(1))
    (x * 2).backward()
    assert seen == []


# --- order


def test_complete_order_of_one_pass():
    order = []

    def note(what):
        return lambda *args: order.append(what)

    x = leaf([1.0, 1.0])
    y = x * 2
    y.grad_fn.register_hook(note("post"))
    y.grad_fn.register_prehook(note("pre"))
    y.register_hook(note("tensor"))
    x.register_hook(note("leaf"))
    node = y.grad_fn.next_functions[0][0]
    node.register_hook(note("accumulate post"))
    x.register_post_accumulate_grad_hook(note("accumulated"))
    node.register_prehook(note("accumulate pre"))
    y.sum().backward()
    assert order == [
        "tensor",
        "pre",
        "post",
        "leaf",
        "accumulate pre",
        "accumulated",
        "accumulate post",
    ]


def test_retained_gradient_lies_between_tensor_hooks_and_pre_hooks():
    x = leaf([1.0])
    y = x * 2
    y.retain_grad()
    y.grad_fn.register_prehook(lambda go: (go[0] * 100,))
    y.register_hook(lambda g: g * 10)
    y.backward()
    assert y.grad.item() == 10.0 and x.grad.item() == 2000.0


def test_grad_runs_only_the_tensor_hooks_of_what_it_was_asked_for():
    order = []

    def note(what):
        return lambda *args: order.append(what)

    x = leaf([1.0])
    y = x * 2
    node = y.grad_fn.next_functions[0][0]
    x.register_hook(note("leaf"))
    x.register_post_accumulate_grad_hook(note("accumulated"))
    node.register_prehook(note("accumulate pre"))
    node.register_hook(note("accumulate post"))
    y.register_hook(note("tensor"))
    y.grad_fn.register_prehook(note("pre"))
    y.grad_fn.register_hook(note("post"))
    torch.autograd.grad(y * 3, x, retain_graph=True)
    assert order == ["tensor", "pre", "post", "leaf"]
    order.clear()
    torch.autograd.grad(y * 3, y)
    assert order == ["tensor"]


def test_backward_into_inputs_runs_the_hooks_of_those():
    order = []
    x, w = leaf([1.0]), leaf([1.0])
    y = x * w
    nodes = [accumulator(x), accumulator(w)]
    for name, node in zip("xw", nodes):
        node.register_prehook(lambda go, name=name: order.append(name + " pre"))
        node.register_hook(lambda gi, go, name=name: order.append(name + " post"))
    y.backward(inputs=[x])
    assert order == ["x pre", "x post"]


def test_backward_into_a_tensor_on_the_way_runs_its_node():
    # Neither its hooks ran nor the backward() of a Function, and its saved values stayed.
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            order.append("backward")
            return g * 2 * ctx.saved_tensors[0]

    order = []
    x = leaf([1.0])
    for y in (Square.apply(x), x.exp()):
        order.clear()
        y.register_hook(lambda g: order.append("tensor"))
        y.grad_fn.register_prehook(lambda go: order.append("pre"))
        y.grad_fn.register_hook(lambda gi, go: order.append("post"))
        (y * 3).backward(inputs=[y])
        run = ["backward"] if y.grad_fn.name() == "SquareBackward" else []
        assert order == ["tensor", "pre", *run, "post"]
        assert y.grad.item() == 3.0 and x.grad is None
        with pytest.raises(RuntimeError, match="a second time"):
            y.backward()


def test_gradient_of_a_tensor_on_the_way_is_taken_before_its_hooks():
    x = leaf([1.0])
    y = x * 2
    y.register_hook(lambda g: g * 10)
    of_y, of_x = torch.autograd.grad(y * 3, [y, x], retain_graph=True)
    assert of_y.item() == 3.0 and of_x.item() == 60.0
    assert torch.autograd.grad(y * 3, y)[0].item() == 30.0


def test_hooks_see_gradients_that_nobody_computed():
    seen = []
    x = leaf([1.0])
    y = x * 2
    node = y.grad_fn.next_functions[0][0]
    y.register_hook(lambda g: seen.append(g))
    y.grad_fn.register_prehook(lambda go: seen.append(go))
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi, go)))
    x.register_hook(lambda g: seen.append(g))
    node.register_hook(lambda gi, go: seen.append((gi, go)))
    NoGradient.apply(y).backward()
    assert seen == [None, (None,), ((None, None), (None,)), None, ((), (None,))]
    assert x.grad is None


# --- registered or removed while hooks run


def test_hook_registered_by_a_hook_of_the_same_kind_runs_from_the_next_pass():
    x = leaf([1.0])
    y = x * 2
    node = y.grad_fn
    seen = []

    def before(go):
        node.register_prehook(lambda go: seen.append("pre"))

    def after(gi, go):
        node.register_hook(lambda gi, go: seen.append("post"))

    handles = [node.register_prehook(before), node.register_hook(after)]
    y.backward(retain_graph=True)
    assert seen == []
    for handle in handles:
        handle.remove()
    y.backward()
    assert seen == ["pre", "post"]


def test_post_hook_registered_by_backward_itself_runs_without_grad_outputs():
    seen = []

    class Late(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            ctx.register_hook(lambda gi, go: seen.append((gi[0].item(), go)))
            return g

    Late.apply(leaf([1.0])).backward()
    assert seen == [(1.0, ())]


def test_hook_may_remove_itself():
    x = leaf([1.0])
    y = x * 2
    seen = []

    def once(gi, go):
        seen.append(1)
        handle.remove()

    handle = y.grad_fn.register_hook(once)
    y.backward(retain_graph=True)
    y.backward()
    assert seen == [1]


# --- tensors changed in place


def test_hooks_of_a_base_and_a_view_that_is_changed_in_place():
    x = leaf([1.0, 1.0])
    y = x * 1
    view = y[0]
    seen = []
    view.register_hook(lambda g: seen.append(("old view", g.item())))
    y.register_hook(lambda g: seen.append(("old", g.tolist())))
    view.mul_(3)
    view.register_hook(lambda g: seen.append(("new view", g.item())))
    y.register_hook(lambda g: seen.append(("new", g.tolist())))
    y.sum().backward()
    assert seen == [("new", [1.0, 1.0]), ("old", [3.0, 1.0])]


def test_retained_gradient_of_a_base_moves_to_the_write_through_a_view():
    x = leaf([1.0, 1.0])
    y = x * 1
    y.retain_grad()
    y[0].mul_(3)
    y.sum().backward()
    assert y.grad.tolist() == [1.0, 1.0]
    assert x.grad.tolist() == [3.0, 1.0]


def test_retained_gradient_of_a_view_moves_to_its_new_history():
    x = leaf([1.0, 1.0])
    y = x * 1
    view = y[0]
    view.retain_grad()
    view.register_hook(lambda g: pytest.fail("belongs to the history before the write"))
    y.mul_(5)
    assert view.retains_grad
    (view * 2).backward()
    assert view.grad.item() == 2.0


def test_hooks_of_a_copy_slices_node():
    x = leaf([1.0, 1.0])
    y = x * 1
    y[0].mul_(3)
    seen = []
    y.grad_fn.register_hook(lambda gi, go: seen.append((gi[0].tolist(), len(gi), go[0].tolist())))
    y.grad_fn.register_prehook(lambda go: (go[0] * 2,))
    y.sum().backward()
    assert seen == [([6.0, 2.0], 2, [2.0, 2.0])]
    assert x.grad.tolist() == [6.0, 2.0]


# --- what a node is


def test_every_kind_of_node_is_a_node():
    from importlib import import_module

    Node = import_module(f"{torch.__name__}.autograd.graph").Node
    x = leaf([1.0, 2.0])
    y = x * 2
    y[0].mul_(3)
    nodes = [(x * 2).grad_fn, y.grad_fn, Twice.apply(x)[0].grad_fn, accumulator(x)]
    for node in nodes:
        assert isinstance(node, Node) and issubclass(type(node), Node)
        assert isinstance(node.name(), str) and isinstance(node.next_functions, tuple)
        node.metadata["mine"] = 1
        assert node.metadata == {"mine": 1}
        assert node._sequence_nr() >= 0 and len(node._input_metadata) >= 1
        with node.register_hook(print), node.register_prehook(print):
            pass
    assert not isinstance(x, Node)
    with pytest.raises(TypeError):
        Node()

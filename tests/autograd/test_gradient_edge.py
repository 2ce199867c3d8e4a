"""``get_gradient_edge``: where a tensor's gradient goes, in the place of the tensor."""

import gc
import weakref

import pytest
from support import assert_values, leaf, rushlight_only, torch

if torch.__name__ == "torch":
    from torch.autograd.graph import GradientEdge, get_gradient_edge
else:
    from rushlight.autograd.graph import GradientEdge, get_gradient_edge


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def made():
    x = leaf([1.0, 2.0])
    y = x * 2
    return x, y, (y * 3).sum()


def test_edge_names_the_node_and_the_output():
    x, y, _ = made()
    edge = get_gradient_edge(y)
    assert isinstance(edge, GradientEdge)
    assert edge._fields == ("node", "output_nr", "ownership_token")
    assert edge.node is y.grad_fn and edge.output_nr == 0 and edge.ownership_token is None
    assert get_gradient_edge(x).node is y.grad_fn.next_functions[0][0]
    a, b = x.unbind()
    assert get_gradient_edge(b) == (a.grad_fn, 1, None)


def test_edges_as_inputs_of_grad_beside_tensors():
    x, y, z = made()
    of_edge, of_x, of_leaf = torch.autograd.grad(z, [get_gradient_edge(y), x, get_gradient_edge(x)])
    assert_values(of_edge, [3.0, 3.0])
    assert_values(of_x, [6.0, 6.0])
    assert_values(of_leaf, [6.0, 6.0])


def test_one_edge_is_not_taken_for_a_sequence():
    x, y, z = made()
    (of_y,) = torch.autograd.grad(get_gradient_edge(z), get_gradient_edge(y), retain_graph=True)
    assert_values(of_y, [3.0, 3.0])
    torch.autograd.backward(get_gradient_edge(z), inputs=get_gradient_edge(x))
    assert_values(x.grad, [6.0, 6.0])
    (x * 2).sum().backward(inputs=get_gradient_edge(x))
    assert_values(x.grad, [8.0, 8.0])


def test_edges_in_a_dict_of_inputs():
    x, y, z = made()
    found = torch.autograd.grad(z, {"x": get_gradient_edge(x), "y": y})
    assert_values(found["x"], [6.0, 6.0])
    assert_values(found["y"], [3.0, 3.0])


def test_edges_as_roots_beside_tensors():
    x, y, z = made()
    torch.autograd.backward(
        [get_gradient_edge(z), get_gradient_edge(y), z], [None, torch.ones(2), None]
    )
    assert_values(x.grad, [14.0, 14.0])


def test_edge_of_a_leaf_as_root():
    x, _, _ = made()
    torch.autograd.backward(get_gradient_edge(x), torch.tensor([5.0, 6.0]))
    assert_values(x.grad, [5.0, 6.0])


def test_edge_of_one_output_among_several():
    x = leaf([1.0, 2.0])
    a, b = x.unbind()
    (g,) = torch.autograd.grad(get_gradient_edge(b), x)
    assert_values(g, [0.0, 1.0])


def test_backward_into_the_edge_of_a_computed_tensor_keeps_nothing():
    x, y, z = made()
    z.backward(inputs=[get_gradient_edge(y)])
    assert x.grad is None and not y.retains_grad


def test_gradient_with_respect_to_an_edge_has_history_under_create_graph():
    x = leaf([3.0])
    y = x * x
    (g,) = torch.autograd.grad(y * y, get_gradient_edge(y), create_graph=True)
    (second,) = torch.autograd.grad(g, get_gradient_edge(x))
    assert second.item() == 12.0


def test_hooks_of_the_tensor_run_for_its_edge():
    x, y, z = made()
    y.register_hook(lambda g: g * 10)
    (g,) = torch.autograd.grad(z, get_gradient_edge(y))
    assert_values(g, [30.0, 30.0])


def test_edge_keeps_the_graph_without_the_tensor():
    x = leaf([1.0, 2.0])
    y = Double.apply(x * 3)
    edge = get_gradient_edge(y)
    alive = weakref.ref(y)
    gc.collect()
    gc.disable()
    try:
        del y
        assert alive() is None
    finally:
        gc.enable()
    (g,) = torch.autograd.grad(edge, x, torch.ones(2))
    assert_values(g, [6.0, 6.0])


def test_rows_of_a_batch_for_an_edge():
    x, y, _ = made()
    (g,) = torch.autograd.grad(
        get_gradient_edge(y), get_gradient_edge(x), torch.eye(2), is_grads_batched=True
    )
    assert_values(g, [[2.0, 0.0], [0.0, 2.0]])


def test_input_edge_that_was_not_used():
    x, y, z = made()
    other = get_gradient_edge(x * 5)
    with pytest.raises(RuntimeError, match="The differentiated Tensor at index 0 appears to not"):
        torch.autograd.grad(z, other, retain_graph=True)
    assert torch.autograd.grad(z, other, retain_graph=True, allow_unused=True) == (None,)
    with pytest.raises(
        RuntimeError, match="materialize_grads cannot be used when the given input is a Gradient"
    ):
        torch.autograd.grad(z, other, materialize_grads=True)


def test_tensor_without_grad_has_no_edge():
    sentence = (
        "It is not possible to get the gradient edge for a Tensor that does not require gradients"
    )
    with pytest.raises(RuntimeError, match=sentence):
        get_gradient_edge(torch.ones(2))
    with pytest.raises(AttributeError):
        get_gradient_edge(1)


def test_shapes_are_checked_for_edges_too():
    x, y, _ = made()
    edge = get_gradient_edge(y)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        torch.autograd.grad(edge, x)
    with pytest.raises(
        RuntimeError,
        match=r"Mismatch in shape: grad_output\[0\] has a shape of torch.Size\(\[3\]\) and "
        r"output\[0\] has a shape of torch.Size\(\[2\]\).",
    ):
        torch.autograd.grad(edge, x, torch.ones(3))
    with pytest.raises(RuntimeError, match="Batched grads are not supported with GradientEdge"):
        torch.autograd.grad(edge, x, torch.ones(3, 3), is_grads_batched=True)


def test_what_is_neither_tensor_nor_edge_is_refused():
    x, _, z = made()
    with pytest.raises(
        RuntimeError, match="all inputs have to be Tensors or GradientEdges, but got int"
    ):
        torch.autograd.grad(z, [1])
    with pytest.raises(AssertionError, match="Expected output to be a torch.Tensor"):
        torch.autograd.grad([1], [x])


def test_view_made_under_no_grad_has_no_edge():
    # It was said not to require grad, which its requires_grad denies.
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        view = x[:1]
    assert view.requires_grad
    with pytest.raises(AssertionError, match="^Expected gradient function to be set"):
        get_gradient_edge(view)


def test_edge_whose_node_is_none_is_refused():
    _, _, z = made()
    sentence = "GradientEdge's first object must be an autograd.graph.Node but got int"
    with pytest.raises(RuntimeError, match=sentence):
        torch.autograd.grad(z, GradientEdge(1, 0))


@rushlight_only  # PyTorch crashes
@pytest.mark.parametrize("nr", [7, -1])
def test_edge_of_an_output_that_the_node_does_not_have_is_refused(nr):
    x, y, z = made()
    edge = GradientEdge(y.grad_fn, nr)
    with pytest.raises(RuntimeError, match=f"output_nr is {nr}, but MulBackward0 has 1 output"):
        torch.autograd.grad(z, edge)
    with pytest.raises(RuntimeError, match=f"output_nr is {nr}, but MulBackward0 has 1 output"):
        torch.autograd.grad(edge, x, torch.ones(2))


@rushlight_only
@pytest.mark.parametrize("kind", [int, object, "tuple"])
def test_an_edge_is_a_tuple(kind):
    # Of any other type an entry was read where it has none.
    with pytest.raises(TypeError, match="takes a type of tuples"):
        torch._C._set_gradient_edge(kind)

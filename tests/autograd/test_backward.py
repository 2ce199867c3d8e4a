"""``Tensor.backward`` and ``autograd.backward``: gradients, arguments, and what is refused."""

import pytest
from support import assert_values, inf, leaf, nan, recorded_warnings, torch


def test_product_rule():
    a, b = leaf([2.0, 3.0]), leaf([5.0, 7.0])
    assert (a * b).sum().backward() is None
    assert_values(a.grad, [5.0, 7.0])
    assert_values(b.grad, [2.0, 3.0])


def test_chain_of_functions():
    x = leaf([0.5, -1.0])
    (x.exp() * x.tanh()).sum().backward()
    assert_values(x.grad, [2.058535, -0.125675], rel=1e-5)


def test_same_tensor_used_twice_adds_up():
    x = leaf([3.0])
    (x * x + x).backward()
    assert_values(x.grad, [7.0])


def test_diamond_visits_each_node_once():
    x = leaf([2.0])
    y = x * 3
    calls = []
    y.register_hook(lambda g: calls.append(g.item()))
    (y * y + y).backward()
    assert calls == [13.0]
    assert_values(x.grad, [39.0])


def test_loop_decided_by_data():
    x = leaf(2.0)
    y, steps = x, 0
    while y < 100:
        y, steps = y * x, steps + 1
    y.backward()
    assert x.grad.item() == (steps + 1) * 2.0**steps


def test_unused_leaf_gets_no_grad():
    x, unused = leaf([1.0]), leaf([1.0])
    (x * 2).backward()
    assert unused.grad is None


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (1, 1, 1)])
def test_one_element_needs_no_gradient_argument(shape):
    x = torch.full(shape, 3.0, requires_grad=True)
    (x * 2).backward()
    assert x.grad.shape == shape and x.grad.sum().item() == 2.0


def test_backward_of_a_leaf_itself():
    x = leaf(3.0)
    x.backward()
    assert x.grad.item() == 1.0


@pytest.mark.parametrize("shape", [(3,), (0,), (2, 1)])
def test_several_elements_need_a_gradient_argument(shape):
    x = torch.ones(shape, requires_grad=True)
    with pytest.raises(RuntimeError, match="^grad can be implicitly created only for scalar out"):
        (x * 2).backward()


def test_without_graph_backward_is_refused():
    text = "^element 0 of tensors does not require grad and does not have a grad_fn"
    with pytest.raises(RuntimeError, match=text):
        torch.ones(3).sum().backward()
    with torch.no_grad():
        y = leaf([1.0]) * 2
    with pytest.raises(RuntimeError, match=text):
        y.backward()


def test_gradient_argument_weights_the_elements():
    x = leaf([1.0, 2.0])
    (x * x).backward(torch.tensor([1.0, 10.0]))
    assert_values(x.grad, [2.0, 40.0])


def test_gradient_argument_of_a_scalar_scales_it():
    x = leaf([1.0, 2.0])
    x.sum().backward(torch.tensor(4.0))
    assert_values(x.grad, [4.0, 4.0])


def test_gradient_argument_by_name():
    x = leaf([1.0, 2.0])
    (x * 3).backward(gradient=torch.ones(2), retain_graph=True, create_graph=False, inputs=[x])
    assert_values(x.grad, [3.0, 3.0])


def test_gradient_argument_may_be_expanded_or_transposed():
    x = torch.ones(2, 3, requires_grad=True)
    (x * 2).backward(torch.tensor(5.0).expand(2, 3))
    assert_values(x.grad, [[10.0] * 3] * 2)
    x.grad = None
    (x * 2).backward(torch.arange(6.0).view(3, 2).t())
    assert_values(x.grad, [[0.0, 4.0, 8.0], [2.0, 6.0, 10.0]])


def test_gradient_of_an_empty_tensor():
    x = torch.ones(0, 3, requires_grad=True)
    (x * 2).sum().backward()
    assert x.grad.shape == (0, 3)


@pytest.mark.parametrize(
    "gradient, error, text",
    [
        (
            lambda: torch.ones(3),
            RuntimeError,
            "Mismatch in shape: grad_output[0] has a shape of torch.Size([3]) and output[0] has a "
            "shape of torch.Size([2]).",
        ),
        (
            lambda: torch.ones(2, 1),
            RuntimeError,
            "Mismatch in shape: grad_output[0] has a shape of torch.Size([2, 1])",
        ),
        (lambda: [1.0, 1.0], TypeError, "gradients can be either Tensors or None, but got float"),
    ],
    ids=["length", "dimension", "list of numbers"],
)
def test_gradient_argument_refused(gradient, error, text):
    x = leaf([1.0, 2.0])
    with pytest.raises(error) as refused:
        (x * 2).backward(gradient())
    assert str(refused.value).startswith(text)
    assert x.grad is None


SECOND = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed). Saved intermediate values of the graph are freed when you call "
    ".backward() or autograd.grad(). Specify retain_graph=True if you need to backward through the "
    "graph a second time or if you need to access saved tensors after calling backward."
)


def test_second_backward_raises_and_names_the_cure():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward()
    with pytest.raises(RuntimeError) as refused:
        y.backward()
    assert str(refused.value).startswith(SECOND)
    assert_values(x.grad, [2.0, 4.0])


def test_saved_value_of_a_freed_graph_is_refused():
    x = leaf([1.0, 2.0])
    y = x * x
    assert y.grad_fn._saved_self is x
    y.sum().backward()
    with pytest.raises(RuntimeError) as refused:
        _ = y.grad_fn._saved_self
    assert str(refused.value).startswith(SECOND)


def test_retain_graph_allows_another_backward():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    for _ in range(3):
        y.backward(retain_graph=True)
    y.backward()
    assert_values(x.grad, [8.0, 16.0])
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_second_backward_through_nodes_that_saved_nothing():
    x = leaf([1.0, 2.0])
    y = (x + 1).view(2).sum()
    y.backward()
    y.backward()
    assert_values(x.grad, [2.0, 2.0])


def test_shared_part_of_two_graphs_is_freed_by_the_first():
    x = leaf([2.0])
    shared = x * x
    first, second = shared * 2, shared * 3
    first.backward()
    with pytest.raises(RuntimeError, match="second time"):
        second.backward()


def test_create_graph_makes_a_differentiable_grad_and_warns():
    x = leaf([2.0])
    with recorded_warnings() as caught:
        (x * x * x).backward(create_graph=True)
    assert any("create_graph=True will create a reference cycle" in str(w.message) for w in caught)
    assert x.grad.requires_grad and x.grad.grad_fn is not None
    (second,) = torch.autograd.grad(x.grad, x)
    assert_values(second, [12.0])
    x.grad = None


def test_inputs_limits_where_gradients_go():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    (x * w).sum().backward(inputs=[x])
    assert_values(x.grad, [3.0, 4.0])
    assert w.grad is None
    (x * w).sum().backward(inputs=w)
    assert_values(w.grad, [1.0, 2.0])
    assert_values(x.grad, [3.0, 4.0])


def test_inputs_may_be_computed_tensors():
    x = leaf([1.0, 2.0])
    y = x * 2
    (y * y).sum().backward(inputs=[y])
    assert_values(y.grad, [4.0, 8.0])
    assert x.grad is None


def test_inputs_may_not_be_empty():
    with pytest.raises(RuntimeError, match=r"^`inputs` argument to `backward\(\)` cannot be empty"):
        leaf([1.0]).sum().backward(inputs=[])


def test_backward_of_several_roots_is_one_pass():
    x = leaf([1.0, 2.0])
    shared = x * x
    torch.autograd.backward([shared.sum(), (shared * 2).sum()])
    assert_values(x.grad, [6.0, 12.0])


def test_backward_of_several_roots_with_gradients():
    x = leaf([1.0, 2.0])
    torch.autograd.backward((x * 2, x.sum()), (torch.tensor([1.0, 0.5]), None))
    assert_values(x.grad, [3.0, 2.0])


def test_backward_of_no_roots_accumulates_nothing():
    x = leaf([1.0])
    y = x * x
    assert torch.autograd.backward([]) is None
    assert x.grad is None
    y.backward()  # the graph was left as it was
    assert x.grad.item() == 2.0


def test_backward_with_the_wrong_number_of_gradients():
    x = leaf([1.0])
    with pytest.raises(RuntimeError, match="^got 2 tensors and 1 gradients"):
        torch.autograd.backward([x * 1, x * 2], [torch.ones(1)])


def test_same_root_twice_counts_twice():
    x = leaf([1.0])
    y = x * 2
    torch.autograd.backward([y, y])
    assert_values(x.grad, [4.0])


def test_roots_of_which_one_feeds_the_other():
    x = leaf([2.0])
    y = x * x
    z = y * 3
    torch.autograd.backward([y, z])
    assert_values(x.grad, [16.0])


def test_gradients_of_mixed_dtypes_return_in_the_leafs_dtype():
    a = leaf([2.0, 3.0], dtype=torch.float64)
    b = leaf([4.0, 5.0])
    (a * b).sum().backward()
    assert a.grad.dtype == torch.float64 and b.grad.dtype == torch.float32
    assert_values(a.grad, [4.0, 5.0])


@pytest.mark.parametrize(
    "left, right", [((2, 1), (3,)), ((3,), (2, 3)), ((), (2, 2)), ((1,), ()), ((4, 1, 2), (3, 1))]
)
def test_gradient_of_a_broadcast_operand_has_its_shape(left, right):
    a = torch.full(left, 2.0, requires_grad=True)
    b = torch.full(right, 3.0, requires_grad=True)
    y = a * b
    y.sum().backward()
    assert a.grad.shape == left and b.grad.shape == right
    assert a.grad.sum().item() == 3.0 * y.numel() and b.grad.sum().item() == 2.0 * y.numel()


def test_gradient_through_views():
    x = leaf([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    weights = torch.arange(6.0).view(3, 2)
    (x.t() * weights).sum().backward()
    assert_values(x.grad, [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])
    x.grad = None
    (x.view(3, 2) * weights).sum().backward()
    assert_values(x.grad, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    x.grad = None
    (x.t().reshape(6) * torch.arange(6.0)).sum().backward()
    assert_values(x.grad, [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])


def test_gradient_through_expand_sums():
    x = leaf([[1.0], [2.0]])
    (x.expand(2, 4) * torch.arange(8.0).view(2, 4)).sum().backward()
    assert_values(x.grad, [[6.0], [22.0]])


def test_gradient_of_matmul():
    a, b = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf([[5.0, 6.0, 7.0], [8.0, 9.0, 10.0]])
    (a @ b).sum().backward()
    assert_values(a.grad, [[18.0, 27.0], [18.0, 27.0]])
    assert_values(b.grad, [[4.0] * 3, [6.0] * 3])


def test_gradient_of_matmul_with_a_transposed_operand():
    a, b = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf([[5.0, 8.0], [6.0, 9.0], [7.0, 10.0]])
    a.mm(b.t()).sum().backward()
    assert_values(b.grad, [[4.0, 6.0]] * 3)


@pytest.mark.parametrize(
    "function, at, gradient",
    [
        (lambda x: x.relu(), [-1.0, 0.0, 2.0, nan], [0.0, 0.0, 1.0, 1.0]),
        (lambda x: x.abs(), [-1.0, 0.0, 2.0, nan], [-1.0, 0.0, 1.0, 0.0]),
        (lambda x: x.sqrt(), [0.0, 4.0], [inf, 0.25]),
        (lambda x: x.log(), [0.0, 2.0], [inf, 0.5]),
        (lambda x: x.reciprocal(), [0.0, 2.0], [-inf, -0.25]),
        (lambda x: x**0, [0.0, 3.0], [0.0, 0.0]),
        (lambda x: x**1, [0.0, 3.0], [1.0, 1.0]),
        (lambda x: x**0.5, [0.0, 4.0], [inf, 0.25]),
        (lambda x: 0.0**x, [0.0, 1.0], [0.0, 0.0]),
        (lambda x: x.sigmoid(), [-200.0, 0.0, 200.0], [0.0, 0.25, 0.0]),
        (lambda x: x.tanh(), [-200.0, 0.0, 200.0], [0.0, 1.0, 0.0]),
        (lambda x: x / x, [0.0, 2.0], [nan, 0.0]),
        (lambda x: x.sum() * 0, [inf, 1.0], [0.0, 0.0]),
    ],
    ids="relu abs sqrt log reciprocal pow0 pow1 pow0.5 zero_pow sigmoid tanh x/x sum*0".split(),
)
def test_gradient_where_it_is_a_convention(function, at, gradient):
    x = leaf(at)
    function(x).sum().backward()
    assert_values(x.grad, gradient)


def test_exception_in_a_hook_reaches_the_caller_and_leaves_no_trace():
    x = leaf([1.0])
    y = x * 2

    def fails(g):
        raise KeyError("boom")

    y.register_hook(fails)
    with pytest.raises(KeyError, match="boom"):
        y.backward()
    assert x.grad is None and torch.is_grad_enabled()
    (x * 3).backward()
    assert_values(x.grad, [3.0])


def test_backward_inside_a_hook_of_backward():
    inner, outer = leaf([3.0]), leaf([2.0])

    def backward_of_another_graph(g):
        with torch.enable_grad():
            (inner * inner).backward()
        return g * inner.grad

    y = outer * 5
    y.register_hook(backward_of_another_graph)
    y.backward()
    assert_values(outer.grad, [30.0])


def test_later_nodes_run_first():
    x = leaf([1.0])
    first, second = x * 2, x * 3
    assert second.grad_fn._sequence_nr() > first.grad_fn._sequence_nr()
    order = []
    first.register_hook(lambda g: order.append("first"))
    second.register_hook(lambda g: order.append("second"))
    (first + second).backward()
    assert order == ["second", "first"]


@pytest.mark.parametrize("length", [10_000])
def test_deep_chain_is_walked_and_freed_without_recursion(length):
    x = leaf([1.0])
    y = x
    for _ in range(length):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1.0
    del y


def test_control_flow_shows_in_the_graph():
    b = leaf([1.0])
    y = b * 2
    assert y.grad_fn.name() == "MulBackward0"
    if y > 0:
        y = y + b
    assert y.grad_fn.name() == "AddBackward0"


def test_leaf_without_grad_has_no_edge():
    b, w = torch.ones(1), leaf([2.0])
    y = b + w * 3
    assert y.grad_fn.next_functions[0][0] is None
    assert y.grad_fn.next_functions[1][0].name() == "MulBackward0"

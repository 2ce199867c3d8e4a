"""autograd.Function: forward, backward, and what ctx carries from one to the other."""

import subprocess
import sys

import pytest
from gradcheck import assert_gradients_match, assert_second_gradients_match
from support import assert_values, leaf, rushlight_only, torch

Function = torch.autograd.Function


def function(forward, backward=None, name="Made", **members):
    """A Function class with these static methods."""
    if backward is None:
        backward = lambda ctx, *grads: grads[0]  # noqa: E731
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(name, (Function,), methods | members)


class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.factor, None


class Product(Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, grad):
        a, b = ctx.saved_tensors
        return grad * b, grad * a


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return grad * y


# --- forward and backward


def test_backward_is_the_derivative_of_forward():
    x = leaf([1.0, 2.0])
    y = Scale.apply(x, 3)
    assert y.requires_grad and not y.is_leaf
    y.sum().backward()
    assert_values(x.grad, [3, 3])


def test_first_and_second_derivative_match_finite_differences():
    a, b = (torch.tensor([0.5, -1.5], dtype=torch.float64) for _ in range(2))
    function = lambda a, b: Product.apply(Exp.apply(a), Product.apply(a, b))  # noqa: E731
    assert_gradients_match(function, (a, b))
    assert_second_gradients_match(function, (a, b))


def test_forward_runs_without_grad_and_puts_the_mode_back():
    modes = []

    def forward(ctx, x):
        modes.append(torch.is_grad_enabled())
        torch.set_grad_enabled(True)
        return x * 2

    x = leaf([1.0])
    y = function(forward).apply(x)
    assert modes == [False] and torch.is_grad_enabled()
    with torch.no_grad():
        function(forward).apply(x)
        assert not torch.is_grad_enabled()
    assert y.grad_fn.next_functions[0][0] is (x * 2).grad_fn.next_functions[0][0]


def test_mode_is_restored_when_forward_raises():
    def forward(ctx, x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        function(forward).apply(leaf([1.0]))
    assert torch.is_grad_enabled()


def test_backward_records_only_with_create_graph():
    modes = []

    def backward(ctx, grad):
        modes.append(torch.is_grad_enabled())
        return grad * 2

    x = leaf([1.0])
    double = function(lambda ctx, x: x * 2, backward)
    double.apply(x).backward()
    (g,) = torch.autograd.grad(double.apply(x), x, create_graph=True)
    assert modes == [False, True] and not g.requires_grad
    weight = leaf([1.0])
    (g,) = torch.autograd.grad(double.apply(x), x, weight, create_graph=True)
    assert type(g.grad_fn).__name__ == "MulBackward0"


def test_exception_of_backward_comes_out_as_it_is():
    class Mine(Exception):
        pass

    def backward(ctx, grad):
        raise Mine("from backward")

    with pytest.raises(Mine, match="from backward") as caught:
        function(lambda ctx, x: x * 2, backward).apply(leaf([1.0])).backward()
    assert caught.traceback[-1].name == "backward"


def test_arguments_of_any_kind_reach_forward():
    seen = []

    def forward(ctx, *args):
        seen.extend(args)
        return args[1] * 2

    marker, x = object(), leaf([1.0])
    function(forward, lambda ctx, grad: (None, grad * 3, None)).apply(marker, x, [x]).backward()
    assert seen == [marker, x, [x]]
    assert_values(x.grad, [3])


def test_keywords_go_to_the_places_of_the_parameters():
    def forward(ctx, x, k=2):
        return x * k

    for call, expected in (
        (lambda f, x: f.apply(x, k=5), 5),
        (lambda f, x: f.apply(k=5, x=x), 5),
        (lambda f, x: f.apply(x=x), 2),
        (lambda f, x: f.apply(torch.ones(1) * 5, k=x), 5),
    ):
        x = leaf([1.0])

        def backward(ctx, grad):
            return tuple(grad * 3 if needed else None for needed in ctx.needs_input_grad)

        y = call(function(forward, backward), x)
        y.backward()
        assert y.item() == expected
        assert_values(x.grad, [3])


def test_trailing_none_gradients_are_accepted():
    for result in ((1.0, None, None), (1.0,)):
        x = leaf([1.0])

        def backward(ctx, grad, result=result):
            return (grad * result[0], *result[1:])

        function(lambda ctx, x: x * 1, backward).apply(x).backward()
        assert_values(x.grad, [1])


def test_gradient_is_summed_and_cast_to_the_input():
    x = leaf([1.0, 2.0])
    expanding = function(lambda ctx, x: x * 2, lambda ctx, g: g.expand(3, 2).double())
    expanding.apply(x).sum().backward()
    assert_values(x.grad, [3, 3])
    assert x.grad.dtype == torch.float32


def test_none_gradient_leaves_grad_unset():
    x = leaf([1.0])
    function(lambda ctx, x: x * 2, lambda ctx, g: None).apply(x).backward()
    assert x.grad is None


def test_gradient_for_an_input_without_grad_is_dropped():
    x, other = leaf([1.0, 2.0]), torch.ones(2)
    both = function(lambda ctx, x, y: x * 2, lambda ctx, g: (g, torch.ones(5)))
    both.apply(x, other).sum().backward()
    assert_values(x.grad, [1, 1])
    assert other.grad is None


def test_vjp_is_another_name_for_backward():
    class Double(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def vjp(ctx, grad):
            return grad * 2

    x = leaf([1.0])
    Double.apply(x).backward()
    assert_values(x.grad, [2])


def test_jvp_and_vmap_on_the_class_do_not_disturb():
    x = leaf([1.0])
    extras = {"jvp": staticmethod(lambda ctx, t: t), "vmap": staticmethod(lambda *a: a)}
    function(lambda ctx, x: x * 2, lambda ctx, g: g * 2, **extras).apply(x).backward()
    assert_values(x.grad, [2])


def test_subclass_inherits_and_overrides():
    class Triple(Scale):
        @staticmethod
        def backward(ctx, grad):
            return grad * 30, None

    x = leaf([1.0])
    y = Triple.apply(x, 3)
    y.backward()
    assert_values(x.grad, [30])
    assert y.grad_fn.name() == "TripleBackward" and y.tolist() == [3]


def test_apply_can_be_overridden_and_called_through_super():
    class Logged(Scale):
        calls = 0

        @classmethod
        def apply(cls, x):
            cls.calls += 1
            return super().apply(x, 4)

    x = leaf([1.0])
    Logged.apply(x).backward()
    assert Logged.calls == 1
    assert_values(x.grad, [4])


# --- outputs


def test_outputs_come_back_in_the_form_that_forward_gave_them():
    x = leaf([1.0])
    single = function(lambda ctx, x: (x * 2,)).apply(x)
    assert type(single) is tuple and single[0].requires_grad
    assert function(lambda ctx, x: ()).apply(x) == ()
    assert function(lambda ctx, x: None).apply(x) is None
    listed = function(lambda ctx, x: [x * 2]).apply(x)
    assert type(listed) is list and not listed[0].requires_grad


def test_non_tensor_outputs_pass_through_and_get_none():
    grads = []

    def backward(ctx, *args):
        grads.extend(args)
        return args[0]

    x = leaf([1.0])
    y, three, text, numbers = function(
        lambda ctx, x: (x * 2, 3, "a", torch.tensor([1, 2])), backward
    ).apply(x)
    assert (three, text, numbers.requires_grad) == (3, "a", False)
    y.backward()
    assert grads[1:3] == [None, None]
    assert grads[3].tolist() == [0, 0] and grads[3].dtype == torch.int64


def test_undefined_gradients_are_zeros_unless_switched_off():
    for materialize in (True, False):
        grads = []

        def forward(ctx, x, materialize=materialize):
            ctx.set_materialize_grads(materialize)
            return x * 2, torch.ones(2, 3, dtype=torch.float64)

        def backward(ctx, *args, grads=grads):
            grads.extend(args)
            return args[0]

        function(forward, backward).apply(leaf([1.0]))[0].backward()
        if materialize:
            assert grads[1].shape == (2, 3) and grads[1].dtype == torch.float64
            assert_values(grads[1], [[0] * 3] * 2)
        else:
            assert grads[1] is None


def test_output_marked_non_differentiable_does_not_require_grad():
    grads = []

    def forward(ctx, x):
        y, z = x * 2, x * 3
        ctx.mark_non_differentiable(z)
        return y, z

    def backward(ctx, *args):
        grads.extend(args)
        return args[0]

    y, z = function(forward, backward).apply(leaf([1.0]))
    assert y.requires_grad and not z.requires_grad and z.grad_fn is None
    y.backward()
    assert_values(grads[1], [0])


def test_same_tensor_returned_twice_is_one_object():
    def forward(ctx, x):
        y = x * 2
        return y, y

    a, b = function(forward, lambda ctx, g, h: g + h).apply(x := leaf([1.0]))
    assert a is b and a.output_nr == 1
    a.backward()
    assert_values(x.grad, [1])


def test_history_of_the_forward_is_replaced():
    def forward(ctx, x):
        with torch.enable_grad():
            return x * 2

    x = leaf([1.0])
    y = function(forward, lambda ctx, g: g * 10).apply(x)
    y.backward()
    assert_values(x.grad, [10])


def test_nothing_is_recorded_where_nothing_requires_grad():
    contexts = []

    def forward(ctx, x):
        contexts.append(ctx)
        ctx.save_for_backward(x)
        return x * 2

    recorded = function(forward)
    assert recorded.apply(torch.ones(2)).grad_fn is None
    with torch.no_grad():
        assert not recorded.apply(leaf([1.0])).requires_grad
    with torch.inference_mode():
        assert recorded.apply(leaf([1.0])).is_inference()
    assert [ctx.needs_input_grad for ctx in contexts] == [(False,), (True,), (True,)]
    assert all(ctx.saved_tensors == () and ctx.to_save is None for ctx in contexts)
    assert all(ctx.next_functions == () and ctx.metadata == {} for ctx in contexts)


# --- ctx is the node


def test_grad_fn_is_the_context():
    contexts = []

    def forward(ctx, x, n):
        contexts.append(ctx)
        ctx.n = n
        return x * n

    x = leaf([1.0])
    y = function(forward, name="Named").apply(x, 3)
    node = y.grad_fn
    assert node is contexts[0] and node is y.grad_fn
    assert node.name() == type(node).__name__ == "NamedBackward"
    assert isinstance(node, torch.autograd.graph.Node)
    assert node.n == 3 and node.__dict__ == {"n": 3}
    assert len(node.next_functions) == 1
    assert node.next_functions[0][0].variable is x
    node.metadata["key"] = 1
    assert y.grad_fn.metadata == {"key": 1}
    assert "NamedBackward" in repr(y) and "NamedBackward object at" in repr(node)


def test_grad_fn_keeps_the_graph_after_the_output_died():
    x = leaf([1.0])
    node = Exp.apply(x).grad_fn
    assert node.next_functions[0][0].variable is x
    assert len(node.saved_tensors) == 1
    inner = Exp.apply(Exp.apply(x)).grad_fn.next_functions[0][0]
    assert inner.next_functions[0][0].variable is x and inner.name() == "ExpBackward"


def test_class_knows_the_type_of_its_nodes():
    node_type = Scale._backward_cls
    assert type(Scale.apply(leaf([1.0]), 2).grad_fn) is node_type
    assert node_type._forward_cls is Scale and node_type.__name__ == "ScaleBackward"
    assert issubclass(node_type, torch.autograd.function.FunctionCtx)


def test_needs_input_grad_has_one_entry_per_argument():
    seen = []

    def forward(ctx, *args):
        seen.append(ctx.needs_input_grad)
        return args[1] * 2

    def backward(ctx, grad):
        seen.append(ctx.needs_input_grad)
        return (None, grad, None, None)

    function(forward, backward).apply(3, leaf([1.0]), torch.ones(1), "a").backward()
    assert seen == [(False, True, False, False)] * 2


def test_node_applies_the_backward_directly():
    y = Scale.apply(leaf([1.0]), 5)
    assert_values(y.grad_fn.apply(torch.ones(1))[0], [5])


# --- saved tensors


def test_saved_tensors_are_inputs_outputs_and_nones():
    def forward(ctx, x):
        y = x * 2
        ctx.save_for_backward(x, y, None)
        assert ctx.saved_tensors == () and len(ctx.to_save) == 3
        return y

    x = leaf([1.0, 2.0])
    y = function(forward).apply(x)
    saved = y.grad_fn.saved_tensors
    assert saved[0] is x and saved[2] is None
    assert saved[1].tolist() == [2, 4] and saved[1].grad_fn is y.grad_fn
    assert y.grad_fn.to_save is None


def test_last_save_counts():
    def forward(ctx, x):
        ctx.save_for_backward(x, x)
        ctx.save_for_backward(x)
        return x * 2

    assert len(function(forward).apply(leaf([1.0])).grad_fn.saved_tensors) == 1


def test_saved_output_survives_its_death_and_can_be_saved_twice():
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y, y)
        return y

    def backward(ctx, grad):
        a, b = ctx.saved_tensors
        return grad * (a + b) / 2

    x = leaf([0.0, 1.0], dtype=torch.float64)
    loss = (function(forward, backward).apply(x) * 1).sum()
    (g,) = torch.autograd.grad(loss, x, create_graph=True)
    assert_values(g, [1, 2.718281828459045])
    (gg,) = torch.autograd.grad(g.sum(), x)
    assert_values(gg, [1, 2.718281828459045])


def test_intermediate_can_be_saved():
    def forward(ctx, x):
        middle = x * 3
        ctx.save_for_backward(middle)
        return middle * 2

    x = leaf([1.0])
    y = function(forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(x)
    y.backward()
    assert_values(x.grad, [3])


def test_saved_tensors_are_released_by_backward_and_kept_on_request():
    x = leaf([1.0])
    y = Exp.apply(x)
    y.backward(retain_graph=True)
    y.backward()
    for access in (lambda: y.grad_fn.saved_tensors, y.backward):
        with pytest.raises(RuntimeError, match="Trying to backward through the graph a second"):
            access()


def test_second_backward_passes_where_nothing_was_saved():
    x = leaf([1.0])
    y = Scale.apply(x, 2)
    y.backward()
    y.backward()
    assert_values(x.grad, [4])


@rushlight_only
def test_second_backward_names_the_apply_and_the_pass_that_freed_it():
    y = Exp.apply(leaf([1.0]))
    y.backward()
    with pytest.raises(RuntimeError) as caught:
        y.backward()
    assert "needed by     y = Exp.apply(leaf([1.0]))" in str(caught.value)
    assert "freed by      y.backward()" in str(caught.value)


@rushlight_only
def test_site_is_the_line_of_apply_and_of_the_operations_in_backward():
    x, weight = leaf([1.0]), leaf([1.0])
    y = Scale.apply(x, 2)
    assert y.grad_fn.site.name == "y"
    (g,) = torch.autograd.grad(y, x, weight, create_graph=True)
    assert "grad * ctx.factor" in g.grad_fn.site.expression


@rushlight_only
def test_function_imported_under_a_second_name_is_the_same_class():
    # The file ran again, and Functions of the first class were taken for setup_context's kind.
    program = """
import sys
import rushlight as torch
sys.modules.update({"torch": torch, "torch.autograd": torch.autograd})
Function = torch.autograd.Function
from torch.autograd.function import Function as Again, once_differentiable
class Double(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2
assert Again is Function and Double.apply(torch.ones(1)).item() == 2
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

"""autograd.Function: what is refused, and how."""

import pytest
from support import leaf, recorded_warnings, rushlight_only, torch

Function = torch.autograd.Function
once_differentiable = torch.autograd.function.once_differentiable


def function(forward=lambda ctx, x, *rest: x * 2, backward=lambda ctx, grad: grad, **members):
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("Made", (Function,), methods | members)


def run(made, *args):
    made.apply(*(args or (leaf([1.0, 2.0]),))).sum().backward()


@pytest.mark.parametrize(
    ("result", "args", "message"),
    [
        (lambda g: (g, g), (), "function MadeBackward returned an incorrect number of gradients "
         "(expected 1, got 2)"),
        (lambda g: (), (), "function MadeBackward returned an incorrect number of gradients "
         "(expected 1, got 0)"),
        (lambda g: (g, None, g), (), "function MadeBackward returned an incorrect number of "
         "gradients (expected 1, got 3)"),
        (lambda g: g, (3,), "function MadeBackward returned an incorrect number of gradients "
         "(expected 2, got 1)"),
        (lambda g: (g, g), (3,), "function MadeBackward returned a gradient different than None at "
         "position 2, but the corresponding forward input was not a Variable"),
        (lambda g: "a", (), "expected Variable or None (got str)"),
        (lambda g: [g], (), "expected Variable or None (got list)"),
        (lambda g: 1.0, (), "expected Variable or None (got float)"),
        (lambda g: torch.ones(5), (), "Function MadeBackward returned an invalid gradient at index "
         "0 - got [5] but expected shape compatible with [2]"),
        (lambda g: g.sum(), (), "Function MadeBackward returned an invalid gradient at index 0 - "
         "got [] but expected shape compatible with [2]"),
    ],
)  # fmt: skip
def test_wrong_gradient_is_refused(result, args, message):
    with pytest.raises(RuntimeError) as caught:
        run(function(backward=lambda ctx, g: result(g)), leaf([1.0, 2.0]), *args)
    assert str(caught.value).startswith(message)


def test_missing_methods_are_named():
    class Empty(Function):
        pass

    class OneWay(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="You must implement the forward function for"):
        Empty.apply(leaf([1.0]))
    with pytest.raises(NotImplementedError, match="either the backward or vjp method for your"):
        run(OneWay)
    for method, message in (("jvp", "the jvp function"), ("vmap", "the vmap staticmethod")):
        with pytest.raises(NotImplementedError, match=message):
            getattr(Empty, method)(None, None)


def test_backward_and_vjp_exclude_each_other():
    made = function(vjp=staticmethod(lambda ctx, g: g))
    with pytest.raises(RuntimeError, match="Implementing both 'backward' and 'vjp' for a custom"):
        run(made)


def test_instance_warns_and_cannot_be_called():
    with recorded_warnings() as caught:
        instance = function()()
    assert caught[0].category is DeprecationWarning
    assert "should not be instantiated" in str(caught[0].message)
    with pytest.raises(RuntimeError, match="Legacy autograd function with non-static forward"):
        instance(leaf([1.0]))


def declare(attribute, value):
    def forward(ctx, x):
        setattr(ctx, attribute, value)
        return x * 2

    return function(forward)


def call(method, *values):
    def forward(ctx, x):
        getattr(ctx, method)(*values)
        return x * 2

    return function(forward)


@pytest.mark.parametrize(
    ("made", "kind", "message"),
    [
        (call("save_for_backward", 3), TypeError,
         "save_for_backward can only save variables, but argument 0 is of type int"),
        (call("mark_dirty", 3), RuntimeError,
         "mark_dirty can only accept variables, but argument "),
        (call("mark_non_differentiable", 3), RuntimeError,
         "mark_non_differentiable only accepts variable arguments, but got "),
        (call("set_materialize_grads", 3), TypeError,
         "set_materialize_grads received an invalid combination of arguments"),
        (call("save_for_forward", 3), AssertionError,
         "save_for_forward expects all arguments to be tensors"),
        (declare("to_save", 3), RuntimeError,
         "autograd internal error: to_save attribute is expected to be a tuple but is "),
        (declare("dirty_tensors", 3), RuntimeError,
         "autograd internal error: dirty_tensors attribute is expected to be a tuple but is "),
        (declare("non_differentiable", 3), RuntimeError,
         "autograd internal error: non_differentiable attribute is expected to be a tuple but is "),
        (declare("saved_tensors", ()), AttributeError, "attribute 'saved_tensors' of"),
    ],
)  # fmt: skip
def test_wrong_declaration_is_refused(made, kind, message):
    with pytest.raises(kind) as caught:
        made.apply(leaf([1.0]))
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f, x: f.apply(x, z=3), "forward() got an unexpected keyword argument 'z'"),
        (lambda f, x: f.apply(x, x=x), "forward() got multiple values for argument 'x'"),
        (lambda f, x: f.apply(k=3), "forward() missing required argument: 'x' (position 0)"),
        (lambda f, x: f.apply(ctx=x), "forward() got an unexpected keyword argument 'ctx'"),
    ],
)
def test_wrong_keyword_is_refused(call, message):
    made = function(lambda ctx, x, k=2: x * k)
    with pytest.raises(TypeError) as caught:
        call(made, leaf([1.0]))
    assert str(caught.value) == message


def test_inference_tensor_cannot_be_saved():
    with torch.inference_mode():
        other = torch.ones(1)

    def forward(ctx, x, other):
        ctx.save_for_backward(other)
        return x * 2

    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        function(forward).apply(leaf([1.0]), other)


@pytest.mark.parametrize("which", ["input", "output", "intermediate"])
def test_saved_tensor_changed_in_place_is_refused(which):
    kept = {}

    def forward(ctx, x):
        middle = x * 3
        y = middle * 2
        kept.update(intermediate=middle, output=y)
        ctx.save_for_backward({"input": x, "output": y, "intermediate": middle}[which])
        return y

    kept["input"] = x = leaf([1.0]) * 1
    y = function(forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(x)
    kept[which].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
        y.backward()
    producer = {"input": "is output 0 of Add,", "output": "is output 0 of Made,"}
    assert producer.get(which, "[1]] is at version 1") in str(caught.value)


# --- setup_context


def split(forward, setup, backward=lambda ctx, grad: grad):
    methods = {"forward": forward, "setup_context": setup, "backward": backward}
    return type("Split", (Function,), {k: staticmethod(v) for k, v in methods.items()})


def test_split_form_gets_inputs_and_output():
    seen = []

    def setup(ctx, inputs, output):
        seen.append((inputs, output, torch.is_grad_enabled(), ctx.needs_input_grad))
        ctx.k = inputs[1]
        ctx.save_for_backward(inputs[0], output)

    made = split(lambda x, k=3: x * k, setup, lambda ctx, g: (g * ctx.k, None))
    x = leaf([1.0])
    for call in (lambda: made.apply(x), lambda: made.apply(x, 3), lambda: made.apply(k=3, x=x)):
        x.grad = None
        y = call()
        inputs, output, mode, needs = seen.pop()
        assert inputs[0] is x and inputs[1] == 3 and output is y
        assert mode is False and needs == (True, False)
        assert y.grad_fn.saved_tensors[1].grad_fn is y.grad_fn
        y.backward()
        assert x.grad.tolist() == [3]


def test_split_form_refuses_wrong_arguments():
    made = split(lambda x, k=3: x * k, lambda ctx, inputs, output: None)
    with pytest.raises(TypeError, match="missing a required argument: 'x'"):
        made.apply()
    with pytest.raises(TypeError, match="too many positional arguments"):
        made.apply(1, 2, 3)
    named = split(lambda x, *, k=3: x * k, lambda ctx, inputs, output: None)
    with pytest.raises(TypeError, match=r"forward\(\) got an unexpected keyword argument 'k'"):
        named.apply(leaf([1.0]), k=5)


def test_split_form_refuses_to_save_an_input_that_is_returned():
    made = split(lambda x: x, lambda ctx, inputs, output: ctx.save_for_backward(inputs[0]))
    with pytest.raises(RuntimeError, match="An input that has been returned as-is as output"):
        made.apply(leaf([1.0]))


def test_split_form_with_a_dirty_input():
    def setup(ctx, inputs, output):
        ctx.mark_dirty(inputs[0])
        ctx.save_for_backward(output)

    y = split(lambda x: x.mul_(2), setup).apply(leaf([1.0]) * 1)
    assert y.grad_fn.saved_tensors[0].tolist() == [2]


# --- once_differentiable


class Once(Function):
    @staticmethod
    def forward(ctx, x, k):
        return x * k

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        """Its docstring."""
        assert not torch.is_grad_enabled()
        return grad * 2, None


def test_once_differentiable_differentiates_once():
    x, weight = leaf([1.0]), leaf([1.0])
    (g,) = torch.autograd.grad(Once.apply(x, 2), x, weight)
    assert not g.requires_grad and g.tolist() == [2]
    (g,) = torch.autograd.grad(Once.apply(x, 2), x, weight, create_graph=True)
    assert g.requires_grad and g.grad_fn.name() == "torch::autograd::Error"
    with pytest.raises(RuntimeError, match="trying to differentiate twice a function that was"):
        g.backward()
    assert Once.backward.__name__ == "backward" and Once.backward.__doc__ == "Its docstring."


def test_once_differentiable_gradient_without_dependence_is_a_constant():
    x = leaf([1.0])
    (g,) = torch.autograd.grad(Once.apply(x, 2), x, torch.ones(1), create_graph=True)
    with pytest.raises(RuntimeError, match="element 0 of tensors does not require grad"):
        g.backward()


@rushlight_only
def test_refusal_to_differentiate_twice_says_where_and_what_to_do():
    x, weight = leaf([1.0]), leaf([1.0])
    (g,) = torch.autograd.grad(Once.apply(x, 2), x, weight, create_graph=True)
    with pytest.raises(RuntimeError) as caught:
        g.backward()
    assert "drop @once_differentiable" in str(caught.value)


@rushlight_only
def test_backward_of_a_marked_output_says_why():
    def forward(ctx, x):
        y = x * 2
        ctx.mark_non_differentiable(y)
        return y

    with pytest.raises(RuntimeError, match="does not require grad") as caught:
        function(forward).apply(leaf([1.0])).backward()
    assert "mark_non_differentiable()" in str(caught.value)

"""Rules of autograd.Function."""

from support import torch

from error_rules import Case, rule

HEAD = "class Fn(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx,x):\n"
BACKWARD = "    @staticmethod\n    def backward(ctx,g):\n        return g"
RUN = "\nx=torch.ones(2,requires_grad=True)\nFn.apply(x).sum().backward()"
DOUBLE = HEAD + "        return x*2\n"


def function(draw, forward=None, backward=None, **members):
    """A class with a drawn name, and that name."""
    name = draw.word().capitalize()
    members["forward"] = staticmethod(forward or (lambda ctx, x, *rest: x * 2))
    if backward is not None:
        members["backward"] = staticmethod(backward)
    return type(name, (torch.autograd.Function,), members), name


def ones(shape):
    return torch.ones(shape, requires_grad=True)


def run(made, *args):
    made.apply(*args).sum().backward()


@rule(DOUBLE + BACKWARD + ",g" + RUN)
def wrong_number_of_gradients(draw):
    expected, got = draw.two_sizes(1, 6)
    made, name = function(draw, backward=lambda ctx, g: (g,) * got if got > 1 else g)
    args = [ones(draw.shape()), *(torch.ones(1) for _ in range(expected - 1))]
    return Case(
        lambda: run(made, *args),
        RuntimeError,
        f"function {name}Backward returned an incorrect number of gradients "
        f"(expected {expected}, got {got})",
    )


@rule(DOUBLE + "    @staticmethod\n    def backward(ctx,g):\n        return torch.ones(5)" + RUN)
def gradient_of_other_shape(draw):
    shape, size = [draw.randint(2, 6) for _ in range(draw.randint(1, 3))], draw.randint(7, 9)
    made, name = function(draw, backward=lambda ctx, g: torch.ones(size))
    return Case(
        lambda: run(made, ones(shape)),
        RuntimeError,
        f"Function {name}Backward returned an invalid gradient at index 0 - got [{size}] but "
        f"expected shape compatible with {shape}",
    )


@rule(DOUBLE + "    @staticmethod\n    def backward(ctx,g):\n        return 'a'" + RUN)
def gradient_of_a_wrong_type(draw):
    value = draw.choice(["a", 1, 2.5, [1], {}])
    made, _ = function(draw, backward=lambda ctx, g: value)
    return Case(
        lambda: run(made, ones(draw.shape())),
        RuntimeError,
        f"expected Variable or None (got {type(value).__name__})",
    )


@rule(
    HEAD
    + "        ctx.save_for_backward(3)\n        return x*2\n"
    + BACKWARD
    + "\nx=torch.ones(2,requires_grad=True)\nFn.apply(x)"
)
def saved_value_of_a_wrong_type(draw):
    value, at = draw.choice([3, "a", 2.5, [1]]), draw.randint(0, 3)

    def forward(ctx, x):
        ctx.save_for_backward(*[x] * at, value, None)
        return x * 2

    made, _ = function(draw, forward, lambda ctx, g: g)
    return Case(
        lambda: made.apply(ones(draw.shape())),
        TypeError,
        f"save_for_backward can only save variables, but argument {at} is of type "
        f"{type(value).__name__}",
    )


@rule(
    HEAD
    + "        y=x*2\n        ctx.save_for_backward(y)\n        return y\n"
    + "    @staticmethod\n    def backward(ctx,g):\n        y,=ctx.saved_tensors\n"
    + "        return g*y\n"
    + "x=torch.ones(2,requires_grad=True)\ny=Fn.apply(x)\ny.add_(1)\ny.sum().backward()"
)
def saved_output_changed(draw):
    shape, at, n = draw.shape(), draw.randint(0, 2), draw.randint(1, 4)

    def forward(ctx, x):
        outputs = tuple(x * 2 for _ in range(3))
        ctx.save_for_backward(outputs[at])
        return outputs

    made, name = function(draw, forward, lambda ctx, *g: g[0] * ctx.saved_tensors[0])

    def call():
        y = made.apply(ones(shape))[at]
        for _ in range(n):
            y.add_(1)
        y.sum().backward()

    return Case(
        call,
        RuntimeError,
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [torch.FloatTensor {shape}], which is output {at} of {name}, is at version "
        f"{n}; expected version 0 instead.",
    )


@rule(
    "class V(torch.autograd.Function):\n    @staticmethod\n"
    "    def forward(ctx,x): return x.view(-1)\n"
    "    @staticmethod\n    def backward(ctx,g): return g\n"
    "x=torch.ones(2,requires_grad=True).clone()\nV.apply(x).add_(1)"
)
def view_of_a_function_changed(draw):
    view = draw.choice([lambda x: x, lambda x: x.view(-1), lambda x: x[0], lambda x: x.t()])
    made, name = function(draw, lambda ctx, x: view(x), lambda ctx, g: g)
    return Case(
        lambda: made.apply(ones([draw.size(), draw.size()]).clone()).add_(1),
        RuntimeError,
        f"Output 0 of {name} is a view and is being modified inplace. This view was created inside "
        "a custom Function (or because an input was returned as-is)",
    )

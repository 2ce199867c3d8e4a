"""Rules of calls with the wrong arguments, of modules and of a Function's contract."""

from support import torch

from error_rules import Case, rule

from .graph import FREED, ones


def function(forward, backward=None):
    """A Function class of these two."""
    members = {"forward": staticmethod(forward)}
    if backward is not None:
        members["backward"] = staticmethod(backward)
    return type("Fn", (torch.autograd.Function,), members)


@rule(
    "class Fn(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx,x):\n"
    "        return x*2\nx=torch.ones(2,requires_grad=True)\nFn.apply(x).sum().backward()"
)
def function_without_backward(draw):
    x, factor = ones(draw.shape()), draw.size()
    return Case(
        lambda: function(lambda ctx, t: t * factor).apply(x).sum().backward(),
        NotImplementedError,
        "You must implement either the backward or vjp method for your custom autograd.Function to "
        "use it with backward mode AD.",
    )


@rule(
    "class Fn(torch.autograd.Function):\n    @staticmethod\n    def backward(ctx,g):\n"
    "        return g\nFn.apply(torch.ones(2,requires_grad=True))"
)
def function_without_forward(draw):
    members = {"backward": staticmethod(lambda ctx, g: g)} if draw.random() < 0.5 else {}
    made = type("Fn", (torch.autograd.Function,), members)
    return Case(
        lambda: made.apply(ones(draw.shape())),
        NotImplementedError,
        "You must implement the forward function for custom autograd.Function.",
    )


@rule(
    "class Fn(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx,x):\n"
    "        ctx.save_for_backward(x)\n        return x*2\n    @staticmethod\n"
    "    def backward(ctx,g):\n        ctx.saved_tensors\n        return g\n"
    "x=torch.ones(2,requires_grad=True)\ny=Fn.apply(x).sum()\ny.backward()\ny.backward()"
)
def saved_tensors_after_the_pass(draw):
    count = draw.size(1, 3)

    def forward(ctx, x):
        ctx.save_for_backward(*[x] * count)
        return x * 2

    def call():
        x = ones(draw.shape())
        y = function(forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(x).sum()
        y.backward()
        y.backward()

    return Case(call, RuntimeError, FREED)


@rule(
    "class Fn(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx,x):\n"
    "        ctx.mark_dirty(x)\n        return x*2\n    @staticmethod\n    def backward(ctx,g):\n"
    "        return g\nx=torch.ones(2,requires_grad=True)\nFn.apply(x.clone())"
)
def dirty_input_that_is_not_returned(draw):
    def forward(ctx, *xs):
        ctx.mark_dirty(xs[0])
        return xs[0] * 2

    inputs = [ones(draw.shape()).clone() for _ in range(draw.randint(1, 3))]
    return Case(
        lambda: function(forward, lambda ctx, g: g).apply(*inputs),
        RuntimeError,
        "Some elements marked as dirty during the forward method were not returned as output.",
    )


@rule(
    "class Fn(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx,x):\n"
    "        ctx.mark_dirty(x)\n        x.mul_(2)\n        return x\n    @staticmethod\n"
    "    def backward(ctx,g):\n        return g\nx=torch.ones(2,requires_grad=True)\nFn.apply(x)"
)
def dirty_leaf(draw):
    change = draw.choice([lambda x: x.mul_(2), lambda x: x.zero_(), lambda x: x.add_(1)])

    def forward(ctx, x):
        ctx.mark_dirty(x)
        return change(x)

    return Case(
        lambda: function(forward, lambda ctx, g: g).apply(ones(draw.shape())),
        RuntimeError,
        "a leaf Variable that requires grad has been used in an in-place operation.",
    )


@rule("torch.nn.Module()(1)")
def module_without_forward(draw):
    name = draw.word().title()
    module = type(name, (torch.nn.Module,), {})()
    return Case(
        lambda: module(*range(draw.size())),
        NotImplementedError,
        f'Module [{name}] is missing the required "forward" function',
    )


@rule("torch.get_default_dtype(1)")
def arguments_where_none_are_taken(draw):
    given = draw.size()
    return Case(
        lambda: torch.get_default_dtype(*range(given)),
        TypeError,
        f"torch.get_default_dtype() takes no arguments ({given} given)",
    )


@rule("hash(torch.ones(2))==0 or torch.ones(2).__hash__(1)")
def arguments_of_hash(draw):
    given = draw.size()
    return Case(
        lambda: torch.ones(draw.shape()).__hash__(*range(given)),
        TypeError,
        f"Tensor.__hash__() takes 1 positional argument but {given + 1} were given",
    )


@rule("torch.ones(2).numpy(1)")
def arguments_of_numpy(draw):
    given = draw.size()
    return Case(
        lambda: torch.ones(2).numpy(*range(given)),
        TypeError,
        f"numpy() takes 0 positional arguments but {given} "
        + ("was given" if given == 1 else "were given"),
    )


# A value, and what PyTorch calls its type.
ODD = [([1.0], "list"), ("a", "str"), ((1,), "tuple"), ({}, "dict"), (1j, "complex")]
ODD += [(torch.float32, "torch.dtype"), (torch.device("cpu"), "torch.device")]


@rule("torch.relu([1.])")
def input_that_is_no_tensor(draw):
    value, name = draw.choice(ODD)
    op = draw.choice(["relu", "exp", "tanh", "sigmoid", "abs", "neg"])
    return Case(
        lambda: getattr(torch, op)(value),
        TypeError,
        f"{op}(): argument 'input' (position 1) must be Tensor, not {name}",
    )


@rule("torch.ones(2).sum(dim='a')")
def arguments_that_fit_no_form(draw):
    value, name = draw.choice([(v, n) for v, n in ODD if n not in ("tuple", "list")])
    return Case(
        lambda: torch.ones(draw.shape()).sum(dim=value),
        TypeError,
        f"sum() received an invalid combination of arguments - got (dim={name}, ), but expected "
        "one of:",
    )


@rule("torch.randint(5,(2,3),dtype=torch.uint8,low=3)")
def keywords_in_the_order_of_pytorch(draw):
    # Two keywords come in the opposite order of the call, as they do from PyTorch's hash table.
    words = draw.sample(["low", "dtype", "alpha", "generator"], 2)
    values = {"low": (3, "int"), "dtype": (torch.uint8, "torch.dtype")}
    values |= {"alpha": (None, "NoneType"), "generator": (2.5, "float")}
    first, second = (f"{word}={values[word][1]}" for word in words)
    return Case(
        lambda: torch.randint(5, "a", **{word: values[word][0] for word in words}),
        TypeError,
        f"randint() received an invalid combination of arguments - got (int, str, {second}, "
        f"{first}), but expected one of:",
    )


@rule("torch.ones(2).add()")
def operand_forgotten(draw):
    given = draw.randint(4, 6)
    call, got = draw.choice(
        [
            (lambda: torch.ones(2).add(), ""),
            (lambda: torch.ones(2).add(*range(given)), ", ".join(["int"] * given)),
        ]
    )
    return Case(
        call,
        TypeError,
        f"add() received an invalid combination of arguments - got ({got}), but expected "
        "(Tensor other, *, Number alpha = 1)",
    )


@rule("x=torch.ones(2,requires_grad=True)\nx.backward(torch.ones(2),retain_graph='a')")
def flag_that_is_no_number(draw):
    x, value = ones(draw.shape()), draw.choice(["a", 2.5, [1], {}])
    word = draw.choice(["retain_graph", "create_graph"])

    return Case(
        lambda: x.sum().backward(**{word: value}),
        TypeError,
        f"'{type(value).__name__}' object cannot be interpreted as an integer",
    )

"""Rules of backward, grad, leaves, hooks, in-place changes and autograd.Function."""

from support import torch

from error_rules import SCALAR, Case, rule


def ones(shape):
    return torch.ones(shape, requires_grad=True)


NO_HISTORY = "element 0 of tensors does not require grad and does not have a grad_fn"
LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
VIEW_OF_LEAF = (
    "a view of a leaf Variable that requires grad is being used in an in-place operation."
)
FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after "
    "they have already been freed)."
)


@rule("x=torch.ones(3)\nx.sum().backward()")
def backward_without_history(draw):
    shape = draw.shape(0, 3)
    cut = draw.choice(
        [
            lambda x: x.detach().sum(),
            lambda x: x.data.sum(),
            lambda x: (x.detach() * 2).mean(),
            lambda x: torch.ones(shape).sum(),
            lambda x: torch.tensor(x.sum().item()),
        ]
    )
    return Case(lambda: cut(ones(shape)).backward(), RuntimeError, NO_HISTORY)


@rule("x=torch.ones(3,requires_grad=True)\nwith torch.no_grad():\n    y=x*2\ny.sum().backward()")
def backward_through_no_grad(draw):
    x = ones(draw.shape())
    mode = draw.choice([torch.no_grad, lambda: torch.set_grad_enabled(False)])

    def call():
        with mode():
            y = x * 2
        y.sum().backward()

    return Case(call, RuntimeError, NO_HISTORY)


@rule("x=torch.ones(3,requires_grad=True)\n(x*2).backward()")
def backward_of_several(draw):
    shape = draw.shape(1, 3, smallest=2)
    run = draw.choice([lambda y, x: y.backward(), lambda y, x: torch.autograd.grad(y, x)])

    def call():
        x = ones(shape)
        run(x * 2, x)

    return Case(call, RuntimeError, "grad can be implicitly created only for scalar outputs")


@rule("x=torch.ones(3,requires_grad=True)\ny=(x*x).sum()\ny.backward()\ny.backward()")
def second_backward(draw):
    x = ones(draw.shape())
    make = draw.choice([lambda: x * x, lambda: x.exp(), lambda: x / 3 * x, lambda: x.tanh()])

    def call():
        y = make().sum()
        y.backward()
        y.backward()

    return Case(call, RuntimeError, FREED)


@rule("x=torch.ones(3,requires_grad=True)\nx.add_(1)")
def leaf_changed(draw):
    x = ones(draw.shape())
    change = draw.choice(
        [
            lambda: x.add_(1),
            lambda: x.mul_(2.0),
            lambda: x.zero_(),
            lambda: x.fill_(3),
            lambda: x.copy_(x.detach()),
            lambda: x.exp_(),
        ]
    )
    return Case(change, RuntimeError, LEAF)


@rule("x=torch.ones(3,requires_grad=True)\nx -= 0.1*x")
def leaf_changed_by_a_statement(draw):
    x, kind = ones(draw.shape()), draw.choice(["-=", "+=", "*=", "/="])
    return Case(lambda: exec(f"x {kind} 0.5 * x", {"x": x}), RuntimeError, LEAF)


@rule("x=torch.ones(3,requires_grad=True)\nx[0]=1.")
def leaf_assigned_at_an_index(draw):
    x, index = ones(draw.shape(1, 3)), draw.choice([0, -1, slice(None), ...])

    def call():
        x[index] = 1.0

    # An index that takes the whole tensor makes no view of it.
    return Case(call, RuntimeError, VIEW_OF_LEAF if isinstance(index, int) else LEAF)


@rule("x=torch.ones(3,requires_grad=True)\nx.view(3).mul_(2)")
def view_of_leaf_changed(draw):
    x = ones([draw.size(), draw.size()])
    view = draw.choice(
        [lambda: x.view(-1), lambda: x.t(), lambda: x[0], lambda: x.unsqueeze(0), lambda: x[:1]]
    )
    change = draw.choice([lambda v: v.mul_(2), lambda v: v.zero_(), lambda v: v.add_(1)])
    return Case(lambda: change(view()), RuntimeError, VIEW_OF_LEAF)


@rule("x=torch.ones(3,requires_grad=True)\ny=x.exp()\ny.add_(1)\ny.sum().backward()")
def saved_result_changed(draw):
    shape, times = draw.shape(), draw.randint(1, 4)
    op = draw.choice(["exp", "tanh", "sigmoid", "sqrt", "reciprocal"])
    dtype = draw.choice(["float32", "float64"])

    def call():
        y = getattr(torch.ones(shape, dtype=getattr(torch, dtype), requires_grad=True), op)()
        for _ in range(times):
            y.add_(1)
        y.sum().backward()

    return Case(
        call,
        RuntimeError,
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [torch.{SCALAR[dtype]}Tensor {shape}], which is output 0 of "
        f"{op.capitalize()}, is at version {times}; expected version 0 instead.",
    )


@rule("x=torch.ones(2,2,requires_grad=True)\ny=x*1\nz=y*y\ny[0]=0\nz.sum().backward()")
def saved_input_assigned_at_an_index(draw):
    shape, times = draw.shape(1, 3), draw.randint(1, 3)

    def call():
        y = ones(shape) * 1
        z = y * y
        for _ in range(times):
            y[0] = 0
        z.sum().backward()

    return Case(
        call,
        RuntimeError,
        "one of the variables needed for gradient computation has been modified by an inplace "
        f"operation: [torch.FloatTensor {shape}], which is output 0 of "
        f"torch::autograd::CopySlices, is at version {times}; expected version 0 instead.",
    )


@rule("torch.tensor([1,2],requires_grad=True)")
def requires_grad_of_integers(draw):
    shape, dtype = draw.shape(0, 3), draw.choice([torch.int64, torch.bool])
    make = draw.choice([torch.ones, torch.zeros, torch.empty])
    return Case(
        lambda: make(shape, dtype=dtype, requires_grad=True),
        RuntimeError,
        "Only Tensors of floating point and complex dtype can require gradients",
    )


@rule("torch.ones(2,dtype=torch.int64).requires_grad_()")
def requires_grad_call_on_integers(draw):
    shape, dtype = draw.shape(0, 3), draw.choice([torch.int64, torch.bool])
    return Case(
        lambda: torch.ones(shape, dtype=dtype).requires_grad_(),
        RuntimeError,
        "only Tensors of floating point dtype can require gradients",
    )


@rule("x=torch.ones(2,requires_grad=True)\ny=x*2\ny.requires_grad=False")
def requires_grad_of_a_result(draw):
    y = ones(draw.shape()) * 2
    change = draw.choice(
        [lambda: setattr(y, "requires_grad", False), lambda: y.requires_grad_(False)]
    )
    return Case(change, RuntimeError, "you can only change requires_grad flags of leaf variables.")


@rule("x=torch.ones(3,requires_grad=True)\nx.requires_grad=1")
def requires_grad_of_a_wrong_type(draw):
    value = draw.choice([1, 0.0, "a", None])
    return Case(
        lambda: setattr(torch.ones(draw.shape()), "requires_grad", value),
        RuntimeError,
        "requires_grad must be a bool",
    )


@rule("x=torch.ones(2,requires_grad=True)\nx.grad=torch.ones(3)")
def grad_of_other_size(draw):
    shape, other = draw.shape(), draw.shape()
    if shape == other:
        other = [*other, 1]
    return Case(
        lambda: setattr(ones(shape), "grad", torch.ones(other)),
        RuntimeError,
        f"attempting to assign a gradient of size '{other}' to a tensor of size '{shape}'.",
    )


@rule("x=torch.ones(2,requires_grad=True)\nx.grad=torch.ones(2,dtype=torch.float64)")
def grad_of_other_dtype(draw):
    shape, (own, other) = draw.shape(), draw.sample(["float32", "float64"], 2)
    name = {"float32": "float", "float64": "double"}[other]
    x = torch.ones(shape, dtype=getattr(torch, own), requires_grad=True)
    return Case(
        lambda: setattr(x, "grad", torch.ones(shape, dtype=getattr(torch, other))),
        RuntimeError,
        f"attempting to assign a gradient with dtype '{name}' to a tensor with grad_dtype "
        f"'{SCALAR[own]}'.",
    )


@rule("x=torch.ones(2,requires_grad=True)\nx.grad=1.")
def grad_of_a_wrong_type(draw):
    value = draw.choice([1.0, 2, "a", [1.0]])
    return Case(
        lambda: setattr(ones(draw.shape()), "grad", value),
        TypeError,
        "assigned grad expected to be a Tensor or None but got grad of type "
        f"{type(value).__name__}",
    )


@rule("x=torch.ones(2,requires_grad=True)\nx.grad=x")
def grad_of_itself(draw):
    x = ones(draw.shape())
    return Case(
        lambda: setattr(x, "grad", x), RuntimeError, "can't assign Variable as its own grad"
    )


@rule("x=torch.ones(2,requires_grad=True)\nx.numpy()")
def numpy_of_a_leaf(draw):
    x = ones(draw.shape())
    t = draw.choice([x, x * 2])
    return Case(
        lambda: t.numpy(),
        RuntimeError,
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
    )


@rule("x=torch.ones(2,requires_grad=True)\ny=x*2\ny.backward(torch.ones(3))")
def weight_of_other_shape(draw):
    shape, other = draw.shape(0, 3), draw.shape(0, 3)
    if shape == other:
        other = [*other, 1]
    return Case(
        lambda: (ones(shape) * 2).backward(torch.ones(other)),
        RuntimeError,
        f"Mismatch in shape: grad_output[0] has a shape of torch.Size({other}) and output[0] has a "
        f"shape of torch.Size({shape}).",
    )


@rule("x=torch.ones(2,requires_grad=True)\ny=x*2\ny.backward([1.,1.])")
def weight_of_a_wrong_type(draw):
    value = draw.choice([1.0, 2, "a"])
    return Case(
        lambda: (ones(draw.shape()) * 2).backward([value]),
        TypeError,
        f"gradients can be either Tensors or None, but got {type(value).__name__}",
    )


@rule(
    "x=torch.ones(2,requires_grad=True)\nz=torch.ones(2,requires_grad=True)\n"
    "torch.autograd.grad(x.sum(),z)"
)
def unused_input(draw):
    x, count = ones(draw.shape()), draw.randint(0, 3)
    inputs = [x] * count + [ones(draw.shape())]
    return Case(
        lambda: torch.autograd.grad((x * 2).sum(), inputs),
        RuntimeError,
        f"The differentiated Tensor at index {count} appears to not have been used in the graph. "
        "Set allow_unused=True if this is the desired behavior.",
    )


@rule("x=torch.ones(2,requires_grad=True)\ntorch.autograd.grad(x.sum(),torch.ones(2))")
def input_without_grad(draw):
    x = ones(draw.shape())
    inputs = [x] * draw.randint(0, 2) + [torch.ones(draw.shape())]
    return Case(
        lambda: torch.autograd.grad(x.sum(), inputs),
        RuntimeError,
        "One of the differentiated Tensors does not require grad",
    )


@rule("x=torch.ones(2,requires_grad=True)\ntorch.autograd.grad(x.sum(),[])")
def no_inputs(draw):
    x = ones(draw.shape())
    run = draw.choice(["grad", "backward"])
    call = getattr(torch.autograd, run)
    return Case(
        lambda: call(x.sum(), inputs=[]),
        RuntimeError,
        f"`inputs` argument to `{run}()` cannot be empty.",
    )


@rule(
    "x=torch.ones(2,requires_grad=True)\n"
    "torch.autograd.grad([x.sum(),x.prod()],x,grad_outputs=[torch.tensor(1.)])"
)
def weights_of_other_count(draw):
    x, (n, m) = ones(draw.shape()), sorted(draw.two_sizes(1, 5), reverse=True)
    return Case(
        lambda: torch.autograd.grad([x.sum() for _ in range(n)], x, [torch.tensor(1.0)] * m),
        RuntimeError,
        f"got {n} tensors and {m} gradients",
    )


@rule(
    "x=torch.ones(2,requires_grad=True)\n"
    "torch.autograd.grad(x.sum(),x,allow_unused=False,materialize_grads=True)"
)
def materialize_without_unused(draw):
    x = ones(draw.shape())
    return Case(
        lambda: torch.autograd.grad(x.sum(), x, allow_unused=False, materialize_grads=True),
        ValueError,
        "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
        "allow_unused=False.",
    )


@rule("x=torch.ones(2)\nx.retain_grad()")
def retain_without_grad(draw):
    return Case(
        lambda: torch.ones(draw.shape()).retain_grad(),
        RuntimeError,
        "can't retain_grad on Tensor that has requires_grad=False",
    )


@rule("x=torch.ones(2)\nx.register_hook(lambda g: g)")
def hook_without_grad(draw):
    return Case(
        lambda: torch.ones(draw.shape()).register_hook(print),
        RuntimeError,
        "cannot register a hook on a tensor that doesn't require gradient",
    )


@rule("x=torch.ones(2,requires_grad=True)\nx.register_hook(lambda g: 'a')\nx.sum().backward()")
def hook_result_of_a_wrong_type(draw):
    value, x = draw.choice(["a", 1, 1.5, [1]]), ones(draw.shape())

    def call():
        x.register_hook(lambda g: value)
        x.sum().backward()

    name = type(value).__name__
    return Case(call, TypeError, f"expected Variable, but hook returned '{name}'")


@rule(
    "x=torch.ones(2,requires_grad=True)\nx.register_hook(lambda g: torch.ones(5))\n"
    "x.sum().backward()"
)
def hook_result_of_other_size(draw):
    x, name = ones(draw.shape()), draw.word()

    def hook(grad):
        return torch.ones(7, 7)

    def call():
        hook.__name__ = name
        x.register_hook(hook)
        x.sum().backward()

    return Case(call, RuntimeError, f"hook '{name}' has changed the size of value")


@rule(
    "x=torch.ones(2,requires_grad=True)\n(x*2).register_post_accumulate_grad_hook(lambda t: None)"
)
def post_accumulate_on_a_result(draw):
    x = ones(draw.shape())
    return Case(
        lambda: (x * 2).register_post_accumulate_grad_hook(print),
        RuntimeError,
        "post accumulate grad hooks cannot be registered on non-leaf tensors",
    )


@rule("x=torch.ones(3,requires_grad=True)\na,b,d=x.clone().unbind()\na.mul_(2)")
def output_of_several_views_changed(draw):
    n = draw.randint(2, 5)
    at, x = draw.randrange(n), ones([n, draw.size()])
    name, views = draw.choice([("Unbind", lambda y: y.unbind()), ("Split", lambda y: y.split(1))])
    return Case(
        lambda: views(x.clone())[at].mul_(2),
        RuntimeError,
        f"Output {at} of {name} is a view and is being modified inplace.",
    )


@rule(
    "x=torch.ones(3,requires_grad=True)\ny=x.clone()\nwith torch.no_grad():\n    v=y.view(3)\n"
    "v.add_(1)"
)
def view_made_in_no_grad_changed(draw):
    x = ones([draw.size(), draw.size()])
    x = draw.choice([x, x.clone()])
    view = draw.choice([lambda t: t.view(-1), lambda t: t.t(), lambda t: t[0]])

    def call():
        with torch.no_grad():
            v = view(x)
        v.add_(x.detach().sum())

    return Case(
        call,
        RuntimeError,
        "A view was created in no_grad mode and is being modified inplace with grad mode enabled.",
    )


@rule("x=torch.ones(3,requires_grad=True)\nx.view(3).detach_()")
def detach_of_a_view_in_place(draw):
    x = ones([draw.size(), draw.size()])
    view = draw.choice([lambda: x.view(-1), lambda: x.t(), lambda: (x * 1).view(-1)])
    return Case(
        lambda: view().detach_(),
        RuntimeError,
        "Can't detach views in-place. Use detach() instead.",
    )


@rule("with torch.inference_mode():\n    x=torch.ones(3)\nx.add_(1)")
def inference_tensor_changed(draw):
    shape = draw.shape(0, 3)

    def call():
        with torch.inference_mode():
            x = torch.ones(shape)
        x.add_(1)

    return Case(
        call, RuntimeError, "Inplace update to inference tensor outside InferenceMode is not"
    )


@rule("with torch.inference_mode():\n    x=torch.ones(3)\nw=torch.ones(3,requires_grad=True)\nx*w")
def inference_tensor_saved(draw):
    shape = draw.shape(0, 3)

    def call():
        with torch.inference_mode():
            x = torch.ones(shape)
        x * ones(shape)

    return Case(call, RuntimeError, "Inference tensors cannot be saved for backward.")


@rule("torch.ones(1).expand(3).add_(1)")
def expanded_tensor_changed(draw):
    shape = [draw.randint(2, 6), *draw.shape(0, 2)]
    method = draw.choice(["add_", "mul_", "sub_"])
    return Case(
        lambda: getattr(torch.ones([1, *shape[1:]]).expand(shape), method)(1),
        RuntimeError,
        "unsupported operation: more than one element of the written-to tensor refers to a single "
        "memory location.",
    )

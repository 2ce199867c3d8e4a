"""Rules of a tensor's attributes and conversions, and of gathering by index."""

import copy

from support import torch

from error_rules import C_NAME, SCALAR, Case, rule

from .graph import LEAF, NO_HISTORY, ones


@rule("x=torch.ones(2,requires_grad=True)\n(x*2).numpy()")
def numpy_of_what_is_recorded(draw):
    x = ones(draw.shape())
    make = draw.choice([lambda: x, lambda: x * 2, lambda: x.view(-1), lambda: x.exp().sum()])
    return Case(
        lambda: make().numpy(),
        RuntimeError,
        "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
    )


@rule("x=torch.ones(2,requires_grad=True)\n(x*2).requires_grad_(False)")
def flag_of_what_is_computed(draw):
    x = ones(draw.shape())
    y = draw.choice([lambda: x * 2, lambda: x.view(-1), lambda: x.sum()])()

    def assign():
        y.requires_grad = False

    return Case(
        draw.choice([lambda: y.requires_grad_(False), assign]),
        RuntimeError,
        "you can only change requires_grad flags of leaf variables. If you want to use a computed "
        "variable in a subgraph that doesn't require differentiation use var_no_grad = "
        "var.detach().",
    )


@rule("x=torch.ones(2,requires_grad=True)\nimport copy\ncopy.deepcopy(x*2)")
def deepcopy_of_what_is_computed(draw):
    x = ones(draw.shape())
    y = draw.choice([lambda: x * 2, lambda: x.view(-1), lambda: x.clone()])()
    held = draw.choice([lambda: y, lambda: [y], lambda: {"y": (y,)}])()
    return Case(
        lambda: copy.deepcopy(held),
        RuntimeError,
        "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol "
        "at the moment.",
    )


@rule("x=torch.ones(2,dtype=torch.int32)\nx.requires_grad=True")
def assigned_flag_of_a_dtype_without_gradient(draw):
    x = torch.ones(draw.shape(), dtype=draw.choice([torch.int64, torch.bool, torch.int32]))

    def call():
        x.requires_grad = True

    return Case(
        call,
        RuntimeError,
        "only Tensors of floating point and complex dtype can require gradients",
    )


@rule("torch.ones(2).to(torch.int64).requires_grad_()")
def flag_of_a_dtype_without_gradient(draw):
    x = torch.ones(draw.shape()).to(draw.choice([torch.int64, torch.bool, torch.uint8]))
    return Case(
        x.requires_grad_,
        RuntimeError,
        "only Tensors of floating point dtype can require gradients",
    )


@rule("torch.nn.Parameter(torch.ones(2,dtype=torch.int64))")
def parameter_of_a_dtype_without_gradient(draw):
    data = torch.ones(draw.shape(), dtype=draw.choice([torch.int64, torch.bool, torch.int16]))
    return Case(
        lambda: torch.nn.Parameter(data),
        RuntimeError,
        "Only Tensors of floating point and complex dtype can require gradients",
    )


@rule("x=torch.ones(3,requires_grad=True)\nx.data=1")
def data_that_is_no_tensor(draw):
    x, value = torch.ones(draw.shape()), draw.choice([1, 2.5, "a", None, [1.0], (1,), {}])

    def call():
        x.data = value

    kind = type(value).__name__
    return Case(call, TypeError, f"Variable data has to be a tensor, but got {kind}")


@rule("x=torch.ones(2,requires_grad=True)\ndel x.data")
def data_deleted(draw):
    x = draw.choice([ones, torch.zeros])(draw.shape())
    return Case(
        lambda: delattr(x, "data"),
        RuntimeError,
        "Deleting tensor data is not allowed. Delete tensor instead!",
    )


@rule("x=torch.ones(2,requires_grad=True)\ndel x._grad_fn")
def grad_fn_deleted(draw):
    x = ones(draw.shape())
    return Case(
        lambda: delattr(draw.choice([x, x * 2]), "_grad_fn"),
        RuntimeError,
        "Deletion of _grad_fn not allowed. Detach tensor instead!",
    )


@rule("x=torch.ones(2,requires_grad=True)\ndel x.requires_grad")
def flag_deleted(draw):
    x = draw.choice([ones, torch.zeros])(draw.shape())
    call = draw.choice(
        [lambda: delattr(x, "requires_grad"), lambda: setattr(x, "requires_grad", 1)]
    )
    return Case(call, RuntimeError, "requires_grad must be a bool")


@rule("with torch.inference_mode():\n    x=torch.ones(3)\nx.view(3)._version")
def version_of_an_inference_tensor(draw):
    shape = draw.shape()
    with torch.inference_mode():
        x = torch.ones(shape)
        t = draw.choice([x, x * 2, x.view(-1), x.t() if x.dim() == 2 else x])
    return Case(lambda: t._version, RuntimeError, "Inference tensors do not track version counter.")


@rule("with torch.inference_mode():\n    x=torch.ones(3)\nx.requires_grad_()\n(x*x).sum()")
def flag_of_an_inference_tensor(draw):
    shape = draw.shape()
    with torch.inference_mode():
        x = draw.choice([torch.ones, torch.rand])(shape)
    return Case(
        x.requires_grad_,
        RuntimeError,
        "Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.",
    )


@rule("x=torch.ones(3,requires_grad=True)\nx.detach().sum().backward()")
def backward_of_what_was_detached(draw):
    x = ones(draw.shape())
    cut = draw.choice([lambda: x.detach(), lambda: (x * 2).detach(), lambda: x.data.clone()])
    return Case(lambda: cut().sum().backward(), RuntimeError, NO_HISTORY)


@rule(
    "x=torch.ones(2,requires_grad=True)\ng,=torch.autograd.grad((x*x).sum(),x)\n"
    "torch.autograd.grad(g.sum(),x)"
)
def second_derivative_without_a_recorded_first(draw):
    x = ones(draw.shape())

    def call():
        (g,) = torch.autograd.grad((x * x).sum(), x)
        torch.autograd.grad(g.sum(), x)

    return Case(call, RuntimeError, NO_HISTORY)


@rule("x=torch.ones(2,requires_grad=True)\ntorch.autograd.grad(x*2,x)")
def grad_of_several(draw):
    x = ones(draw.shape(1, 3, smallest=2))
    make = draw.choice([lambda: x * 2, lambda: x.view(-1), lambda: x[0:2]])
    return Case(
        lambda: torch.autograd.grad(make(), x),
        RuntimeError,
        "grad can be implicitly created only for scalar outputs",
    )


@rule("x=torch.ones(2,requires_grad=True)\ny=(x*2).sum()\ny.backward(torch.ones(2))")
def gradient_of_another_shape_for_a_scalar(draw):
    x, shape = ones(draw.shape()), draw.shape()
    return Case(
        lambda: (x * 2).sum().backward(torch.ones(shape)),
        RuntimeError,
        f"Mismatch in shape: grad_output[0] has a shape of torch.Size({shape}) and output[0] has "
        "a shape of torch.Size([]).",
    )


@rule("x=torch.ones(2,requires_grad=True)\nx.sum().backward(inputs=[torch.ones(2)])")
def backward_into_what_does_not_require_grad(draw):
    shape = draw.shape()
    x = ones(shape)
    wanted = draw.choice([[torch.ones(shape)], (x, x.detach()), [torch.zeros(2)]])
    return Case(
        lambda: x.sum().backward(inputs=wanted),
        RuntimeError,
        "can't retain_grad on Tensor that has requires_grad=False",
    )


@rule(
    "x=torch.ones(2,requires_grad=True)\n"
    "torch.autograd.backward(x.sum(),grad_tensors=None,inputs=[])"
)
def backward_into_nothing(draw):
    x = ones(draw.shape())
    run = draw.choice(
        [
            lambda: x.sum().backward(inputs=[]),
            lambda: torch.autograd.backward(x.sum(), inputs=()),
            lambda: torch.autograd.backward([x.sum(), x.mean()], inputs=[]),
        ]
    )
    return Case(run, RuntimeError, "`inputs` argument to `backward()` cannot be empty.")


@rule(
    "x=torch.ones(2,requires_grad=True)\n"
    "x.register_post_accumulate_grad_hook(lambda t: 1)\nx.sum().backward()"
)
def post_accumulate_hook_that_returns(draw):
    x, value = ones(draw.shape()), draw.choice([1, 2.5, "a", [1], ()])
    x.register_post_accumulate_grad_hook(lambda leaf: value)
    return Case(
        lambda: (x * 2).sum().backward(),
        TypeError,
        f"expected Variable, but hook returned '{type(value).__name__}'",
    )


@rule("x=torch.ones(3)\ntorch.add(x,x,out=torch.empty(3,requires_grad=True))")
def out_that_requires_grad(draw):
    shape = draw.shape()
    x = torch.ones(shape)
    name = draw.choice(["add", "mul", "div", "sub"])
    a, out = draw.choice([(x, ones(shape)), (ones(shape), torch.empty(shape))])
    return Case(
        lambda: getattr(torch, name)(a, x, out=out),
        RuntimeError,
        f"{name}(): functions with out=... arguments don't support automatic differentiation, but "
        "one of the arguments requires grad.",
    )


@rule("x=torch.ones(3,requires_grad=True)\nx.resize_(4)")
def resize_of_what_requires_grad(draw):
    x = draw.choice([lambda t: t, lambda t: t * 2])(ones(draw.shape()))
    return Case(
        lambda: x.resize_(draw.shape(2, 3)),
        RuntimeError,
        "cannot resize variables that require grad",
    )


@rule("x=torch.ones(3,requires_grad=True)\nx.unbind()[0].detach_()")
def view_detached_in_place(draw):
    x = ones(draw.shape(2, 3))
    view = draw.choice([lambda: x.unbind()[0], lambda: x[0], lambda: x.view(-1), lambda: x.t()])
    if x.dim() != 2:
        view = draw.choice([lambda: x[0], lambda: x.view(-1)])
    return Case(
        lambda: view().detach_(),
        RuntimeError,
        "Can't detach views in-place. Use detach() instead.",
    )


@rule("x=torch.ones(3,requires_grad=True)\nx.zero_()")
def leaf_overwritten(draw):
    x = ones(draw.shape())
    change = draw.choice([lambda: x.zero_(), lambda: x.fill_(2), lambda: x.sub_(x.detach())])
    return Case(change, RuntimeError, LEAF)


@rule("x=torch.zeros(2,dtype=torch.float64)\nx.dot(torch.zeros(2))")
def dot_of_two_dtypes(draw):
    n = draw.size()
    a, b = draw.sample(["float32", "float64", "int64"], 2)
    x, y = (torch.zeros(n, dtype=getattr(torch, name)) for name in (a, b))
    return Case(
        lambda: x.dot(y),
        RuntimeError,
        f"dot : expected both vectors to have same dtype, but found {SCALAR[a]} and {SCALAR[b]}",
    )


@rule("torch.bmm(torch.ones(2,3,4),torch.ones(2,3,4))")
def batches_that_do_not_fit(draw):
    b, n = draw.size(), draw.size()
    k, other = draw.two_sizes()
    m = draw.size()
    return Case(
        lambda: torch.bmm(torch.ones(b, n, k), torch.ones(b, other, m)),
        RuntimeError,
        f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {k}] but got: "
        f"[{b}, {other}].",
    )


@rule("torch.broadcast_to(torch.ones(3),(2,))")
def broadcast_to_another_size(draw):
    size, target = draw.two_sizes()
    return Case(
        lambda: torch.broadcast_to(torch.ones(size), (target,)),
        RuntimeError,
        f"The expanded size of the tensor ({target}) must match the existing size ({size}) at "
        f"non-singleton dimension 0.  Target sizes: [{target}].  Tensor sizes: [{size}]",
    )


@rule("torch.ones(3).gather(0,torch.tensor([5]))")
def gather_out_of_bounds(draw):
    n = draw.size()
    index = draw.choice([n, n + 1, n + 10, 100])
    return Case(
        lambda: torch.ones(n).gather(0, torch.tensor([0, index])),
        RuntimeError,
        f"index {index} is out of bounds for dimension 0 with size {n}",
    )


@rule("torch.ones(3).gather(0,torch.tensor([0.]))")
def gather_by_floats(draw):
    index = torch.zeros(draw.size(), dtype=draw.choice([torch.float32, torch.float64, torch.bool]))
    return Case(
        lambda: torch.ones(3).gather(0, index),
        RuntimeError,
        "gather(): Expected dtype int32/int64 for index",
    )


@rule("torch.ones(3,3).gather(0,torch.tensor([0]))")
def gather_by_other_dimensions(draw):
    ndim = draw.randint(2, 4)
    index = torch.zeros([1] * draw.choice([n for n in (1, 2, 3, 4) if n != ndim])).long()
    return Case(
        lambda: torch.ones([2] * ndim).gather(0, index),
        RuntimeError,
        "Index tensor must have the same number of dimensions as input tensor",
    )


@rule("torch.ones(3).index_select(0,torch.tensor([3]))")
def index_select_out_of_range(draw):
    n = draw.size()
    index = torch.tensor([0, draw.choice([n, n + 3, -1])])
    return Case(
        lambda: torch.ones(n).index_select(0, index), IndexError, "index out of range in self"
    )


@rule("torch.ones(3).index_select(0,torch.tensor([0.]))")
def index_select_by_floats(draw):
    index = torch.zeros(2, dtype=draw.choice([torch.float32, torch.float64, torch.bool]))
    return Case(
        lambda: torch.ones(draw.size(2)).index_select(0, index),
        RuntimeError,
        "index_select(): Expected dtype int32 or int64 for index",
    )


@rule("torch.ones(3).take(torch.tensor([4]))")
def take_out_of_range(draw):
    shape = draw.shape(1, 3)
    n = torch.ones(shape).numel()
    index = draw.choice([n, n + 5, -n - 1])
    return Case(
        lambda: torch.ones(shape).take(torch.tensor([index])),
        IndexError,
        f"out of range: tried to access index {index} on a tensor of {n} elements.",
    )


@rule("torch.ones(3).masked_fill(torch.tensor([1,0,1]),0.)")
def mask_that_is_no_mask(draw):
    name = draw.choice([name for name in C_NAME if name != "bool"])
    mask = torch.ones(3, dtype=getattr(torch, name))
    return Case(
        lambda: torch.ones(3).masked_fill(mask, draw.size()),
        RuntimeError,
        f"masked_fill_ only supports boolean masks, but got mask with dtype {C_NAME[name]}",
    )

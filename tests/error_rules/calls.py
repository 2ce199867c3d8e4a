"""Rules of creation, dtypes and arguments."""

from support import torch

from error_rules import SCALAR, Case, rule

FLOATS = ["float32", "float64"]


@rule("torch.zeros(-1)")
def negative_size(draw):
    size = -draw.size()
    shape = [*draw.shape(0, 2), size, *draw.shape(0, 1)]
    name = draw.choice(["zeros", "ones", "empty", "rand"])
    return Case(
        lambda: getattr(torch, name)(shape),
        RuntimeError,
        "zeros: Dimension size must be non-negative."
        if name == "zeros"
        else f"Trying to create tensor with negative dimension {size}: {shape}",
    )


@rule("torch.arange(0,3,-1)")
def arange_step_of_wrong_sign(draw):
    start, length = draw.randint(-5, 5), draw.size()
    sign = draw.choice([1, -1])
    return Case(
        lambda: torch.arange(start, start + sign * length, -sign * draw.size()),
        RuntimeError,
        "upper bound and lower bound inconsistent with step sign",
    )


@rule("torch.ones(2,dtype=torch.int64).mean()")
def mean_of_integers(draw):
    dtype = draw.choice(["int64", "bool"])
    return Case(
        lambda: torch.ones(draw.shape(), dtype=getattr(torch, dtype)).mean(),
        RuntimeError,
        "mean(): could not infer output dtype. Input dtype must be either a floating point or "
        f"complex dtype. Got: {SCALAR[dtype]}",
    )


@rule("torch.ones(2,dtype=torch.int64).div_(2)")
def inplace_division_of_integers(draw):
    dtype, other = draw.choice(["int64", "bool"]), draw.choice(FLOATS)
    by = torch.ones(1, dtype=getattr(torch, other)) if other == "float64" else 2
    return Case(
        lambda: torch.ones(draw.shape(), dtype=getattr(torch, dtype)).div_(by),
        RuntimeError,
        f"result type {SCALAR[other]} can't be cast to the desired output type {SCALAR[dtype]}",
    )


@rule("torch.ones(2,dtype=torch.int64).add_(0.5)")
def inplace_float_into_integers(draw):
    method, value = draw.choice(["add_", "mul_", "sub_"]), draw.choice([0.5, 2.0, 1e-3])
    return Case(
        lambda: getattr(torch.ones(draw.shape(), dtype=torch.int64), method)(value),
        RuntimeError,
        "result type Float can't be cast to the desired output type Long",
    )


@rule("torch.ones(2,dtype=torch.bool)-torch.ones(2,dtype=torch.bool)")
def difference_of_bools(draw):
    shape = draw.shape(0, 3)
    return Case(
        lambda: torch.ones(shape, dtype=torch.bool) - torch.zeros(shape, dtype=torch.bool),
        RuntimeError,
        "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
        "`logical_xor()` operator instead.",
    )


@rule("1-torch.ones(2,dtype=torch.bool)")
def difference_of_a_number_and_bools(draw):
    value = draw.choice([1, 2, 0.5, -3])
    return Case(
        lambda: value - torch.ones(draw.shape(0, 3), dtype=torch.bool),
        RuntimeError,
        "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to "
        "invert a mask, use the `~` or `logical_not()` operator instead.",
    )


@rule("-torch.ones(2,dtype=torch.bool)")
def negation_of_bools(draw):
    return Case(
        lambda: -torch.ones(draw.shape(0, 3), dtype=torch.bool),
        RuntimeError,
        "Negation, the `-` operator, on a bool tensor is not supported. If you are trying to "
        "invert a mask, use the `~` or `logical_not()` operator instead.",
    )


@rule("torch.randn(2,dtype=torch.int64)")
def normal_numbers_of_integers(draw):
    dtype = draw.choice(["int64", "bool"])
    return Case(
        lambda: torch.randn(draw.shape(0, 3), dtype=getattr(torch, dtype)),
        NotImplementedError,
        f"\"normal_kernel_cpu\" not implemented for '{SCALAR[dtype]}'",
    )


@rule("torch.rand(2,dtype=torch.int64)")
def uniform_numbers_of_integers(draw):
    dtype = draw.choice(["int64", "bool"])
    return Case(
        lambda: torch.rand(draw.shape(0, 3), dtype=getattr(torch, dtype)),
        NotImplementedError,
        f"\"check_uniform_bounds\" not implemented for '{SCALAR[dtype]}'",
    )


@rule("torch.empty(3).uniform_(2,1)")
def uniform_bounds(draw):
    high = draw.randint(-5, 5)
    low = high + draw.size()
    return Case(
        lambda: torch.empty(draw.shape()).uniform_(low, high),
        RuntimeError,
        f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}",
    )


@rule("torch.empty(3).normal_(0,-1)")
def normal_deviation(draw):
    std = -draw.size()
    return Case(
        lambda: torch.empty(draw.shape()).normal_(draw.randint(-3, 3), std),
        RuntimeError,
        f"normal expects std >= 0.0, but found std {std}",
    )


@rule("torch.ones(2,device='foo')")
def unknown_device(draw):
    name = "x" + draw.word()
    return Case(
        lambda: torch.ones(draw.shape(), device=name),
        RuntimeError,
        "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, "
        "xla, lazy, vulkan, mps, meta, hpu, mtia, privateuseone device type at start of device "
        f"string: {name}",
    )


@rule("torch.tensor([1,'a'])")
def data_of_a_wrong_type(draw):
    items = [draw.randint(0, 3) for _ in range(draw.randint(0, 3))] + [draw.word()]
    # A word is a sequence of words, to the end: it counts as dimensions where it comes first.
    kind = (TypeError, "new(): invalid data type 'str'")
    if len(items) == 1:
        kind = (ValueError, "too many dimensions 'str'")
    return Case(lambda: torch.tensor(items), *kind)


@rule("torch.tensor(None)")
def data_without_dtype(draw):
    value = draw.choice([None, object(), len, {1: 2}])
    return Case(
        lambda: torch.tensor(value),
        RuntimeError,
        f"Could not infer dtype of {type(value).__name__}",
    )


@rule("torch.ones(2,dtype='float32')")
def dtype_of_a_wrong_type(draw):
    value, name = draw.choice(["float32", 3, 1.5]), draw.choice(["ones", "zeros"])
    return Case(
        lambda: getattr(torch, name)(draw.shape(), dtype=value),
        TypeError,
        f"{name}(): argument 'dtype' must be torch.dtype, not {type(value).__name__}",
    )


@rule("torch.ones('a')")
def size_of_a_wrong_type(draw):
    value, name = draw.choice(["a", None, 1.5]), draw.choice(["ones", "zeros"])
    return Case(
        lambda: getattr(torch, name)(value),
        TypeError,
        f"{name}(): argument 'size' (position 1) must be tuple of ints, not {type(value).__name__}",
    )


@rule("torch.exp(1.)")
def operand_of_a_wrong_type(draw):
    name = draw.choice(["exp", "relu", "sigmoid", "tanh", "log", "sqrt"])
    value = draw.choice([1.0, 2, [1.0], "a", None])
    return Case(
        lambda: getattr(torch, name)(value),
        TypeError,
        f"{name}(): argument 'input' (position 1) must be Tensor, not {type(value).__name__}",
    )


@rule("torch.cat(torch.ones(2))")
def tensors_of_a_wrong_type(draw):
    name = draw.choice(["cat", "stack"])
    value = draw.choice([torch.ones(2), 1, 1.5])
    return Case(
        lambda: getattr(torch, name)(value),
        TypeError,
        f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, "
        f"not {type(value).__name__}",
    )


@rule("torch.ones(2)+'a'")
def operator_with_a_wrong_type(draw):
    value = draw.choice(["a", {}, object()])
    sign = draw.choice("+-*/")
    return Case(
        lambda: eval(f"x {sign} value", {"x": torch.ones(draw.shape()), "value": value}),
        TypeError,
        f"unsupported operand type(s) for {sign}: 'Tensor' and '{type(value).__name__}'",
    )


@rule("torch.ones(2).reshape()")
def missing_argument(draw):
    name, argument = draw.choice([("reshape", "shape")])
    return Case(
        lambda: getattr(torch.ones(draw.shape()), name)(),
        TypeError,
        f'{name}() missing 1 required positional arguments: "{argument}"',
    )


@rule("torch.manual_seed('a')")
def seed_of_a_wrong_type(draw):
    word = draw.word()
    return Case(
        lambda: torch.manual_seed(word),
        ValueError,
        f"invalid literal for int() with base 10: '{word}'",
    )


@rule("torch.from_numpy([1,2])")
def from_numpy_of_a_wrong_type(draw):
    value = draw.choice([[1, 2], (1,), 3, "a"])
    name = type(value).__name__
    return Case(lambda: torch.from_numpy(value), TypeError, f"expected np.ndarray (got {name})")


@rule("torch.set_default_dtype(torch.int64)")
def default_dtype_of_integers(draw):
    dtype = draw.choice([torch.int64, torch.bool])
    return Case(
        lambda: torch.set_default_dtype(dtype),
        TypeError,
        "only floating-point types are supported as the default type",
    )


@rule("torch.add(torch.ones(2))")
def operand_missing(draw):
    return Case(
        lambda: torch.add(torch.ones(draw.shape())),
        TypeError,
        "add() received an invalid combination of arguments - got (Tensor), but expected "
        "(Tensor input, Tensor other, *, Number alpha = 1, Tensor out = None)",
    )


@rule("x=torch.ones(3,requires_grad=True)\ntorch.add(x,x,out=torch.empty(3))")
def out_with_history(draw):
    shape, name = draw.shape(), draw.choice(["add", "mul", "sub", "div"])
    x = torch.ones(shape, requires_grad=True)
    return Case(
        lambda: getattr(torch, name)(x, x, out=torch.empty(shape)),
        RuntimeError,
        f"{name}(): functions with out=... arguments don't support automatic differentiation, but "
        "one of the arguments requires grad.",
    )


@rule("torch.randint(0,0,(2,))")
def empty_range_of_integers(draw):
    low = draw.randint(-9, 9)
    high = low - draw.randint(0, 5)
    call = draw.choice(
        [
            lambda: torch.randint(low, high, draw.shape()),
            lambda: torch.empty(3).random_(low, high),
            lambda: torch.randint_like(torch.ones(2), low, high),
        ]
    )
    message = f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
    return Case(call, RuntimeError, message)


@rule("torch.randperm(-1)")
def negative_permutation(draw):
    n = -draw.size()
    return Case(
        lambda: torch.randperm(n),
        RuntimeError,
        f"Trying to create tensor with negative dimension {n}: [{n}]",
    )

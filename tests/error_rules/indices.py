"""Rules of indexing, of assignment through an index, and of reading one number."""

from support import torch

from error_rules import Case, numel, rule


def outside(draw, size):
    """An index that a dimension of this size does not have."""
    return draw.choice([size + draw.size(0), -size - draw.size()])


@rule("torch.ones(3)[5]")
def index_out_of_bounds(draw):
    shape = draw.shape(1, 4)
    at = draw.randrange(len(shape))
    index = outside(draw, shape[at])
    return Case(
        lambda: torch.ones(shape)[(*(0,) * at, index)],
        IndexError,
        f"index {index} is out of bounds for dimension {at} with size {shape[at]}",
    )


@rule("torch.ones(3)[-4]")
def index_out_of_bounds_after_slices(draw):
    shape = draw.shape(2, 4)
    at = draw.randrange(1, len(shape))
    index = outside(draw, shape[at])
    return Case(
        lambda: torch.ones(shape)[(*(slice(None),) * at, index)],
        IndexError,
        f"index {index} is out of bounds for dimension {at} with size {shape[at]}",
    )


@rule("torch.ones(2,3)[0,0,0]")
def too_many_indices(draw):
    shape = draw.shape(1, 3)
    extra = draw.randint(1, 2)
    return Case(
        lambda: torch.ones(shape)[(0,) * (len(shape) + extra)],
        IndexError,
        f"too many indices for tensor of dimension {len(shape)}",
    )


@rule("torch.tensor(1.)[0]")
def index_of_a_zero_dim(draw):
    value = draw.choice([1.5, 3, True])
    return Case(
        lambda: torch.tensor(value)[0],
        IndexError,
        "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` "
        "in C++ to convert a 0-dim tensor to a number",
    )


@rule("torch.ones(3)[1.0]")
def index_of_a_wrong_type(draw):
    index = draw.choice([1.5, 0.0, 2.25])
    return Case(
        lambda: torch.ones(draw.shape())[index],
        IndexError,
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
        "indices (got float)",
    )


@rule("torch.ones(3)['a']")
def index_by_name(draw):
    name = draw.word()[:1]
    return Case(lambda: torch.ones(draw.shape())[name], TypeError, "new(): invalid data type 'str'")


@rule("torch.ones(3)[::-1]")
def negative_step(draw):
    shape, step = draw.shape(), -draw.size()
    return Case(lambda: torch.ones(shape)[::step], ValueError, "step must be greater than zero")


@rule("torch.ones(3)[::0]")
def zero_step(draw):
    shape = draw.shape()
    return Case(lambda: torch.ones(shape)[1:2:0], ValueError, "slice step cannot be zero")


@rule("torch.ones(3)[torch.tensor([5])]")
def index_tensor_out_of_bounds(draw):
    shape = draw.shape(1, 3)
    at = draw.randrange(len(shape))
    index = outside(draw, shape[at])
    items = [0] * draw.randint(0, 3) + [index]
    return Case(
        # The dimension named is the number of the index tensor.
        lambda: torch.ones(shape)[(*(slice(None),) * at, torch.tensor(items))],
        IndexError,
        f"index {index} is out of bounds for dimension 0 with size {shape[at]}",
    )


@rule("torch.ones(3)[torch.tensor([1.])]")
def index_tensor_of_floats(draw):
    dtype = draw.choice([torch.float32, torch.float64])
    return Case(
        lambda: torch.ones(draw.shape())[torch.zeros(draw.size(), dtype=dtype)],
        IndexError,
        "tensors used as indices must be long, int, byte or bool tensors",
    )


@rule("torch.ones(3)[torch.tensor([True,False])]")
def mask_of_other_size(draw):
    shape = draw.shape(1, 3)
    mask = draw.shape(1, len(shape))
    at = draw.randrange(len(mask))
    mask[:at] = shape[:at]
    if mask[at] == shape[at]:
        mask[at] += 1
    return Case(
        lambda: torch.ones(shape)[torch.ones(mask, dtype=torch.bool)],
        IndexError,
        f"The shape of the mask {mask} at index {at} does not match the shape of the indexed "
        f"tensor {shape} at index {at}",
    )


@rule("torch.ones(2,3)[torch.tensor([0,1]),torch.tensor([0,1,2])]")
def index_tensors_that_do_not_broadcast(draw):
    a, b = draw.two_sizes()
    first = draw.choice([[a], [3, a]])
    return Case(
        lambda: torch.ones(4, 4)[
            torch.zeros(first, dtype=torch.int64), torch.zeros(b, dtype=torch.int64)
        ],
        IndexError,
        "shape mismatch: indexing tensors could not be broadcast together with shapes "
        f"{first}, [{b}]",
    )


@rule("x=torch.ones(3)\nx[0]=torch.ones(2)")
def assign_more_dimensions(draw):
    rest, value = draw.shape(0, 2), draw.shape(3, 4, smallest=2)

    def call():
        torch.ones([3, *rest])[0] = torch.ones(value)

    return Case(
        call,
        RuntimeError,
        f"expand(torch.FloatTensor{{{value}}}, size={rest}): the number of sizes provided "
        f"({len(rest)}) must be greater or equal to the number of dimensions in the tensor "
        f"({len(value)})",
    )


@rule("x=torch.ones(2,3)\nx[:,0]=torch.ones(3)")
def assign_other_size(draw):
    rows, other = draw.two_sizes()
    columns = draw.size()

    def call():
        torch.ones(rows, columns)[:, 0] = torch.ones(other)

    return Case(
        call,
        RuntimeError,
        f"The expanded size of the tensor ({rows}) must match the existing size ({other}) at "
        f"non-singleton dimension 0.  Target sizes: [{rows}].  Tensor sizes: [{other}]",
    )


@rule("x=torch.ones(3)\nx[torch.tensor([0,1])]=torch.ones(3)")
def assign_at_index_tensor(draw):
    count, other = draw.two_sizes()
    rest = draw.shape(0, 1)

    def call():
        torch.ones([3, *rest])[torch.zeros(count, dtype=torch.int64)] = torch.ones([other, *rest])

    return Case(
        call,
        RuntimeError,
        f"shape mismatch: value tensor of shape {[other, *rest]} cannot be broadcast to indexing "
        f"result of shape {[count, *rest]}",
    )


@rule("x=torch.ones(3)\nx[x>0]=torch.ones(2)")
def assign_at_mask(draw):
    count, other = draw.two_sizes()

    def call():
        x = torch.ones(count)
        x[x > 0] = torch.ones(other)

    return Case(
        call,
        RuntimeError,
        f"shape mismatch: value tensor of shape [{other}] cannot be broadcast to indexing result "
        f"of shape [{count}]",
    )


@rule("torch.ones(2).item()")
def item_of_several(draw):
    shape = draw.choice([draw.shape(1, 3, smallest=2), [0], [0, 2]])
    return Case(
        lambda: torch.ones(shape).item(),
        RuntimeError,
        f"a Tensor with {numel(shape)} elements cannot be converted to Scalar",
    )


@rule("bool(torch.ones(2))")
def truth_of_several(draw):
    shape = draw.shape(1, 3, smallest=2)
    return Case(
        lambda: bool(torch.ones(shape)),
        RuntimeError,
        "Boolean value of Tensor with more than one value is ambiguous",
    )


@rule("if torch.ones(0): pass")
def truth_of_none(draw):
    shape = [*draw.shape(0, 2), 0, *draw.shape(0, 1)]
    return Case(
        lambda: bool(torch.ones(shape)),
        RuntimeError,
        "Boolean value of Tensor with no values is ambiguous",
    )


@rule("float(torch.ones(2))")
def number_of_several(draw):
    shape, number = draw.shape(1, 3, smallest=2), draw.choice([float, int])
    return Case(
        lambda: number(torch.ones(shape)),
        ValueError,
        "only one element tensors can be converted to Python scalars",
    )


@rule("len(torch.tensor(1.))")
def length_of_a_zero_dim(draw):
    value = draw.choice([1.5, 3, True])
    return Case(lambda: len(torch.tensor(value)), TypeError, "len() of a 0-d tensor")


@rule("list(torch.tensor(1.))")
def iteration_over_a_zero_dim(draw):
    walk, value = draw.choice([list, tuple, iter]), draw.choice([1.5, 3, True])
    return Case(lambda: walk(torch.tensor(value)), TypeError, "iteration over a 0-d tensor")


@rule("torch.tensor([[1,2],[3]])")
def ragged_list(draw):
    first, other = draw.two_sizes(1, 6)
    rows = [[1] * first] * draw.randint(1, 3) + [[1] * other]
    return Case(
        lambda: torch.tensor(rows),
        ValueError,
        f"expected sequence of length {first} at dim 1 (got {other})",
    )


@rule("torch.ones(2).foo()")
def unknown_method(draw):
    name = draw.word()
    return Case(
        lambda: getattr(torch.ones(draw.shape()), name),
        AttributeError,
        f"'Tensor' object has no attribute '{name}'",
    )

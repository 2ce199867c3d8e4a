"""Rules of views, shapes, broadcasting and matrix products."""

from support import torch

from error_rules import SCALAR, Case, dim_range, numel, rule


@rule("torch.ones(2,3)+torch.ones(2,4)")
def broadcast_mismatch(draw):
    shape = draw.shape(1, 4, smallest=2)
    dim = draw.randrange(len(shape))
    other = list(shape)
    shape[dim], other[dim] = draw.two_sizes()
    a, b, at = shape[dim], other[dim], dim
    cut = draw.randrange(dim + 1)  # the second operand may have fewer dimensions
    op = draw.choice([torch.add, torch.sub, torch.mul, torch.div, torch.eq, torch.pow])
    return Case(
        lambda: op(torch.ones(shape), torch.ones(other[cut:])),
        RuntimeError,
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) "
        f"at non-singleton dimension {at}",
    )


@rule("torch.where(torch.ones(2,dtype=torch.bool),torch.ones(3),torch.ones(3))")
def broadcast_mismatch_in_where(draw):
    a, b = draw.two_sizes()
    return Case(
        lambda: torch.where(torch.ones(a, dtype=torch.bool), torch.ones(b), torch.ones(b)),
        RuntimeError,
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) "
        "at non-singleton dimension 0",
    )


@rule("torch.ones(3).add_(torch.ones(2,3))")
def inplace_result_does_not_fit(draw):
    target, extra = draw.shape(1, 3), draw.shape(1, 2, smallest=2)
    method = draw.choice(["add_", "mul_", "sub_", "div_"])
    whole = extra + target
    return Case(
        lambda: getattr(torch.ones(target), method)(torch.ones(whole)),
        RuntimeError,
        f"output with shape {target} doesn't match the broadcast shape {whole}",
    )


@rule("torch.ones(2,3)@torch.ones(2,3)")
def matmul_inner_sizes(draw):
    (n, m), (k, j) = (draw.size(), draw.size()), draw.two_sizes()
    product = draw.choice([torch.matmul, torch.mm, lambda a, b: a @ b])
    return Case(
        lambda: product(torch.ones(n, k), torch.ones(j, m)),
        RuntimeError,
        f"mat1 and mat2 shapes cannot be multiplied ({n}x{k} and {j}x{m})",
    )


@rule("torch.mm(torch.ones(3),torch.ones(3))")
def mm_of_a_vector(draw):
    shape = draw.choice([draw.shape(1, 1), draw.shape(3, 3)])
    return Case(
        lambda: torch.mm(torch.ones(shape), torch.ones(2, 2)),
        RuntimeError,
        "self must be a matrix",
    )


@rule("torch.ones(2,3).mv(torch.ones(2))")
def mv_sizes(draw):
    n, (m, k) = draw.size(), draw.two_sizes()
    return Case(
        lambda: torch.ones(n, m).mv(torch.ones(k)),
        RuntimeError,
        f"size mismatch, got input ({n}), mat ({n}x{m}), vec ({k})",
    )


@rule("torch.dot(torch.ones(3),torch.ones(2))")
def dot_sizes(draw):
    a, b = draw.two_sizes()
    return Case(
        lambda: torch.dot(torch.ones(a), torch.ones(b)),
        RuntimeError,
        f"inconsistent tensor size, expected tensor [{a}] and src [{b}] to have the same number "
        f"of elements, but got {a} and {b} elements respectively",
    )


@rule("torch.dot(torch.ones(2,2),torch.ones(2,2))")
def dot_dimensions(draw):
    a, b = draw.shape(2, 4), draw.shape(1, 3)
    return Case(
        lambda: torch.dot(torch.ones(a), torch.ones(b)),
        RuntimeError,
        f"1D tensors expected, but got {len(a)}D and {len(b)}D tensors",
    )


@rule("torch.bmm(torch.ones(2,3,4),torch.ones(3,4,4))")
def bmm_sizes(draw):
    (b, c), n, k, (j, m) = draw.two_sizes(), draw.size(), draw.size(), draw.two_sizes()
    other = draw.choice([(c, k), (b, k + j), (c, j)])
    return Case(
        lambda: torch.bmm(torch.ones(b, n, k), torch.ones(*other, m)),
        RuntimeError,
        f"Expected size for first two dimensions of batch2 tensor to be: [{b}, {k}] "
        f"but got: [{other[0]}, {other[1]}].",
    )


@rule("torch.ones(2)@torch.ones(2,dtype=torch.float64)")
def dot_dtypes(draw):
    from error_rules import SCALAR

    a, b = draw.sample(["float32", "float64", "int64"], 2)
    n = draw.size()
    return Case(
        lambda: torch.ones(n, dtype=getattr(torch, a)) @ torch.ones(n, dtype=getattr(torch, b)),
        RuntimeError,
        f"dot : expected both vectors to have same dtype, but found {SCALAR[a]} and {SCALAR[b]}",
    )


@rule("torch.ones(2,2)@torch.ones(2,2,dtype=torch.int64)")
def mm_dtypes(draw):
    from error_rules import C_NAME

    a, b = draw.sample(["float32", "float64", "int64"], 2)
    n = draw.size()
    return Case(
        lambda: (
            torch.ones(n, n, dtype=getattr(torch, a)) @ torch.ones(n, n, dtype=getattr(torch, b))
        ),
        RuntimeError,
        f"expected m1 and m2 to have the same dtype, but got: {C_NAME[a]} != {C_NAME[b]}",
    )


@rule("torch.ones(2,3).view(5)")
def view_of_other_count(draw):
    shape, wanted = draw.shape(1, 4), draw.shape(1, 3)
    if numel(wanted) == numel(shape):
        wanted[0] += 1
    method = draw.choice(["view", "reshape"])
    return Case(
        lambda: getattr(torch.ones(shape), method)(wanted),
        RuntimeError,
        f"shape '{wanted}' is invalid for input of size {numel(shape)}",
    )


@rule("torch.ones(2,3).reshape(4,-1)")
def view_that_does_not_divide(draw):
    n = draw.randint(3, 9)
    wanted = [draw.choice([2 * n + 1, n + 1, n + 2]), -1]
    draw.shuffle(wanted)
    return Case(
        lambda: torch.ones(n).reshape(*wanted),
        RuntimeError,
        f"shape '{wanted}' is invalid for input of size {n}",
    )


@rule("torch.ones(2,3).reshape(-1,-1)")
def view_with_two_inferred(draw):
    wanted = [-1, -1, *draw.shape(0, 3)]
    draw.shuffle(wanted)
    return Case(
        lambda: torch.ones(draw.shape()).reshape(wanted),
        RuntimeError,
        "only one dimension can be inferred",
    )


@rule("torch.ones(2,3).t().view(6)")
def view_across_strides(draw):
    n, m = draw.randint(2, 6), draw.randint(2, 6)
    return Case(
        lambda: torch.ones(n, m).t().view(n * m),
        RuntimeError,
        "view size is not compatible with input tensor's size and stride (at least one dimension "
        "spans across two contiguous subspaces). Use .reshape(...) instead.",
    )


@rule("torch.ones(2,3,4).t()")
def t_of_more_dimensions(draw):
    shape = draw.shape(3, 6)
    return Case(
        lambda: torch.ones(shape).t(),
        RuntimeError,
        f"t() expects a tensor with <= 2 dimensions, but self is {len(shape)}D",
    )


@rule("torch.ones(2).T.mT")
def mt_of_a_vector(draw):
    n = draw.size()
    return Case(
        lambda: torch.ones(n).mT,
        RuntimeError,
        "tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.",
    )


@rule("torch.ones(2,3).permute(0,0)")
def permute_twice(draw):
    shape = draw.shape(2, 4)
    dims = [draw.randrange(len(shape) - 1) for _ in shape]
    return Case(
        lambda: torch.ones(shape).permute(dims),
        RuntimeError,
        "permute(): duplicate dims are not allowed.",
    )


@rule("torch.ones(2,3).permute(0)")
def permute_of_other_length(draw):
    shape, count = draw.shape(1, 4), draw.randint(0, 6)
    if count == len(shape):
        count += 1
    return Case(
        lambda: torch.ones(shape).permute(list(range(count))),
        RuntimeError,
        "permute(sparse_coo): number of dimensions in the tensor input does not match the length "
        "of the desired ordering of dimensions i.e. "
        f"input.dim() = {len(shape)} is not equal to len(dims) = {count}",
    )


@rule("torch.ones(2,3).transpose(0,2)")
def transpose_dim(draw):
    shape = draw.shape(1, 4)
    dim = draw.bad_dim(len(shape))
    dims = draw.choice([(0, dim), (dim, 0)])
    return Case(lambda: torch.ones(shape).transpose(*dims), IndexError, dim_range(len(shape), dim))


@rule("torch.ones(2,3).squeeze(3)")
def dim_of_a_view(draw):
    shape = draw.shape(1, 4)
    dim = draw.bad_dim(len(shape))
    call = draw.choice(
        [
            lambda t: t.squeeze(dim),
            lambda t: t.unbind(dim),
            lambda t: t.split(1, dim),
            lambda t: t.chunk(2, dim),
            lambda t: t.narrow(dim, 0, 1),
            lambda t: t.movedim(dim, 0),
            lambda t: t.flatten(dim),
            lambda t: t.unfold(dim, 1, 1),
            lambda t: t.size(dim),
            lambda t: t.stride(dim),
        ]
    )
    return Case(lambda: call(torch.ones(shape)), IndexError, dim_range(len(shape), dim))


@rule("torch.ones(2,3).unsqueeze(5)")
def unsqueeze_dim(draw):
    shape = draw.shape(0, 4)
    dim = draw.bad_dim(len(shape) + 1)
    message = dim_range(len(shape) + 1, dim)
    return Case(lambda: torch.ones(shape).unsqueeze(dim), IndexError, message)


@rule("torch.ones(3).flatten(1)")
def flatten_dim(draw):
    shape = draw.shape(1, 4)
    dim = draw.bad_dim(len(shape))
    return Case(lambda: torch.ones(shape).flatten(dim), IndexError, dim_range(len(shape), dim))


@rule("torch.ones(2,3).expand(3,3)")
def expand_of_other_size(draw):
    shape = draw.shape(1, 3, smallest=2)
    wanted, at = list(shape), draw.randrange(len(shape))
    shape[at], wanted[at] = draw.two_sizes()
    extra = draw.shape(0, 2)
    whole = extra + wanted
    return Case(
        lambda: torch.ones(shape).expand(whole),
        RuntimeError,
        f"The expanded size of the tensor ({wanted[at]}) must match the existing size ({shape[at]})"
        f" at non-singleton dimension {at + len(extra)}.  Target sizes: {whole}.  "
        f"Tensor sizes: {shape}",
    )


@rule("torch.ones(2,3).expand(3)")
def expand_to_fewer_dimensions(draw):
    shape = draw.shape(2, 4)
    wanted = draw.shape(1, len(shape) - 1)
    return Case(
        lambda: torch.ones(shape).expand(wanted),
        RuntimeError,
        f"expand(torch.FloatTensor{{{shape}}}, size={wanted}): the number of sizes provided "
        f"({len(wanted)}) must be greater or equal to the number of dimensions in the tensor "
        f"({len(shape)})",
    )


@rule("torch.cat([torch.ones(2,3),torch.ones(3,2)])")
def cat_sizes(draw):
    shape = draw.shape(2, 4)
    dim, count = draw.randrange(len(shape)), draw.randint(1, 3)
    at = draw.choice([d for d in range(len(shape)) if d != dim])
    other = list(shape)
    shape[at], other[at] = draw.two_sizes()
    return Case(
        lambda: torch.cat([torch.ones(shape)] * count + [torch.ones(other)], dim),
        RuntimeError,
        f"Sizes of tensors must match except in dimension {dim}. "
        f"Expected size {shape[at]} but got size {other[at]} for tensor number {count} in the "
        "list.",
    )


@rule("torch.cat([torch.ones(2,3),torch.ones(2)])")
def cat_dimensions(draw):
    a, b = draw.sample(range(1, 5), 2)
    return Case(
        lambda: torch.cat([torch.ones([2] * a), torch.ones([2] * b)]),
        RuntimeError,
        f"Tensors must have same number of dimensions: got {a} and {b}",
    )


@rule("torch.cat([])")
def cat_of_nothing(draw):
    return Case(
        lambda: torch.cat(draw.choice([[], ()])),
        ValueError,
        "torch.cat(): expected a non-empty list of Tensors",
    )


@rule("torch.stack([])")
def stack_of_nothing(draw):
    return Case(
        lambda: torch.stack(draw.choice([[], ()])),
        RuntimeError,
        "stack expects a non-empty TensorList",
    )


@rule("torch.stack([torch.ones(2),torch.ones(3)])")
def stack_sizes(draw):
    a, b, count = draw.shape(1, 3), draw.shape(1, 3), draw.randint(1, 3)
    if a == b:
        b = [*b, 2]
    return Case(
        lambda: torch.stack([torch.ones(a)] * count + [torch.ones(b)]),
        RuntimeError,
        f"stack expects each tensor to be equal size, but got {a} at entry 0 and {b} "
        f"at entry {count}",
    )


@rule("torch.ones(5).split([2,2])")
def split_sizes_that_do_not_add_up(draw):
    shape = draw.shape(1, 3)
    dim, parts = draw.randrange(len(shape)), draw.shape(1, 4)
    if sum(parts) == shape[dim]:
        parts.append(1)
    return Case(
        lambda: torch.ones(shape).split(parts, dim),
        RuntimeError,
        f"split_with_sizes expects split_sizes to sum exactly to {shape[dim]} (input tensor's size "
        f"at dimension {dim}), but got split_sizes={parts}",
    )


@rule("torch.ones(5).split(-1)")
def split_negative(draw):
    size = -draw.size()
    return Case(
        lambda: torch.ones(draw.size()).split(size),
        RuntimeError,
        f"split expects split_size be non-negative, but got split_size={size}",
    )


@rule("torch.ones(5).chunk(0)")
def chunk_count(draw):
    count = -draw.size(0, 5)
    return Case(
        lambda: torch.ones(draw.size()).chunk(count),
        RuntimeError,
        f"chunk expects `chunks` to be greater than 0, got: {count}",
    )


@rule("torch.ones(3).unfold(0,5,1)")
def unfold_size(draw):
    shape = draw.shape(1, 3)
    dim = draw.randrange(len(shape))
    size = shape[dim] + draw.size()
    return Case(
        lambda: torch.ones(shape).unfold(dim, size, 1),
        RuntimeError,
        f"maximum size for tensor at dimension {dim} is {shape[dim]} but size is {size}",
    )


@rule("torch.ones(3).select(0,3)")
def select_index(draw):
    shape = draw.shape(1, 3)
    dim = draw.randrange(len(shape))
    index = draw.choice([shape[dim] + draw.size(0), -shape[dim] - draw.size()])
    return Case(
        lambda: torch.ones(shape).select(dim, index),
        IndexError,
        f"select(): index {index} out of range for tensor of size {shape} at dimension {dim}",
    )


@rule("torch.ones(3).narrow(0,2,2)")
def narrow_length(draw):
    shape = draw.shape(1, 3)
    dim = draw.randrange(len(shape))
    start = draw.randint(0, shape[dim])
    length = shape[dim] - start + draw.size()
    return Case(
        lambda: torch.ones(shape).narrow(dim, start, length),
        RuntimeError,
        f"start ({start}) + length ({length}) exceeds dimension size ({shape[dim]}).",
    )


@rule("torch.ones(2,3).sum(2)")
def reduction_dim(draw):
    shape = draw.shape(1, 4)
    dim = draw.bad_dim(len(shape))
    reduce = draw.choice([torch.sum, torch.mean])
    return Case(lambda: reduce(torch.ones(shape), dim), IndexError, dim_range(len(shape), dim))


@rule("torch.ones(2,3).sum((0,0))")
def reduction_dim_twice(draw):
    shape = draw.shape(1, 4)
    dim = draw.randrange(len(shape))
    dims = [dim, draw.choice([dim, dim - len(shape)])]
    reduce = draw.choice([torch.sum, torch.mean])
    return Case(
        lambda: reduce(torch.ones(shape), dims),
        RuntimeError,
        f"dim {dim} appears multiple times in the list of dims",
    )


@rule("torch.ones(2,3).repeat(2)")
def too_few_repeats(draw):
    shape = draw.shape(2, 4)
    return Case(
        lambda: torch.ones(shape).repeat(*draw.shape(1, len(shape) - 1)),
        RuntimeError,
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
        "tensor",
    )


@rule("torch.broadcast_tensors(torch.ones(2),torch.ones(3))")
def shapes_that_do_not_broadcast(draw):
    a, b = draw.two_sizes()
    tail = draw.shape(0, 2)
    return Case(
        lambda: torch.broadcast_tensors(torch.ones(a, *tail), torch.ones(4, b, *tail)),
        RuntimeError,
        f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton "
        "dimension 1",
    )


@rule("torch.tensor([1.]).view(torch.float64)")
def last_size_of_a_wider_view(draw):
    source, wide, ratio = draw.choice(
        [("float32", "float64", 2), ("float32", "int64", 2), ("bool", "int64", 8)]
    )
    size = ratio * draw.size() + 1
    return Case(
        lambda: torch.ones(2, size, dtype=getattr(torch, source)).view(getattr(torch, wide)),
        RuntimeError,
        f"self.size(-1) must be divisible by {ratio} to view {SCALAR[source]} as {SCALAR[wide]} "
        f"(different element sizes), but got {size}",
    )

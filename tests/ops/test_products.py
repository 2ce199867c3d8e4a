"""Products added to a tensor, and products of vectors: values, dtypes, rules, complaints."""

import numpy as np
import pytest
from support import nan, rushlight_only, torch

FLOATS = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
INTEGERS = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


def numbers(*shape, dtype=torch.float64, step=7):
    """Small integers as numbers of a dtype: products of them are exact everywhere."""
    count = int(np.prod(shape))
    values = [(step * i) % 11 - (0 if dtype == torch.uint8 else 4) for i in range(count)]
    return torch.tensor(values, dtype=dtype).reshape(shape)


def array(t):
    return np.array(t.to(torch.float64).tolist())


def product(name, *operands):
    """What NumPy makes of the same operands, in float64."""
    first, *factors = [array(t) for t in operands]
    made = {
        "addmm": lambda a, b: a @ b,
        "addmv": lambda a, v: a @ v,
        "addr": np.outer,
        "baddbmm": lambda a, b: a @ b,
        "addbmm": lambda a, b: (a @ b).sum(0),
    }[name](*factors)
    return first, made


ADDED = {
    "addmm": ((2, 4), (2, 3), (3, 4)),
    "addmv": ((2,), (2, 3), (3,)),
    "addr": ((2, 3), (2,), (3,)),
    "baddbmm": ((2, 2, 4), (2, 2, 3), (2, 3, 4)),
    "addbmm": ((2, 4), (2, 2, 3), (2, 3, 4)),
}


@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS], ids=str)
@pytest.mark.parametrize("name", ADDED)
def test_sum_with_a_product_is_numpys(name, dtype):
    operands = [numbers(*shape, dtype=dtype) for shape in ADDED[name]]
    added, made = product(name, *operands)
    result = getattr(torch, name)(*operands, beta=2, alpha=3)
    assert result.dtype == dtype
    expected = 2 * added + 3 * made
    if dtype in INTEGERS:
        expected = expected.astype(str(dtype).removeprefix("torch."))
    tolerance = {torch.float16: 2e-3, torch.bfloat16: 2e-2}.get(dtype, 0)
    assert np.allclose(array(result), expected, rtol=tolerance, atol=0)
    target = operands[0].clone()
    assert getattr(target, name + "_")(*operands[1:], beta=2, alpha=3) is target
    assert target.tolist() == result.tolist()


@pytest.mark.parametrize("name", ADDED)
def test_input_is_not_read_where_beta_is_zero(name):
    operands = [numbers(*shape) for shape in ADDED[name]]
    filled = torch.full(ADDED[name][0], nan, dtype=torch.float64)
    made = product(name, *operands)[1]
    assert np.array_equal(array(getattr(torch, name)(filled, *operands[1:], beta=0)), made)


@pytest.mark.parametrize(("name", "reads"), [("addmm", False), ("addmv", False), ("addbmm", False),
                                             ("baddbmm", True), ("addr", True)])  # fmt: skip
def test_alpha_zero_hides_nan_of_the_factors_but_in_two_products(name, reads):
    operands = [numbers(*shape) for shape in ADDED[name]]
    operands[1] = torch.full(ADDED[name][1], nan, dtype=torch.float64)
    result = getattr(torch, name)(*operands, alpha=0)
    assert bool(torch.isnan(result).all()) == reads
    assert reads or result.tolist() == operands[0].tolist()


@pytest.mark.parametrize("name", ["addmm", "addmv", "baddbmm"])
def test_empty_inner_size_leaves_beta_times_the_input(name):
    shapes = {
        "addmm": ((2, 4), (2, 0), (0, 4)),
        "addmv": ((2,), (2, 0), (0,)),
        "baddbmm": ((2, 2, 4), (2, 2, 0), (2, 0, 4)),
    }[name]
    operands = [numbers(*shape) for shape in shapes]
    function = getattr(torch, name)
    assert function(*operands, beta=2).tolist() == (operands[0] * 2).tolist()
    assert function(*operands, beta=0).abs().sum().item() == 0


@pytest.mark.parametrize("name", ADDED)
def test_input_is_broadcast_and_gets_a_summed_gradient(name):
    operands = [numbers(*shape).requires_grad_() for shape in ADDED[name]]
    operands[0] = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    if name == "addmv":
        operands[0] = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    result = getattr(torch, name)(*operands, beta=3)
    result.sum().backward()
    assert operands[0].grad.sum().item() == 3 * result.numel()


COMPLAINTS = [
    (
        lambda: torch.addmv(numbers(3), numbers(2, 3), numbers(3)),
        RuntimeError,
        "size mismatch, got input (3), mat (2x3), vec (3)",
    ),
    (
        lambda: torch.addmv(numbers(2, 2), numbers(2, 3), numbers(3)),
        RuntimeError,
        "vector + matrix @ vector expected, got 2, 2, 1",
    ),
    (
        lambda: torch.addmv(numbers(2), numbers(2, 3), numbers(3, dtype=torch.int64)),
        RuntimeError,
        "addmv input tensors must have the same dtype, but got Double, Double, and Long",
    ),
    (
        lambda: numbers(1).addmv_(numbers(2, 3), numbers(3)),
        RuntimeError,
        "Bad in-place call: input tensor size [1] and output tensor size [2] should match",
    ),
    (
        lambda: torch.addr(numbers(2, 2), numbers(2), numbers(3)),
        RuntimeError,
        "The expanded size of the tensor (3) must match the existing size (2) at non-singleton "
        "dimension 1.  Target sizes: [2, 3].  Tensor sizes: [2, 2]",
    ),
    (
        lambda: torch.addr(numbers(2, 3), numbers(2, 2), numbers(3)),
        RuntimeError,
        "addr: Expected 1-D argument vec1, but got 2-D",
    ),
    (
        lambda: numbers(3).addr_(numbers(2), numbers(3)),
        RuntimeError,
        "2D tensor expected, got 1D tensor for input",
    ),
    (
        lambda: numbers(1, 3).addr_(numbers(2), numbers(3)),
        RuntimeError,
        "size mismatch, input: [1, 3], v1: [2], v2: [3]",
    ),
    (
        lambda: torch.addr(torch.tensor([[1]]), torch.tensor([1]), torch.tensor([1]), beta=2.5),
        RuntimeError,
        "For integral input tensors, argument beta must not be a floating point number.",
    ),
    (
        lambda: torch.addr(numbers(2, 3), numbers(2), numbers(3), alpha=True),
        RuntimeError,
        "Boolean alpha only supported for Boolean results.",
    ),
    (
        lambda: numbers(2, 3, dtype=torch.int64).addr_(numbers(2), numbers(3)),
        RuntimeError,
        "result type Double can't be cast to the desired output type Long",
    ),
    (
        lambda: torch.baddbmm(numbers(2, 2, 2), numbers(2, 2, 3), numbers(2, 2, 2)),
        RuntimeError,
        "Expected size for first two dimensions of batch2 tensor to be: [2, 3] but got: [2, 2].",
    ),
    (
        lambda: torch.baddbmm(numbers(2, 2, 2), numbers(2, 2, 3), numbers(2, 2)),
        IndexError,
        "Dimension out of range (expected to be in range of [-2, 1], but got 2)",
    ),
    (
        lambda: torch.baddbmm(
            numbers(2, 2, 2, dtype=torch.int64), numbers(2, 2, 3), numbers(2, 3, 2)
        ),
        RuntimeError,
        "Input dtypes must be the same, got: input long int, batch1: double, batch2: double",
    ),
    (
        lambda: torch.addbmm(numbers(2, 2), numbers(2, 2, 3), numbers(3, 3, 2)),
        RuntimeError,
        "batch1 and batch2 must have same number of batches, got 2 and 3",
    ),
    (
        lambda: torch.addbmm(numbers(2, 2), numbers(2, 2, 3), numbers(2, 2, 2)),
        RuntimeError,
        "Incompatible matrix sizes for bmm (2x3 and 2x2)",
    ),
    (
        lambda: torch.mm(numbers(2, 3), numbers(3, 2), out=torch.empty(2, 2)),
        RuntimeError,
        "Expected out tensor to have dtype double, but got float instead",
    ),
    (
        lambda: torch.outer(numbers(3, 2), numbers(2)),
        RuntimeError,
        "outer: Expected 1-D argument self, but got 2-D",
    ),
    (
        lambda: torch.inner(numbers(2, 3), numbers(2, 2)),
        RuntimeError,
        "inner() the last dimension must match on both input tensors but got shapes [2, 3] and "
        "[2, 2]",
    ),
    (
        lambda: torch.vdot(numbers(3), numbers(2)),
        RuntimeError,
        "inconsistent tensor size, expected tensor [3] and src [2] to have the same number of "
        "elements, but got 3 and 2 elements respectively",
    ),
    (
        lambda: torch.trace(numbers(2)),
        RuntimeError,
        "trace: expected a matrix, but got tensor with dim 1",
    ),
    (
        lambda: torch.linalg.cross(numbers(2, 2), numbers(2, 2)),
        RuntimeError,
        "linalg.cross: inputs dimension -1 must have length 3. Got 2 and 2",
    ),
    (
        lambda: torch.linalg.cross(numbers(2, 3), numbers(3)),
        RuntimeError,
        "linalg.cross: inputs must have the same number of dimensions.",
    ),
    (
        lambda: torch.linalg.vecdot(numbers(3, dtype=torch.int64), numbers(3, dtype=torch.int64)),
        RuntimeError,
        "linalg.vecdot: Expected a floating point or complex tensor as input. Got Long",
    ),
    (
        lambda: torch.matrix_power(numbers(2, 3), 2),
        RuntimeError,
        "linalg.matrix_power: A must be batches of square matrices, but they are 2 by 3 matrices",
    ),
    (
        lambda: torch.linalg.multi_dot([numbers(2, 2)]),
        RuntimeError,
        "multi_dot(): expected at least 2 tensors but got 1",
    ),
    (
        lambda: torch.linalg.multi_dot([numbers(2, 2), numbers(3, 2)]),
        RuntimeError,
        "multi_dot(): tensors 0 and 1 with shapes [2, 2] and [3, 2] cannot be multiplied",
    ),
    (
        lambda: torch.linalg.multi_dot([numbers(2, 2), numbers(2, 2, 2), numbers(2, 2)]),
        RuntimeError,
        "multi_dot(): tensor 1 must be 2D but got 3D",
    ),
    (
        lambda: torch.tensordot(numbers(2, 3), numbers(3, 2), dims=([1], [1])),
        RuntimeError,
        "contracted dimensions need to match, but first has size 3 in dim 1 and second has size 2 "
        "in dim 1",
    ),
    (
        lambda: torch.tensordot(numbers(2, 3), numbers(3, 2), dims=([1, 1], [0, 0])),
        RuntimeError,
        "dim 1 appears multiple times in the list of dims",
    ),
    (
        lambda: torch.tensordot(numbers(2, 3), numbers(3, 2), dims=-1),
        RuntimeError,
        "tensordot expects dims >= 0, but got dims=-1",
    ),
    (
        lambda: torch.cdist(numbers(2, 3), numbers(4, 2)),
        RuntimeError,
        "X1 and X2 must have the same number of columns. X1: 3 X2: 2",
    ),
    (
        lambda: torch.cdist(numbers(2, 3), numbers(4, 3), p=-1),
        RuntimeError,
        "cdist only supports non-negative p values",
    ),
    (
        lambda: torch.cdist(numbers(2, 3), numbers(4, 3), compute_mode="x"),
        ValueError,
        "x is not a valid value for compute_mode",
    ),
]


@pytest.mark.parametrize(("call", "error", "first_line"), COMPLAINTS)
def test_bad_operands_get_pytorchs_complaint(call, error, first_line):
    with pytest.raises(error) as caught:
        call()
    assert type(caught.value) is error
    assert str(caught.value).splitlines()[0] == first_line


@pytest.mark.parametrize("name", ["addmv", "baddbmm", "addbmm", "trace", "dot", "mm"])
def test_bool_is_refused(name):
    shapes = {"trace": ((2, 2),), "dot": ((2,), (2,)), "mm": ((2, 2), (2, 2))}.get(name)
    shapes = shapes or ADDED[name]
    operands = [torch.ones(shape, dtype=torch.bool) for shape in shapes]
    with pytest.raises(NotImplementedError, match="not implemented for 'Bool'"):
        getattr(torch, name)(*operands)


def test_addr_of_bools_is_or_of_ands():
    x = torch.tensor([[True, False], [False, False]])
    a, b = torch.tensor([False, True]), torch.tensor([True, False])
    assert torch.addr(x, a, b).tolist() == [[True, False], [True, False]]
    assert torch.addr(x, a, b, beta=False).tolist() == [[False, False], [True, False]]
    assert torch.addr(x, a, b, alpha=False).tolist() == x.tolist()


def test_addr_promotes_dtypes():
    x, a, b = numbers(2, 3, dtype=torch.int64), numbers(2, dtype=torch.float32), numbers(3)
    assert torch.addr(x, a, b).dtype == torch.float64


def test_outer_inner_and_kron_are_numpys():
    a, b = numbers(2, 3), numbers(4, 3, step=5)
    v, w = numbers(3), numbers(4, step=3)
    assert np.array_equal(array(torch.outer(v, w)), np.outer(array(v), array(w)))
    assert np.array_equal(array(torch.ger(v, w)), np.outer(array(v), array(w)))
    assert np.array_equal(array(torch.inner(a, b)), np.inner(array(a), array(b)))
    assert np.array_equal(array(torch.inner(a, v)), np.inner(array(a), array(v)))
    assert np.array_equal(array(torch.kron(a, b)), np.kron(array(a), array(b)))
    assert np.array_equal(array(torch.kron(a, v)), np.kron(array(a), array(v)))


@rushlight_only
def test_kron_of_operands_that_lie_differently_is_numpys():
    a, b = numbers(2, 3).t(), numbers(2, 3)
    assert np.array_equal(array(torch.kron(a, b)), np.kron(array(a), array(b)))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((8, 3), (4, 5)),
        ((5, 1), (7, 6)),
        ((8, 2, 3), (3, 8, 5)),
        ((40, 2), (8,)),
        ((8, 3), (4, 200)),
    ],
)
def test_kron_of_many_rows_is_numpys(left, right):
    a, b = numbers(*left), numbers(*right, step=5)
    got = torch.kron(a, b)
    assert got.is_contiguous() and np.array_equal(array(got), np.kron(array(a), array(b)))
    mixed = torch.kron(a.int(), b)
    assert mixed.dtype == b.dtype
    assert np.array_equal(array(mixed), np.kron(array(a.int()), array(b)))


def test_trace_sums_small_integers_as_int64():
    t = torch.full((200, 200), 100, dtype=torch.int8)
    assert torch.trace(t).dtype == torch.int64
    assert torch.trace(t).item() == 20000
    assert torch.trace(torch.ones(0, 3)).item() == 0


def test_cross_is_numpys_and_broadcasts():
    a, b = numbers(2, 3), numbers(1, 3, step=5)
    assert np.array_equal(array(torch.linalg.cross(a, b)), np.cross(array(a), array(b)))
    columns = torch.linalg.cross(a.t(), b.t(), dim=0)
    assert columns.t().tolist() == torch.linalg.cross(a, b).tolist()


def test_cross_without_a_dimension_warns_and_takes_the_first_of_size_three():
    a, b = numbers(3, 3), numbers(3, 3, step=5)
    with pytest.warns(UserWarning, match="Using torch.cross without specifying the dim arg"):
        assert torch.cross(a, b).tolist() == torch.linalg.cross(a, b, dim=0).tolist()


def test_matrix_power_is_repeated_multiplication():
    t = numbers(2, 2, 2)
    for n in range(7):
        expected = np.linalg.matrix_power(array(t), n)
        assert np.array_equal(array(torch.matrix_power(t, n)), expected)
        assert np.array_equal(array(torch.linalg.matrix_power(t, n)), expected)
    whole = numbers(2, 2, dtype=torch.int64)
    assert torch.matrix_power(whole, 3).dtype == torch.int64


def test_multi_dot_is_numpys_for_every_number_of_factors():
    sizes = [5, 3, 2, 4, 3, 6]
    factors = [numbers(m, n, step=i + 2) for i, (m, n) in enumerate(zip(sizes, sizes[1:]))]
    for count in range(2, 6):
        expected = np.linalg.multi_dot([array(t) for t in factors[:count]])
        result = torch.linalg.multi_dot(factors[:count])
        assert np.array_equal(array(result), expected)
        out = torch.empty(0, dtype=torch.float64)
        assert torch.linalg.multi_dot(factors[:count], out=out) is out
        assert out.tolist() == result.tolist()
    row, column = numbers(3), numbers(2, step=3)
    assert torch.linalg.multi_dot([row, factors[1], column]).dim() == 0
    assert torch.linalg.multi_dot([row, factors[1]]).shape == (2,)


def test_chain_matmul_warns_and_multiplies():
    a, b, c = numbers(2, 3), numbers(3, 2), numbers(2, 4)
    with pytest.warns(UserWarning, match="torch.chain_matmul is deprecated"):
        assert torch.chain_matmul(a, b, c).tolist() == (a @ b @ c).tolist()


@pytest.mark.parametrize("dims", [0, 1, 2, ([0], [1]), ([0, 1], [1, 0]), ([-1], [0])])
def test_tensordot_is_numpys(dims):
    a, b = numbers(3, 3, 2), numbers(3, 2, 3, step=5)
    if dims in (1, ([-1], [0])):
        b = numbers(2, 3, step=5)
    if dims == ([0], [1]):
        b = numbers(2, 3, step=5)
    if dims == ([0, 1], [1, 0]):
        b = numbers(3, 3, 2, step=5)
    expected = np.tensordot(array(a), array(b), dims)
    assert np.array_equal(array(torch.tensordot(a, b, dims=dims)), expected)


@pytest.mark.parametrize("p", [0, 0.5, 1, 1.5, 2, 3, float("inf")])
def test_cdist_is_the_norm_of_the_differences(p):
    a, b = numbers(4, 3), numbers(2, 5, 3, step=5)
    d = np.abs(array(a)[:, None, :] - array(b)[:, None, :, :])
    expected = {0: (d != 0).sum(-1), float("inf"): d.max(-1)}.get(p)
    if expected is None:
        expected = (d**p).sum(-1) ** (1 / p)
    assert np.allclose(array(torch.cdist(a, b, p=p)), expected, rtol=1e-12)


def test_cdist_of_equal_rows_has_no_gradient():
    x = numbers(3, 2).requires_grad_()
    for mode in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"):
        torch.cdist(x, x.detach(), compute_mode=mode).sum().backward()
        assert not torch.isnan(x.grad).any()


NODES = [
    (lambda a, b: torch.inner(a[0], b[0]), "ViewBackward0", "DotBackward0"),
    (lambda a, b: torch.inner(a, b), "ViewBackward0", "MmBackward0"),
    (lambda a, b: torch.outer(a[0], b[0]), "MulBackward0", "ViewBackward0"),
    (lambda a, b: torch.kron(a, b), "UnsafeViewBackward0", "MulBackward0"),
    (lambda a, b: torch.tensordot(a, b, 2), "ViewBackward0", "DotBackward0"),
    (lambda a, b: torch.linalg.cross(a, b), "LinalgCrossBackward0", None),
    (lambda a, b: torch.linalg.vecdot(a, b), "SumBackward1", "MulBackward0"),
    (lambda a, b: torch.linalg.vecdot(a[0], b[0]), "VdotBackward0", "SelectBackward0"),
    (lambda a, b: torch.linalg.multi_dot([a, b.t()]), "ViewBackward0", "MmBackward0"),
    (lambda a, b: torch.matrix_power(a @ b.t(), 2), "MmBackward0", "MmBackward0"),
    (lambda a, b: torch.matrix_power(a @ b.t(), 1), "CloneBackward0", "MmBackward0"),
    (lambda a, b: torch.matrix_power(a @ b.t(), 0), "CopyBackwards", "CloneBackward0"),
    (lambda a, b: torch.cdist(a, b), "CdistBackward0", None),
    (
        lambda a, b: torch.cdist(a, b, compute_mode="use_mm_for_euclid_dist"),
        "ViewBackward0",
        "EuclideanDistBackward0",
    ),
]


@pytest.mark.parametrize(("call", "node", "below"), NODES)
def test_products_record_pytorchs_nodes(call, node, below):
    a, b = numbers(2, 3).requires_grad_(), numbers(2, 3, step=5).requires_grad_()
    made = call(a, b).grad_fn
    assert made.name().removeprefix("torch::autograd::") == node
    next_name = made.next_functions[0][0].name()
    assert below is None or next_name == below


def test_chain_of_one_matrix_is_a_copy():
    a = torch.ones(2, 2, requires_grad=True)
    y = torch.chain_matmul(a)
    assert y is not a and y.grad_fn.name() == "CloneBackward0"


def test_chain_of_two_dtypes_is_refused_in_the_words_of_cpp():
    a = torch.ones(2, 2, dtype=torch.float16)
    with pytest.raises(RuntimeError, match="tensor 0 is c10::Half and tensor 1 double$"):
        torch.linalg.multi_dot([a, a.double()])


def test_first_power_of_a_matrix_is_contiguous():
    assert torch.matrix_power(torch.ones(2, 2).t(), 1).is_contiguous()

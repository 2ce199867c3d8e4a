"""Matrix products: the nodes that PyTorch records for which ranks, and its complaints."""

import pytest
from support import ON_TORCH, leaf, nan, torch

linear = torch.nn.functional.linear if ON_TORCH else torch._C._linear


def numbers(*shape, requires_grad=True):
    """Small numbers that differ from place to place, in float64."""
    count = 1
    for size in shape:
        count *= size
    values = torch.tensor([(7 * i % 11 - 5) / 4 for i in range(count)], dtype=torch.float64)
    return values.reshape(shape).requires_grad_(requires_grad)


def names(t):
    """The chain of nodes: each with its next ones in brackets, leaves as A."""

    def name(node):
        if node is None:
            return "None"
        inner = ",".join(name(next_node) for next_node, _ in node.next_functions)
        short = node.name().replace("Backward", "")
        return "A" if "AccumulateGrad" in short else f"{short}({inner})"

    return name(t.grad_fn)


RANKS = [
    ((3,), (3, 4), "Squeeze4(Mm0(Unsqueeze0(A),A))"),
    ((2, 3), (3,), "Mv0(A,A)"),
    ((5, 2, 3), (3,), "UnsafeView0(Mv0(View0(A),A))"),
    ((3,), (5, 3, 4), "UnsafeView0(Mv0(UnsafeView0(Clone0(Transpose0(A))),A))"),
    (
        (2, 3),
        (5, 3, 4),
        "Clone0(Transpose0(UnsafeView0(Mm0(UnsafeView0(Clone0(Transpose0(A))),T0(A)))))",
    ),
    ((5, 2, 3), (5, 3, 4), "UnsafeView0(Bmm0(View0(Expand0(A)),View0(Expand0(A))))"),
]


@pytest.mark.parametrize(("left", "right", "expected"), RANKS)
def test_product_of_two_ranks_records_pytorchs_nodes(left, right, expected):
    product = numbers(*left) @ numbers(*right)
    assert names(product) == expected
    assert not product._is_view()


@pytest.mark.parametrize(("left", "right"), [ranks[:2] for ranks in RANKS])
def test_every_path_gives_the_same_product(left, right):
    # A factor that needs no gradient may take another path, with the same result.
    both = [numbers(*left), numbers(*right)]
    plain = torch.autograd.grad((both[0] @ both[1]).sum(), both)
    for wanted in range(2):
        factors = [t if i == wanted else t.detach() for i, t in enumerate(both)]
        product = factors[0] @ factors[1]
        (grad,) = torch.autograd.grad(product.sum(), [factors[wanted]])
        # Exact: the numbers are quarters.
        assert product.tolist() == (both[0] @ both[1]).tolist()
        assert grad.tolist() == plain[wanted].tolist()


def test_a_transposed_weights_gradient_is_row_major():
    x, w = numbers(2, 3), numbers(4, 3)
    grad_x, grad_w = torch.autograd.grad((x @ w.t()).sum(), [x, w])
    assert grad_w.is_contiguous() and grad_x.is_contiguous()


def test_addmm_saves_what_its_gradients_need():
    bias, x, w = numbers(4), numbers(2, 3, requires_grad=False), numbers(4, 3)
    node = torch.addmm(bias, x, w.t(), beta=0.5, alpha=2).grad_fn
    assert node.name() == "AddmmBackward0"
    assert node._saved_mat1 is x and node._saved_mat2 is None
    assert (node._saved_beta, node._saved_alpha) == (0.5, 2)
    assert node._saved_mat2_sym_sizes == (3, 4) and node._saved_mat2_sym_strides == (1, 3)


def test_products_show_no_strides_of_factors_without_grad():
    # They showed those of data too, and `make_dot(..., show_attrs=True)` with them.
    x, w = numbers(2, 3, requires_grad=False), numbers(3, 4)
    node = (x @ w).grad_fn
    assert node._saved_self_sym_sizes == (2, 3) and node._saved_self_sym_strides == ()
    assert node._saved_mat2_sym_strides == (4, 1)
    node = torch.addmm(numbers(2), w.t(), x.t()).grad_fn
    assert node._saved_mat1_sym_strides == (1, 4) and node._saved_mat2_sym_strides == ()


def test_addmm_with_beta_0_does_not_read_the_input():
    out = torch.addmm(torch.tensor(nan), torch.ones(2, 3), torch.ones(3, 4), beta=0)
    assert out.tolist() == [[3.0] * 4] * 2
    out = torch.addmm(torch.ones(4), torch.full((2, 3), nan), torch.ones(3, 4), alpha=0)
    assert out.tolist() == [[1.0] * 4] * 2


def test_addmm_of_integers_cuts_its_factors():
    ones = torch.ones(2, 2, dtype=torch.int64)
    assert torch.addmm(ones, ones, ones, alpha=1.9, beta=2.5).tolist() == [[4, 4], [4, 4]]


def test_addmm_in_place_writes_the_target_through_its_strides():
    target = torch.zeros(3, 2).t()
    memory = target.t()
    assert target.addmm_(torch.ones(2, 4), torch.ones(4, 3)) is target
    assert memory.tolist() == [[4.0, 4.0]] * 3 and target._version == 1
    with pytest.raises(RuntimeError, match="Bad in-place call: input tensor size .4. and output"):
        torch.ones(4).addmm_(torch.ones(2, 3), torch.ones(3, 4))


def test_addmm_in_place_may_read_the_target_as_a_factor():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert x.addmm_(x, x).tolist() == [[8.0, 12.0], [18.0, 26.0]]


LINEAR = [
    ((2, 3), (4, 3), (4,), "Addmm0(A,A,T0(A))", False),
    ((2, 3), (4, 3), None, "Mm0(A,T0(A))", False),
    ((3,), (4, 3), (4,), "View0(Addmm0(A,View0(A),T0(A)))", True),
    ((3,), (4, 3), None, "Squeeze4(Mm0(Unsqueeze0(A),T0(A)))", False),
    ((5, 2, 3), (4, 3), (4,), "View0(Addmm0(A,View0(A),T0(A)))", True),
    ((5, 2, 3), (4, 3), (), "Add0(UnsafeView0(Mm0(View0(A),T0(A))),A)", False),
    ((5, 2, 3), (4, 3), (2, 4), "Add0(UnsafeView0(Mm0(View0(A),T0(A))),A)", False),
    ((5, 2, 3), (3,), None, "UnsafeView0(Mv0(View0(A),T0(A)))", False),
]


@pytest.mark.parametrize(("x", "w", "b", "expected", "is_view"), LINEAR)
def test_linear_records_pytorchs_nodes(x, w, b, expected, is_view):
    y = linear(numbers(*x), numbers(*w), None if b is None else numbers(*b))
    assert names(y) == expected and y._is_view() == is_view


def test_linear_of_a_batch_that_is_not_row_major_adds_the_bias_afterwards():
    y = linear(numbers(5, 3, 2).transpose(1, 2), numbers(4, 3), numbers(4))
    assert names(y) == ("Add0(UnsafeView0(Mm0(UnsafeView0(Clone0(Transpose0(A))),T0(A))),A)")


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 3), (5, 2, 3)])
def test_linear_is_a_product_with_the_transposed_weight(shape):
    x, w, b = numbers(*shape), numbers(4, 3), numbers(4)
    expected = (x.unsqueeze(-2) @ w.t()).squeeze(-2) + b
    assert linear(x, w, b).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (((2, 3), (4, 5)), RuntimeError, "mat1 and mat2 shapes cannot be multiplied (2x3 and 5x4)"),
        (((6, 2, 3), (4, 5), (4,)), RuntimeError, "multiplied (12x3 and 5x4)"),
        (((2, 3), (4, 3), (5,)), RuntimeError, "The expanded size of the tensor (4) must match"),
        (((), (4, 3)), RuntimeError, "both arguments to linear need to be at least 1D, but they"),
        (((2, 3), (1, 4, 3)), RuntimeError, "t() expects a tensor with <= 2 dimensions"),
        (((2, 3), (3,), ()), RuntimeError, "mat2 must be a matrix, got 1-D tensor"),
    ],
)
def test_linear_complains_as_pytorch(arguments, kind, message):
    with pytest.raises(kind) as caught:
        linear(*[numbers(*shape) for shape in arguments])
    assert message in str(caught.value)


def test_linear_speaks_of_itself_without_its_underscore():
    with pytest.raises(TypeError, match=r"linear\(\): argument 'input' \(position 1\) must be"):
        linear(3, leaf([1.0]))
    with pytest.raises(TypeError, match=r'linear\(\) missing 1 required .*: "weight"'):
        linear(leaf([1.0]))


@pytest.mark.parametrize(
    ("call", "kernel"),
    [
        (lambda a: a @ a, "addmm_impl_cpu_"),
        (lambda a: a @ a[0], "addmv_impl_cpu"),
        (lambda a: a[0] @ a[0], "dot"),
        (lambda a: a[None] @ a[None], "bmm"),
    ],
)
def test_products_of_bools_are_not_implemented(call, kernel):
    with pytest.raises(NotImplementedError, match=f"\"{kernel}\" not implemented for 'Bool'"):
        call(torch.ones(2, 2, dtype=torch.bool))

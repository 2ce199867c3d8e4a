"""einsum: values against NumPy, both notations, the recorded nodes, layouts and complaints."""

import numpy as np
import pytest
from support import torch

SIZES = {"i": 2, "j": 3, "k": 4, "l": 2, "b": 2, "I": 3, "c": 5}


def numbers(*shape, step=7):
    count = int(np.prod(shape))
    values = [(step * i) % 11 - 4 for i in range(count)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


def operands_of(equation, ellipsis=(2, 3)):
    inputs = equation.replace(" ", "").split("->")[0].split(",")
    made = []
    for i, labels in enumerate(inputs):
        shape = []
        for part in labels.replace("...", "*"):
            shape += ellipsis if part == "*" else [SIZES[part]]
        made.append(numbers(*shape, step=5 + 2 * i))
    return made


EQUATIONS = [
    "ij->ji", "ij->", "ij->i", "ii->i", "ii", "iij->j", "iji", "ij", "ji", "Ij",
    "i,j->ij", "i,i", "i,i->i", "i,i->", "ij,jk", "ij,jk->ik", "ij,jk->ki", "ij,kj->ik",
    "ij,kj->ikj", "ij,ij->", "ij,ij->ij", "ij,ik->", "ij,kl->jl", ",ij->ij",
    "bij,bjk->bik", "bij,bkj->bki", "bij,jk->bik", "bij,bi->bj", "bil,bjl->bij",
    "ij,jk,kl->il", "bi,kij,bj->bk", "i,ij,j", "ij,jk,kl,lc->ic", "i,j,k->kji",
    "...->...", "...ij->...ji", "...i->...", "...ij,...jk->...ik", "...ij,jk->...ik",
    "i...,i...->...", "...,...", "...i,...j->...ij", "ij->...i", "...ij->ij", "...,i->i...",
    " i j , j k -> i k ", "ijkb,ijb->kij", "Ij,jk->Ik",
]  # fmt: skip


@pytest.mark.parametrize("equation", EQUATIONS)
def test_equation_is_numpys(equation):
    operands = operands_of(equation)
    arrays = [np.array(t.tolist()) for t in operands]
    result = torch.einsum(equation, *operands)
    plain = equation.replace("Ij", "aj").replace("Ik", "ak") if equation != "Ij" else equation
    if equation == "...ij->ij":
        expected = arrays[0].sum((0, 1))
    else:
        expected = np.einsum(plain, *arrays)
    assert result.shape == expected.shape
    assert np.array_equal(np.array(result.tolist()), expected)
    assert torch.einsum(equation, operands).tolist() == result.tolist()


def test_sizes_of_one_are_broadcast():
    a, b = numbers(1, 3), numbers(2, 3, step=5)
    assert torch.einsum("ij,ij->ij", a, b).tolist() == (a * b).tolist()
    assert torch.einsum("ij,ij->i", a, b).tolist() == (a * b).sum(1).tolist()
    assert torch.einsum("ij,j->i", numbers(2, 3), numbers(1)).tolist() == [
        (row * numbers(1)).sum().item() for row in numbers(2, 3)
    ]


def test_empty_sizes_give_empty_results_and_sums_of_nothing():
    assert torch.einsum("ij,jk->ik", numbers(2, 0), numbers(0, 3)).tolist() == [[0] * 3] * 2
    assert torch.einsum("bi,bj->bij", numbers(0, 2), numbers(0, 3)).shape == (0, 2, 3)
    assert torch.einsum("i->", numbers(0)).item() == 0


def test_lists_of_subscripts_stand_for_letters():
    a, b = numbers(2, 3), numbers(3, 2, step=5)
    expected = (a @ b).tolist()
    assert torch.einsum(a, [0, 1], b, [1, 2], [0, 2]).tolist() == expected
    assert torch.einsum(a, [0, 1], b, [1, 2]).tolist() == expected
    assert torch.einsum(a, [0, 51]).tolist() == a.tolist()
    batch = numbers(2, 2, 3)
    result = torch.einsum(batch, [..., 0, 1], b, [1, 2], [..., 0, 2])
    assert result.tolist() == (batch @ b).tolist()


def test_single_operand_is_a_view():
    x = numbers(2, 3)
    assert torch.einsum("ij->ij", x).data_ptr() == x.data_ptr()
    assert torch.einsum("ij->ji", x).stride() == (1, 3)
    assert torch.einsum("ii->i", numbers(3, 3)).stride() == (4,)


# Where all of the second operand's dimensions stand first, the product is taken transposed.
@pytest.mark.parametrize(
    ("equation", "strides"),
    [
        ("ij,jk->ki", (2, 1)),
        ("ikj,blj->ibkl", (16, 2, 4, 1)),
        ("ikj,blj->blik", (16, 8, 4, 1)),
        ("ikj,bkj->ikb", (2, 4, 1)),
        ("ikj,bkj->bki", (2, 4, 1)),
        ("ij,bkj->bik", (4, 8, 1)),
        ("ij,bkj->bki", (8, 2, 1)),
    ],
)
def test_strides_of_a_product_are_pytorchs(equation, strides):
    result = torch.einsum(equation, *operands_of(equation))
    assert result.stride() == strides


def chain(t):
    names, node = [], t.grad_fn
    while node is not None and len(names) < 4:
        names.append(node.name().removesuffix("Backward0"))
        node = node.next_functions[0][0] if node.next_functions else None
    return names


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("ij,jk->ik", ["View", "Permute", "View", "Bmm"]),
        ("i,i", ["View", "Permute", "View", "Bmm"]),
        ("i,j->ij", ["Mul", "Permute", "Unsqueeze", "torch::autograd::AccumulateGrad"]),
        ("ij->i", ["SumBackward1", "Permute", "torch::autograd::AccumulateGrad"]),
        ("ii->i", ["Permute", "Permute", "Diagonal", "torch::autograd::AccumulateGrad"]),
        ("ij,kl->jl", ["View", "Mul", "SumBackward1", "Permute"]),
    ],
)
def test_equation_records_pytorchs_nodes(equation, expected):
    operands = [t.requires_grad_() for t in operands_of(equation)]
    assert chain(torch.einsum(equation, *operands)) == expected


def test_gradient_is_that_of_the_loops():
    a, b = numbers(2, 3).requires_grad_(), numbers(3, 4, step=5).requires_grad_()
    torch.einsum("ij,jk->ik", a, b).sum().backward()
    assert a.grad.tolist() == [b.sum(1).tolist()] * 2
    assert b.grad.tolist() == [[column] * 4 for column in a.sum(0).tolist()]


def test_integers_and_bools_follow_their_products():
    a = torch.tensor([[1, 2], [3, 4]])
    assert torch.einsum("ij,jk->ik", a, a).tolist() == [[7, 10], [15, 22]]
    flags = torch.tensor([True, False])
    assert torch.einsum("i,j->ij", flags, flags).dtype == torch.bool
    assert torch.einsum("ij->i", a.int()).dtype == torch.int64


X, Y = numbers(2, 3), numbers(3, 2)
COMPLAINTS = [
    ((X, [0, 60]), ValueError,
     "einsum(): subscript in subscript list is not within the valid range [0, 52)"),
    (("ij",), ValueError,
     "einsum(): must specify the equation string and at least one operand, or at least one operand "
     "and its subscripts list"),
    (("ij,jk->ik", X), RuntimeError,
     "einsum(): fewer operands were provided than specified in the equation"),
    (("ij->ij", X, X), RuntimeError,
     "einsum(): more operands were provided than specified in the equation"),
    (("ij->ik", X), RuntimeError,
     "einsum(): output subscript k does not appear in the equation for any input operand"),
    (("ij->ii", X), RuntimeError,
     "einsum(): output subscript i appears more than once in the output"),
    (("ijk->i", X), RuntimeError,
     "einsum(): the number of subscripts in the equation (3) does not match the number of "
     "dimensions (2) for operand 0 and no ellipsis was given"),
    (("ij...k->i", X), RuntimeError,
     "einsum(): the number of subscripts in the equation (3) is more than the number of dimensions "
     "(2) for operand 0"),
    (("ij,jk->ik", X, numbers(2, 2)), RuntimeError,
     "einsum(): subscript j has size 2 for operand 1 which does not broadcast with previously seen "
     "size 3"),
    (("ii", X), RuntimeError,
     "einsum(): subscript i is repeated for operand 0 but the sizes don't match, 3 != 2"),
    (("i1", X), RuntimeError,
     "einsum(): invalid subscript given at index 1 in the equation string, subscripts must be in "
     "[a-zA-Z]"),
    (("ij->i->j", X), RuntimeError,
     "einsum(): invalid subscript given at index 5 in the equation string, subscripts must be in "
     "[a-zA-Z]"),
    (("i.j", X), RuntimeError,
     "einsum(): found '.' for operand 0 that is not part of any ellipsis"),
    (("...i...", X), RuntimeError,
     "einsum(): found '.' for operand 0 for which an ellipsis was already found"),
    (("ij->...i...", X), RuntimeError,
     "einsum(): found '.' for output but an ellipsis (...) was already found"),
    (("...i,...i->...", X, numbers(3, 3)), RuntimeError,
     "einsum(): dimension 0 covered by ellipsis in operand 1has size 3 which does not broadcast "
     "with previously seen ellipsis with size 2 for the respective dimension"),
    ((5, X), TypeError, "einsum(): argument 'equation' (position 1) must be str, not int"),
    (("ij,jk->ik", X, 3), TypeError,
     "expected Tensor as element 1 in argument 1, but got int"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "error", "first_line"), COMPLAINTS)
def test_bad_equation_gets_pytorchs_complaint(arguments, error, first_line):
    with pytest.raises(error) as caught:
        torch.einsum(*arguments)
    assert type(caught.value) is error
    assert str(caught.value).splitlines()[0] == first_line

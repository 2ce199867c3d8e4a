"""Products over zeros, and what var's node shows. Derivatives are checked with every other op's."""

import pytest
from support import torch


@pytest.mark.parametrize(
    "values, expected",
    [
        ([2.0, 3.0, 4.0], [12, 8, 6]),
        ([2.0, 0.0, 4.0], [0, 8, 0]),
        ([0.0, 0.0, 4.0], [0, 0, 0]),
        ([0.0], [1]),
    ],
)
@pytest.mark.parametrize("recorded", [False, True])
def test_gradient_of_a_product_with_zeros(values, expected, recorded):
    x = torch.tensor(values, requires_grad=True)
    (grad,) = torch.autograd.grad(x.prod(), x, create_graph=recorded)
    assert grad.tolist() == expected
    rows = torch.tensor([values, values], dtype=torch.float16, requires_grad=True)
    (grad,) = torch.autograd.grad(rows.prod(1).sum(), rows, create_graph=recorded)
    assert grad.tolist() == [expected, expected]


def test_gradient_of_a_long_product_with_a_zero():
    x = torch.ones(100_000)
    x[7] = 0
    x.requires_grad_()
    x.prod().backward()
    assert x.grad[7].item() == 1 and x.grad.sum().item() == 1


def test_correction_that_was_not_given_is_shown_as_one():
    assert torch.ones(3, requires_grad=True).var(0).grad_fn._saved_correction == 1

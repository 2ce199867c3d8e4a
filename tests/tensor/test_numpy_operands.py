"""Operators between tensors and NumPy arrays give tensors, whichever stands on the left."""

import operator

import pytest
from support import rushlight_only, torch

numpy = pytest.importorskip("numpy")

# PyTorch raises, or gives arrays, for some of these.
pytestmark = rushlight_only
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


@pytest.mark.parametrize("operation", [*OPERATORS, *COMPARISONS])
def test_tensor_with_array_is_a_tensor(operation):
    values, others = [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]
    result = operation(torch.tensor(values), numpy.array(others))
    assert isinstance(result, torch.Tensor)
    expected = operation(torch.tensor(values), torch.tensor(others, dtype=torch.float64))
    assert result.dtype == expected.dtype and result.tolist() == expected.tolist()


@pytest.mark.parametrize("operation", [*OPERATORS, operator.matmul])
def test_array_with_tensor_is_a_tensor(operation):
    a, b = numpy.array([1.0, 2.0]), torch.tensor([3.0, 2.0], dtype=torch.float64)
    result = operation(a, b)
    assert isinstance(result, torch.Tensor)
    assert result.tolist() == operation(torch.tensor(a), b).tolist()


def test_inplace_with_array_keeps_the_tensor_and_its_graph():
    x = torch.ones(2, requires_grad=True)
    y = x * 2
    before = y
    y += numpy.array([1.0, 2.0], dtype=numpy.float32)
    assert y is before and y.tolist() == [3.0, 4.0]
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]

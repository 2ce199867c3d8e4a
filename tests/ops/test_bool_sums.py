"""Sums and products into bool, and windows larger than what they slide over."""

import pytest
from support import nan, torch


@pytest.mark.parametrize("values", [[0.6, 0.6], [1, -1], [2.0, -2.0], [float("nan")]])
def test_sum_into_bool_is_true_where_an_element_is_not_zero(values):
    # It was computed in int64, which cut fractions and let elements cancel.
    x = torch.tensor(values)
    assert x.sum(dtype=torch.bool).item() is True
    assert x.reshape(1, -1).sum(1, dtype=torch.bool).tolist() == [True]
    assert torch.zeros(3).sum(dtype=torch.bool).item() is False
    assert torch.zeros(0).sum(dtype=torch.bool).item() is False


@pytest.mark.parametrize(
    ("values", "total", "product"),
    [
        ([0.5, 0.5], True, True),
        ([1.0, -1.0], True, True),
        ([256, -256], True, True),
        ([nan, nan], False, True),
        ([nan, 0.0], False, False),
        ([0.0, 3.0], True, False),
        ([], False, True),
    ],
)
def test_nansum_and_prod_into_bool_ask_for_elements_that_are_not_zero(values, total, product):
    # They were computed in int64, which cut fractions and let elements cancel.
    x = torch.tensor(values)
    assert x.nansum(dtype=torch.bool).item() is total
    assert x.reshape(1, -1).nansum(1, dtype=torch.bool).tolist() == [total]
    assert x.prod(dtype=torch.bool).item() is product
    assert x.reshape(1, -1).prod(1, dtype=torch.bool).tolist() == [product]


def test_kernel_larger_than_the_image_is_refused_at_any_stride():
    # The count of windows was rounded up to one where the stride was above 1.
    with pytest.raises(RuntimeError):
        torch.nn.functional.unfold(torch.arange(4.0).reshape(1, 1, 2, 2), 3, stride=2)
    with pytest.raises(RuntimeError):
        torch.nn.functional.fold(torch.arange(9.0).reshape(1, 9, 1), 2, 3, stride=2)

"""Forms of calls from before keyword-only scales: their warning. Their values are recorded."""

import warnings

import pytest
from support import torch


@pytest.fixture
def warn_always():
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(False)


def warnings_of(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [(w.category, str(w.message).split(" (Triggered internally")[0]) for w in caught]


def test_older_form_of_function_warns_of_both_forms(warn_always):
    x = torch.ones(2)
    assert warnings_of(lambda: torch.add(x, 2, x)) == [
        (
            UserWarning,
            "This overload of add is deprecated:\n"
            "\tadd(Tensor input, Number alpha, Tensor other, *, Tensor out = None)\n"
            "Consider using one of the following signatures instead:\n"
            "\tadd(Tensor input, Tensor other, *, Number alpha = 1, Tensor out = None)",
        )
    ]


def test_older_form_of_method_warns_without_self(warn_always):
    x = torch.ones(2)
    assert warnings_of(lambda: x.addcmul_(2, x, x)) == [
        (
            UserWarning,
            "This overload of addcmul_ is deprecated:\n"
            "\taddcmul_(Number value, Tensor tensor1, Tensor tensor2)\n"
            "Consider using one of the following signatures instead:\n"
            "\taddcmul_(Tensor tensor1, Tensor tensor2, *, Number value = 1)",
        )
    ]


def test_older_form_warns_once():
    x = torch.ones(2)
    torch.add(x, 2, x)
    assert warnings_of(lambda: torch.sub(x, 2, x)) == []


def test_new_form_and_where_of_a_number_do_not_warn(warn_always):
    x = torch.ones(2)
    assert warnings_of(lambda: torch.add(x, x, alpha=2)) == []
    assert warnings_of(lambda: torch.where(condition=x > 0, self=2, other=x)) == []


def test_warning_that_is_an_error_is_raised(warn_always):
    x = torch.ones(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UserWarning, match="This overload of add_ is deprecated"):
            x.add_(2, x)

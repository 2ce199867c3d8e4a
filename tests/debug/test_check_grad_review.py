"""check_grad: no alarm for what differences cannot tell, and arguments that make no sense."""

import pytest
from support import inf, leaf, nan, rushlight_only, torch

pytestmark = rushlight_only
check_grad = torch.debug.check_grad


def test_a_large_loss_does_not_make_the_step_large():
    x = leaf([50.0, 1.0])
    result = check_grad(lambda x: x.exp().sum(), x)
    assert result and result.checked == 2 and not result.kinks


def test_curvature_within_a_step_is_no_error():
    x = leaf([1.0, 2.0])
    assert check_grad(lambda x: (x * 20).sin().sum(), x, eps=0.005, rtol=1e-4)
    wrong = check_grad(lambda x: (x * 20).sin().sum() + (x * x.detach()).sum(), x, eps=0.005)
    assert len(wrong.wrong) == 2


def test_the_border_of_the_domain():
    assert check_grad(lambda x: x.log().sum(), leaf([1e-8, 1.0])).outside == []
    result = check_grad(lambda x: (x.sqrt() + x.acos()).sum(), leaf([0.5, 1.0]))
    assert result and [entry.index for entry in result.outside] == [(1,)]
    assert "1 not judged: the loss is not finite a step away" in str(result)
    assert check_grad(lambda x: x.detach().log().sum() + x.log().sum() * 2, leaf([1e-8])).wrong


def test_a_function_that_makes_tensors_of_the_default_dtype():
    layer = torch.nn.Linear(3, 2)
    result = check_grad(lambda m: (m(torch.ones(2, 3)) ** 2).sum(), layer)
    assert result and result.checked == 8 and layer.weight.dtype == torch.float32
    wrong = check_grad(
        lambda m: (m(torch.ones(2, 3)) * m(torch.ones(2, 3)).detach() + 1).sum(), layer
    )
    assert not wrong and layer.weight.dtype == torch.float32
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        check_grad(lambda m: m(torch.ones(2, 4)).sum(), layer)
    with pytest.raises(RuntimeError, match="same dtype"):
        check_grad(lambda m: (m.weight @ torch.ones(3, 1, dtype=torch.int64)).sum(), layer)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"eps": 0}, ValueError, "eps must be finite and greater than 0, but got 0"),
        ({"eps": nan}, ValueError, "eps must be finite"),
        ({"eps": "x"}, TypeError, "eps must be a number, not str"),
        ({"rtol": -1}, ValueError, "rtol must be finite and at least 0, but got -1"),
        ({"atol": inf}, ValueError, "atol must be finite"),
        ({"max_entries": -1}, ValueError, "max_entries must be at least 0, but got -1"),
        ({"max_entries": 1.5}, TypeError, "max_entries must be an int, not float"),
    ],
)
def test_options_that_make_no_sense(options, error, words):
    with pytest.raises(error, match=words):
        check_grad(lambda x: x.sum(), leaf([1.0]), **options)


@pytest.mark.parametrize("x", [None, 3])
def test_x_of_a_wrong_type(x):
    with pytest.raises(TypeError, match="x must be a Tensor, a Module, or a list or dict of"):
        check_grad(lambda x: x.sum(), x)

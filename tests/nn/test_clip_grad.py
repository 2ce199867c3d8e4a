"""Clipping gradients; parameters as one vector."""

import importlib
import math

import pytest
from support import MODULE, assert_values, inf, nan, recorded_warnings, torch

utils = importlib.import_module(f"{MODULE}.nn.utils")


def params(*grads, dtype=torch.float32):
    made = []
    for grad in grads:
        p = torch.nn.Parameter(torch.zeros(len(grad), dtype=dtype))
        p.grad = torch.tensor(grad, dtype=dtype)
        made.append(p)
    return made


@pytest.mark.parametrize(
    ("norm_type", "norm"), [(2.0, 5.0), (2, 5.0), (1, 7.0), (inf, 4.0), (3, 91 ** (1 / 3))]
)
def test_norm_is_that_of_all_gradients(norm_type, norm):
    ps = params([3.0], [0.0, -4.0])
    ps.append(torch.nn.Parameter(torch.zeros(1)))
    total = utils.clip_grad_norm_(ps, 1.0, norm_type)
    assert_values(total, norm)
    factor = 1 / (norm + 1e-6)
    assert_values(ps[0].grad, [3 * factor])
    assert_values(ps[1].grad, [0, -4 * factor])
    assert ps[2].grad is None and not total.requires_grad


def test_small_gradients_are_left_alone():
    (p,) = params([0.3, 0.4])
    assert utils.clip_grad_norm_(p, 1.0).item() == pytest.approx(0.5)
    assert_values(p.grad, [0.3, 0.4])


def test_clipping_takes_a_generator_and_writes_in_place():
    (p,) = params([3.0, 4.0])
    grad = p.grad
    utils.clip_grad_norm_((q for q in [p]), 1)
    assert p.grad is grad and grad.tolist() == pytest.approx([0.6, 0.8])


def test_nothing_to_clip_gives_zero():
    p = torch.nn.Parameter(torch.zeros(1))
    assert utils.clip_grad_norm_([p], 1.0).item() == 0
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    with recorded_warnings() as caught:
        utils.clip_grad_norm_((q for q in ()), 1.0)
    assert [str(w.message) for w in caught] == [
        "`parameters` is an empty generator, no gradient clipping will occur."
    ]


@pytest.mark.parametrize("value", [inf, nan])
def test_norm_that_is_not_finite(value):
    (p,) = params([value, 1.0])
    with pytest.raises(RuntimeError, match="The total norm of order 2.0 for gradients from `param"):
        utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad[1].item() == 1
    utils.clip_grad_norm_(p, 1.0)
    assert math.isnan(p.grad[0].item())
    assert_values(p.grad[1], 0.0 if value == inf else nan)


def test_clip_by_value():
    p, q = params([-3.0, 0.5, 3.0], [nan])
    assert utils.clip_grad_value_([p, q], 1) is None
    assert p.grad.tolist() == [-1, 0.5, 1] and math.isnan(q.grad.item())
    utils.clip_grad_value_(p, 0.25)
    assert p.grad.tolist() == [-0.25, 0.25, 0.25]


def test_parts_of_clipping():
    ps = params([3.0], [4.0], dtype=torch.float64)
    total = utils.get_total_norm([p.grad for p in ps])
    assert total.item() == 5 and total.dtype == torch.float64
    utils.clip_grads_with_norm_(ps, 10.0, total)
    assert ps[0].grad.item() == 3
    utils.clip_grads_with_norm_(ps, 2.5, total)
    assert_values(ps[0].grad, [1.5], rel=1e-6)


def test_old_name_warns():
    (p,) = params([3.0, 4.0])
    with recorded_warnings() as caught:
        assert utils.clip_grad_norm(p, 1.0).item() == 5
    assert caught[0].category is FutureWarning


def test_parameters_as_one_vector_and_back():
    a, b = torch.nn.Parameter(torch.ones(2, 2)), torch.nn.Parameter(torch.zeros(3))
    vec = utils.parameters_to_vector([a, b])
    assert vec.tolist() == [1] * 4 + [0] * 3 and vec.requires_grad
    (vec * 2).sum().backward()
    assert a.grad.tolist() == [[2, 2], [2, 2]]
    new = torch.arange(7.0)
    utils.vector_to_parameters(new, [a, b])
    assert a.tolist() == [[0, 1], [2, 3]] and b.tolist() == [4, 5, 6] and a.is_leaf
    assert a.data_ptr() == new.data_ptr()
    with pytest.raises(TypeError, match="expected torch.Tensor, but got: list"):
        utils.vector_to_parameters([1], [a])

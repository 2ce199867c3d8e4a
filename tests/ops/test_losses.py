"""Losses of two tensors: values, kinks, reductions, dtypes, what their nodes save."""

import pytest
from support import ON_TORCH, inf, leaf, nan, torch

core = torch._C._nn if ON_TORCH else torch._C
LOSSES = {
    name: getattr(core, name if ON_TORCH else "_" + name)
    for name in ("mse_loss", "smooth_l1_loss", "huber_loss")
}
every_loss = pytest.mark.parametrize("name", LOSSES)
NONE, MEAN, SUM = 0, 1, 2


def gradient(name, values, *options):
    x = leaf(values)
    (grad,) = torch.autograd.grad(LOSSES[name](x, torch.zeros(len(values)), *options), [x])
    return grad.tolist()


@every_loss
def test_reductions_keep_average_and_sum_the_same_terms(name):
    x, y = torch.tensor([[0.5, 3.0, -2.0]]), torch.zeros(1, 3)
    terms = LOSSES[name](x, y, NONE)
    assert terms.shape == (1, 3)
    assert LOSSES[name](x, y, SUM).item() == terms.sum().item()
    assert LOSSES[name](x, y, MEAN).item() == pytest.approx(terms.mean().item())


def test_terms_are_parabolas_with_straight_ends():
    x, y = torch.tensor([0.5, 3.0]), torch.zeros(2)
    assert LOSSES["mse_loss"](x, y, NONE).tolist() == [0.25, 9.0]
    assert LOSSES["smooth_l1_loss"](x, y, NONE, 2.0).tolist() == [0.0625, 2.0]
    assert LOSSES["huber_loss"](x, y, NONE, 2.0).tolist() == [0.125, 4.0]


def test_slopes_at_kinks_infinities_and_nan():
    points = [1.0, -1.0, 0.0, inf, -inf]
    assert gradient("smooth_l1_loss", points, SUM) == [1.0, -1.0, 0.0, 1.0, -1.0]
    assert gradient("huber_loss", points, SUM, 1.0) == [1.0, -1.0, 0.0, 1.0, -1.0]
    assert gradient("huber_loss", [2.0, -3.0], SUM, 2.0) == [2.0, -2.0]
    for name in LOSSES:
        assert repr(gradient(name, [nan], SUM)) == "[nan]"


def test_smooth_l1_loss_with_beta_0_is_the_absolute_difference():
    assert LOSSES["smooth_l1_loss"](torch.tensor([-3.0]), torch.zeros(1), SUM, 0.0).item() == 3.0
    assert gradient("smooth_l1_loss", [2.0, -2.0], SUM, 0.0) == [1.0, -1.0]


@every_loss
def test_node_saves_both_tensors_and_the_reduction(name):
    x, y = leaf([1.0, 2.0]), leaf([3.0, 5.0])
    node = LOSSES[name](x, y, MEAN).grad_fn
    assert node.name() == "".join(part.title() for part in name.split("_")) + "Backward0"
    assert node._saved_self is x and node._saved_target is y and node._saved_reduction == MEAN
    assert len(node.next_functions) == 2


@every_loss
def test_gradients_of_both_sides_are_opposite_and_have_their_own_graph(name):
    x, y = leaf([1.0, 2.0]), leaf([3.0, 2.5])
    both = torch.autograd.grad(LOSSES[name](x, y, SUM), [x, y], create_graph=True)
    assert both[0].tolist() == (-both[1]).tolist()
    assert both[0].grad_fn.name() == LOSSES[name](x, y, SUM).grad_fn.name().replace(
        "Backward0", "BackwardBackward0"
    )


def test_sides_of_two_dtypes_get_gradients_of_their_own():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 5.0], dtype=torch.float64)
    loss = LOSSES["mse_loss"](x, y, MEAN)
    loss.backward()
    assert loss.dtype == torch.float64
    assert x.grad.dtype == torch.float32 and y.grad.dtype == torch.float64


@pytest.mark.parametrize(
    ("name", "kernel"),
    [("mse_loss", "mse_cpu"), ("smooth_l1_loss", "smooth_l1_cpu"), ("huber_loss", "huber_cpu")],
)
def test_integers_are_refused(name, kernel):
    ones = torch.ones(2, dtype=torch.int64)
    with pytest.raises(NotImplementedError, match=f"\"{kernel}\" not implemented for 'Long'"):
        LOSSES[name](ones, ones, MEAN)


@every_loss
def test_nothing_has_no_mean_and_the_sum_0(name):
    nothing = torch.ones(0)
    assert repr(LOSSES[name](nothing, nothing, MEAN).item()) == "nan"
    assert LOSSES[name](nothing, nothing, SUM).item() == 0.0


def test_widths_out_of_range_are_refused():
    ones = torch.ones(2)
    with pytest.raises(RuntimeError, match="smooth_l1_loss does not support negative values"):
        LOSSES["smooth_l1_loss"](ones, ones, MEAN, -1.0)
    with pytest.raises(RuntimeError, match="huber_loss does not support non-positive values"):
        LOSSES["huber_loss"](ones, ones, MEAN, 0.0)


def test_complaints_name_the_loss_without_its_underscore():
    with pytest.raises(TypeError, match=r"mse_loss\(\): argument 'target' \(position 2\) must be"):
        LOSSES["mse_loss"](torch.ones(2), 3, MEAN)
    with pytest.raises(RuntimeError, match="The size of tensor a .3. must match the size of ten"):
        LOSSES["mse_loss"](torch.ones(2, 3), torch.ones(2), MEAN)

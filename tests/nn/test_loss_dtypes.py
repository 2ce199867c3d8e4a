"""In which dtype the losses and distances of nn.functional compute, and what they refuse."""

import pytest
from support import assert_values, torch

F = torch.nn.functional
SIGNS = torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x, t: F.huber_loss(x, t, "none"),
        lambda x, t: F.soft_margin_loss(x, t, reduction="none"),
        lambda x, t: F.binary_cross_entropy(x, x, weight=t, reduction="none"),
        lambda x, t: F.poisson_nll_loss(x, x, full=True, reduction="none"),
    ],
)
def test_terms_are_stored_in_the_dtype_of_the_input(loss):
    # The target's or the weight's float64 used to win.
    assert loss(torch.full((3,), 0.5), SIGNS).dtype == torch.float32


@pytest.mark.parametrize("loss", [F.huber_loss, F.soft_margin_loss])
def test_integers_cannot_store_terms_of_floats(loss):
    with pytest.raises(
        RuntimeError, match="^result type Double can't be cast to the desired output"
    ):
        loss(torch.tensor([1, 2, 3]), SIGNS)


def test_soft_margin_of_bools_is_refused_as_their_negative_is():
    with pytest.raises(RuntimeError, match="^Negation, the `-` operator, on a bool tensor"):
        F.soft_margin_loss(torch.tensor([True, False, True]), SIGNS)


@pytest.mark.parametrize("dtypes", [(torch.int64, torch.float32), (torch.float32, torch.int64)])
def test_divergence_of_integers_is_refused(dtypes):
    a, b = (torch.ones(2, dtype=d) for d in dtypes)
    with pytest.raises(RuntimeError, match="^kl_div: Integral inputs not supported.$"):
        F.kl_div(a, b, reduction="sum")


def test_hinge_of_integers_stays_whole():
    x = torch.tensor([1, 6, 2], dtype=torch.uint8)
    y = F.hinge_embedding_loss(x, SIGNS, reduction="none")
    assert y.dtype == torch.uint8 and y.tolist() == [1, 251, 2]  # 1 - 6, in 8 bits


def test_weighted_squares_of_integers_are_whole():
    x, y = torch.tensor([1, 5]), torch.tensor([3, 2])
    assert F.mse_loss(x, y, weight=torch.tensor([1, 2]), reduction="none").tolist() == [4, 18]


def test_normalised_sixteen_bits_are_rounded_once():
    x = torch.tensor([[-2.984, -2.391, -1.797], [-1.203, -0.6094, -0.01562]], dtype=torch.bfloat16)
    want = F.rms_norm(x.float(), (3,)).bfloat16()
    assert F.rms_norm(x, (3,)).tolist() == want.tolist()


def test_normalised_by_the_mean_square_is_contiguous():
    assert F.rms_norm(torch.ones(3, 2).t(), (3,)).is_contiguous()


def test_mean_square_of_integers_is_refused():
    with pytest.raises(NotImplementedError, match="^\"rms_norm\" not implemented for 'Long'"):
        F.rms_norm(torch.ones(2, 3, dtype=torch.int64), (3,))


def test_cosine_takes_the_dtype_that_both_promote_to():
    x, y = torch.tensor([3.0, 4.0]), torch.tensor([4, 3])
    assert_values(F.cosine_similarity(x, y, dim=0), 0.96)
    with pytest.raises(
        RuntimeError, match="^expected common dtype to be floating point, yet .*Long"
    ):
        F.cosine_similarity(y, y, dim=0)

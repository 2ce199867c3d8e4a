"""Modules of activations, losses and normalisation: their repr, arguments and parameters."""

import pickle

import pytest
from support import assert_values, leaf, recorded_warnings, torch

nn, F = torch.nn, torch.nn.functional

REPRS = {
    "CELU()": "CELU(alpha=1.0)",
    "CELU(0.5, True)": "CELU(alpha=0.5, inplace=True)",
    "ELU()": "ELU(alpha=1.0)",
    "ELU(2, True)": "ELU(alpha=2, inplace=True)",
    "GELU()": "GELU(approximate='none')",
    "GELU('tanh')": "GELU(approximate='tanh')",
    "GLU()": "GLU(dim=-1)",
    "Hardshrink()": "Hardshrink(0.5)",
    "Hardsigmoid(True)": "Hardsigmoid()",
    "Hardswish(True)": "Hardswish()",
    "Hardtanh()": "Hardtanh(min_val=-1.0, max_val=1.0)",
    "Hardtanh(0, 2, True)": "Hardtanh(min_val=0, max_val=2, inplace=True)",
    "LeakyReLU()": "LeakyReLU(negative_slope=0.01)",
    "LeakyReLU(0.2, True)": "LeakyReLU(negative_slope=0.2, inplace=True)",
    "LogSigmoid()": "LogSigmoid()",
    "LogSoftmax(1)": "LogSoftmax(dim=1)",
    "Mish(True)": "Mish(inplace=True)",
    "PReLU()": "PReLU(num_parameters=1)",
    "PReLU(3)": "PReLU(num_parameters=3)",
    "ReLU6()": "ReLU6()",
    "ReLU6(True)": "ReLU6(inplace=True)",
    "RReLU()": "RReLU(lower=0.125, upper=0.3333333333333333)",
    "RReLU(0.1, 0.2, True)": "RReLU(lower=0.1, upper=0.2, inplace=True)",
    "SELU(True)": "SELU(inplace=True)",
    "SiLU()": "SiLU()",
    "SiLU(True)": "SiLU(inplace=True)",
    "Softmax(dim=1)": "Softmax(dim=1)",
    "Softmax2d()": "Softmax2d()",
    "Softmin(1)": "Softmin(dim=1)",
    "Softplus()": "Softplus(beta=1.0, threshold=20.0)",
    "Softplus(2, 3)": "Softplus(beta=2, threshold=3)",
    "Softshrink()": "Softshrink(0.5)",
    "Threshold(1, 2)": "Threshold(threshold=1, value=2)",
    "Threshold(1, 2, True)": "Threshold(threshold=1, value=2, inplace=True)",
    "LayerNorm(3)": "LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=True)",
    "LayerNorm((2, 3), eps=0.001, elementwise_affine=False)": (
        "LayerNorm((2, 3), eps=0.001, elementwise_affine=False, bias=False)"
    ),
    "LayerNorm(3, bias=False)": "LayerNorm((3,), eps=1e-05, elementwise_affine=True, bias=False)",
    "RMSNorm(4)": "RMSNorm((4,), eps=None, elementwise_affine=True)",
    "CosineSimilarity()": "CosineSimilarity()",
    "PairwiseDistance()": "PairwiseDistance()",
    "CrossEntropyLoss()": "CrossEntropyLoss()",
    "NLLLoss()": "NLLLoss()",
    "BCELoss()": "BCELoss()",
    "BCEWithLogitsLoss()": "BCEWithLogitsLoss()",
    "KLDivLoss()": "KLDivLoss()",
    "PoissonNLLLoss()": "PoissonNLLLoss()",
    "GaussianNLLLoss()": "GaussianNLLLoss()",
    "HingeEmbeddingLoss()": "HingeEmbeddingLoss()",
    "MarginRankingLoss()": "MarginRankingLoss()",
    "CosineEmbeddingLoss()": "CosineEmbeddingLoss()",
    "TripletMarginLoss()": "TripletMarginLoss()",
    "SoftMarginLoss()": "SoftMarginLoss()",
}

X = [[0.5, -1.5, 2.5], [-0.5, 4.0, 0.25]]


@pytest.mark.parametrize("call", REPRS)
def test_repr_survives_pickling(call):
    module = eval(f"nn.{call}", {"nn": nn})
    assert repr(module) == REPRS[call]
    assert repr(pickle.loads(pickle.dumps(module))) == REPRS[call]


FORWARDS = {
    "CELU(0.5)": "F.celu(x, 0.5)",
    "ELU(2.0)": "F.elu(x, 2.0)",
    "GELU('tanh')": "F.gelu(x, approximate='tanh')",
    "Hardshrink(1.0)": "F.hardshrink(x, 1.0)",
    "Hardsigmoid()": "F.hardsigmoid(x)",
    "Hardswish()": "F.hardswish(x)",
    "Hardtanh(-2.0, 0.5)": "F.hardtanh(x, -2.0, 0.5)",
    "LeakyReLU(0.2)": "F.leaky_relu(x, 0.2)",
    "LogSigmoid()": "F.logsigmoid(x)",
    "LogSoftmax(0)": "F.log_softmax(x, 0)",
    "Mish()": "F.mish(x)",
    "PReLU()": "F.prelu(x, torch.tensor(0.25))",
    "ReLU6()": "F.relu6(x)",
    "RReLU().eval()": "F.rrelu(x)",
    "SELU()": "F.selu(x)",
    "SiLU()": "F.silu(x)",
    "Softmax(1)": "F.softmax(x, 1)",
    "Softmin(1)": "F.softmin(x, 1)",
    "Softplus(2.0, 3.0)": "F.softplus(x, 2.0, 3.0)",
    "Softshrink(1.0)": "F.softshrink(x, 1.0)",
    "Threshold(0.5, 2.0)": "F.threshold(x, 0.5, 2.0)",
    "LayerNorm(3, eps=0.5)": "F.layer_norm(x, (3,), eps=0.5)",
    "RMSNorm(3, eps=0.5)": "F.rms_norm(x, (3,), eps=0.5)",
}


@pytest.mark.parametrize("call", FORWARDS)
def test_forward_is_the_function(call):
    names = {"nn": nn, "F": F, "torch": torch, "x": torch.tensor(X)}
    module = eval(f"nn.{call}", names)
    assert torch.equal(module(names["x"]), eval(FORWARDS[call], names))


def test_glu_and_softmax2d():
    x = torch.tensor(X).reshape(1, 2, 3)
    assert torch.equal(nn.GLU(1)(x), F.glu(x, 1))
    image = torch.tensor(X).reshape(2, 3, 1)
    assert torch.equal(nn.Softmax2d()(image), F.softmax(image, 0))
    with pytest.raises(ValueError, match="^Softmax2d: expected input to be 3D or 4D, got 2D inst"):
        nn.Softmax2d()(torch.tensor(X))


def test_inplace_modules_write_over_their_input():
    for module in (nn.ELU(inplace=True), nn.ReLU6(True), nn.SiLU(True), nn.Threshold(0, 0, True)):
        x = torch.tensor(X)
        assert module(x) is x


def test_softmax_without_dim_warns():
    with recorded_warnings() as caught:
        nn.Softmax()(torch.tensor(X))
    assert "Implicit dimension choice for softmax" in str(caught[0].message)


def test_parameters_and_buffers():
    prelu = nn.PReLU(3, init=0.5)
    assert_values(prelu.weight, [0.5, 0.5, 0.5])
    assert list(prelu.state_dict()) == ["weight"]
    norm = nn.LayerNorm((2, 3))
    assert_values(norm.weight, [[1.0] * 3] * 2)
    assert_values(norm.bias, [[0.0] * 3] * 2)
    assert list(nn.LayerNorm(3, elementwise_affine=False).parameters()) == []
    assert list(nn.LayerNorm(3, bias=False).state_dict()) == ["weight"]
    assert list(nn.RMSNorm(3).state_dict()) == ["weight"]
    weight = torch.tensor([1.0, 2.0])
    assert list(nn.CrossEntropyLoss(weight).state_dict()) == ["weight"]
    assert list(nn.BCEWithLogitsLoss(pos_weight=weight).state_dict()) == ["pos_weight"]


def test_deprecated_bounds_of_hardtanh_warn():
    with recorded_warnings() as caught:
        module = nn.Hardtanh(min_value=-2.0, max_value=3.0)
    assert (module.min_val, module.max_val) == (-2.0, 3.0)
    assert [w.category for w in caught] == [FutureWarning] * 2


LOSSES = {
    "CrossEntropyLoss(w, ignore_index=1)": "F.cross_entropy(x, c, w, ignore_index=1)",
    "CrossEntropyLoss(label_smoothing=0.5)": "F.cross_entropy(x, c, label_smoothing=0.5)",
    "NLLLoss(reduction='sum')": "F.nll_loss(x, c, reduction='sum')",
    "BCELoss(reduction='none')": "F.binary_cross_entropy(x, y, reduction='none')",
    "BCEWithLogitsLoss(w, pos_weight=w)": (
        "F.binary_cross_entropy_with_logits(x, y, w, pos_weight=w)"
    ),
    "KLDivLoss(reduction='batchmean')": "F.kl_div(x, y, reduction='batchmean')",
    "PoissonNLLLoss(False)": "F.poisson_nll_loss(x, y, False)",
    "HingeEmbeddingLoss(0.5)": "F.hinge_embedding_loss(x, y, 0.5)",
    "SoftMarginLoss()": "F.soft_margin_loss(x, y)",
    "GaussianNLLLoss(full=True)": "F.gaussian_nll_loss(x, y, z, full=True)",
    "MarginRankingLoss(0.5)": "F.margin_ranking_loss(x, y, z, 0.5)",
    "CosineEmbeddingLoss(0.1)": "F.cosine_embedding_loss(x, y, c * 2 - 1, 0.1)",
    "TripletMarginLoss(0.5, swap=True)": "F.triplet_margin_loss(x, y, z, 0.5, swap=True)",
}


@pytest.mark.parametrize("call", LOSSES)
def test_loss_module_is_the_function(call):
    names = {
        "nn": nn,
        "F": F,
        "x": torch.tensor(X).sigmoid(),
        "y": torch.tensor([row[::-1] for row in X]).sigmoid(),
        "z": torch.tensor(X).exp(),
        "c": torch.tensor([0, 1]),
        "w": torch.tensor([0.5, 1.5, 1.0]),
    }
    function = LOSSES[call]
    arguments = "x, y, z" if "z" in function else "x, y, c * 2 - 1" if "c * 2" in function else ""
    arguments = arguments or ("x, c" if "x, c" in function else "x, y")
    module = eval(f"nn.{call}", names)
    got = eval(f"module({arguments})", names | {"module": module})
    assert torch.equal(got, eval(function, names))


def test_triplet_margin_refuses_no_margin():
    with pytest.raises(ValueError, match="^TripletMarginLoss: expected margin to be greater than"):
        nn.TripletMarginLoss(margin=0)


def test_distance_modules():
    a, b = leaf(X), torch.tensor(X) + 1
    assert torch.equal(nn.CosineSimilarity(0)(a, b), F.cosine_similarity(a, b, 0))
    assert torch.equal(nn.PairwiseDistance(1.0)(a, b), F.pairwise_distance(a, b, 1.0))

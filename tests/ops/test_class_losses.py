"""Losses of classes, probabilities, margins and distances, against sums in Python."""

import math

import pytest
from support import assert_values, inf, leaf, nan, recorded_warnings, torch

F = torch.nn.functional

# Of PyTorch: test_cross_entropy_values_of_pytorch.
RECORDED = {
    "plain": 1.3531626429307546,
    "weight": 0.8258428669995235,
    "smooth": 1.2665176650478198,
    "soft": 1.0008371529799776,
}
REDUCTIONS = ("none", "mean", "sum")


def spread(*shape, scale=2.0, dtype=torch.float64):
    n = math.prod(shape)
    return torch.tensor(
        [scale * math.sin(1.7 * i * i + 0.3) for i in range(n)], dtype=dtype
    ).reshape(shape)


def classes(*shape, count=3):
    n = math.prod(shape)
    return torch.tensor([i * i % count for i in range(n)], dtype=torch.int64).reshape(shape)


def reduced(terms, weights, reduction):
    if reduction == "none":
        return terms
    total = math.fsum(terms)
    return total / math.fsum(weights) if reduction == "mean" else total


def exact_nll(logs, target, weight, ignored, reduction):
    """Of (N, C, places) as nested lists."""
    terms, weights = [], []
    for lines, line_targets in zip(logs, target, strict=True):
        for place, c in enumerate(line_targets):
            w = 0.0 if c == ignored else weight[c]
            weights.append(w)
            terms.append(0.0 if c == ignored else -w * lines[c][place])
    return reduced(terms, weights, reduction)


SHAPES = [(4, 3), (2, 3, 5), (2, 3, 2, 2), (2, 3, 2, 1, 3)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_nll_loss_of_every_rank(shape, reduction, weighted):
    x = spread(*shape).requires_grad_()
    target = classes(shape[0], *shape[2:])
    weight = torch.tensor([0.5, 1.5, 2.0], dtype=torch.float64) if weighted else None
    got = F.nll_loss(x, target, weight=weight, ignore_index=1, reduction=reduction)
    want = exact_nll(
        x.reshape(shape[0], 3, -1).tolist(),
        target.reshape(shape[0], -1).tolist(),
        weight.tolist() if weighted else [1.0] * 3,
        1,
        reduction,
    )
    assert got.shape == (target.shape if reduction == "none" else ())
    assert_values(got.reshape(-1), want if reduction == "none" else [want], rel=1e-12)
    if len(shape) in (2, 4):
        assert got.grad_fn.name() == f"NllLoss{'2D' if len(shape) == 4 else ''}Backward0"
        assert got.grad_fn._saved_ignore_index == 1 and got.grad_fn._saved_self is x


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_classes_are_probabilities_of_one(shape, smoothing, reduction):
    x = spread(*shape).requires_grad_()
    target = classes(shape[0], *shape[2:])
    columns = [(target == c).double() for c in range(3)]
    hot = torch.stack(columns, 1)
    arguments = {"reduction": reduction, "label_smoothing": smoothing}
    by_class = F.cross_entropy(x, target, **arguments)
    by_probability = F.cross_entropy(x, hot, **arguments)
    if reduction == "mean":  # of all places, not of the batch alone
        by_probability = by_probability * 1.0
    assert torch.allclose(by_class, by_probability, rtol=1e-12, atol=1e-12)
    slopes = [torch.autograd.grad(y.sum(), x)[0] for y in (by_class, by_probability)]
    assert torch.allclose(*slopes, rtol=1e-11, atol=1e-12)


def test_cross_entropy_values_of_pytorch():
    x = leaf([[0.3, -1.7, 2.6], [-0.2, 0.9, -3.3]], dtype=torch.float64)
    target = torch.tensor([0, 1])
    weight = torch.tensor([0.5, 1.5, 2.0], dtype=torch.float64)
    assert_values(F.cross_entropy(x, target), RECORDED["plain"], rel=1e-12)
    assert_values(F.cross_entropy(x, target, weight), RECORDED["weight"], rel=1e-12)
    smooth = F.cross_entropy(x, target, weight, label_smoothing=0.2)
    assert_values(smooth, RECORDED["smooth"], rel=1e-12)
    names = [edge[0].name() for edge in smooth.grad_fn.next_functions]
    assert smooth.grad_fn.name() == "AddBackward0" and names == ["MulBackward1"] * 2
    soft = F.cross_entropy(x, x.detach().softmax(1), weight, label_smoothing=0.2)
    assert_values(soft, RECORDED["soft"], rel=1e-12)
    assert soft.grad_fn.name() == "DivBackward1" and soft.grad_fn._saved_other == 2


def test_nothing_to_average_is_nan():
    x = spread(2, 3)
    none = torch.tensor([-100, -100])
    assert math.isnan(F.nll_loss(x, none))
    assert F.nll_loss(x, none, reduction="sum").item() == 0
    assert math.isnan(F.nll_loss(x[:0], none[:0]))
    assert F.cross_entropy(x[:0], none[:0], reduction="none").shape == (0,)
    assert math.isnan(F.cross_entropy(x[:0], x[:0]))
    assert math.isnan(F.nll_loss(torch.ones(2, 3, 0), torch.ones(2, 0, dtype=torch.int64)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_dtypes_of_nll_loss(dtype):
    x = spread(4, 3).to(dtype).requires_grad_()
    loss = F.nll_loss(x, classes(4).to(torch.uint8))
    assert loss.dtype == dtype and loss.grad_fn._saved_total_weight.dtype == dtype
    loss.backward()
    assert x.grad.dtype == dtype and x.grad.sum().item() == -1


CALLS = [
    ("nll_loss(x[0, 0], c[0])", ValueError, r"Expected 1 or more dimensions \(got 0\)"),
    ("nll_loss(x, c[:1])", ValueError, r"Expected input batch_size \(2\) to match target batch_s"),
    ("nll_loss(x, c[0])", ValueError, r"Expected input batch_size \(2\) to match target batch_siz"),
    ("nll_loss(x[0], c)", ValueError, "For 1D input, 1D target must have size 1, but got target"),
    ("nll_loss(x, c.reshape(2, 1))", RuntimeError, "0D or 1D target tensor expected, multi-target"),
    ("nll_loss(x, c + 3)", IndexError, "Target 3 is out of bounds."),
    ("nll_loss(x, c - 1)", IndexError, "Target -1 is out of bounds."),
    ("nll_loss(x, c.float())", RuntimeError, "expected target dtype to be Long or Byte, but got F"),
    ("nll_loss(x, c.int())", RuntimeError, "expected target dtype to be Long or Byte, but got Int"),
    ("nll_loss(x.int(), c)", NotImplementedError, '"nll_loss_out_frame" not implemented for'),
    ("nll_loss(x, c, x[0, :2])", RuntimeError, "weight tensor should be defined either for all 3"),
    ("nll_loss(x, c, x[0].float())", RuntimeError, "expected scalar type Double but found Float"),
    (
        "nll_loss(x, c, leaf([1.0] * 3))",
        RuntimeError,
        "The function 'nll_loss_forward' is not diff",
    ),
    ("nll_loss(x, c, reduction='all')", ValueError, "all is not a valid value for reduction"),
    ("nll_loss(v, c.reshape(2, 1))", RuntimeError, r"Expected target size \[2, 4\], got \[2, 1\]"),
    ("nll_loss(v.unsqueeze(3), c)", RuntimeError, "only batches of spatial targets supported"),
    ("cross_entropy(x, c.float())", RuntimeError, "expected target dtype to be Long or Byte, but"),
    ("cross_entropy(x, x.long())", RuntimeError, "Expected floating point type for target with cl"),
    ("cross_entropy(x, x, ignore_index=2)", RuntimeError, "ignore_index is not supported for floa"),
    ("cross_entropy(x, c, label_smoothing=2)", RuntimeError, "label_smoothing must be between 0.0"),
    ("cross_entropy(x, x, x[0, :2])", RuntimeError, "cross_entropy: weight tensor should be defin"),
    ("cross_entropy(x.long(), c)", NotImplementedError, '"log_softmax_lastdim_kernel_impl" not im'),
    ("binary_cross_entropy(x, x[0])", ValueError, "Using a target size"),
    ("binary_cross_entropy(x * 9, x)", RuntimeError, "all elements of input should be between 0"),
    ("binary_cross_entropy(x, x * 9)", RuntimeError, "all elements of target should be between 0"),
    ("binary_cross_entropy(x * nan, x)", RuntimeError, "all elements of input should be between"),
    ("binary_cross_entropy(x, x.float())", RuntimeError, "Found dtype Float but expected Double"),
    ("binary_cross_entropy_with_logits(x, x[0])", ValueError, "Target size"),
    ("margin_ranking_loss(x, x, x[0])", RuntimeError, "margin_ranking_loss : All input tensors sh"),
    ("cosine_embedding_loss(x, x, x)", RuntimeError, "0D or 1D target tensor expected, multi-targ"),
    (
        "cosine_embedding_loss(x, x, c[0])",
        RuntimeError,
        "0D target tensor expects 1D input tensors",
    ),
    ("triplet_margin_loss(x, x, x[0])", RuntimeError, "The anchor, positive, and negative tensors"),
    (
        "triplet_margin_loss(x, x, x, margin=-1)",
        ValueError,
        "margin must be greater than 0, got -1",
    ),
    ("gaussian_nll_loss(x, x, -x)", ValueError, "var has negative entry/entries"),
    ("gaussian_nll_loss(x, x, x[0])", ValueError, "var is of incorrect size"),
    ("poisson_nll_loss(x, x, reduction='a')", ValueError, "a is not a valid value for reduction"),
]


@pytest.mark.parametrize(("call", "error", "message"), CALLS, ids=[call for call, *_ in CALLS])
def test_bad_arguments_raise(call, error, message):
    x = torch.full((2, 3), 0.5, dtype=torch.float64)
    names = {"x": x, "v": torch.ones(2, 3, 4), "c": torch.tensor([0, 0]), "F": F}
    with pytest.raises(error, match="^" + message):
        eval(f"F.{call}", names | {"nan": nan, "leaf": lambda v: leaf(v, dtype=torch.float64)})


def test_binary_cross_entropy_is_cut_at_certainty():
    x = torch.tensor([0.0, 1.0, 1.0, 0.0, 0.5], dtype=torch.float64)
    t = torch.tensor([1.0, 0.0, 1.0, 0.0, 0.5], dtype=torch.float64)
    got = F.binary_cross_entropy(x, t, reduction="none")
    assert_values(got, [100.0, 100.0, 0.0, 0.0, math.log(2)])
    x.requires_grad_()
    F.binary_cross_entropy(x, t, reduction="sum").backward()
    assert_values(x.grad, [-1e12, 1e12, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_both_forms_of_binary_cross_entropy_agree(reduction):
    x, t = spread(3, 4).requires_grad_(), spread(3, 4).sigmoid()
    weight = spread(4).exp()
    got = F.binary_cross_entropy_with_logits(x, t, weight, reduction=reduction)
    want = F.binary_cross_entropy(x.sigmoid(), t, weight, reduction=reduction)
    assert torch.allclose(got, want, rtol=1e-12, atol=1e-13)
    slopes = [torch.autograd.grad(y.sum(), x)[0] for y in (got, want)]
    assert torch.allclose(*slopes, rtol=1e-10, atol=1e-13)
    doubled = F.binary_cross_entropy_with_logits(
        x, t, pos_weight=torch.tensor(2.0).double(), reduction="none"
    )
    plain = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    assert torch.allclose(doubled, plain + t * F.softplus(-x), rtol=1e-12, atol=1e-13)


def test_logits_do_not_overflow():
    x = torch.tensor([1e4, -1e4, inf], requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(x, torch.tensor([0.0, 1.0, 1.0]), reduction="none")
    assert_values(loss[:2], [1e4, 1e4])
    (slope,) = torch.autograd.grad(loss[:2].sum(), x)
    assert_values(slope, [1.0, -1.0, 0.0])


def test_kl_div():
    x, t = spread(2, 3).log_softmax(1), spread(2, 3).softmax(1)
    each = [
        [b * (math.log(b) - a) for a, b in zip(*rows, strict=True)]
        for rows in zip(x.tolist(), t.tolist(), strict=True)
    ]
    total = math.fsum(sum(each, []))
    assert_values(F.kl_div(x, t, reduction="none"), each)
    assert_values(F.kl_div(x, t, reduction="batchmean"), total / 2)
    assert_values(F.kl_div(x, t.log(), reduction="sum", log_target=True), total)
    assert_values(F.kl_div(x, torch.tensor([0.0, 0.5, 0.5]).double(), reduction="none")[0][0], 0.0)
    with recorded_warnings() as caught:
        assert_values(F.kl_div(x, t), total / 6)
    assert str(caught[0].message).startswith("reduction: 'mean' divides the total loss by both")


def test_likelihoods_of_counts_and_numbers():
    x, t = torch.tensor([0.5, 1.5]), torch.tensor([1.0, 4.0])
    poisson = [math.exp(0.5) - 0.5, math.exp(1.5) - 6]
    assert_values(F.poisson_nll_loss(x, t, reduction="none"), poisson)
    stirling = 4 * math.log(4) - 4 + 0.5 * math.log(8 * math.pi)
    full = F.poisson_nll_loss(x, t, full=True, reduction="none")
    assert_values(full, [poisson[0], poisson[1] + stirling])
    direct = F.poisson_nll_loss(x, t, log_input=False, reduction="sum")
    assert_values(direct, 0.5 - math.log(0.5) + 1.5 - 4 * math.log(1.5))
    gauss = [0.5 * (math.log(2) + 0.25 / 2), 0.5 * (math.log(2) + 6.25 / 2)]
    assert_values(F.gaussian_nll_loss(x, t, 2.0, reduction="none"), gauss)
    constant = 0.5 * math.log(2 * math.pi)
    assert_values(F.gaussian_nll_loss(x, t, 2.0, full=True), sum(gauss) / 2 + constant)
    variance = torch.tensor([0.0, 2.0], requires_grad=True)
    F.gaussian_nll_loss(x, t, variance, eps=0.5).backward()
    assert variance.grad is not None and variance.tolist() == [0.0, 2.0]


def test_losses_of_margins():
    a, b = torch.tensor([1.0, 2.0, -1.0]), torch.tensor([0.5, 2.5, 1.0])
    sign = torch.tensor([1.0, -1.0, 1.0])
    ranking = F.margin_ranking_loss(a, b, sign, margin=0.25, reduction="none")
    assert_values(ranking, [0.0, 0.0, 2.25])
    hinge = F.hinge_embedding_loss(a, sign, margin=2.5, reduction="none")
    assert_values(hinge, [1.0, 0.5, -1.0])
    soft = F.soft_margin_loss(a, sign, reduction="none")
    assert_values(soft, [math.log1p(math.exp(-v)) for v in (1, -2, -1)])
    a.requires_grad_()
    assert F.soft_margin_loss(a, sign).grad_fn.name() == "SoftMarginLossBackward0"


def test_distances():
    a = torch.tensor([[3.0, 4.0], [1.0, 0.0]], dtype=torch.float64)
    b = torch.tensor([[4.0, 3.0], [0.0, 2.0]], dtype=torch.float64)
    assert_values(F.cosine_similarity(a, b), [24 / 25, 0.0])
    assert_values(F.cosine_similarity(a * 0, b), [0.0, 0.0])
    assert torch.cosine_similarity is F.cosine_similarity
    distance = F.pairwise_distance(a, b, eps=0.0)
    assert_values(distance, [math.sqrt(2), math.sqrt(5)])
    assert F.pairwise_distance(a, b, p=1, keepdim=True).shape == (2, 1)
    assert_values(F.normalize(a), [[0.6, 0.8], [1.0, 0.0]])
    assert_values(F.normalize(a * 0), [[0.0, 0.0], [0.0, 0.0]])
    assert_values(F.normalize(a, p=1, dim=0), [[0.75, 1.0], [0.25, 0.0]])
    embedding = F.cosine_embedding_loss(a, b, torch.tensor([1, -1]), -0.5, reduction="none")
    assert_values(embedding, [1 / 25, 0.5], rel=1e-6)
    triplet = F.triplet_margin_loss(a, b, b + 1, margin=3.0, eps=0.0, reduction="none")
    assert_values(triplet, [3 + math.sqrt(2) - 2, 3 + math.sqrt(5) - 3])


@pytest.mark.parametrize(("shape", "target"), [((1, 2), [1]), ((2,), 1), ((1, 2, 1, 1), [[[1]]])])
def test_gradient_of_nll_loss_depends_on_the_input(shape, target):
    # What create_graph=True gave did not require grad.
    x = torch.tensor([1.0, 2.0]).reshape(shape).requires_grad_()
    loss = F.nll_loss(x, torch.tensor(target))
    weight = torch.ones_like(loss).requires_grad_()
    (first,) = torch.autograd.grad(loss, x, weight, create_graph=True)
    assert first.grad_fn.name() == f"NllLoss{'2D' if len(shape) == 4 else ''}BackwardBackward0"
    by_x, by_weight = torch.autograd.grad(first.sum(), (x, weight))
    assert by_x.tolist() == torch.zeros(shape).tolist() and by_weight.item() == -1


def test_a_distance_keeps_its_order_as_a_float():
    a = leaf([[1.0, 2.0]])
    assert repr(F.pairwise_distance(a, a * 2, p=3).grad_fn._saved_p) == "3.0"
    assert F.pairwise_distance(a, a * 2, torch.tensor(2.0)).grad_fn._saved_p == 2.0
    for given, name in ((("a",), "p"), ((None,), "p"), ((2, "e"), "eps")):
        with pytest.raises(
            TypeError, match=f"^pairwise_distance.*: argument '{name}' .position .. must be float"
        ):
            F.pairwise_distance(a, a * 2, *given)

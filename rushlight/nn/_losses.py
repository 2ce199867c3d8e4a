"""The losses of ``nn.functional`` that compare classes, probabilities and distances."""

import math
import warnings

from rushlight import _C
from rushlight._arguments import check_tensor
from rushlight.functional import broadcast_shapes

from . import _reduction as _Reduction
from ._distances import pairwise_distance

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cosine_embedding_loss",
    "cross_entropy",
    "gaussian_nll_loss",
    "hinge_embedding_loss",
    "kl_div",
    "margin_ranking_loss",
    "nll_loss",
    "poisson_nll_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
]

_C._add_package_globals(globals())


def _code(reduction, size_average, reduce):
    if size_average is not None or reduce is not None:
        reduction = _Reduction.legacy_get_string(size_average, reduce)
    return _Reduction.get_enum(reduction)


def _reduced(values, code):
    return values if code == 0 else values.sum() if code == 2 else values.mean()


def nll_loss(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
):
    """Minus the input at each target class: its mean, its sum, or each.

    input: log-probabilities ``(C)``, ``(N, C)`` or ``(N, C, ...)``. target: int64 or uint8 classes
    ``()``, ``(N)`` or ``(N, ...)`` in [0, C). weight: Tensor ``(C)``; the mean is over the weights.
    ignore_index: a class that counts nothing. size_average, reduce: deprecated, say ``reduction``.
    Raises: ValueError for sizes that do not fit or another reduction; IndexError for a class
    outside; RuntimeError for other dtypes.
    """
    code = _code(reduction, size_average, reduce)
    return _C._nll_loss(input, target, weight, code, ignore_index)


def cross_entropy(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
):
    """``nll_loss`` of ``log_softmax(input)``, for classes or for their probabilities.

    target: classes as in ``nll_loss``, or floats of the input's shape: the probability of each
    class. label_smoothing: in [0, 1], the part of a target that is spread over all classes.
    Other arguments, what is raised: as ``nll_loss``.
    """
    code = _code(reduction, size_average, reduce)
    return _C._cross_entropy_loss(input, target, weight, code, ignore_index, label_smoothing)


def binary_cross_entropy(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean"
):
    """``-target * log(input) - (1 - target) * log(1 - input)``; logarithms end at -100.

    input, target: Tensors of one shape with elements in [0, 1]. weight: broadcasts to it.
    Raises: ValueError where the shapes differ; RuntimeError for elements outside [0, 1].
    """
    code = _code(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}) is deprecated. Please ensure they have the same size."
        )
    if weight is not None:
        weight = weight.expand(broadcast_shapes(target.size(), weight.size()))
    return _C._binary_cross_entropy(input, target, weight, code)


def binary_cross_entropy_with_logits(
    input,
    target,
    weight=None,
    size_average=None,
    reduce=None,
    reduction="mean",
    pos_weight=None,
):
    """``binary_cross_entropy`` of ``sigmoid(input)``, which neither overflows nor loses digits.

    weight, pos_weight: broadcast to the input; pos_weight multiplies what target says is true.
    Raises: ValueError where the shapes of input and target differ.
    """
    code = _code(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(
            f"Target size ({target.size()}) must be the same as input size ({input.size()})"
        )
    return _C.binary_cross_entropy_with_logits(input, target, weight, pos_weight, code)


_KL_MEAN = (
    "reduction: 'mean' divides the total loss by both the batch size and the support size."
    "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
    "'mean' will be changed to behave the same as 'batchmean' in the next major release."
)


def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """``target * (log(target) - input)`` for an input of log-probabilities.

    log_target: the target is given as log-probabilities, too. reduction: "batchmean" divides the
    sum by the size of dimension 0, which is the divergence of a batch; warns for "mean".
    Raises: RuntimeError for tensors that are not of floating point.
    """
    if size_average is not None or reduce is not None:
        code = _code(reduction, size_average, reduce)
    else:
        if reduction == "mean":
            warnings.warn(_KL_MEAN, stacklevel=2)
        code = _Reduction.get_enum("sum" if reduction == "batchmean" else reduction)
    if not (input.is_floating_point() and target.is_floating_point()):
        raise RuntimeError("kl_div: Integral inputs not supported.")
    if log_target:
        values = target.exp() * (target - input)
    else:
        values = _C.xlogy(target, target) - target * input
    values = _reduced(values, code)
    if reduction == "batchmean" and input.dim() != 0:
        values = values / input.size()[0]
    return values


def poisson_nll_loss(
    input,
    target,
    log_input=True,
    full=False,
    size_average=None,
    eps=1e-8,
    reduce=None,
    reduction="mean",
):
    """``exp(input) - target * input``, or ``input - target * log(input + eps)``.

    log_input: the input is the logarithm of the rate. full: adds Stirling's term for targets
    above 1. Other arguments: as ``nll_loss``.
    """
    if size_average is not None or reduce is not None:
        reduction = _Reduction.legacy_get_string(size_average, reduce)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    if log_input:
        values = input.exp() - target * input
    else:
        values = input - target * (input + eps).log()
    if full:
        term = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        values += term.masked_fill(target <= 1, 0)
    return _reduced(values, _Reduction.get_enum(reduction))


def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """``(log(var) + (input - target) ** 2 / var) / 2`` with var at least eps.

    var: Tensor of the input's shape, or with 1 in, or without, its last dimension; or a float.
    full: adds ``log(2 pi) / 2``.
    Raises: ValueError for a negative var, one of another size, or another reduction.
    """
    if isinstance(var, float):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * _C.ones_like(input)
    elif _C.any(var < 0):
        raise ValueError("var has negative entry/entries")
    if var.size() != input.size():
        pairs = list(zip(input.size(), var.size(), strict=False))
        if input.size()[:-1] == var.size():
            var = var.unsqueeze(-1)
        elif input.ndim != var.ndim or sum(b for a, b in pairs if a != b) != 1:
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not valid")
    var = var.clone()
    with _C.no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss += 0.5 * math.log(2 * math.pi)
    return _reduced(loss, _Reduction.get_enum(reduction))


def hinge_embedding_loss(
    input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"
):
    """input where target is 1, ``max(0, margin - input)`` where it is -1."""
    code = _code(reduction, size_average, reduce)
    zero = _C.zeros((), dtype=input.dtype)
    gap = _C.full_like(input, margin).sub_(input)  # in the input's dtype, of integers too
    apart = _C.where(target != 1, gap.clamp_min(0), zero)
    near = _C.where(target != -1, input, zero)
    return _reduced(apart + near, code)


def margin_ranking_loss(
    input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"
):
    """``max(0, -target * (input1 - input2) + margin)``.

    Raises: RuntimeError where the numbers of dimensions differ.
    """
    code = _code(reduction, size_average, reduce)
    if input1.dim() != input2.dim() or input1.dim() != target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return _reduced(_C._add_number(-target * (input1 - input2), margin).clamp_min(0), code)


def cosine_embedding_loss(
    input1, input2, target, margin=0, size_average=None, reduce=None, reduction="mean"
):
    """``1 - cos`` where target is 1, ``max(0, cos - margin)`` where it is -1.

    input1, input2: Tensors ``(N, D)`` with target ``(N)``, or ``(D)`` with target ``()``.
    Raises: RuntimeError for other shapes.
    """
    code = _code(reduction, size_average, reduce)
    ndim = target.dim()
    if ndim not in (0, 1):
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.dim() != ndim + 1 or input2.dim() != ndim + 1:
        wanted, inputs = ("1D", "2D") if ndim else ("0D", "1D")
        raise RuntimeError(
            f"{wanted} target tensor expects {inputs} input tensors, but found inputs with sizes "
            f"{list(input1.size())} and {list(input2.size())}."
        )
    product = (input1 * input2).sum(ndim)
    squares = [(t * t).sum(ndim) + 1e-12 for t in (input1, input2)]
    cosine = product / (squares[0] * squares[1]).sqrt()
    near = _C.where(target == 1, 1 - cosine, 0.0)
    apart = _C.where(target == -1, (cosine - margin).clamp_min(0), 0.0)
    return _reduced(near + apart, code)


def triplet_margin_loss(
    anchor,
    positive,
    negative,
    margin=1.0,
    p=2,
    eps=1e-6,
    swap=False,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """``max(0, margin + distance(anchor, positive) - distance(anchor, negative))``.

    p, eps: as ``pairwise_distance``. swap: the negative's distance is the smaller one of those to
    the anchor and to the positive.
    Raises: RuntimeError where the numbers of dimensions differ; ValueError for a margin of 0 or
    below.
    """
    code = _code(reduction, size_average, reduce)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    given = {"anchor": anchor, "positive": positive, "negative": negative}
    for position, (name, tensor) in enumerate(given.items(), 1):
        check_tensor("triplet_margin_loss", tensor, name, position)
    dims = [t.dim() for t in given.values()]
    if len(set(dims)) > 1:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {dims[0]}D, positive {dims[1]}D, and negative "
            f"{dims[2]}D inputs"
        )
    near = pairwise_distance(anchor, positive, p, eps)
    apart = pairwise_distance(anchor, negative, p, eps)
    if swap:
        apart = _C.minimum(apart, pairwise_distance(positive, negative, p, eps))
    return _reduced((_C._add_number(near, margin) - apart).clamp_min(0), code)


def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """``log(1 + exp(-target * input))`` for targets of 1 and -1."""
    return _C._soft_margin_loss(input, target, _code(reduction, size_average, reduce))


for _name in __all__:
    globals()[_name].__module__ = "rushlight.nn.functional"  # what errors and pickles say
_C._overridable_module(globals(), "cosine_similarity", "pairwise_distance", "broadcast_shapes")

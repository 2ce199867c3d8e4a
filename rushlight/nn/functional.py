"""The functions behind the modules: ``torch.nn.functional``."""

import warnings

from rushlight import _C
from rushlight._C import _linear as linear
from rushlight._missing import module_getattr
from rushlight._sets import embedding_renorm_ as _renorm
from rushlight._sets import one_hot
from rushlight.functional import broadcast_tensors

from . import _reduction as _Reduction

__all__ = [
    "embedding",
    "huber_loss",
    "l1_loss",
    "linear",
    "mse_loss",
    "one_hot",
    "relu",
    "relu_",
    "sigmoid",
    "smooth_l1_loss",
    "softsign",
    "tanh",
    "tanhshrink",
]

_C._add_package_globals(globals())

linear.__module__ = __name__  # where a pickle finds it

_SAME_SIZE = (
    "Using a target size ({}) that is different to the input size ({}). This will likely lead to "
    "incorrect results due to broadcasting. Please ensure they have the same size."
)


# --- activations --------------------------------------------------------------------------------


def relu(input, inplace=False):
    """``max(0, x)`` of each element; ``inplace`` writes it over the input."""
    return input.relu_() if inplace else _C.relu(input)


relu_ = _C.Tensor.relu_


def sigmoid(input):
    """``1 / (1 + exp(-x))`` of each element."""
    return input.sigmoid()


def tanh(input):
    """Hyperbolic tangent of each element."""
    return input.tanh()


def softsign(input):
    """``x / (1 + |x|)`` of each element."""
    return input / (input.abs() + 1)


def tanhshrink(input):
    """``x - tanh(x)`` of each element."""
    return input - input.tanh()


# --- tables -------------------------------------------------------------------------------------


def embedding(
    input,
    weight,
    padding_idx=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    sparse=False,
):
    """Look up the rows of ``weight`` that ``input`` names.

    input: Tensor ``(*)`` of int64 or int32. weight: Tensor ``(rows, width)``.
    padding_idx: a row whose gradient stays 0; negative: from the end. max_norm: the rows that are
    looked up are first scaled, in place, to a norm of at most this; norm_type: which p-norm.
    scale_grad_by_freq: a row's gradient is divided by how often it is looked up.
    sparse: accepted, but a backward pass refuses it: there are no sparse tensors.
    Returns: Tensor ``(*, width)``. Raises: IndexError for a row that does not exist.
    """
    if padding_idx is not None:
        rows = weight.size(0)
        inside = -rows <= padding_idx < rows or padding_idx == 0
        assert inside, "Padding_idx must be within num_embeddings"
        padding_idx = padding_idx + rows if padding_idx < 0 else padding_idx
    if max_norm is not None:
        with _C.no_grad():
            _renorm(weight, input, max_norm, norm_type)
    padding = -1 if padding_idx is None else padding_idx
    return _C.embedding(weight, input, padding, scale_grad_by_freq, sparse)


# --- losses -------------------------------------------------------------------------------------


def _prepared(input, target, reduction, size_average, reduce):
    """Both tensors in one shape, and the number of the reduction. Warns where shapes differ."""
    if target.size() != input.size():
        warnings.warn(_SAME_SIZE.format(target.size(), input.size()), stacklevel=3)
        input, target = broadcast_tensors(input, target)
    if size_average is not None or reduce is not None:
        reduction = _Reduction.legacy_get_string(size_average, reduce)
    return input, target, _Reduction.get_enum(reduction)


def _reduced(values, code, weight=None):
    if code == 0:
        return values
    if code == 2:
        return values.sum()
    return values.mean() if weight is None else values.sum() / weight.sum()


def _weighted(values, weight, input, code):
    """Values times their weights; the mean is over the weights."""
    if weight.shape != input.shape:
        raise ValueError(
            "Weights and input must have the same size.\n"
            f"  they have {tuple(weight.shape)} and {tuple(input.shape)}"
        )
    return _reduced(values * weight, code, weight)


def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """``(input - target) ** 2``: its mean, its sum, or each.

    input, target: Tensors ``(*)`` of one shape. reduction: "mean", "sum" or "none".
    weight: Tensor of the same shape; the mean then is over the weights.
    size_average, reduce: deprecated, say ``reduction``.
    Raises: ValueError for another reduction. Warns where the shapes differ: they are broadcast.
    """
    a, b, code = _prepared(input, target, reduction, size_average, reduce)
    if weight is None:
        return _C._mse_loss(a, b, code)
    return _weighted(_C._mse_loss(a, b, 0), weight, input, code)


def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """``|input - target|``: its mean, its sum, or each. Arguments: as ``mse_loss``."""
    a, b, code = _prepared(input, target, reduction, size_average, reduce)
    values = (a - b).abs()
    return _reduced(values, code) if weight is None else _weighted(values, weight, input, code)


def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """``d ** 2 / (2 * beta)`` where ``d = |input - target|`` is below beta, else ``d - beta / 2``.

    beta: not negative; at 0 it is ``l1_loss``. Other arguments: as ``mse_loss``.
    """
    a, b, code = _prepared(input, target, reduction, size_average, reduce)
    if beta == 0:
        return _reduced((a - b).abs(), code)
    return _C._smooth_l1_loss(a, b, code, beta)


def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """``d ** 2 / 2`` where ``d = |input - target|`` is below delta; linear beyond it.

    delta: positive. Other arguments: as ``mse_loss``; with a weight the mean is over elements.
    """
    a, b, code = _prepared(input, target, reduction, None, None)
    if weight is None:
        return _C._huber_loss(a, b, code, delta)
    if weight.shape != input.shape:
        raise ValueError("Weights and input must have the same size.")
    return _reduced(_C._huber_loss(a, b, 0, delta) * weight, code)


_C._overridable_module(globals())


def __getattr__(name):
    raise module_getattr(__name__, name)

"""The functions behind the modules: ``torch.nn.functional``."""

import warnings as _warnings

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr
from rushlight._sets import embedding_renorm_ as _renorm
from rushlight._sets import one_hot
from rushlight.functional import broadcast_tensors

from . import _activations, _distances, _losses, _pool
from . import _reduction as _Reduction
from ._activations import *  # noqa: F403
from ._distances import *  # noqa: F403
from ._image import channel_shuffle, fold, pad, pixel_shuffle, pixel_unshuffle, unfold
from ._losses import *  # noqa: F403
from ._pool import *  # noqa: F403

_OPS = [
    "bilinear",
    "celu_",
    "elu_",
    "gelu",
    "hardshrink",
    "hardtanh_",
    "leaky_relu_",
    "linear",
    "logsigmoid",
    "prelu",
    "relu_",
    "rrelu_",
    "selu_",
    "softplus",
    "softshrink",
    "threshold_",
]
__all__ = [
    *_OPS,
    *_activations.__all__,
    *_distances.__all__,
    *_losses.__all__,
    *_pool.__all__,
    "alpha_dropout",
    "channel_shuffle",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "embedding",
    "feature_alpha_dropout",
    "fold",
    "huber_loss",
    "l1_loss",
    "layer_norm",
    "mse_loss",
    "one_hot",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "smooth_l1_loss",
    "unfold",
]

_C._add_package_globals(globals())

# Ops as they are. `__module__` is where a pickle finds them.
celu_, hardshrink, prelu, relu_ = _C.celu_, _C.hardshrink, _C.prelu, _C.Tensor.relu_
rrelu_, selu_, threshold_ = _C.rrelu_, _C.selu_, _C.threshold_
bilinear, linear, gelu, logsigmoid = _C.bilinear, _C._linear, _C._gelu, _C._log_sigmoid
softplus, softshrink = _C._softplus, _C._softshrink
elu_, hardtanh_, leaky_relu_ = _C._elu_, _C._hardtanh_, _C._leaky_relu_
for _function in (
    elu_,
    gelu,
    hardtanh_,
    leaky_relu_,
    linear,
    logsigmoid,
    pad,
    softplus,
    softshrink,
):
    _function.__module__ = __name__

_SAME_SIZE = (
    "Using a target size ({}) that is different to the input size ({}). This will likely lead to "
    "incorrect results due to broadcasting. Please ensure they have the same size."
)


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


# --- dropout -----------------------------------------------------------------------------------


def _checked_probability(p):
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input, p=0.5, training=True, inplace=False):
    """Zero each element with probability ``p``; divide the others by ``1 - p``.

    input: Tensor ``(*)``. p: from 0 to 1. training: False gives the input itself.
    Raises: ValueError for another p.
    """
    _checked_probability(p)
    return (_C.dropout_ if inplace else _C.dropout)(input, p, training)


def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps the mean and the variance of what ``selu`` gives.

    Dropped elements take selu's limit at minus infinity. Arguments: as ``dropout``.
    """
    _checked_probability(p)
    return (_C.alpha_dropout_ if inplace else _C.alpha_dropout)(input, p, training)


def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """``alpha_dropout`` of whole channels. input: Tensor ``(N, C, *)``."""
    _checked_probability(p)
    function = _C.feature_alpha_dropout_ if inplace else _C.feature_alpha_dropout
    return function(input, p, training)


def _channel_dropout(input, p, training, inplace, batched):
    """Dropout of channels; a tensor without a batch is given one for the time."""
    if not batched:
        input = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    result = (_C.feature_dropout_ if inplace else _C.feature_dropout)(input, p, training)
    if batched:
        return result
    return result.squeeze_(0) if inplace else result.squeeze(0)


def dropout1d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels with probability ``p``; divide the others by ``1 - p``.

    input: Tensor ``(N, C, L)`` or ``(C, L)``. Other arguments: as ``dropout``.
    Raises: RuntimeError for another rank.
    """
    _checked_probability(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, "
            "a channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    return _channel_dropout(input, p, training, inplace, input.dim() == 3)


def dropout2d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels with probability ``p``; divide the others by ``1 - p``.

    input: Tensor ``(N, C, H, W)``; of three dimensions it is taken for ``(N, C, L)``, with a
        warning. Other arguments: as ``dropout``.
    """
    _checked_probability(p)
    if input.dim() not in (3, 4):
        _warnings.warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated and "
            "will result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead. Note that dropout2d exists to provide "
            "channel-wise dropout on inputs with 2 spatial dimensions, a channel dimension, and an "
            "optional batch dimension (i.e. 3D or 4D inputs).",
            stacklevel=2,
        )
    if input.dim() == 3:
        _warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            stacklevel=2,
        )
    return _channel_dropout(input, p, training, inplace, True)


def dropout3d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels with probability ``p``; divide the others by ``1 - p``.

    input: Tensor ``(N, C, D, H, W)`` or ``(C, D, H, W)``. Other arguments: as ``dropout``.
    """
    _checked_probability(p)
    if input.dim() not in (4, 5):
        _warnings.warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and "
            "will result in an error in a future release. To retain the behavior and silence this "
            "warning, please use dropout instead. Note that dropout3d exists to provide "
            "channel-wise dropout on inputs with 3 spatial dimensions, a channel dimension, and an "
            "optional batch dimension (i.e. 4D or 5D inputs).",
            stacklevel=2,
        )
    return _channel_dropout(input, p, training, inplace, input.dim() == 5)


# --- losses -------------------------------------------------------------------------------------


def _prepared(input, target, reduction, size_average, reduce):
    """Both tensors in one shape, and the number of the reduction. Warns where shapes differ."""
    if target.size() != input.size():
        _warnings.warn(_SAME_SIZE.format(target.size(), input.size()), stacklevel=3)
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
    return _weighted((a - b) ** 2, weight, input, code)


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


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """The last dimensions less their mean, over their standard deviation, times weight, plus bias.

    normalized_shape: the sizes of those dimensions. weight, bias: Tensors of that shape.
    eps: is added to the variance. Raises: RuntimeError for shapes that do not fit.
    """
    return _C.layer_norm(input, normalized_shape, weight, bias, eps)


_C._overridable_module(globals())


def __getattr__(name):
    if name == "log_sigmoid":  # the op's own name, by which pickles go
        return logsigmoid
    raise _module_getattr(__name__, name)

"""Distances between vectors, and normalisation, for ``nn.functional``."""

from rushlight import _C
from rushlight.functional import broadcast_shapes

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "rms_norm"]

_C._add_package_globals(globals())


# The distance of 1 to the next number.
_EPSILON = {_C.float16: 2.0**-10, _C.bfloat16: 2.0**-7, _C.float32: 2.0**-23, _C.float64: 2.0**-52}


def _at_least(x, low):
    """Each element, or low where it is below."""
    return _C.where(x < low, low, x)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between vectors along a dimension; lengths count at least eps."""
    if x1.shape != x2.shape:
        shape = broadcast_shapes(x1.shape, x2.shape)
        x1, x2 = x1.expand(shape), x2.expand(shape)
    lengths = [t.norm(2, dim, keepdim=True).clone() for t in (x1, x2)]
    with _C.no_grad():
        for length in lengths:
            length.masked_fill_(length < eps, eps)
    return (x1 / lengths[0] * (x2 / lengths[1])).sum(dim)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of ``x1 - x2 + eps`` along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """Vectors along a dimension over their p-norm, which counts at least eps."""
    length = _at_least(input.norm(p, dim, keepdim=True), eps).expand_as(input)
    return input / length if out is None else _C.div(input, length, out=out)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Each line over the root of its mean square: ``x / sqrt(mean(x ** 2) + eps)``.

    normalized_shape: the sizes of the last dimensions, over which the mean goes. weight: of that
    shape. eps: the dtype's own where it is None.
    """
    shape = [normalized_shape] if isinstance(normalized_shape, int) else list(normalized_shape)
    if not shape:
        raise RuntimeError(
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got normalized_shape = []"
        )
    if weight is not None and list(weight.shape) != shape:
        raise RuntimeError(
            "Expected weight to be of same shape as normalized_shape, but got weight of shape "
            f"{list(weight.shape)} and normalized_shape = {shape}"
        )
    if list(input.shape[-len(shape) :]) != shape:
        sizes = ", ".join(map(str, shape))
        raise RuntimeError(
            f"Given normalized_shape={shape}, expected input with shape [*{sizes}], but got input "
            f"of size{list(input.shape)}"
        )
    if eps is None:
        eps = _EPSILON[input.dtype]
    dims = tuple(range(-len(shape), 0))
    result = input * ((input**2).mean(dims, keepdim=True) + eps).sqrt().reciprocal()
    return result if weight is None else result * weight


for _name in __all__:
    globals()[_name].__module__ = "rushlight.nn.functional"  # what errors and pickles say
_C._overridable_module(globals())

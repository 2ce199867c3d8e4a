"""Distances between vectors, and normalisation, for ``nn.functional``."""

from rushlight import _C
from rushlight._arguments import check_tensor
from rushlight._type_info import finfo
from rushlight.functional import broadcast_shapes

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "rms_norm"]

_C._add_package_globals(globals())


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between vectors along a dimension; lengths count at least eps."""
    check_tensor("cosine_similarity", x1, "x1")
    check_tensor("cosine_similarity", x2, "x2", 2)
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
    check_tensor("pairwise_distance", x1, "x1")
    check_tensor("pairwise_distance", x2, "x2", 2)
    apart = _C._add_number(x1 - x2, eps)
    return _C._pair_norm(apart, p, apart.dim() - 1, keepdim)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """Vectors along a dimension over their p-norm, which counts at least eps."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return input / length if out is None else _C.div(input, length, out=out)


def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Each line over the root of its mean square: ``x / sqrt(mean(x ** 2) + eps)``.

    normalized_shape: the sizes of the last dimensions, over which the mean goes. weight: of that
    shape. eps: the dtype's own where it is None.
    Raises: RuntimeError for shapes that do not fit; NotImplementedError for integers and bools.
    """
    check_tensor("rms_norm", input)
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
    if not input.is_floating_point():
        kind = input.type().removeprefix("torch.").removesuffix("Tensor")
        raise NotImplementedError(f"\"rms_norm\" not implemented for '{kind}'")
    if eps is None:
        eps = finfo(input.dtype).eps
    dims = tuple(range(-len(shape), 0))
    result = input * _C._add_number((input**2).mean(dims, keepdim=True), eps).rsqrt()
    return result if weight is None else result * weight


for _name in __all__:
    globals()[_name].__module__ = "rushlight.nn.functional"  # what errors and pickles say
_C._overridable_module(globals())

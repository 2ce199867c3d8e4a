"""Distances between vectors, and normalisation, for ``nn.functional``."""

from rushlight import _C
from rushlight._arguments import as_operator, check_sizes, check_tensor, is_number
from rushlight._type_info import finfo, title
from rushlight.functional import broadcast_tensors

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "rms_norm"]

_C._add_package_globals(globals())


@as_operator("cosine_similarity", "(Tensor x1, Tensor x2, int dim = 1, float eps = 1e-08)")
def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between vectors along a dimension; lengths count at least eps.

    Raises: RuntimeError for dtypes that promote to none of floating point.
    """
    check_tensor("cosine_similarity", x1, "x1")
    check_tensor("cosine_similarity", x2, "x2", 2)
    common = _C.result_type(x1, x2)
    if not common.is_floating_point:
        raise RuntimeError(
            f"expected common dtype to be floating point, yet common dtype is {title(common)}"
        )
    x1, x2 = broadcast_tensors(*(t if t.is_floating_point() else t.to(common) for t in (x1, x2)))
    lengths = [t.norm(2, dim, keepdim=True).clone() for t in (x1, x2)]
    with _C.no_grad():
        for length in lengths:
            length.masked_fill_(length < eps, eps)
    return (x1 / lengths[0] * (x2 / lengths[1])).sum(dim)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of ``x1 - x2 + eps`` along the last dimension."""
    check_tensor("pairwise_distance", x1, "x1")
    check_tensor("pairwise_distance", x2, "x2", 2)
    for position, name, value in ((3, "p", p), (4, "eps", eps)):
        if not is_number(value):
            got = type(value).__name__
            raise TypeError(
                f"pairwise_distance(): argument {name!r} (position {position}) must be float, "
                f"not {got}"
            )
    apart = _C._add_number(x1 - x2, eps)
    return _C._pair_norm(apart, float(p), apart.dim() - 1, keepdim)


def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """Vectors along a dimension over their p-norm, which counts at least eps."""
    length = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return input / length if out is None else _C.div(input, length, out=out)


@as_operator(
    "rms_norm",
    "(Tensor input, tuple of ints normalized_shape, Tensor weight = None, float eps = None)",
)
def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Each line over the root of its mean square: ``x / sqrt(mean(x ** 2) + eps)``.

    normalized_shape: the sizes of the last dimensions, over which the mean goes. weight: of that
    shape. eps: the dtype's own where it is None. 16 bits are computed in float32.
    Raises: RuntimeError for shapes that do not fit; NotImplementedError for integers and bools.
    """
    check_tensor("rms_norm", input)
    check_sizes("rms_norm", normalized_shape, "normalized_shape", 2)
    if weight is not None:
        check_tensor("rms_norm", weight, "weight", 3)
    if eps is not None and not is_number(eps):
        got = type(eps).__name__
        raise TypeError(f"rms_norm(): argument 'eps' (position 4) must be float, not {got}")
    shape = list(normalized_shape)
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
        raise NotImplementedError(f"\"rms_norm\" not implemented for '{title(input.dtype)}'")
    x = input.float() if input.dtype.itemsize == 2 else input
    if eps is None:
        eps = finfo(x.dtype).eps
    dims = tuple(range(x.dim() - len(shape), x.dim()))
    result = x * _C._add_number((x**2).mean(dims, keepdim=True), eps).rsqrt()
    if weight is not None:
        result = result * weight
    return result.contiguous().type_as(input)


for _name in __all__:
    globals()[_name].__module__ = "rushlight.nn.functional"  # what errors and pickles say
_C._overridable_module(globals())

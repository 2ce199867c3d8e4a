"""All parameters as one vector, and back."""

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr
from rushlight._typename import typename

__all__ = ["parameters_to_vector", "vector_to_parameters"]

_C._add_package_globals(globals())


def parameters_to_vector(parameters):
    """Return the elements of all parameters, one after the other, as one differentiable vector.

    parameters: an iterable of contiguous Tensors. Returns: Tensor ``(n,)``.
    """
    return rushlight.cat([p.view(-1) for p in parameters])


def vector_to_parameters(vec, parameters):
    """Make the parameters' data parts of a vector, in order; they share its memory.

    vec: Tensor ``(n,)``. Raises: TypeError for what is no Tensor.
    """
    if not isinstance(vec, rushlight.Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {typename(vec)}")
    start = 0
    for p in parameters:
        n = p.numel()
        p.data = vec[start : start + n].view_as(p).data
        start += n


def __getattr__(name):
    raise _module_getattr(__name__, name)

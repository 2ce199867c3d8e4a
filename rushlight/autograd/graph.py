"""The recorded graph: its nodes."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

__all__ = ["Node", "increment_version"]

# The type of every grad_fn, as in ``isinstance(y.grad_fn, torch.autograd.graph.Node)``.
Node = _C._NodeBase


def increment_version(tensor):
    """Count a write that nobody saw: what saved the tensor's values will refuse to use them.

    tensor: a Tensor, or an iterable of them. Inference tensors have no version and are passed over.
    Returns: None. Raises: RuntimeError for anything else.
    """
    if isinstance(tensor, _C.Tensor):
        tensor = (tensor,)
    try:
        tensors = tuple(tensor)
    except TypeError:
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input") from None
    for each in tensors:
        _C._increment_version(each)


def __getattr__(name):
    raise _module_getattr(__name__, name)

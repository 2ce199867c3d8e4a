"""The recorded graph: its nodes."""

from rushlight import _C
from rushlight._missing import module_getattr

__all__ = ["Node"]

# The type of every grad_fn, as in ``isinstance(y.grad_fn, torch.autograd.graph.Node)``.
Node = _C._NodeBase


def __getattr__(name):
    raise module_getattr(__name__, name)

"""``Variable``: the name that tensors had before PyTorch 0.4."""

import rushlight
from rushlight import _C


class _Engine:
    """What plays the graph backwards; PyTorch programs queue callbacks on it."""

    def queue_callback(self, callback):
        """Call ``callback()`` when all nodes of the backward pass under way have run.

        Callbacks run in the order in which they were queued, and may queue more; none run after an
        error. Raises: RuntimeError outside a backward pass.
        """
        _C._queue_callback(callback)

    def is_checkpoint_valid(self):
        """Return whether the backward pass under way computes all gradients. Raises: nothing."""
        return _C._is_checkpoint_valid()


class _VariableMeta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, rushlight.Tensor)


class Variable(metaclass=_VariableMeta):
    """Returns the tensor itself, its requires_grad set; every Tensor is an instance."""

    _execution_engine = _Engine()

    def __new__(cls, data, requires_grad=False, volatile=None):
        return data.detach().requires_grad_(requires_grad)

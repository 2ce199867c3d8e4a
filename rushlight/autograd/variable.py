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

    def run_backward(
        self,
        tensors,
        grad_tensors,
        keep_graph,
        create_graph,
        inputs=(),
        allow_unreachable=False,
        accumulate_grad=False,
    ):
        """Run a backward pass from these tensors; what ``backward`` and ``grad`` do.

        inputs, accumulate_grad: with inputs and without accumulating, the gradients of those are
        returned, None for one that the graph does not reach where allow_unreachable is set; else
        they go to ``.grad`` of the inputs, or of all leaves. Returns: a tuple, empty when
        accumulating. Raises: as ``backward`` and ``grad``.
        """
        if inputs and not accumulate_grad:
            options = keep_graph, create_graph, allow_unreachable, False
            return _C._grad(tensors, inputs, grad_tensors, *options)
        _C._backward(tensors, grad_tensors, keep_graph, create_graph, inputs or None)
        return ()

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

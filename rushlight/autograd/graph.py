"""The recorded graph: its nodes, and what they save."""

from contextlib import ContextDecorator
from typing import NamedTuple

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from ._multi_grad import _MultiHandle as _MultiHandle
from ._multi_grad import register_multi_grad_hook

__all__ = [
    "GradientEdge",
    "Node",
    "allow_mutation_on_saved_tensors",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]

_C._add_package_globals(globals())

# The type of every grad_fn, as in ``isinstance(y.grad_fn, torch.autograd.graph.Node)``.
Node = _C._NodeBase


class GradientEdge(NamedTuple):
    """The way that a tensor's gradient takes: into output ``output_nr`` of ``node``.

    It stands for the tensor in ``backward`` and ``grad``, as root and as input, and keeps the graph
    alive, not the tensor. ownership_token: PyTorch's, which needs one for that; None here.
    """

    node: Node
    output_nr: int
    ownership_token: Node | None = None


_C._set_gradient_edge(GradientEdge)


def get_gradient_edge(tensor):
    """Return the GradientEdge of a tensor that requires grad.

    ``grad(loss, get_gradient_edge(x))`` is ``grad(loss, x)``.
    Raises: RuntimeError where the tensor does not require grad; AssertionError for a view made in
        no_grad of a tensor that does, which says so too and has no history.
    """
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    edge = _C._gradient_edge(tensor)
    if edge is None:
        raise AssertionError(
            "Expected gradient function to be set\n"
            "  the tensor is a view that was made under no_grad()\n"
            "  fix: make the view outside of it."
        )
    return GradientEdge(*edge)


class saved_tensors_hooks:
    """Context in which operations keep ``pack_hook(t)`` in the place of each tensor t they save.

    pack_hook: called with the tensor, in no_grad, when it is saved, by an operation or by
        ``ctx.save_for_backward``; what it returns is kept. unpack_hook: called with that when the
        tensor is needed, once for each run of the node and for each look at ``_saved_...``, and
        returns a Tensor with the values to use. The history of the saved tensor goes with it.
    Of nested contexts only the innermost counts; each thread has its own. Numbers, and tensors that
    Python numbers became, are not packed. In-place writes to a packed tensor go unnoticed.
    Raises: RuntimeError where pack_hook changes its input in place, where hooks are disabled, and
        in the backward pass where a tensor comes back that cannot be expanded to the saved one's
        shape; TypeError where unpack_hook returns no Tensor.
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self):
        _C._push_saved_tensors_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args):
        _C._pop_saved_tensors_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Context in which saved tensors lie on the CPU until they are needed.

    Here every tensor does already: nothing is copied. pin_memory: memory that a GPU can read from
        directly; there is none to read it, so the tensors are copied and nothing else changes, as
        in PyTorch without a GPU. device_type: whose module is asked for a GPU.
    """

    def __init__(self, pin_memory=False, device_type="cuda"):
        def pack(tensor):
            packed = tensor.detach().cpu()
            return tensor.device, packed.clone() if pin_memory else packed

        def unpack(packed):
            device, tensor = packed
            return tensor.to(device)

        super().__init__(pack, unpack)


class disable_saved_tensors_hooks(ContextDecorator):
    """Context in which ``saved_tensors_hooks`` raises RuntimeError with this message.

    error_message: a str. Raises: RuntimeError with it where hooks are set already; TypeError where
        it is no str.
    """

    def __init__(self, error_message):
        self._message = error_message

    def __enter__(self):
        self._before = _C._disable_saved_tensors_hooks(self._message)

    def __exit__(self, *args):
        _C._disable_saved_tensors_hooks(self._before)

    def _recreate_cm(self):
        return type(self)(self._message)


def allow_mutation_on_saved_tensors():
    """Return a context in which a saved tensor may be changed in place.

    Its values are copied just before the first write, so backward uses those that were saved. Both
    passes run inside one context. Cost: a Python call at each save and at each in-place write.
    Returns: the context; entering it gives an object whose ``original`` and ``cloned`` say which
        tensors are kept.
    Raises: RuntimeError where contexts are nested; AssertionError from a backward pass outside.
    """
    from ._mutation import AllowMutation

    return AllowMutation()


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

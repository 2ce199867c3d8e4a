"""``NestedIOFunction``: an older form of Function, whose inputs and outputs may be nested."""

import weakref

from rushlight import _C
from rushlight._typename import typename

from .function import Function

_C._add_package_globals(globals())


def _like(proto, items):
    if hasattr(proto, "_fields"):  # a namedtuple
        return type(proto)(*items)
    return type(proto)(items)


def _structure(value):
    """A nest with True in the place of each tensor."""
    if isinstance(value, _C.Tensor):
        return True
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return _like(value, [_structure(item) for item in value])
    if isinstance(value, dict):
        return {key: _structure(item) for key, item in value.items()}
    raise ValueError(
        "Auto nesting doesn't know how to process an input object of type "
        f"{typename(value)}. Accepted types: Tensors, or lists/tuples of them"
    )


def _filled(structure, tensors):
    """The nest of a structure with what an iterator gives in the places of tensors."""
    if structure is True:
        return next(tensors)
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {key: _filled(item, tensors) for key, item in structure.items()}
    return _like(structure, [_filled(item, tensors) for item in structure])


def _flat(structure, value, name):
    """What a nest has in the place of each tensor; a None stands for a whole part of it."""
    if structure is True:
        yield value
    elif structure is not None:
        parts = list(structure.values() if isinstance(structure, dict) else structure)
        if value is None:
            items = [None] * len(parts)
        else:
            items = list(value.values() if isinstance(value, dict) else value)
        if len(items) != len(parts):
            raise RuntimeError(
                f"function {name} returned an incorrect number of gradients "
                f"(expected {len(parts)}, got {len(items)})"
            )
        for part, item in zip(parts, items):
            yield from _flat(part, item, name)


def _tensors(value):
    return _flat(_structure(value), value, "")


class _Call(Function):
    """One call of a NestedIOFunction: the node that holds what its methods declare, flat."""

    @staticmethod
    def forward(ctx, function, structure, *tensors):
        ctx.function, ctx.inputs = function, structure
        function._node = weakref.ref(ctx)
        output = function.forward_extended(*_filled(structure, iter(tensors)))
        ctx.output = _structure(output)
        return ctx.output, *_flat(ctx.output, output, "")

    @staticmethod
    def backward(ctx, _, *grads):
        function = ctx.function
        function._node = weakref.ref(ctx)
        grads = _filled(ctx.output, iter(grads))
        if not isinstance(grads, list | tuple):
            grads = (grads,)
        result = function.backward_extended(*grads)
        if not isinstance(result, list | tuple):
            result = (result,)
        return (None, None, *_flat(ctx.inputs, result, ctx.name()))


class NestedIOFunction(Function):
    """A Function of nested lists, tuples and dicts of tensors; use Function for anything new.

    Define ``forward_extended(self, *args)`` and ``backward_extended(self, *grads)`` and call an
    instance. Both get and return nests, in which None may stand, as may one in the place of the
    gradients of a whole nest; so do the methods below. The outputs of forward_extended() are a
    tensor or a nest.
    Raises: ValueError for what is no tensor, None, list, tuple or dict.
    PyTorch still has the class, but no longer what a call of it needs: it raises AttributeError.
    """

    _node = None

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        cls._call = type(cls.__name__, (_Call,), {"__module__": cls.__module__})

    def __call__(self, *args):
        structure = _structure(args)
        output, *tensors = self._call.apply(self, structure, *_flat(structure, args, ""))
        return _filled(output, iter(tensors))

    def _context(self):
        node = self._node and self._node()
        if node is None:
            raise RuntimeError(
                f"{type(self).__name__} has no call under way\n"
                "  fix: do this in forward_extended() or backward_extended()."
            )
        return node

    def save_for_backward(self, *args):
        """Keep nests of tensors for ``saved_tensors``."""
        node = self._context()
        node.saved = _structure(args)
        node.save_for_backward(*_flat(node.saved, args, ""))

    @property
    def saved_tensors(self):
        """What save_for_backward() got, a tuple."""
        node = self._context()
        tensors = node.saved_tensors
        return _filled(node.saved, iter(tensors)) if tensors else ()

    @property
    def needs_input_grad(self):
        """A bool for each tensor of the inputs, in order."""
        return self._context().needs_input_grad[2:]

    def mark_dirty(self, *args, **kwargs):
        """Say that forward_extended() has changed these inputs in place."""
        self._context().mark_dirty(*_tensors((args, kwargs)))

    def mark_non_differentiable(self, *args, **kwargs):
        """Say that these outputs have no gradient."""
        self._context().mark_non_differentiable(*_tensors((args, kwargs)))

    def forward_extended(self, *input):
        """Compute the outputs."""
        raise NotImplementedError

    def backward_extended(self, *grad_output):
        """Return the gradients of the inputs."""
        raise NotImplementedError

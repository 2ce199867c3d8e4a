"""Tensors that a Module registers when they are assigned to it: Parameter and Buffer."""

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

__all__ = ["Buffer", "Parameter"]

_C._add_package_globals(globals())

Tensor = rushlight.Tensor


class _ParameterMeta(type(Tensor)):
    """Also a Tensor of another class that is marked as a parameter is an instance."""

    def __instancecheck__(cls, instance):
        if cls is Parameter and isinstance(instance, Tensor):
            if getattr(instance, "_is_param", False):
                return True
        return super().__instancecheck__(instance)


class Parameter(Tensor, metaclass=_ParameterMeta):
    """A Tensor that is a parameter of the Module to which it is assigned.

    data: a Tensor of any shape, whose memory the parameter shares; None for an empty one.
    requires_grad: also under ``no_grad`` it is what is given here.
    Raises: RuntimeError for ``requires_grad=True`` on a dtype that is not floating point.
    Operations on a Parameter give plain Tensors, and cost what they cost on a plain Tensor.
    """

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = rushlight.empty(0)
        if type(data) is Tensor or type(data) is Parameter:
            return Tensor._make_subclass(cls, data, requires_grad)
        # A Tensor class of somebody else keeps its class and is marked.
        t = data.detach().requires_grad_(requires_grad)
        if type(t) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} requires "
                "that detach() returns an instance of the same type, but return type "
                f"{type(t).__name__} was found instead. To use the type as a Parameter, please "
                "correct the detach() semantics defined by its __torch_dispatch__() implementation."
            )
        t._is_param = True
        return t

    def __deepcopy__(self, memo):
        """Copy values and requires_grad; the grad stays behind."""
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self):
        return "Parameter containing:\n" + super().__repr__()

    def __reduce_ex__(self, protocol):
        arguments = (self.data, self.requires_grad)
        state = self.__getstate__()
        return (_rebuild, arguments) if state is None else (_rebuild, arguments, state)

    __torch_function__ = _C._disabled_torch_function_impl


def _rebuild(data, requires_grad):
    """Make the pickled parameter again."""
    return Parameter(data, requires_grad)


class _BufferMeta(type(Tensor)):
    def __instancecheck__(cls, instance):
        if cls is Buffer and isinstance(instance, Tensor):
            if getattr(instance, "_is_buffer", False):
                return True
        return super().__instancecheck__(instance)


class Buffer(Tensor, metaclass=_BufferMeta):
    """A Tensor that is a buffer of the Module to which it is assigned: state that is not trained.

    data: a Tensor of any shape, whose memory the buffer shares; None for an empty one.
    persistent: whether it is part of ``state_dict()``.
    Returns: a Tensor of data's class that ``isinstance`` takes for a Buffer.
    """

    def __new__(cls, data=None, *, persistent=True):
        if data is None:
            data = rushlight.empty(0)
        t = data.detach().requires_grad_(data.requires_grad)
        t.persistent = persistent
        t._is_buffer = True
        return t

    __torch_function__ = _C._disabled_torch_function_impl


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""The Tensor methods that are plain Python: text, copies, pickles.

``install`` puts them on the C type. What they need is imported when they are called.
"""

import rushlight
from rushlight import _C


def __repr__(self):
    from rushlight._tensor_str import tensor_repr

    return tensor_repr(self)


def __format__(self, spec):
    from rushlight._tensor_str import tensor_format

    return tensor_format(self, spec)


def __dlpack__(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
    """Give the tensor to another library, as a DLPack capsule over the same memory.

    stream: None or -1; there are no others on the CPU. max_version: the newest version of DLPack
        that the consumer knows, as (major, minor). dl_device: where the memory shall be, as
        (device type, id). copy: True for memory of its own, False for an error instead of a copy.
    Raises: BufferError for a tensor that requires grad.
    """
    from rushlight.utils.dlpack import capsule_of

    return capsule_of(self, stream, max_version, dl_device, copy)


def __dlpack_device__(self):
    """Where the memory is, in DLPack's numbers: ``(DLDeviceType.kDLCPU, 0)``."""
    from rushlight.utils.dlpack import DLDeviceType

    return DLDeviceType.kDLCPU, 0


def __copy__(self):
    """Make a leaf over the same memory, with the same requires_grad and attributes.

    Raises: nothing.
    """
    copied = _as_type_of(self, self.data)
    if self.requires_grad:
        copied.requires_grad_()
    _set_state(copied, self.__getstate__())
    return copied


def __deepcopy__(self, memo):
    """Copy a leaf with its values, requires_grad, grad and attributes.

    Raises: RuntimeError for the result of a recorded operation.
    Differs from PyTorch: views that shared memory get memory of their own.
    """
    from copy import deepcopy

    if not self.is_leaf:
        from rushlight._site import line_of

        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment.\n"
            f"  got           the result of {self.grad_fn.name()}, shape {tuple(self.shape)}\n"
            f"  made by       {line_of(self.grad_fn.site)}\n"
            "  fix: copy its values with `t.detach().clone()`."
        )
    if id(self) in memo:
        return memo[id(self)]
    with _C.no_grad():
        copied = _as_type_of(self, self.detach().clone())
    # Before the rest: the grad and the attributes may refer back to this tensor.
    memo[id(self)] = copied
    if self.requires_grad:
        copied.requires_grad_()
        grad = self.grad
        if grad is not None:
            copied.grad = deepcopy(grad, memo)
    _set_state(copied, deepcopy(self.__getstate__(), memo))
    return copied


def _as_type_of(tensor, copied):
    cls = type(tensor)
    return copied if type(copied) is cls else copied.as_subclass(cls)


def _set_state(tensor, state):
    """Put back what ``object.__getstate__`` returned: None, a dict, or (dict or None, slots)."""
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if attributes:
        tensor.__dict__.update(attributes)
    for name, value in (slots or {}).items():
        setattr(tensor, name, value)


def __reduce_ex__(self, protocol):
    """Pickle values, dtype, shape, requires_grad and attributes; neither grad nor graph."""
    from rushlight.utils.hooks import warn_if_has_hooks

    warn_if_has_hooks(self)
    cls = type(self)
    dtype = str(self.dtype).removeprefix("torch.")
    data = _C._to_bytes(self)
    arguments = (data, dtype, tuple(self.shape), self.requires_grad)
    if cls is not rushlight.Tensor:
        arguments += (cls,)
    state = self.__getstate__()
    return (_rebuild, arguments) if state is None else (_rebuild, arguments, state)


def _rebuild(data, dtype, shape, requires_grad, cls=None):
    """Make the pickled tensor again. Checks all it is given, for a pickle may be damaged.

    Raises: TypeError or ValueError, naming what does not fit.
    """
    if not isinstance(data, bytes) or not isinstance(dtype, str) or not isinstance(shape, tuple):
        raise TypeError(
            "damaged pickle of a Tensor: expected (bytes, str, tuple), got "
            f"({type(data).__name__}, {type(dtype).__name__}, {type(shape).__name__})"
        )
    found = getattr(rushlight, dtype, None)
    if type(found) is not type(rushlight.float32):
        raise ValueError(f"damaged pickle of a Tensor: {dtype!r} is no dtype")
    tensor = _C._from_bytes(data, found, shape)
    if cls is not None:
        if not (isinstance(cls, type) and issubclass(cls, rushlight.Tensor)):
            raise TypeError(f"damaged pickle of a Tensor: {cls!r} is no Tensor class")
        tensor = tensor.as_subclass(cls)
    if requires_grad:
        tensor.requires_grad_()
    return tensor


_METHODS = (
    __repr__,
    __format__,
    __dlpack__,
    __dlpack_device__,
    __copy__,
    __deepcopy__,
    __reduce_ex__,
)


def install(cls):
    """Put the methods of this file on the Tensor type; those it has already, stay."""
    for method in _METHODS:
        if method.__name__ not in vars(cls):
            method.__qualname__ = f"{cls.__name__}.{method.__name__}"
            setattr(cls, method.__name__, method)
    if "__array_priority__" not in vars(cls):
        # ndarray * tensor is a Tensor, as tensor * ndarray is.
        cls.__array_priority__ = 1000

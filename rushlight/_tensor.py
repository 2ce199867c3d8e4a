"""The Tensor methods that are plain Python: text, copies, pickles.

``install`` puts them on the C type. What they need is imported when they are called.
"""

import rushlight
from rushlight import _C

_C._add_package_globals(globals())

_convert = _C._convert


def overridable(method):
    """Let the class of ``self``, or a mode, take over a method of Tensor written in Python."""

    def door(self, *args, **kwargs):
        if _C._has_torch_function_unary(self):
            public = getattr(rushlight.Tensor, method.__name__)
            return _C._handle_torch_function(public, (self,), (self, *args), kwargs)
        return method(self, *args, **kwargs)

    # What functools.wraps does: importing it would cost more than this file.
    for name in ("__name__", "__qualname__", "__doc__"):
        setattr(door, name, getattr(method, name))
    door.__wrapped__ = method
    return door


@overridable
def __repr__(self):
    from rushlight._tensor_str import tensor_repr

    return tensor_repr(self)


@overridable
def __format__(self, spec):
    from rushlight._tensor_str import tensor_format

    return tensor_format(self, spec)


@overridable
def __array_wrap__(self, array, context=None, return_scalar=False):
    """Make a tensor of what a NumPy function computed from one: ``np.sin(t)`` is a Tensor.

    array: an ndarray; of bools, it becomes uint8, as in PyTorch.
    """
    return _C.from_numpy(array.astype("uint8") if array.dtype == bool else array)


@overridable
def __dlpack__(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
    """Give the tensor to another library, as a DLPack capsule over the same memory.

    stream: None or -1; there are no others on the CPU. max_version: the newest version of DLPack
        that the consumer knows, as (major, minor). dl_device: where the memory shall be, as
        (device type, id). copy: True for memory of its own, False for an error instead of a copy.
    Raises: BufferError for a tensor that requires grad.
    """
    from rushlight.utils.dlpack import capsule_of

    return capsule_of(self, stream, max_version, dl_device, copy)


@overridable
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


@overridable
def __deepcopy__(self, memo):
    """Copy a leaf with its values, requires_grad, grad and attributes.

    Tensors that share memory share it in the copy too, which holds all of it: a view's copy
    also takes what the view does not show. Hooks stay behind.
    Raises: RuntimeError for the result of a recorded operation.
    Differs from PyTorch: any subclass is copied, without a new_empty() of its own.
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
    storage = _copied_storage(_C._storage_of(self), memo)
    place = self.storage_offset(), tuple(self.shape), self.stride()
    copied = _as_type_of(self, _C._tensor_over(storage, self.dtype, *place))
    # Before the rest: the grad and the attributes may refer back to this tensor.
    memo[id(self)] = copied
    if self.requires_grad:
        copied.requires_grad_()
    grad = self.grad
    if grad is not None:
        copied.grad = deepcopy(grad, memo)
    _set_state(copied, deepcopy(self.__getstate__(), memo))
    return copied


def _copied_storage(storage, memo):
    """Copy a storage, once in each deepcopy."""
    key = id(storage)
    if key not in memo:
        memo[key] = _C._new_storage(storage)
        # While it lives, no other object takes its id.
        memo.setdefault(id(memo), []).append(storage)
    return memo[key]


def _as_type_of(tensor, copied):
    cls = type(tensor)
    return copied if type(copied) is cls else _C.Tensor._make_subclass(cls, copied)


def _set_state(tensor, state):
    """Put back what ``object.__getstate__`` returned: None, a dict, or (dict or None, slots)."""
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    if attributes:
        tensor.__dict__.update(attributes)
    for name, value in (slots or {}).items():
        setattr(tensor, name, value)


@overridable
def _view_func(self, new_base):
    """Return the view of `new_base` that this tensor is of its own base.

    Returns: Tensor; None where this is no view, or where the two bases differ in dtype or geometry.
    """
    base = self._base
    if base is None or (base.dtype, base.shape, base.stride(), base.storage_offset()) != (
        new_base.dtype,
        new_base.shape,
        new_base.stride(),
        new_base.storage_offset(),
    ):
        return None
    return new_base.as_strided(self.shape, self.stride(), self.storage_offset())


@overridable
def new_tensor(self, data=None, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """Make a tensor of ``data``, in this tensor's dtype unless another is given.

    data: number, nested sequence, array or Tensor; it is copied.
    """
    if data is None:
        raise TypeError('new_tensor() missing 1 required positional arguments: "data"')
    if isinstance(data, _C.Tensor):
        import warnings

        warnings.warn(
            "To copy construct from a tensor, it is recommended to use sourceTensor.detach()"
            ".clone() or sourceTensor.detach().clone().requires_grad_(True), rather than "
            "tensor.new_tensor(sourceTensor).",
            stacklevel=2,
        )
        data = data.detach().clone()
        made = data.to(self.dtype if dtype is None else dtype)
        return made.requires_grad_() if requires_grad else made
    return _C.tensor(
        data,
        dtype=self.dtype if dtype is None else dtype,
        device=device,
        requires_grad=requires_grad,
        pin_memory=pin_memory,
    )


def __reduce_ex__(self, protocol):
    """Pickle values, dtype, strides, requires_grad and attributes; neither grad nor graph.

    Tensors that share memory share it in the pickle too, which holds all of it. From protocol 5 on
    the memory may leave the pickle (``buffer_callback``), without a copy.
    """
    from rushlight.utils.hooks import warn_if_has_hooks

    warn_if_has_hooks(self)
    cls = type(self)
    arguments = (
        _C._storage_of(self),
        str(self.dtype).removeprefix("torch."),
        self.storage_offset(),
        tuple(self.shape),
        self.stride(),
        self.requires_grad,
    )
    if cls is not rushlight.Tensor:
        arguments += (cls,)
    state = self.__getstate__()
    return (_rebuild, arguments) if state is None else (_rebuild, arguments, state)


def _reduce_storage(storage, protocol):
    if protocol >= 5:
        from pickle import PickleBuffer

        return _rebuild_storage, (PickleBuffer(storage),)
    return _rebuild_storage, (bytes(storage),)


def _rebuild_storage(data):
    """Make a pickled storage again, with a copy of its bytes.

    Raises: TypeError for what is no buffer.
    """
    return _C._new_storage(data)


def _rebuild(storage, dtype, offset, shape, stride, requires_grad, cls=None):
    """Make the pickled tensor again. Checks all it is given, for a pickle may be damaged.

    Raises: TypeError or ValueError, naming what does not fit.
    """
    found = getattr(rushlight, dtype, None) if isinstance(dtype, str) else None
    if type(found) is not type(rushlight.float32):
        raise ValueError(f"damaged pickle of a Tensor: {dtype!r} is no dtype")
    tensor = _C._tensor_over(storage, found, offset, shape, stride)
    if cls is not None:
        if not (isinstance(cls, type) and issubclass(cls, rushlight.Tensor)):
            raise TypeError(f"damaged pickle of a Tensor: {cls!r} is no Tensor class")
        tensor = tensor.as_subclass(cls)
    if requires_grad:
        tensor.requires_grad_()
    return tensor


@overridable
def unique(self, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """Return the distinct elements, or slices of a dimension: as ``torch.unique``."""
    from rushlight._sets import unique

    return unique(self, sorted, return_inverse, return_counts, dim)


@overridable
def unique_consecutive(self, return_inverse=False, return_counts=False, dim=None):
    """Return one of each run of equal elements or slices: as ``torch.unique_consecutive``."""
    from rushlight._sets import unique_consecutive

    return unique_consecutive(self, return_inverse, return_counts, dim)


@overridable
def histogram(self, bins=100, *, range=None, weight=None, density=False):
    """Count the elements in bins: as ``torch.histogram``."""
    from rushlight._sets import histogram

    return histogram(self, bins, range=range, weight=weight, density=density)


@overridable
def cov(self, *, correction=1, fweights=None, aweights=None):
    """Return the covariances of variables, each a row: as ``torch.cov``."""
    from rushlight._covariance import cov

    return cov(self, correction=correction, fweights=fweights, aweights=aweights)


@overridable
def corrcoef(self):
    """Return the correlations of variables, each a row: as ``torch.corrcoef``."""
    from rushlight._covariance import corrcoef

    return corrcoef(self)


_METHODS = (
    __repr__,
    __format__,
    __array_wrap__,
    __dlpack__,
    __dlpack_device__,
    __copy__,
    __deepcopy__,
    __reduce_ex__,
    _view_func,
    corrcoef,
    cov,
    histogram,
    new_tensor,
    unique,
    unique_consecutive,
)


def install(cls):
    """Put the methods of this file on the Tensor type; those it has already, stay."""
    for method in _METHODS:
        if method.__name__ not in vars(cls):
            method.__qualname__ = f"{cls.__name__}.{method.__name__}"
            setattr(cls, method.__name__, method)
    _C._Storage.__reduce_ex__ = _reduce_storage
    if "__array_priority__" not in vars(cls):
        # ndarray * tensor is a Tensor, as tensor * ndarray is.
        cls.__array_priority__ = 1000

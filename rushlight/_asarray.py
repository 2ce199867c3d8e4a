"""``asarray``: a tensor over whatever memory an object has, and a copy where it has none."""

import sys
import warnings

import rushlight
from rushlight import _C

_C._add_package_globals(globals())


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=None):
    """Make a tensor of an object, over the object's own memory wherever that is possible.

    obj: a tensor, a NumPy array, an object with ``__dlpack__`` or a capsule of it, an object with
        the buffer protocol (its bytes are read as `dtype`, by default the default dtype), a number
        or a nested sequence. copy: True for memory of its own, False for an error instead of a
        copy. requires_grad: None for what obj has; True and False change obj where it is returned.
    Returns: obj itself where it is a tensor that fits.
    Raises: ValueError where copy=False and there is no memory to share; else as ``tensor``,
        ``from_numpy``, ``from_dlpack`` and ``frombuffer``.
    """
    if _C._is_torch_function_mode_enabled():
        given = {"dtype": dtype, "device": device, "copy": copy, "requires_grad": requires_grad}
        given = {name: value for name, value in given.items() if value is not None}
        return _C._handle_torch_function(asarray, (), (obj,), given)
    _check_arguments(dtype, device, copy, requires_grad)
    shared = _over_memory_of(obj, dtype, copy)
    if shared is None:
        if copy is False:
            raise ValueError(
                "can't alias arbitrary sequence into a tensor.\n"
                f"  got  {type(obj).__name__}\n  fix: leave out copy=False."
            )
        return _C.tensor(obj, dtype=dtype, requires_grad=bool(requires_grad))
    return _finished(shared, dtype, copy, requires_grad)


def _check_arguments(dtype, device, copy, requires_grad):
    for name, value, kinds, wanted in (
        ("dtype", dtype, (_C.dtype, type), "torch.dtype"),
        ("device", device, (_C.device, str, int), "torch.device"),
        ("copy", copy, bool, "bool"),
        ("requires_grad", requires_grad, bool, "bool"),
    ):
        if value is not None and not isinstance(value, kinds):
            given = type(value).__name__
            raise TypeError(f"asarray(): argument '{name}' must be {wanted}, not {given}")
    _C.empty(0, dtype=dtype, device=device)  # raises for what does not exist


def _over_memory_of(obj, dtype, copy):
    """Find the object's memory: a tensor over it, or None."""
    if isinstance(obj, _C.Tensor):
        return obj
    if (numpy := sys.modules.get("numpy")) is not None:
        if isinstance(obj, numpy.ndarray):
            return _C.from_numpy(obj)
        if isinstance(obj, numpy.generic) and copy is False:
            raise RuntimeError(
                "can't alias NumPy scalars. Either remove copy=False or transform it in a ndarray."
            )
        if isinstance(obj, numpy.generic):
            return None
    if type(obj).__name__ == "PyCapsule" or hasattr(obj, "__dlpack__"):
        return rushlight.from_dlpack(obj)
    try:
        memoryview(obj).release()
    except TypeError:
        return None
    return _C.frombuffer(obj, dtype=dtype or _C.get_default_dtype())


def _finished(tensor, dtype, copy, requires_grad):
    wanted = tensor if dtype is None else _C.empty(0, dtype=dtype)
    differs = tensor.dtype != wanted.dtype
    if differs and copy is False:
        have, want = (t.type().removeprefix("torch.")[:-6] for t in (tensor, wanted))
        raise ValueError(
            f"can't alias tensor with dtype '{have}' into dtype '{want}'.\n"
            "  fix: leave out copy=False."
        )
    if requires_grad is False and tensor.requires_grad:
        # A leaf that is returned itself changes, as in PyTorch.
        itself = tensor.is_leaf and not (copy or differs)
        tensor = tensor.requires_grad_(False) if itself else tensor.detach()
    elif requires_grad is None and tensor.requires_grad and not copy:
        warnings.warn(
            "torch.asarray: unspecified requires_grad now defaults to obj.requires_grad instead of "
            "False. Pass requires_grad=False explicitly to get the old behavior and silence this "
            "warning.",
            UserWarning,
            stacklevel=3,
        )
    if differs:
        tensor = tensor.to(dtype)
    elif copy:
        tensor = tensor.clone()
    return tensor.requires_grad_() if requires_grad and not tensor.requires_grad else tensor

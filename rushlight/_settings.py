"""Switches that programs set in their preamble and that change nothing here.

Rushlight computes float32 in full precision and gives the same bits in every run, whatever is
asked for; the switches remember what they were set to.
"""

import warnings

from rushlight import _C

__all__ = [
    "are_deterministic_algorithms_enabled",
    "compile",
    "get_default_device",
    "get_deterministic_debug_mode",
    "get_float32_matmul_precision",
    "is_deterministic_algorithms_warn_only_enabled",
    "set_default_device",
    "set_default_tensor_type",
    "set_deterministic_debug_mode",
    "set_float32_matmul_precision",
    "use_deterministic_algorithms",
]

_DEBUG_MODES = ("default", "warn", "error")
_PRECISIONS = ("highest", "high", "medium")

_deterministic = False
_warn_only = False
_precision = "highest"


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Remember whether only deterministic algorithms are wanted; all of rushlight's are.

    Raises: TypeError where ``mode`` or ``warn_only`` is not a bool.
    """
    global _deterministic, _warn_only
    for name, position, value in (("mode", 1, mode), ("warn_only", 2, warn_only)):
        if not isinstance(value, bool):
            raise TypeError(
                f"_set_deterministic_algorithms(): argument '{name}' (position {position}) must be "
                f"bool, not {type(value).__name__}"
            )
    _deterministic, _warn_only = mode, warn_only


def are_deterministic_algorithms_enabled():
    """Return what ``use_deterministic_algorithms`` was last given; False at first."""
    return _deterministic


def is_deterministic_algorithms_warn_only_enabled():
    """Return the ``warn_only`` that ``use_deterministic_algorithms`` was last given."""
    return _warn_only


def set_deterministic_debug_mode(debug_mode):
    """Set the two switches at once.

    debug_mode: 0 or "default", 1 or "warn", 2 or "error".
    Raises: TypeError for another type, RuntimeError for another value.
    """
    if isinstance(debug_mode, str):
        if debug_mode not in _DEBUG_MODES:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got "
                f"{debug_mode}"
            )
        debug_mode = _DEBUG_MODES.index(debug_mode)
    elif not isinstance(debug_mode, int):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode():
    """Return 0, 1 or 2 for "default", "warn" or "error"."""
    return (1 if _warn_only else 2) if _deterministic else 0


def set_float32_matmul_precision(precision):
    """Remember how exact float32 products must be: "highest", "high" or "medium".

    They are always computed in full; another string gives a warning and changes nothing.
    Raises: RuntimeError where ``precision`` is not a string.
    """
    global _precision
    if not isinstance(precision, str):
        raise RuntimeError(
            f"set_float32_matmul_precision expects a str, but got {type(precision).__name__}"
        )
    if precision in _PRECISIONS:
        _precision = precision
    else:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the call of "
            "set_float32_matmul_precision has no effect.",
            stacklevel=2,
        )


def get_float32_matmul_precision():
    """Return the remembered precision; "highest" at first."""
    return _precision


def compile(
    model=None,
    *,
    fullgraph=False,
    dynamic=None,
    backend="inductor",
    mode=None,
    options=None,
    name=None,
    disable=False,
):
    """Return ``model`` itself, or a decorator that returns its function, when there is no model.

    Eager operations are what rushlight makes fast; there is no compile step and no option has an
    effect.
    Raises: RuntimeError where both ``mode`` and ``options`` are given, AssertionError where
        ``model`` cannot be called.
    Differs from PyTorch: a module comes back as itself, not wrapped in an OptimizedModule.
    """
    if mode is not None and options is not None:
        raise RuntimeError(
            "Either mode or options can be specified, but both can't be specified at the same time."
        )

    def unchanged(model):
        if not callable(model):
            raise AssertionError(f"A callable function is expected, but {type(model)} is provided.")
        return model

    return unchanged if model is None else unchanged(model)


_TENSOR_TYPES = {
    "torch.HalfTensor": _C.float16,
    "torch.BFloat16Tensor": _C.bfloat16,
    "torch.FloatTensor": _C.float32,
    "torch.DoubleTensor": _C.float64,
}


def set_default_tensor_type(t):
    """Set the default dtype by a tensor type or its name, for example "torch.DoubleTensor".

    Deprecated, say ``torch.set_default_dtype``. Raises: TypeError for anything else.
    """
    warnings.warn(
        "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use "
        "torch.set_default_dtype() and torch.set_default_device() as alternatives.",
        stacklevel=2,
    )
    if isinstance(t, type):
        t = f"torch.{t.__name__}" if t.__module__ == "rushlight" else None
    if t not in _TENSOR_TYPES:
        raise TypeError("invalid type object")
    _C.set_default_dtype(_TENSOR_TYPES[t])


def get_default_device():
    """Return the device of new tensors: the CPU."""
    return _C.device("cpu")


def set_default_device(device):
    """Take note of the device of new tensors, which is the CPU.

    Raises: as a factory does that is given another ``device``.
    """
    _C.empty(0, device=device)

"""The name of a value's type, as error messages and programs write it."""

import rushlight
from rushlight._missing import shown_name


def typename(obj):
    """Return ``torch.FloatTensor`` for a Tensor, for anything else its type's or its own full name.

    obj: any object; a class, function or module is named itself, another object by its class.
    Returns: str, without a module for what is built in.
    """
    if isinstance(obj, rushlight.Tensor):
        return obj.type()
    named = obj if hasattr(obj, "__qualname__") or hasattr(obj, "__name__") else type(obj)
    module = getattr(named, "__module__", "") or ""
    name = getattr(named, "__qualname__", None) or named.__name__
    return name if module in ("", "builtins") else f"{shown_name(module)}.{name}"

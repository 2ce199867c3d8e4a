"""The handle by which a registered hook is removed."""

import weakref

__all__ = [
    "HookDict",
    "RemovableHandle",
    "unserializable_hook",
    "warn_if_has_hooks",
]


class HookDict(dict):
    """Hooks by id, in the order of registration. A plain dict cannot be weakly referenced."""

    __slots__ = ("__weakref__",)


class RemovableHandle:
    """Removes one hook from the dict that holds it, also at the end of a ``with`` block.

    hooks_dict: holds the hook under ``handle.id``; referred to weakly, so a handle keeps nothing
        alive. extra_dict: a dict, or a list of dicts, with more entries under the same id.
    Raises: TypeError for a dict that cannot be weakly referenced, as a plain ``dict``.
    """

    next_id = 0

    def __init__(self, hooks_dict, *, extra_dict=None):
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        if isinstance(extra_dict, dict):
            extra_dict = [extra_dict]
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extra_dict or ())

    def remove(self):
        """Remove the hook; does nothing the second time, or where the dict is gone.

        Raises: nothing.
        """
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.remove()

    def __getstate__(self):
        extra = tuple(ref() for ref in self.extra_dict_ref)
        return self.hooks_dict_ref(), self.id, extra

    def __setstate__(self, state):
        hooks, self.id, *extra = state
        self.hooks_dict_ref = _reference(hooks)
        self.extra_dict_ref = tuple(map(_reference, extra[0] if extra and extra[0] else ()))
        # Ids given out from here on must not meet those that were loaded.
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)


def _reference(hooks):
    """A weak reference, dead at once where there is nothing to refer to."""
    return weakref.ref(HookDict() if hooks is None else hooks)


def unserializable_hook(f):
    """Mark a hook as one that need not be saved with its tensor, which silences the warning.

    f: the hook. Returns: ``f``.
    """
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor):
    """Warn for each hook that pickling the tensor would lose.

    tensor: any Tensor. Returns: None. Raises: nothing, unless warnings are errors.
    """
    for hook in (getattr(tensor, "_backward_hooks", None) or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            import warnings

            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, "
                "you can decorate the function with @torch.utils.hooks.unserializable_hook to "
                "suppress this warning",
                stacklevel=2,
            )


def __getattr__(name):
    if name == "BackwardHook":  # not at import: it needs rushlight.nn
        from rushlight.nn.modules._backward_hook import BackwardHook

        return BackwardHook
    if name.startswith("_"):  # probes of the import system
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    from rushlight._missing import module_getattr  # nor this

    raise module_getattr(__name__, name)

"""Hooks on the gradient of a tensor."""

from rushlight import _C
from rushlight._tensor import overridable
from rushlight.utils.hooks import HookDict, RemovableHandle

_C._add_package_globals(globals())


def _written_at(hook):
    """The line of a message that says where the hook stands; empty for one not made by `def`."""
    from rushlight._site import describe_function

    place = describe_function(hook)
    return f"\n  the hook      {place}" if place else ""


class TensorHooks(HookDict):
    """The hooks of one tensor, by id; called by the engine with each gradient."""

    __slots__ = ()

    def __call__(self, grad):
        given = grad
        # A hook may add or remove hooks: that takes effect next time.
        for hook in tuple(self.values()):
            result = hook(grad)
            if result is None:
                continue
            if not isinstance(result, _C.Tensor):
                raise TypeError(
                    f"expected Variable, but hook returned '{type(result).__name__}'"
                    f"{_written_at(hook)}\n  fix: return None, or a Tensor that takes the "
                    "gradient's place."
                )
            if result.shape != grad.shape:
                name = getattr(hook, "__name__", repr(hook))
                raise RuntimeError(
                    f"hook '{name}' has changed the size of value\n"
                    f"  from {tuple(grad.shape)} to {tuple(result.shape)}{_written_at(hook)}"
                    "\n  fix: return None, or a Tensor of the gradient's shape."
                )
            if result.dtype != grad.dtype:
                name = getattr(hook, "__name__", repr(hook))
                raise RuntimeError(
                    f"hook '{name}' has changed the type of value "
                    f"(was {grad.type()} got {result.type()}){_written_at(hook)}"
                    "\n  fix: return None, or a Tensor of the gradient's dtype."
                )
            grad = result
        return None if grad is given else grad


@overridable
def register_hook(self, hook):
    """Call ``hook(grad)`` with each gradient of this tensor, before it is used.

    hook: returns None, or a Tensor of the same shape that takes the gradient's place. Hooks run in
        the order of registration. Returns: a RemovableHandle.
    Raises: RuntimeError where the tensor does not require grad.
    """
    hooks = _C._hook_dict(self, TensorHooks)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


class PostAccumulateHooks(HookDict):
    """The hooks of one leaf that run after its ``.grad`` has changed."""

    __slots__ = ()

    def __call__(self, leaf):
        for hook in tuple(self.values()):
            result = hook(leaf)
            if isinstance(result, _C.Tensor):
                raise RuntimeError(
                    f"Tensor post accumulate grad hooks should return None.{_written_at(hook)}"
                )
            if result is not None:
                raise TypeError(
                    f"expected Variable, but hook returned '{type(result).__name__}'"
                    f"{_written_at(hook)}"
                )


@overridable
def register_post_accumulate_grad_hook(self, hook):
    """Call ``hook(leaf)`` each time a backward pass has added to the leaf's ``.grad``.

    hook: returns None; it may use and change ``leaf.grad``. Returns: a RemovableHandle.
    Raises: RuntimeError where the tensor is no leaf, or does not require grad.
    """
    hooks = _C._post_hook_dict(self, PostAccumulateHooks)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def install(cls):
    """Put the registering methods on the Tensor type."""
    cls.register_hook = register_hook
    cls.register_post_accumulate_grad_hook = register_post_accumulate_grad_hook

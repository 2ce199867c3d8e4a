"""Hooks on the gradients of tensors and nodes."""

from rushlight import _C
from rushlight._tensor import overridable
from rushlight.utils.hooks import HookDict, RemovableHandle

_C._add_package_globals(globals())


def _written_at(hook):
    """The lines of a message that say where the hook stands and which statement it looks at."""
    from rushlight._site import describe_function, line_of

    place = describe_function(hook)
    story = f"\n  the hook      {place}" if place else ""
    site = getattr(_C._current_autograd_node(), "site", None)
    return f"{story}\n  gradient of   {line_of(site)}" if site else story


def _name(hook):
    return getattr(hook, "__name__", "<unknown>")


def _check_gradient(hook, before, after):
    """Raise where ``after``, which a hook returned, cannot take the place of ``before``."""
    if after is None:
        return
    if before is None:
        raise RuntimeError(
            f"can't replace a None gradient with a non-None value{_written_at(hook)}\n"
            "  fix: return None where the gradient is None: nothing flows there."
        )
    if not isinstance(after, _C.Tensor):
        raise TypeError(
            f"expected Variable, but hook returned '{type(after).__name__}'"
            f"{_written_at(hook)}\n  fix: return None, or a Tensor that takes the "
            "gradient's place."
        )
    if after.dtype != before.dtype:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the type of value "
            f"(was {before.type()} got {after.type()}){_written_at(hook)}"
            "\n  fix: return None, or a Tensor of the gradient's dtype."
        )
    if after.shape != before.shape:
        raise RuntimeError(
            f"hook '{_name(hook)}' has changed the size of value\n"
            f"  from {tuple(before.shape)} to {tuple(after.shape)}{_written_at(hook)}"
            "\n  fix: return None, or a Tensor of the gradient's shape."
        )


class TensorHooks(HookDict):
    """The hooks of one tensor, by id; called by the engine with each gradient."""

    __slots__ = ()

    def __call__(self, grad):
        given = grad
        # A hook may add or remove hooks: that takes effect next time.
        for hook in tuple(self.values()):
            result = hook(grad)
            if result is not None:
                _check_gradient(hook, grad, result)
                grad = result
        return None if grad is given else grad


class NodeHooks(HookDict):
    """The pre-hooks or the post-hooks of one node; called by the engine with tuples of gradients.

    What a hook returns takes the place of the first tuple.
    """

    __slots__ = ()

    def __call__(self, grads, *seen):
        given = grads
        for hook in tuple(self.values()):
            result = hook(grads, *seen)
            if result is None or result is grads:
                continue
            if not isinstance(result, tuple):
                raise TypeError(
                    f"expected tuple, but hook returned '{type(result).__name__}'"
                    f"{_written_at(hook)}\n  fix: return None, or a tuple with one entry for each "
                    f"of the {len(grads)} gradients."
                )
            if len(result) != len(grads):
                raise RuntimeError(
                    f"hook '{_name(hook)}' has returned an incorrect number of values "
                    f"(got {len(result)}, but expected {len(grads)}){_written_at(hook)}\n"
                    "  fix: one entry for each entry of the tuple it got, None where that is None."
                )
            for before, after in zip(grads, result, strict=True):
                _check_gradient(hook, before, after)
            grads = result
        return None if grads is given else grads


def _add(hooks, hook):
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


_C._set_node_hooks(NodeHooks, _add)


@overridable
def register_hook(self, hook):
    """Call ``hook(grad)`` with each gradient of this tensor, before it is used.

    hook: returns None, or a Tensor of the same shape that takes the gradient's place. Hooks run in
        the order of registration. Returns: a RemovableHandle.
    Raises: RuntimeError where the tensor does not require grad.
    """
    return _add(_C._hook_dict(self, TensorHooks), hook)


class PostAccumulateHooks(HookDict):
    """The hooks of one leaf that run after its ``.grad`` has changed."""

    __slots__ = ()

    def __call__(self, leaf):
        for hook in tuple(self.values()):
            result = hook(leaf)
            if result is None or result is leaf:
                continue
            _check_gradient(hook, leaf, result)
            raise RuntimeError(
                f"Tensor post accumulate grad hooks should return None.{_written_at(hook)}"
            )


@overridable
def register_post_accumulate_grad_hook(self, hook):
    """Call ``hook(leaf)`` each time a backward pass has added to the leaf's ``.grad``.

    hook: returns None; it may use and change ``leaf.grad``. Returns: a RemovableHandle.
    Raises: RuntimeError where the tensor is no leaf, or does not require grad.
    """
    return _add(_C._post_hook_dict(self, PostAccumulateHooks), hook)


def install(cls):
    """Put the registering methods on the Tensor type."""
    cls.register_hook = register_hook
    cls.register_post_accumulate_grad_hook = register_post_accumulate_grad_hook

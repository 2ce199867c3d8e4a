"""Calling a Module that has hooks, and registering them. A call without hooks never comes here."""

import functools
import warnings
import weakref
from collections import OrderedDict

from rushlight import _C
from rushlight.utils.hooks import RemovableHandle

_C._add_package_globals(globals())

_global_buffer_registration_hooks = OrderedDict()
_global_module_registration_hooks = OrderedDict()
_global_parameter_registration_hooks = OrderedDict()
_global_backward_pre_hooks = OrderedDict()
_global_backward_hooks = OrderedDict()
_global_forward_pre_hooks = OrderedDict()
_global_forward_hooks = OrderedDict()
_global_forward_hooks_always_called = OrderedDict()
_global_forward_hooks_with_kwargs = OrderedDict()

_C._watch_module_hooks(
    _global_backward_hooks,
    _global_backward_pre_hooks,
    _global_forward_hooks,
    _global_forward_pre_hooks,
)


def _register(hook, hooks, *flags, prepend=False):
    """Put a hook in ``hooks``, and its id in the dicts of those ``flags`` that are (dict, True)."""
    handle = RemovableHandle(hooks, extra_dict=[holder for holder, _ in flags])
    hooks[handle.id] = hook
    for holder, on in flags:
        if on:
            holder[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_buffer_registration_hook(hook):
    """Call ``hook(module, name, buffer)`` before any module registers a buffer.

    hook: returns None, or what is registered instead. Returns: a RemovableHandle.
    """
    return _register(hook, _global_buffer_registration_hooks)


def register_module_module_registration_hook(hook):
    """Call ``hook(module, name, submodule)`` before any module registers a submodule.

    hook: returns None, or what is registered instead. Returns: a RemovableHandle.
    """
    return _register(hook, _global_module_registration_hooks)


def register_module_parameter_registration_hook(hook):
    """Call ``hook(module, name, param)`` before any module registers a parameter.

    hook: returns None, or what is registered instead. Returns: a RemovableHandle.
    """
    return _register(hook, _global_parameter_registration_hooks)


def register_module_forward_pre_hook(hook):
    """Call ``hook(module, args)`` before the forward of every module, ahead of its own hooks.

    hook: returns None, or the arguments to use instead. Returns: a RemovableHandle.
    """
    return _register(hook, _global_forward_pre_hooks)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Call ``hook(module, args, output)`` after every module's forward, ahead of its own hooks.

    hook: returns None, or the output to use instead. with_kwargs: it gets ``(module, args, kwargs,
        output)``. always_call: also after an exception. Returns: a RemovableHandle.
    """
    return _register(
        hook,
        _global_forward_hooks,
        (_global_forward_hooks_with_kwargs, with_kwargs),
        (_global_forward_hooks_always_called, always_call),
    )


def register_module_full_backward_pre_hook(hook):
    """Call ``hook(module, grad_output)`` for every module, ahead of its own hooks.

    hook: as ``Module.register_full_backward_pre_hook``. Returns: a RemovableHandle.
    """
    return _register(hook, _global_backward_pre_hooks)


def _kind_of_hooks(before, full, where):
    """The kind of backward hooks that there are from now on; raises where there are others."""
    if before is not None and before is not full:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks "
            f"{where}. Please use only one of them."
        )
    return full


def _set_kind_of_global_hooks(full):
    from . import module

    before = module._global_is_full_backward_hook
    where = "as a global Module hook"
    module._global_is_full_backward_hook = _kind_of_hooks(before, full, where)


def register_module_full_backward_hook(hook):
    """Call ``hook(module, grad_input, grad_output)`` for every module, ahead of its own hooks.

    hook: as ``Module.register_full_backward_hook``. Returns: a RemovableHandle.
    Raises: RuntimeError where ``register_module_backward_hook`` was used before.
    """
    _set_kind_of_global_hooks(True)
    return _register(hook, _global_backward_hooks)


def register_module_backward_hook(hook):
    """Deprecated: ``register_module_full_backward_hook`` sees all gradients of every module.

    hook: as ``Module.register_backward_hook``. Returns: a RemovableHandle.
    Raises: RuntimeError where ``register_module_full_backward_hook`` was used before.
    """
    _set_kind_of_global_hooks(False)
    return _register(hook, _global_backward_hooks)


class _WrappedHook:
    """A hook that gets its module, weakly referred to, as first argument; it can be pickled."""

    def __init__(self, hook, module=None):
        self.hook = hook
        functools.update_wrapper(self, hook)
        self.with_module = module is not None
        if self.with_module:
            self.module = weakref.ref(module)

    def __call__(self, *args, **kwargs):
        if not self.with_module:
            return self.hook(*args, **kwargs)
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __getstate__(self):
        state = {"hook": self.hook, "with_module": self.with_module}
        if self.with_module:
            state["module"] = self.module()
        return state

    def __setstate__(self, state):
        self.hook = state["hook"]
        self.with_module = state["with_module"]
        if self.with_module:
            if state["module"] is None:
                raise RuntimeError("You are trying to revive the hook of a dead Module!")
            self.module = weakref.ref(state["module"])


class _Call:
    """One call of a module: its arguments and result as the hooks change them."""

    __slots__ = ("args", "kwargs", "result", "called")

    def __init__(self, args, kwargs):
        self.args = args
        self.kwargs = kwargs
        self.result = None
        self.called = set()  # ids of the always_call hooks that have run


class ModuleCall:
    """The part of Module that has to do with calls."""

    def register_forward_pre_hook(self, hook, *, prepend=False, with_kwargs=False):
        """Call ``hook(module, args)`` before ``forward``.

        hook: returns None, or the arguments to use instead; one value stands for a tuple of one.
        with_kwargs: it gets ``(module, args, kwargs)`` and returns None or ``(args, kwargs)``.
        prepend: before the hooks there are. Returns: a RemovableHandle.
        """
        return _register(
            hook,
            self._forward_pre_hooks,
            (self._forward_pre_hooks_with_kwargs, with_kwargs),
            prepend=prepend,
        )

    def register_forward_hook(self, hook, *, prepend=False, with_kwargs=False, always_call=False):
        """Call ``hook(module, args, output)`` after ``forward``.

        hook: returns None, or the output to use instead.
        with_kwargs: it gets ``(module, args, kwargs, output)``.
        always_call: also after an exception, with the output there is, or None.
        prepend: before the hooks there are. Returns: a RemovableHandle.
        """
        return _register(
            hook,
            self._forward_hooks,
            (self._forward_hooks_with_kwargs, with_kwargs),
            (self._forward_hooks_always_called, always_call),
            prepend=prepend,
        )

    def register_full_backward_pre_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_output)`` before gradients pass the module.

        hook: gets a tuple with the gradient of each output, None for what is no Tensor; returns
            None, or a tuple of gradients to use instead.
        prepend: before the hooks there are. Returns: a RemovableHandle.
        """
        return _register(hook, self._backward_pre_hooks, prepend=prepend)

    def register_full_backward_hook(self, hook, prepend=False):
        """Call ``hook(module, grad_input, grad_output)`` when the inputs' gradients are known.

        hook: gets two tuples, of the gradients of the positional arguments and of the outputs, None
            for what is no Tensor; returns None, or a tuple to use in the place of grad_input.
        prepend: before the hooks there are. Returns: a RemovableHandle.
        Warns, in the backward pass, where no argument requires grad; grad_input then is all None.
        Raises: RuntimeError where the module has hooks of ``register_backward_hook``.
        """
        where = "on a single Module"
        self._is_full_backward_hook = _kind_of_hooks(self._is_full_backward_hook, True, where)
        return _register(hook, self._backward_hooks, prepend=prepend)

    def register_backward_hook(self, hook):
        """Deprecated: ``register_full_backward_hook`` sees the gradients of all arguments.

        hook: called as ``hook(module, grad_input, grad_output)`` after the one node that made the
            output, or the first of several, with that node's gradients. Returns: a RemovableHandle.
        Warns, in the call, where those are not all of the module's. Raises: RuntimeError where the
            module has full backward hooks.
        """
        where = "on a single Module"
        self._is_full_backward_hook = _kind_of_hooks(self._is_full_backward_hook, False, where)
        return _register(hook, self._backward_hooks)

    def _call_impl(self, *args, **kwargs):
        """The call of a module that has hooks, or that is not initialised."""
        hooked = (
            self._backward_hooks
            or self._backward_pre_hooks
            or self._forward_hooks
            or self._forward_pre_hooks
            or _global_backward_pre_hooks
            or _global_backward_hooks
            or _global_forward_hooks
            or _global_forward_pre_hooks
        )
        if not hooked:
            return self.forward(*args, **kwargs)
        call = _Call(args, kwargs)
        try:
            self._run_hooked(call)
        except Exception:
            self._run_always_called(call)
            raise
        return call.result

    def _run_hooked(self, call):
        from . import module as _module

        # As PyTorch does, before a forward hook may add or remove some.
        hooks, old_hooks = [], []
        for full, registered in (
            (_module._global_is_full_backward_hook, _global_backward_hooks),
            (self._is_full_backward_hook, self._backward_hooks),
        ):
            (hooks if full else old_hooks).extend(registered.values())
        pre_hooks = [*_global_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]
        self._run_forward_pre_hooks(call)
        backward = None
        if hooks or pre_hooks:
            from ._backward_hook import BackwardHook

            backward = BackwardHook(self, hooks, pre_hooks)
            call.args = backward.setup_input_hook(call.args)
        call.result = self.forward(*call.args, **call.kwargs)
        self._run_forward_hooks(call)
        if backward is not None:
            if not isinstance(call.result, _C.Tensor | tuple):
                warnings.warn(
                    "For backward hooks to be called, module output should be a Tensor or a tuple "
                    f"of Tensors but received {type(call.result)}",
                    stacklevel=4,
                )
            call.result = backward.setup_output_hook(call.result)
        if old_hooks:
            from . import _old_backward_hook

            _old_backward_hook.register(old_hooks, self, call.args, call.result)

    def _run_forward_pre_hooks(self, call):
        for hook_id, hook in (*_global_forward_pre_hooks.items(), *self._forward_pre_hooks.items()):
            if hook_id not in self._forward_pre_hooks_with_kwargs:
                changed = hook(self, call.args)
                if changed is not None:
                    call.args = changed if isinstance(changed, tuple) else (changed,)
                continue
            changed = hook(self, call.args, call.kwargs)
            if changed is None:
                continue
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), but "
                    f"got {changed}."
                )
            call.args, call.kwargs = changed

    def _forward_hook_flags(self, hook_id):
        """Whether a forward hook gets the keyword arguments, and whether it is always called."""
        with_kwargs = self._forward_hooks_with_kwargs, _global_forward_hooks_with_kwargs
        always = self._forward_hooks_always_called, _global_forward_hooks_always_called
        return any(hook_id in d for d in with_kwargs), any(hook_id in d for d in always)

    def _run_forward_hook(self, call, hook, with_kwargs):
        if with_kwargs:
            changed = hook(self, call.args, call.kwargs, call.result)
        else:
            changed = hook(self, call.args, call.result)
        if changed is not None:
            call.result = changed

    def _run_forward_hooks(self, call):
        for hook_id, hook in (*_global_forward_hooks.items(), *self._forward_hooks.items()):
            with_kwargs, always = self._forward_hook_flags(hook_id)
            if always:
                call.called.add(hook_id)
            self._run_forward_hook(call, hook, with_kwargs)

    def _run_always_called(self, call):
        """After an exception: the hooks registered with always_call that have not run."""
        for kind, hooks in (
            ("global module", _global_forward_hooks),
            ("module", self._forward_hooks),
        ):
            for hook_id, hook in tuple(hooks.items()):
                with_kwargs, always = self._forward_hook_flags(hook_id)
                if not always or hook_id in call.called:
                    continue
                try:
                    self._run_forward_hook(call, hook, with_kwargs)
                except Exception as error:
                    warnings.warn(
                        f"{kind} forward hook with ``always_call=True`` raised an exception that "
                        f"was silenced as another error was raised in forward: {error!s}",
                        stacklevel=4,
                    )

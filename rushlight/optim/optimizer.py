"""Optimizer: groups of parameters with their options, state per parameter, saving, hooks."""

import functools
from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from copy import deepcopy

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr
from rushlight._profiles import labelled as _labelled
from rushlight._profiles import open_profiles as _open_profiles
from rushlight._typename import typename
from rushlight.utils.hooks import RemovableHandle

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]

_C._add_package_globals(globals())

Tensor = rushlight.Tensor

_global_optimizer_pre_hooks = OrderedDict()
_global_optimizer_post_hooks = OrderedDict()


class _RequiredParameter:
    """Stands in ``defaults`` for an option that every group has to give."""

    def __repr__(self):
        return "<required parameter>"


required = _RequiredParameter()


def _add(hooks, hook, prepend=False):
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` before the step of every optimizer.

    hook: returns None, or ``(args, kwargs)`` to use instead. Returns: a RemovableHandle.
    """
    return _add(_global_optimizer_pre_hooks, hook)


def register_optimizer_step_post_hook(hook):
    """Call ``hook(optimizer, args, kwargs)`` after the step of every optimizer.

    Returns: a RemovableHandle.
    """
    return _add(_global_optimizer_post_hooks, hook)


def _with_hooks(step):
    """``step`` as a method that runs the hooks around it, if there are any."""

    @functools.wraps(step)
    def wrapper(self, *args, **kwargs):
        if _open_profiles:
            label = f"Optimizer.step#{type(self).__name__}.step"
            return _labelled(label, hooked, self, *args, **kwargs)
        return hooked(self, *args, **kwargs)

    def hooked(self, *args, **kwargs):
        before, after = self._optimizer_step_pre_hooks, self._optimizer_step_post_hooks
        if not (before or after or _global_optimizer_pre_hooks or _global_optimizer_post_hooks):
            return step(self, *args, **kwargs)
        args = (self, *args)
        for hook in (*_global_optimizer_pre_hooks.values(), *before.values()):
            changed = hook(self, args, kwargs)
            if changed is None:
                continue
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                    f"{changed}."
                )
            args, kwargs = changed
        result = step(*args, **kwargs)
        for hook in (*after.values(), *_global_optimizer_post_hooks.values()):
            hook(self, args, kwargs)
        return result

    wrapper.hooked = True
    return wrapper


class Optimizer:
    """Base class of all optimizers: a subclass defines ``step``.

    params: Tensors, or (name, Tensor) pairs, or dicts ``{"params": ..., option: value}``, one for
        each group. defaults: options of groups that do not give them.
    param_groups: list of dicts. state: dict of dicts by parameter.
    Raises: TypeError for what is no Tensor; ValueError for none at all, for one that is no leaf,
        or one that is in two groups.
    """

    def __init__(self, params, defaults):
        self.defaults = defaults
        self._add_hook_dicts()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {typename(params)}\n  fix: pass a list: [tensor]."
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list\n"
                "  fix: a generator, as model.parameters() returns it, can be used only once; and "
                "a list of modules is registered only as nn.ModuleList."
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _add_hook_dicts(self):
        """The dicts of the hooks, where there are none yet; and hooks around ``step``."""
        for name in (
            "_optimizer_step_pre_hooks",
            "_optimizer_step_post_hooks",
            "_optimizer_state_dict_pre_hooks",
            "_optimizer_state_dict_post_hooks",
            "_optimizer_load_state_dict_pre_hooks",
            "_optimizer_load_state_dict_post_hooks",
        ):
            self.__dict__.setdefault(name, OrderedDict())
        cls = type(self)
        if not getattr(cls.step, "hooked", False):
            cls.step = _with_hooks(cls.step)

    def __getstate__(self):
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._add_hook_dicts()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self):
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            # A blank line between groups, as PyTorch prints them.
            lines += [f"Parameter Group {i}"] if i == 0 else ["", f"Parameter Group {i}"]
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # --- groups ---------------------------------------------------------------------------------

    def add_param_group(self, param_group):
        """Add a group: a dict with "params" and any options that differ from the defaults.

        Raises: TypeError and ValueError as the class says.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _name_params(param_group)
        for param in param_group["params"]:
            if not isinstance(param, Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    + typename(param)
                )
            if not self.defaults.get("differentiable") and not (
                param.is_leaf or param.retains_grad
            ):
                raise ValueError(
                    "can't optimize a non-leaf Tensor\n"
                    f"  got   the result of {param.grad_fn.name()}, shape {tuple(param.shape)}\n"
                    "  fix: pass the tensors it was computed from."
                )
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    + name
                )
            param_group.setdefault(name, default)
        self._check_other_groups(param_group)
        self.param_groups.append(param_group)

    def _check_other_groups(self, new):
        params = set(new["params"])
        if len(params) != len(new["params"]):
            import warnings

            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; in future, this "
                "will cause an error; see github.com/pytorch/pytorch/issues/40967 for more "
                "information",
                stacklevel=5,
            )
        for group in self.param_groups:
            if ("param_names" in new) != ("param_names" in group):
                text = "with names" if "param_names" in new else "without names"
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {text} to the optimizer"
                )
        if not all(params.isdisjoint(group["params"]) for group in self.param_groups):
            raise ValueError("some parameters appear in more than one parameter group")

    # --- training -------------------------------------------------------------------------------

    def step(self, closure=None):
        """Change the parameters once; a subclass defines it.

        closure: computes the loss again and returns it. Returns: what the closure returned.
        Raises: NotImplementedError, here.
        """
        raise NotImplementedError

    def zero_grad(self, set_to_none=True):
        """Forget the gradients of all parameters, or set them to zero where not ``set_to_none``."""
        if _open_profiles:
            label = f"Optimizer.zero_grad#{type(self).__name__}.zero_grad"
            return _labelled(label, self._zero_grad, set_to_none)
        return self._zero_grad(set_to_none)

    def _zero_grad(self, set_to_none):
        many, one = (_C._forget_grads, _forget) if set_to_none else (_C._zero_grads, _zero)
        for group in self.param_groups:
            params, at = list(group["params"]), 0
            # The core does this for plain tensors, many in one call; with the rest it stops.
            while (at := many(params, at)) < len(params):
                one(params[at])
                at += 1

    # --- saving ---------------------------------------------------------------------------------

    def state_dict(self):
        """Return the state and the groups, with numbers in the place of parameters.

        Returns: ``{"state": {number: state}, "param_groups": [group]}``. Tensors are not copied.
        """
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        numbers = {}
        groups = []
        start = 0
        for group in self.param_groups:
            # One that is twice in the group has its last number, as in PyTorch.
            numbers |= {id(p): n for n, p in enumerate(group["params"], start)}
            packed = {key: value for key, value in group.items() if key != "params"}
            packed["params"] = [numbers[id(param)] for param in group["params"]]
            start += len(group["params"])
            groups.append(packed)
        state = {
            numbers[id(key)] if isinstance(key, Tensor) else key: value
            for key, value in self.state.items()
        }
        saved = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            changed = hook(self, saved)
            if changed is not None:
                saved = changed
        return saved

    def load_state_dict(self, state_dict):
        """Take back what ``state_dict`` returned; parameters are told apart by their order.

        State tensors take the dtype of their parameter, except ``step``.
        Raises: ValueError where the numbers of groups, or of parameters in one, differ.
        """
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        groups, saved_groups = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups\n"
                f"  it has {len(saved_groups)}, the optimizer {len(groups)}"
            )
        pairs = list(zip(groups, saved_groups, strict=True))
        if any(len(group["params"]) != len(saved["params"]) for group, saved in pairs):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        params = {}
        for group, saved in pairs:
            params.update(zip(saved["params"], group["params"], strict=True))
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = _fitted(params[key], value)
            else:
                state[key] = value
        self.__setstate__({"state": state, "param_groups": saved_groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # --- hooks ----------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` before ``step``.

        hook: returns None, or ``(args, kwargs)`` to use instead. Returns: a RemovableHandle.
        """
        return _add(self._optimizer_step_pre_hooks, hook)

    def register_step_post_hook(self, hook):
        """Call ``hook(optimizer, args, kwargs)`` after ``step``. Returns: a RemovableHandle."""
        return _add(self._optimizer_step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` before ``state_dict``. Returns: a RemovableHandle."""
        return _add(self._optimizer_state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``.

        hook: returns None, or the dict to return instead. Returns: a RemovableHandle.
        """
        return _add(self._optimizer_state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Call ``hook(optimizer, state_dict)`` before ``load_state_dict`` reads its copy.

        hook: returns None, or the dict to load instead. Returns: a RemovableHandle.
        """
        return _add(self._optimizer_load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Call ``hook(optimizer)`` after ``load_state_dict``. Returns: a RemovableHandle."""
        return _add(self._optimizer_load_state_dict_post_hooks, hook, prepend)


def _forget(param):
    param.grad = None


def _zero(param):
    grad = param.grad
    if grad is None:
        return
    if grad.grad_fn is not None:
        grad.detach_()
    else:
        grad.requires_grad_(False)
    grad.zero_()


def _name_params(group):
    """Make group["params"] a list of Tensors, and group["param_names"] where they have names."""
    params = group["params"]
    if isinstance(params, Tensor):
        params = [params]
    elif isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of "
            "tensors in sets will change between runs. Please use a list instead."
        )
    params = list(params)
    names = [param[0] for param in params if isinstance(param, tuple)]
    group["params"] = [param[1] if isinstance(param, tuple) else param for param in params]
    if names:
        if len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        group["param_names"] = names


def _fitted(param, value, key=None):
    """Loaded state, with its tensors in the dtype of their parameter."""
    if isinstance(value, Tensor):
        return value.to(param.dtype) if key != "step" and param.is_floating_point() else value
    if isinstance(value, dict):
        return {k: _fitted(param, v, k) for k, v in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_fitted(param, v) for v in value)
    return value


def __getattr__(name):
    raise _module_getattr(__name__, name)

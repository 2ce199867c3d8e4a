"""Module: what it registers, what it consists of, its modes, conversions and text.

Calls and hooks are in _call.py, saving and loading in _state.py, and what happens on each access
and each call in csrc/python/nn_module.cpp.
"""

from collections import OrderedDict

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr
from rushlight._typename import typename
from rushlight.nn.parameter import Buffer, Parameter

from ._call import (
    ModuleCall,
    _global_buffer_registration_hooks,
    _global_module_registration_hooks,
    _global_parameter_registration_hooks,
    register_module_backward_hook,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)
from ._state import ModuleState, _IncompatibleKeys  # noqa: F401 - programs import it from here

__all__ = [
    "Module",
    "register_module_backward_hook",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

_C._add_package_globals(globals())

Tensor = rushlight.Tensor


def _checked_name(kind, name):
    """Raise where ``name`` cannot be the name of a parameter, buffer or module."""
    if not isinstance(name, str):
        raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
    if "." in name:
        got = f", got: {name}" if kind == "module" else ""
        raise KeyError(f'{kind} name can\'t contain "."{got}')
    if name == "":
        raise KeyError(f'{kind} name can\'t be empty string ""')


# Whether the global backward hooks are full ones; None before there are any. A Module keeps the
# same of its own.
_global_is_full_backward_hook = None


def _through_hooks(hooks, module, name, value):
    """What the registration hooks make of a value."""
    for hook in hooks.values():
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


def _indented(text):
    """Every line but the first two spaces to the right."""
    first, *rest = text.split("\n")
    return "\n".join([first, *("  " + line if line.strip() else "" for line in rest)])


class Module(ModuleCall, ModuleState, _C._ModuleBase):
    """Base class of all parts of a network: parameters, buffers and submodules by name.

    A subclass calls ``super().__init__()`` first, assigns what it consists of to attributes, and
    defines ``forward``. Parameters, Buffers and Modules that are assigned are registered.
    training: True until ``eval()``; for modules that behave otherwise in training.
    Raises: AttributeError where something is registered before ``__init__`` has run.
    Differs from PyTorch: ``to_empty``, ``share_memory`` and ``compile`` are not there.
    """

    dump_patches = False
    _version = 1
    call_super_init = False

    def __init__(self, *args, **kwargs):
        if not self.call_super_init and (args or kwargs):
            problem = f"takes 1 positional argument but {len(args) + 1} were given"
            if kwargs:
                problem = f"got an unexpected keyword argument '{next(iter(kwargs))}'"
            raise TypeError(f"{type(self).__name__}.__init__() {problem}")
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _backward_pre_hooks=OrderedDict(),
            _backward_hooks=OrderedDict(),
            _is_full_backward_hook=None,
            _forward_hooks=OrderedDict(),
            _forward_hooks_with_kwargs=OrderedDict(),
            _forward_hooks_always_called=OrderedDict(),
            _forward_pre_hooks=OrderedDict(),
            _forward_pre_hooks_with_kwargs=OrderedDict(),
            _state_dict_hooks=OrderedDict(),
            _state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_pre_hooks=OrderedDict(),
            _load_state_dict_post_hooks=OrderedDict(),
            _modules={},
        )
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    def forward(self, *input):
        """Compute the result; every subclass defines it.

        Raises: NotImplementedError, here.
        """
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    # --- what is registered ---------------------------------------------------------------------

    def register_buffer(self, name, tensor, persistent=True):
        """Add a buffer: state that no optimizer changes.

        tensor: a Tensor, or None for a buffer that has no value and is in no state_dict.
        persistent: whether it is part of ``state_dict()``.
        Raises: KeyError for a name that is taken, empty or has a dot; TypeError for what is no
            Tensor; AttributeError before ``__init__``.
        """
        if "_buffers" not in self.__dict__:
            raise AttributeError("cannot assign buffer before Module.__init__() call")
        _checked_name("buffer", name)
        if hasattr(self, name) and name not in self._buffers:
            raise KeyError(f"attribute '{name}' already exists")
        if tensor is not None and not _is_tensor_like(tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' "
                "(torch Tensor or None required)"
            )
        self._buffers[name] = _through_hooks(_global_buffer_registration_hooks, self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def register_parameter(self, name, param):
        """Add a parameter, as assigning it does.

        param: a Parameter, or None for one that has no value and is in no state_dict.
        Raises: KeyError for a name that is taken, empty or has a dot; TypeError for what is no
            Parameter; ValueError for one with a history; AttributeError before ``__init__``.
        """
        if "_parameters" not in self.__dict__:
            raise AttributeError("cannot assign parameter before Module.__init__() call")
        _checked_name("parameter", name)
        if hasattr(self, name) and name not in self._parameters:
            raise KeyError(f"attribute '{name}' already exists")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"cannot assign '{typename(param)}' object to parameter '{name}' "
                    "(torch.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must "
                    f"be created explicitly. To express '{name}' as a function of another Tensor, "
                    "compute the value in the forward() method."
                )
            param = _through_hooks(_global_parameter_registration_hooks, self, name, param)
        self._parameters[name] = param

    def add_module(self, name, module):
        """Add a submodule, as assigning it does; ``register_module`` is another name for it.

        module: a Module, or None for one that is left out.
        Raises: KeyError for a name that is taken, empty or has a dot; TypeError for what is no
            Module.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        if not isinstance(name, str):
            raise TypeError(f"module name should be a string. Got {typename(name)}")
        if hasattr(self, name) and name not in self._modules:
            raise KeyError(f"attribute '{name}' already exists")
        _checked_name("module", name)
        self._modules[name] = _through_hooks(_global_module_registration_hooks, self, name, module)

    def register_module(self, name, module):
        """Add a submodule: see ``add_module``."""
        self.add_module(name, module)

    def _assign(self, name, value):
        """Assignments that concern what is registered; plain ones are done in C++."""
        state = self.__dict__
        if isinstance(value, Parameter):
            if "_parameters" not in state:
                raise AttributeError("cannot assign parameters before Module.__init__() call")
            self._forget(name, state, self._buffers, self._modules)
            self.register_parameter(name, value)
        elif name in state.get("_parameters", ()):
            self._only_none(name, value, "parameter", "torch.nn.Parameter")
            self.register_parameter(name, None)
        elif isinstance(value, Module):
            if "_modules" not in state:
                raise AttributeError("cannot assign module before Module.__init__() call")
            self._forget(name, state, self._parameters, self._buffers)
            hooks = _global_module_registration_hooks
            self._modules[name] = _through_hooks(hooks, self, name, value)
        elif name in state.get("_modules", ()):
            self._only_none(name, value, "child module", "torch.nn.Module")
            hooks = _global_module_registration_hooks
            self._modules[name] = _through_hooks(hooks, self, name, value)
        elif isinstance(value, Buffer) or name in state.get("_buffers", ()):
            self._assign_buffer(name, value)
        else:
            object.__setattr__(self, name, value)

    def _forget(self, name, *holders):
        for holder in holders:
            holder.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    @staticmethod
    def _only_none(name, value, kind, wanted):
        if value is not None:
            raise TypeError(
                f"cannot assign '{typename(value)}' as {kind} '{name}' ({wanted} or None expected)"
            )

    def _assign_buffer(self, name, value):
        if value is not None and not _is_tensor_like(value):
            raise TypeError(
                f"cannot assign '{typename(value)}' as buffer '{name}' "
                "(torch.nn.Buffer, torch.Tensor or None expected)"
            )
        if isinstance(value, Buffer):
            persistent = value.persistent
        else:
            persistent = name not in self._non_persistent_buffers_set
        self.register_buffer(name, value, persistent)

    def __delattr__(self, name):
        if name in self._parameters:
            del self._parameters[name]
        elif name in self._buffers:
            del self._buffers[name]
            self._non_persistent_buffers_set.discard(name)
        elif name in self._modules:
            del self._modules[name]
        else:
            object.__delattr__(self, name)

    def __dir__(self):
        names = {*dir(type(self)), *self.__dict__}
        names.update(self._parameters, self._modules, self._buffers)
        return sorted(name for name in names if not name[0].isdigit())

    # --- what it consists of --------------------------------------------------------------------

    def get_submodule(self, target):
        """Return the submodule at a path of names, ``"encoder.0"``; ``""`` is the module itself.

        Raises: AttributeError naming the first part that is not there, or no Module.
        """
        module = self
        for name in target.split(".") if target else ():
            module = _part(module, name)
            if not isinstance(module, Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        return module

    def set_submodule(self, target, module, strict=False):
        """Put a module at a path of names; all but the last must be there already.

        strict: the last must be there too.
        Raises: ValueError for an empty path or what is no Module; AttributeError as
            ``get_submodule``.
        """
        if target == "":
            raise ValueError("Cannot set the submodule without a target name!")
        if not isinstance(module, Module):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict or hasattr(parent, name):
            if not isinstance(_part(parent, name), Module):
                raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target):
        """Return the parameter at a path of names, ``"encoder.0.weight"``.

        Raises: AttributeError naming the part that is not there, or no Parameter.
        """
        path, _, name = target.rpartition(".")
        found = _part(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return found

    def get_buffer(self, target):
        """Return the buffer at a path of names.

        Raises: AttributeError naming the part that is not there, or no buffer.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = _part(module, name)
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return found

    def _named_members(self, get_members_fn, prefix="", recurse=True, remove_duplicate=True):
        seen = set()
        modules = [(prefix, self)]
        if recurse:
            modules = self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
        for path, module in modules:
            for name, value in get_members_fn(module):
                if value is None or value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield f"{path}.{name}" if path else name, value

    def parameters(self, recurse=True):
        """Yield every parameter once; ``recurse=False`` leaves out those of submodules."""
        for _, param in self.named_parameters(recurse=recurse):
            yield param

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        """Yield (name, parameter), the name being the path of names that leads to it.

        prefix: put before every path. remove_duplicate: each parameter once, under its first name.
        """
        yield from self._named_members(
            lambda module: module._parameters.items(), prefix, recurse, remove_duplicate
        )

    def buffers(self, recurse=True):
        """Yield every buffer once; ``recurse=False`` leaves out those of submodules."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(self, prefix="", recurse=True, remove_duplicate=True):
        """Yield (name, buffer), as ``named_parameters`` does."""
        yield from self._named_members(
            lambda module: module._buffers.items(), prefix, recurse, remove_duplicate
        )

    def children(self):
        """Yield every direct submodule once."""
        for _, module in self.named_children():
            yield module

    def named_children(self):
        """Yield (name, module) for every direct submodule, once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate=True):
        """Yield the module itself and every submodule at any depth, once."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        """Yield (path, module) for the module itself, whose path is ``prefix``, and all below it.

        memo: a set of modules to leave out, to which those yielded are added.
        """
        if memo is None:
            memo = set()
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                path = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, path, remove_duplicate)

    # --- modes and conversions ------------------------------------------------------------------

    def apply(self, fn):
        """Call ``fn(module)`` for every submodule, the module itself last; return the module."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def train(self, mode=True):
        """Set ``training`` here and in all submodules; return the module.

        Raises: ValueError for a mode that is no bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self):
        """``train(False)``: gradients are recorded as before, for that there is ``no_grad``."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Set ``requires_grad`` of every parameter; return the module."""
        for param in self.parameters():
            param.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Forget the gradients of all parameters, or set them to zero where not ``set_to_none``."""
        for param in self.parameters():
            grad = param.grad
            if grad is None:
                continue
            if set_to_none:
                param.grad = None
                continue
            if grad.grad_fn is not None:
                grad.detach_()
            else:
                grad.requires_grad_(False)
            grad.zero_()

    def _apply(self, fn, recurse=True):
        """Put ``fn(tensor)`` in the place of every parameter's data, its grad and every buffer."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        for param in self._parameters.values():
            if param is None:
                continue
            with rushlight.no_grad():
                data = fn(param)
                grad = None if param.grad is None else fn(param.grad)
            old_grad = param.grad
            param.data = data
            if grad is not None:
                old_grad.data = grad
        for name, buffer in self._buffers.items():
            if buffer is not None:
                self._buffers[name] = fn(buffer)
        return self

    def cpu(self):
        """Return the module: there is no other device."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device=None):
        """Raise: there is no CUDA device."""
        return self._apply(lambda t: t.cuda(device))

    def type(self, dst_type):
        """Convert all parameters and buffers, in place, to a dtype; return the module."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self):
        """Convert floating point parameters and buffers to float32, in place; return the module."""
        return self._apply(lambda t: t.float() if t.is_floating_point() else t)

    def half(self):
        """Convert floating point parameters and buffers to float16, in place; return the module."""
        return self._apply(lambda t: t.half() if t.is_floating_point() else t)

    def bfloat16(self):
        """Convert floating point parameters and buffers to bfloat16 in place; return the module."""
        return self._apply(lambda t: t.bfloat16() if t.is_floating_point() else t)

    def double(self):
        """Convert floating point parameters and buffers to float64, in place; return the module."""
        return self._apply(lambda t: t.double() if t.is_floating_point() else t)

    def to(self, *args, **kwargs):
        """Convert floating point parameters and buffers in place; return the module.

        Arguments: as ``Tensor.to``, of which only a dtype has an effect: there is one device.
        Raises: TypeError for a dtype that is not floating point, and as ``Tensor.to``.
        """
        if not (args or kwargs):
            return self
        # Tensor.to reads the arguments: what it makes of two dtypes tells whether one was asked.
        probes = [rushlight.empty(0, dtype=d) for d in (rushlight.float32, rushlight.float64)]
        first, second = (probe.to(*args, **kwargs).dtype for probe in probes)
        if first is not second:
            return self
        if not first.is_floating_point:
            raise TypeError(
                "nn.Module.to only accepts floating point or complex dtypes, but got desired "
                f"dtype={first}"
            )
        return self._apply(lambda t: t.to(first) if t.is_floating_point() else t)

    # --- text -----------------------------------------------------------------------------------

    def _get_name(self):
        return type(self).__name__

    def extra_repr(self):
        """What ``repr`` shows between the parentheses; a subclass may say it."""
        return ""

    def __repr__(self):
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        lines = [
            *extra_lines,
            *(f"({name}): {_indented(repr(module))}" for name, module in self._modules.items()),
        ]
        if len(lines) == 1 and extra_lines:
            return f"{self._get_name()}({lines[0]})"
        inside = "\n  " + "\n  ".join(lines) + "\n" if lines else ""
        return f"{self._get_name()}({inside})"


def _is_tensor_like(value):
    return isinstance(value, Tensor) or hasattr(value, "__torch_function__")


def _part(module, name):
    if not hasattr(module, name):
        raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
    return getattr(module, name)


def __getattr__(name):
    raise _module_getattr(__name__, name)

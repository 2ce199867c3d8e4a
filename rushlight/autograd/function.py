"""Custom Functions: a forward and a backward that belong together, as one node of the graph."""

import functools
import importlib
import sys

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "FunctionMeta",
    "InplaceFunction",
    "NestedIOFunction",
    "once_differentiable",
]

_C._add_package_globals(globals())

FunctionCtx = _C.FunctionCtx


class BackwardCFunction(FunctionCtx):
    """The base of every Function's node type, ``<name>Backward``."""

    __slots__ = ()

    def apply(self, *grads):
        """Call the Function's backward() with these gradients; return what it returns."""
        cls = self._forward_cls
        if cls.boxed_grads_call:
            grads = (list(grads),)
        if cls.vjp is Function.vjp:
            return cls.backward(self, *grads)
        return cls.vjp(self, *grads)


class FunctionMeta(type):
    """Gives each Function the type of its nodes, ``_backward_cls``."""

    def __init__(cls, name, bases, namespace):
        cls._backward_cls = type(
            f"{name}Backward", (BackwardCFunction,), {"_forward_cls": cls, "__slots__": ()}
        )
        super().__init__(name, bases, namespace)


class Function(FunctionCtx, metaclass=FunctionMeta):
    """A differentiable operation with a derivative of your own: subclass it and call ``apply``.

    Define two static methods, ``forward(ctx, *args)`` and ``backward(ctx, *grad_outputs)``, and
    call ``MyFunction.apply(*args)``. Or split the first: ``forward(*args)`` without ``ctx``, and
    ``setup_context(ctx, inputs, output)``. The arguments can be anything; gradients go to the
    tensors among the positional ones. What ``forward`` does is not recorded; what ``backward`` does
    is, with ``create_graph=True``. ``vjp`` is another name for ``backward``.

    >>> import rushlight as torch
    >>> class Exp(torch.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         y = x.exp()
    ...         ctx.save_for_backward(y)
    ...         return y
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (y,) = ctx.saved_tensors
    ...         return grad_output * y
    >>> x = torch.zeros(2, requires_grad=True)
    >>> Exp.apply(x).sum().backward()
    >>> x.grad
    tensor([1., 1.])

    Cost: about a microsecond a call above what forward() takes.
    """

    generate_vmap_rule = False
    # backward() may read ctx.saved_tensors once, which lets go of them.
    clear_saved_tensors_on_access = False
    # backward(ctx, grads) gets one list, from which it may take what it no longer needs.
    boxed_grads_call = False

    def __init__(self, *args, **kwargs):
        import warnings

        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all "
            "static, so you should invoke them on the class itself. Instantiating an autograd "
            "function will raise an error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=_C._user_stack_level(),
        )

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use "
            "new-style autograd function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args, **kwargs):
        """Compute the outputs: ``forward(ctx, *args)``, or ``forward(*args)`` beside setup_context.

        Returns: a Tensor, or a tuple of Tensors and anything else.
        """
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Declare on ``ctx`` what a ``forward`` without it cannot.

        inputs: tuple of the arguments, defaults included. output: what forward() returned.
        """
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Return the gradient of each argument of forward(), None where there is none.

        grad_outputs: the gradient of each output, of the output's shape; None for what is no
            Tensor.
        """
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx, *grad_inputs):
        """Return the tangent of each output, for forward mode.

        grad_inputs: the tangent of each argument of forward(), None for what has none.
        """
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with "
            "forward mode AD."
        )

    @staticmethod
    def vmap(info, in_dims, *args):
        """Return (output, out_dims) of a batch, for vmap.

        info: batch_size and randomness. in_dims: the batch dimension of each argument, or None.
        """
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or "
            "set generate_vmap_rule=True."
        )


class InplaceFunction(Function):
    """An older base of Functions that may change their input in place; use Function instead."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace


def _bind(forward, args, kwargs):
    """The positional arguments of ``forward(*args, **kwargs)``, defaults included."""
    import inspect

    bound = inspect.signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    for name in bound.kwargs:
        raise TypeError(
            f"forward() got an unexpected keyword argument '{name}'\n"
            "  setup_context() gets arguments by position: forward() may have no keyword-only ones."
        )
    return bound.args


if __name__ == "rushlight.autograd.function":
    _C._set_function_defaults(Function.backward, Function.setup_context, _bind)
else:
    # A program that put rushlight.autograd into sys.modules as torch.autograd imports this file
    # under that name, too. It gets the module that there is: Function must be one class.
    sys.modules[__name__] = importlib.import_module("rushlight.autograd.function")


def once_differentiable(fn):
    """Mark a backward() whose own derivative would be wrong: it runs under ``no_grad()``.

    Returns: the decorated function. A second differentiation of what it returned raises
        RuntimeError, where a gradient that it got requires grad.
    """
    from .grad_mode import no_grad

    @functools.wraps(fn)
    def wrapper(ctx, *args, **kwargs):
        with no_grad():
            outputs = fn(ctx, *args, **kwargs)
        if not _C.is_grad_enabled():
            return outputs
        if not any(isinstance(arg, _C.Tensor) and arg.requires_grad for arg in args):
            return outputs
        if isinstance(outputs, tuple):
            return _C._once_differentiable(outputs)
        return _C._once_differentiable((outputs,))[0]

    return wrapper


TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._nested_function import NestedIOFunction


def __getattr__(name):
    if name == "NestedIOFunction":
        from ._nested_function import NestedIOFunction

        globals()[name] = NestedIOFunction
        return NestedIOFunction
    raise _module_getattr(__name__, name)

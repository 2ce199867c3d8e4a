"""Full backward hooks: two identity nodes around a module's call see the gradients pass."""

import warnings

import rushlight
from rushlight import _C
from rushlight.autograd import Function

_C._add_package_globals(globals())


class BackwardHookFunction(Function):
    """Returns its tensors: a node that the module's hooks are registered on."""

    @staticmethod
    def forward(ctx, *tensors):
        ctx.mark_non_differentiable(*[t for t in tensors if not t.requires_grad])
        return tensors

    @staticmethod
    def backward(ctx, *grads):
        return grads


class BackwardHook:
    """The hooks of one call of a module.

    user_hooks, user_pre_hooks: lists of those that ``register_full_backward_hook`` and
        ``register_full_backward_pre_hook`` take.
    The node at the outputs gets the gradient first: it keeps it for the node at the inputs, which
    calls the user's hooks with both. Where no input requires grad, it calls them itself.
    """

    def __init__(self, module, user_hooks, user_pre_hooks):
        self.module = module
        self.user_hooks = user_hooks
        self.user_pre_hooks = user_pre_hooks
        self.grad_outputs = None
        self.n_inputs = 0
        self.n_outputs = 0
        self.inputs = None  # positions of the tensors among the arguments; None without a node
        self.outputs = None

    def setup_input_hook(self, args):
        """Return the arguments with their tensors as results of a node."""
        self.n_inputs = len(args)
        args, self.inputs = _through_node(args, self._at_inputs)
        return args

    def setup_output_hook(self, result):
        """Return the result with its tensors as results of a node; a tuple, or a single one."""
        outputs = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(outputs)
        outputs, self.outputs = _through_node(outputs, self._at_outputs)
        return outputs if isinstance(result, tuple) else outputs[0]

    def _at_outputs(self, _, grads):
        self.grad_outputs = _spread(self.outputs, grads, self.n_outputs)
        for hook in self.user_pre_hooks:
            changed = hook(self.module, self.grad_outputs)
            if changed is None:
                continue
            if len(changed) != self.n_outputs:
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, got "
                    f"{len(changed)}, but expected {self.n_outputs}"
                )
            self.grad_outputs = changed
        grad_outputs = self.grad_outputs
        if self.inputs is None:
            self._call_without_inputs()
        return tuple(grad_outputs[i] for i in self.outputs)

    def _call_without_inputs(self):
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module "
            "outputs since no inputs require gradients. See https://docs.pytorch.org/docs/main/"
            "generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook for more "
            "details.",
            stacklevel=5,
        )
        nothing = (None,) * self.n_inputs
        for hook in self.user_hooks:
            changed = hook(self.module, nothing, self.grad_outputs)
            if changed is not None and not (
                isinstance(changed, tuple) and all(grad is None for grad in changed)
            ):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_outputs = None

    def _at_inputs(self, grads, _):
        if self.grad_outputs is None:
            return None  # a second derivative, which does not pass the outputs
        grad_inputs = _spread(self.inputs, grads, self.n_inputs)
        for hook in self.user_hooks:
            changed = hook(self.module, grad_inputs, self.grad_outputs)
            if changed is None:
                continue
            if len(changed) != self.n_inputs:
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, got "
                    f"{len(changed)}, but expected {self.n_inputs}"
                )
            grad_inputs = changed
        self.grad_outputs = None
        return tuple(grad_inputs[i] for i in self.inputs)


def _spread(positions, values, n):
    """A tuple of n with the values at their positions and None elsewhere."""
    spread = [None] * n
    for i, value in zip(positions, values, strict=True):
        spread[i] = value
    return tuple(spread)


def _through_node(values, use):
    """The values with their tensors passed through a node, and the tensors' positions.

    use: the node's post-hook. Returns: the values as they are, and None, where nothing is recorded.
    """
    positions = [i for i, value in enumerate(values) if isinstance(value, rushlight.Tensor)]
    tensors = [values[i] for i in positions]
    if not rushlight.is_grad_enabled() or not any(t.requires_grad for t in tensors):
        return values, None
    passed = BackwardHookFunction.apply(*tensors)
    node = next(t.grad_fn for t in passed if t.grad_fn is not None)

    def hook(grad_inputs, grad_outputs):
        return use(grad_inputs, grad_outputs)

    node.register_hook(hook)
    values_out = list(values)
    for i, tensor in zip(positions, passed, strict=True):
        values_out[i] = tensor
    kind = type(values)
    return (tuple(values_out) if kind is tuple else kind(*values_out)), positions

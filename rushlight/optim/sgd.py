"""Stochastic gradient descent."""

import rushlight
from rushlight import _C

from .optimizer import Optimizer

__all__ = ["SGD"]

_C._add_package_globals(globals())


class SGD(Optimizer):
    """``param -= lr * grad``, with momentum and weight decay where asked for.

    params: see Optimizer. lr: learning rate, a number or a Tensor of one element, not negative.
    momentum, dampening: ``buffer = momentum * buffer + (1 - dampening) * grad`` takes the grad's
        place; the first buffer is the first grad. nesterov: ``grad + momentum * buffer`` does.
    weight_decay: times the parameter, is added to the grad. maximize: go up, not down.
    foreach, fused: accepted; there is one way to compute it.
    differentiable: record the step, for parameters that are no leaves.
    Raises: ValueError for a negative number, or nesterov without momentum or with dampening.
    Differs from PyTorch: ``fused=True`` gives the bits of the other ways, which in PyTorch differ.
    Source: Sutskever et al., On the importance of initialization and momentum, 2013.
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        foreach=None,
        differentiable=False,
        fused=None,
    ):
        if isinstance(lr, rushlight.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for name, value in (
            ("learning rate", lr),
            ("momentum value", momentum),
            ("weight_decay value", weight_decay),
        ):
            if value < 0.0:
                raise ValueError(f"Invalid {name}: {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        if fused and differentiable:
            raise RuntimeError("`fused` does not support `differentiable`")
        if fused and foreach:
            raise RuntimeError("`fused` and `foreach` cannot be `True` together.")

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("differentiable", False)
            group.setdefault("fused", False)

    def step(self, closure=None):
        """Change every parameter that has a grad, in place.

        closure: computes the loss again, gradients included, and returns it.
        Returns: what the closure returned, or None.
        """
        loss = None
        if closure is not None:
            with rushlight.enable_grad():
                loss = closure()
        with rushlight.set_grad_enabled(self.defaults["differentiable"]):
            for group in self.param_groups:
                self._step_group(group)
        return loss

    def _step_group(self, group):
        params, change = list(group["params"]), _number(group["lr"])
        # The core changes plain tensors, many in one call; with the rest it stops.
        options = (
            ()
            if change is None or self.defaults["differentiable"]
            else (
                *(self.state, change, group["momentum"], group["dampening"], group["weight_decay"]),
                *(group["nesterov"], group["maximize"]),
            )
        )
        at = 0
        while True:
            if options:
                at = _C._sgd_step(params, at, *options)
            if at >= len(params):
                return
            self._step_one(params[at], change, group)
            at += 1

    def _step_one(self, param, change, group):
        grad, weight_decay = param.grad, group["weight_decay"]
        if grad is None:
            return
        if group["maximize"]:
            grad = -grad
        if _is_set(weight_decay):
            grad = _plus(grad, param, weight_decay)
        if group["momentum"] != 0:
            grad = self._with_momentum(param, grad, group)
        if change is None:
            param.sub_(group["lr"] * grad)
        else:
            param.add_(grad, alpha=-change)

    def _with_momentum(self, param, grad, group):
        state, momentum = self.state[param], group["momentum"]
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = grad.detach().clone()
        else:
            buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
        return grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer


def _number(value):
    """An option as a number; None where it is a Tensor whose gradient is wanted."""
    if not isinstance(value, rushlight.Tensor):
        return value
    return None if value.requires_grad else value.item()


def _is_set(weight_decay):
    return isinstance(weight_decay, rushlight.Tensor) or weight_decay != 0


def _plus(grad, param, weight_decay):
    factor = _number(weight_decay)
    return grad + weight_decay * param if factor is None else grad.add(param, alpha=factor)

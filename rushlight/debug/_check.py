"""``check_grad``: any gradient against central differences; the operation that made it wrong."""

import contextlib
import functools
import math
import re
import sys

from rushlight import _C

from . import _words as words
from ._called import accepts, as_named, in_doubles, random_state, reached

_C._add_package_globals(globals())

_EPSILON = {"float64": 2.2e-16, "float32": 1.2e-7, "bfloat16": 8e-3, "float16": 1e-3}
# The steps and the relative error that the precision of the loss allows.
_STEP = {"float64": 1e-6, "float32": 1e-2, "bfloat16": 0.25, "float16": 0.1}
_RTOL = {"float64": 1e-4, "float32": 1e-2, "bfloat16": 0.1, "float16": 0.05}
# What steps are divided by where one says that a gradient is wrong.
_FINER = (8, 64, 512)
_MOST_SCALE = 1000.0  # a large loss has noise; the step must stay small beside the entry
_INSIDE = 1e-3  # the step beside an entry near the border of the domain, relative to it
_ALIGNED = 1e-8  # relative error of a sum over many entries


class Entry:
    """One entry of a gradient: name of its tensor, index, analytic and numeric value."""

    __slots__ = ("name", "index", "analytic", "numeric", "_tensor", "_flat", "_step")

    @property
    def relative_error(self):
        return abs(self.analytic - self.numeric) / max(abs(self.numeric), 1e-300)

    def __str__(self):
        where = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        return (
            f"{self.name}{where}: {self.analytic:.9g} by backward, {self.numeric:.9g} by "
            f"differences, off by {100 * self.relative_error:.3g} %"
        )

    __repr__ = __str__


class CheckResult:
    """What check_grad found; true where every gradient is right.

    checked: how many entries were. wrong: those that are not right, in order. first: the first of
    them, or None. kinks: entries where the loss has a kink, and backward chose a slope between
    those of both sides. culprit: the operation that made the first wrong one, in words, or None.
    node: its grad_fn, or None. outside: entries a step from which the loss is not finite, as at the
    border of log's domain. unused: names of tensors that the loss does not depend on.
    """

    def __init__(self):
        self.checked, self.wrong, self.kinks, self.outside, self.unused = 0, [], [], [], []
        self.culprit = self.node = None

    @property
    def first(self):
        return self.wrong[0] if self.wrong else None

    def __bool__(self):
        return not self.wrong

    def __str__(self):
        if self.wrong:
            lines = [f"wrong gradient: {len(self.wrong)} of {self.checked} entries"]
            lines.append(f"  first   {self.first}")
            lines.append(f"  made by {self.culprit or 'no single operation that could be named'}")
        else:
            lines = [f"right gradient: {self.checked} entries"]
        if self.kinks:
            lines.append(f"  {len(self.kinks)} at a kink, where any slope between is right")
            lines.append(f"  first   {self.kinks[0]}")
        if self.outside:
            lines.append(f"  {len(self.outside)} not judged: the loss is not finite a step away")
            lines.append(f"  first   {self.outside[0]}")
        if self.unused:
            lines.append(f"  the loss does not depend on {', '.join(self.unused)}")
        return "\n".join(lines)

    __repr__ = __str__


# --- the check ----------------------------------------------------------------------------------


class _Check:
    """One function at one point, whose loss can be asked for at other points near."""

    def __init__(self, call, tensors, repeat, eps, rtol, atol):
        self.call, self.tensors, self.repeat = call, tensors, repeat
        loss = self.loss()
        if not isinstance(loss, _C.Tensor):
            raise TypeError(
                f"check_grad(): loss_fn must return a Tensor, not {type(loss).__name__}"
            )
        self.grads = _C._grad((loss,), self.tensors, None, True, False, True, False)
        self.value, self.dtype = loss.item(), str(loss.dtype).removeprefix("torch.")
        if not math.isfinite(self.value):
            raise RuntimeError(
                f"check_grad(): loss_fn gave {self.value}, of which there are no differences"
            )
        self.rtol = _RTOL[self.dtype] if rtol is None else rtol
        self.atol = self.rtol / 100 if atol is None else atol
        # Between what rounding and what curvature makes of it.
        scale = min(max(1.0, abs(self.value)) ** (1 / 3), _MOST_SCALE)
        self.eps = _STEP[self.dtype] * scale if eps is None else eps
        again = self.loss().item()
        if again != self.value:
            raise RuntimeError(
                f"check_grad(): loss_fn gave {self.value:.9g}, then {again:.9g} for the same "
                "values: differences of it say nothing\n"
                "  fix: let it draw from the default generator, which is set back before each "
                "call, and change nothing that it reads."
            )

    def loss(self):
        self.repeat()
        with _C.enable_grad():
            return self.call()

    def at(self, flat, i, by):
        """The loss with entry i of a flat view moved."""
        before = flat[i].clone()
        try:
            flat[i] = before + by
            return self.loss().item()
        finally:
            flat[i] = before

    def along(self, flat, direction):
        """The loss with a flat view moved."""
        before = flat.clone()
        try:
            flat.add_(direction)
            return self.loss().item()
        finally:
            flat.copy_(before)

    def noise(self, step):
        return 8 * _EPSILON[self.dtype] * abs(self.value) / step

    def fits(self, analytic, numeric, step):
        gap = abs(analytic - numeric)
        return gap <= self.atol + self.rtol * abs(numeric) + self.noise(step)


def _check_entry(check, entry, result):
    """Compare one entry; sort it under wrong or kinks where it differs."""
    flat, i, analytic = entry._flat
    here = abs(flat[i].item())
    for step in (check.eps * max(1.0, here), _INSIDE * here):
        if not step:
            continue
        above, below = check.at(flat, i, step), check.at(flat, i, -step)
        entry.numeric, entry._step = (above - below) / (2 * step), step
        if math.isfinite(entry.numeric):
            break
    result.checked += 1
    if not math.isfinite(entry.numeric):
        result.outside.append(entry)
        return
    if check.fits(analytic, entry.numeric, step) or _explained(check, entry):
        return
    finer, up, down = step, above, below
    for shrink in _FINER:
        if 4 * check.noise(step / shrink) > abs(analytic - entry.numeric):
            break  # rounding would explain anything
        finer = step / shrink
        up, down = check.at(flat, i, finer), check.at(flat, i, -finer)
        if check.fits(analytic, (up - down) / (2 * finer), finer):
            return  # a kink, or strong curvature, within the step and not here
    right, left = (up - check.value) / finer, (check.value - down) / finer
    coarse = abs(above - 2 * check.value + below) / step
    gap, allowed = abs(right - left), check.atol + check.rtol * abs(entry.numeric)
    allowed += check.noise(finer)
    # Curvature would have shrunk with the step.
    kinked = finer < step and gap > 2 * allowed and gap > coarse / 2
    if kinked and min(right, left) - allowed <= analytic <= max(right, left) + allowed:
        result.kinks.append(entry)
    else:
        result.wrong.append(entry)


def _explained(check, entry):
    """Whether the curvature that a step of half the length shows explains the gap."""
    flat, i, analytic = entry._flat
    half = entry._step / 2
    halved = (check.at(flat, i, half) - check.at(flat, i, -half)) / (2 * half)
    # Richardson's extrapolation, off by no more than the halved difference is.
    best = (4 * halved - entry.numeric) / 3
    allowed = check.atol + check.rtol * abs(best) + abs(best - halved) + check.noise(half)
    return abs(analytic - best) <= allowed


def _entry(name, t, grad, i):
    entry = Entry()
    entry.name, entry._tensor = name, t
    index, rest = [], i
    for n in reversed(t.shape):
        rest, k = divmod(rest, n)
        index.insert(0, k)
    entry.index = tuple(index)
    entry.analytic = 0.0 if grad is None else grad.reshape(-1)[i].item()
    entry.numeric = float("nan")
    entry._flat = (t.data.view(-1), i, entry.analytic)
    return entry


def _suspect(check, t, grad, entries):
    """An entry among many whose gradient is wrong, by halving; None where their sum is right."""
    flat = t.data.view(-1)
    generator = _C.Generator()
    signs = _C.rand(flat.numel(), generator=generator).to(flat.dtype).add_(0.5)
    slope = _C.zeros_like(flat) if grad is None else grad.reshape(-1)

    def differs(part):
        direction = _C.zeros_like(flat)
        direction[part] = signs[part]
        up = check.along(flat, direction * check.eps)
        down = check.along(flat, direction * -check.eps)
        wanted = (up - down) / (2 * check.eps)
        terms = slope * direction
        # Finer than what one entry is allowed, which would vanish in the sum.
        allowed = _ALIGNED * terms.abs().sum().item() + check.noise(check.eps)
        return not abs(terms.sum().item() - wanted) <= allowed

    part = _C.tensor(entries)
    if not differs(part):
        return None
    while len(part) > 1:
        half = len(part) // 2
        part = part[:half] if differs(part[:half]) else part[half:]
    return int(part[0])


def _compare(picked, check, max_entries):
    """The CheckResult for pairs of a name and a tensor."""
    result = CheckResult()
    for (name, t), grad in zip(picked, check.grads, strict=True):
        n = t.numel()
        few = min(n, max_entries)
        chosen = [i * n // few for i in range(few)]
        entries = [_entry(name, t, grad, i) for i in chosen]
        for entry in entries:
            _check_entry(check, entry, result)
        others = sorted(set(range(n)).difference(chosen)) if n > few else []
        if grad is None and not any(entry.numeric for entry in entries):
            result.unused.append(name)
        if others and (i := _suspect(check, t, grad, others)) is not None:
            _check_entry(check, _entry(name, t, grad, i), result)
    if result.wrong:
        from ._culprit import find_culprit

        step = result.first._step
        result.culprit, result.node = find_culprit(check, result.first, step)
    if len(result.unused) == len(picked):
        raise RuntimeError(
            "One of the differentiated Tensors appears to not have been used in the graph.\n"
            f"  the loss does not change with {', '.join(result.unused)}"
        )
    for entry in result.wrong + result.kinks + result.outside:
        entry._tensor = entry._flat = None
    return result


def _check_arguments(eps, rtol, atol, max_entries):
    for name, value in (("eps", eps), ("rtol", rtol), ("atol", atol)):
        if value is None:
            continue
        if not isinstance(value, int | float):
            raise TypeError(f"check_grad(): {name} must be a number, not {type(value).__name__}")
        if not 0 <= value < math.inf or (name == "eps" and not value):
            least = "greater than 0" if name == "eps" else "at least 0"
            raise ValueError(f"check_grad(): {name} must be finite and {least}, but got {value}")
    if not isinstance(max_entries, int):
        kind = type(max_entries).__name__
        raise TypeError(f"check_grad(): max_entries must be an int, not {kind}")
    if max_entries < 0:
        raise ValueError(f"check_grad(): max_entries must be at least 0, but got {max_entries}")


def check_grad(
    loss_fn,
    x,
    *,
    eps=None,
    rtol=None,
    atol=None,
    max_entries=256,
    raise_exception=False,
):
    """Compare the gradient of loss_fn with central differences, in float64 whatever the dtype.

    Where it is wrong, the result names the first wrong entry and the operation whose derivative
    made it so: of an own autograd.Function with its line.

    loss_fn: returns a loss, a Tensor of one element. It is called with x, or with the tensors of a
        list, a dict's by their names; with nothing where it takes no argument, and then uses them
        as they are. x: a leaf that requires grad; a list or dict of such; a Module, for its
        parameters. While it runs they, and the leaves and modules that loss_fn closes over, hold
        float64 copies of their values; ``.grad`` is left alone.
    eps: the step for an entry of size 1 and less. rtol, atol: what may differ: atol + rtol *
        |difference|, with what rounding explains. All by default from the loss's dtype, which is
        float64 unless loss_fn casts: 1e-6, 1e-4 and 1e-6.
    max_entries: of each tensor so many are checked one by one, evenly spread; of all others their
        sum along one direction.
    raise_exception: raise GradcheckError for a wrong gradient instead of returning it.
    Where loss_fn makes tensors that do not go with float64, as torch.ones(3), all keep their dtype.
    Returns: CheckResult, true where all is right, or at a kink, where no slope is wrong.
    Raises: ValueError where no tensor requires grad; RuntimeError for a loss of several elements,
        one that does not require grad or is not finite, and a function that gives other values for
        the same input (random numbers of the default generator repeat); TypeError for no Tensor;
        TypeError or ValueError for an eps, rtol, atol or max_entries that makes no sense.
    """
    _check_arguments(eps, rtol, atol, max_entries)
    names = words.names_in(sys._getframe(1))
    named, ways = as_named(x, names)
    tensors = [t if t.is_leaf else t.detach().clone().requires_grad_() for _, t in named]
    if not any(t.requires_grad for t in tensors):
        raise ValueError(
            "check_grad expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True.\n  fix: x.requires_grad_() before the call."
        )
    for args, kwargs in ways(tensors):
        if accepts(loss_fn, args, kwargs):
            call = functools.partial(loss_fn, *args, **kwargs)
            break
    else:
        call = functools.partial(loss_fn, *tensors)  # whose TypeError says what is wrong
    moved = reached(loss_fn)
    moved.update((id(t), t) for t in tensors)
    picked = [(n, t) for (n, _), t in zip(named, tensors, strict=True) if t.requires_grad]
    with random_state() as repeat, _C.no_grad(), contextlib.ExitStack() as doubles:
        start = functools.partial(_Check, call, [t for _, t in picked], repeat, eps, rtol, atol)
        doubles.enter_context(in_doubles(moved.values()))
        try:
            check = start()
        except RuntimeError as error:
            if not re.search("dtype|scalar type", str(error)):
                raise
            check = None
        if check is None:  # loss_fn makes tensors that do not go with float64
            doubles.close()
            check = start()
        result = _compare(picked, check, max_entries)
    if result.wrong and raise_exception:
        from rushlight.autograd.gradcheck import GradcheckError

        raise GradcheckError(str(result))
    return result

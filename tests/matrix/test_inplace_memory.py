"""An in-place form writes where its tensor is: it allocates no other."""

import itertools
import math

import pytest
from support import rushlight_only, torch

from .calls import SIGNATURES, Call, T
from .tables import OPERATORS
from .values import make
from .without import ALLOCATES_IN_PLACE

pytestmark = rushlight_only


def bytes_allocated(action):
    """The bytes of tensors that an action holds at once, beyond what it found."""
    torch.cpu.reset_peak_memory_stats()
    start = torch.cpu.memory_allocated()
    action()
    return torch.cpu.max_memory_allocated() - start


def enlarged(call, how, dtype):
    """The call's arguments, contiguous, of a size that the allocator counts."""

    def value_of(value, place):
        if type(value) is tuple:
            return tuple(value_of(v, place) for v in value)
        if not isinstance(value, T):
            return value.build(None, 0, None) if hasattr(value, "values") else value
        shape = how(value.shape)
        tensor = make((math.prod(shape) and 7,), dtype, domain=value.domain or (0.1, 0.9))
        return tensor.repeat(math.prod(shape) // 7 + 1)[: math.prod(shape)].reshape(shape).clone()

    args = [value_of(a, i) for i, a in enumerate(call.args)]
    return args, {k: value_of(v, 0) for k, v in call.kwargs.items()}


WAYS = (
    lambda shape: tuple(s if s == 1 else 16 * s for s in shape),
    lambda shape: (64, *shape),
    lambda shape: (*shape[:-1], 64) if shape else (),
)
DTYPES_TRIED = ("float32", "float64", "int64", "bool")


def attempts(name):
    """Targets and other arguments on which the in-place form of an operator runs, enlarged."""
    for call in OPERATORS[name].calls:
        if not isinstance(call, Call) or call.run or not call.args or "inplace" in call.kwargs:
            continue
        for way, dtype in itertools.product(WAYS, DTYPES_TRIED):
            try:
                args, kwargs = enlarged(call, way, dtype)
                # The method's tensor: the first argument, or the first tensor after a number.
                place = 0 if isinstance(args[0], torch.Tensor) else 1
                target = args.pop(place)
                before = target.shape
                getattr(target.clone(), name + "_")(*args, **kwargs)
            except Exception:  # the size or the dtype does not suit this call: another does
                continue
            if target.numel() > 16 and before == target.shape:
                yield call, target, args, kwargs
                break


INPLACE = sorted(
    name
    for name in OPERATORS
    if SIGNATURES.get(name, {}).get("inplace") and hasattr(torch.Tensor, name + "_")
)


@pytest.mark.parametrize("name", INPLACE)
def test_inplace_form_allocates_no_tensor(name):
    ran = 0
    for call, target, args, kwargs in attempts(name):
        method = getattr(target, name + "_")
        grown = bytes_allocated(lambda m=method, a=args, k=kwargs: m(*a, **k))
        ran += 1
        part, _ = ALLOCATES_IN_PLACE.get(name, ("none such", ""))
        if part not in call.key():
            assert grown == 0, f"{name}_({call.key()}) allocated {grown} bytes"
    assert ran, "no call of the in-place form was large enough"


def test_an_allocation_is_seen():
    x = torch.zeros(100)
    assert bytes_allocated(lambda: x.add_(1)) == 0
    assert bytes_allocated(lambda: x.add_(x * 2)) >= 400
    assert bytes_allocated(lambda: torch.empty(3000)) >= 12000

"""First and second gradients of every call of the matrix, against finite differences."""

import re

import pytest
from support import rushlight_only, torch

from .cases import Case, observe
from .numeric import Kink, call_of, check_call
from .tables import OPERATORS
from .without import has_no_slope

pytestmark = rushlight_only
NO_DERIVATIVE = re.compile("is not implemented|is not differentiable with respect to argument")


def runs(name, operator, call):
    """Whether the call has a result at all in float64."""
    try:
        calculate, tensors = call_of(name, operator, call)
        return max((t.numel() for t in tensors), default=0) < 1000 and bool(calculate(*tensors))
    except AssertionError:
        raise
    except Exception:
        return False  # a refusal: the record says which


@pytest.mark.parametrize("name", sorted(n for n, o in OPERATORS.items() if o.numeric))
def test_gradients_are_the_slopes(name, case_counts):
    operator = OPERATORS[name]
    wrong, kinks, count = [], [], 0
    for call in operator.calls:
        if has_no_slope(name, call) or not runs(name, operator, call):
            continue
        try:
            count += check_call(name, operator, call)
        except Kink as kink:
            kinks.append(str(kink))
        except RuntimeError as error:
            if not NO_DERIVATIVE.search(str(error)):  # PyTorch has none: the record says so
                wrong.append(f"{name}({call.key()}): {error}")
        except AssertionError as error:
            wrong.append(str(error))
    case_counts["gradients and second gradients against differences"] += count
    assert not wrong, "\n".join(wrong)
    assert not kinks, "no slope to compare with:\n" + "\n".join(kinks)


def test_observation_of_a_gradient_is_not_empty():
    operator = OPERATORS["exp"]
    line = observe("exp", operator, operator.calls[0], Case("function", "float64", gradient=True))
    assert line.startswith("ExpBackward0 ; float64 3x4 ") and torch.is_grad_enabled()

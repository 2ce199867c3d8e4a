"""Signs, names and hooks in what trace_backward and explain say."""

import pytest
from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
explain = torch.debug.explain
F = torch.nn.functional


@pytest.mark.parametrize("name", ["mse_loss", "smooth_l1_loss", "huber_loss"])
def test_the_rule_of_a_loss_has_the_sign_of_its_number(name):
    a, b = leaf(3.0), leaf(1.0)
    loss = getattr(F, name)(a, b)
    for_a, for_b = str(explain(a, loss)), str(explain(b, loss))
    assert "/da = -" not in for_a and "/db = -(" in for_b
    if name == "mse_loss":
        assert "/da = 2 (a - b), over n for a mean = 4.0" in for_a
        assert "/db = -(2 (a - b)), over n for a mean = -4.0" in for_b

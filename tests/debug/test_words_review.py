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


class Proxy:
    """As of a web framework: whoever looks at it outside of a request gets an error."""

    @property
    def __class__(self):
        raise RuntimeError("working outside of request context")

    def __getattr__(self, name):
        raise RuntimeError("working outside of request context")

    __dict__ = property(lambda self: self.missing)


class Closed(dict):
    def items(self):
        raise RuntimeError("items")

    values = __iter__ = __len__ = keys = items


class Listed(list):
    def __iter__(self):
        raise RuntimeError("iter")

    __len__ = __iter__


class Key:
    def __repr__(self):
        raise RuntimeError("repr")


request = Proxy()


class Trainer:
    def __init__(self, w):
        self.w = w

    def explain(self):
        closed = Closed(a=self.w)
        others = Listed([closed, request])
        keyed = {Key(): self.w * 2}
        made = str(explain(self.w, self.w * 3))
        assert len(keyed) == 1 and others is not None
        return made


def test_naming_variables_runs_no_user_code():
    assert "w gets its gradient along 1 path" in Trainer(leaf(2.0)).explain()
    w = leaf(2.0)
    local = Proxy()
    seen = [str(step) for step in torch.debug.trace_backward(w * 3)]
    assert "w.grad was None" in seen[-1]
    with torch.debug.keep_story():
        (w * 4).backward()
    assert "w gets its gradient" in str(explain(w))
    assert torch.debug.check_grad(lambda w: (w * w, local, request)[0], leaf(2.0))


class Guarded(torch.nn.Linear):
    def named_parameters(self, *args, **kwargs):
        raise RuntimeError("named_parameters")


def test_a_modules_parameters_are_named_without_asking_it():
    net = torch.nn.Sequential(Guarded(2, 2), torch.nn.Linear(2, 1))
    made = explain(net[0].weight, net(torch.ones(1, 2)).sum())
    assert made.name == "net.0.weight"

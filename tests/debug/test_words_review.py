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


def test_a_hook_is_a_factor_of_the_product():
    x = leaf(3.0)
    y = x * x
    y.register_hook(lambda g: g * 10)
    loss = y * 2
    first = explain(x, loss)
    assert "a hook made 2.0 into 20.0" in str(first)
    assert str(first).endswith("sum  60.0 + 60.0 = 120.0")
    assert "1.0 * 2.0 * 10.0 (hook) * 3.0 = 60.0" in str(first)
    x.register_hook(lambda g: g + 1)
    assert "and hooks of x change the result" in str(explain(x, loss))
    steps = list(torch.debug.trace_backward(loss))
    assert steps[1].hooks == ["a hook made 2.0 into 20.0"] and steps[0].hooks == []
    assert "a hook made 120.0 into 121.0" in str(steps[2])
    assert x.grad.item() == 121.0
    assert "sum  60.0 + 60.0 = 120.0\na hook made 120.0 into 121.0\nx.grad was" in str(explain(x))


def test_hooks_that_change_nothing_a_zero_or_a_nodes_gradients():
    x = leaf(3.0)
    y = x * 2
    y.register_hook(lambda g: g.clone())
    unchanged = explain(x, y * 1)
    assert "hook made" not in str(unchanged) and unchanged.paths[0].hooks == [[], []]
    y.register_hook(lambda g: g + 1)
    story = explain(x, y * 0)
    assert "a hook made 0.0 into 1.0" in str(story) and story.paths[0].product is None
    z = x * 2
    loss = z * 5
    loss.grad_fn.register_hook(lambda grads, _: tuple(g and g * 2 for g in grads))
    assert explain(x, loss).paths[0].product == 20.0
    many = leaf([1.0, 2.0])
    doubled = many * 2
    doubled.register_hook(lambda g: g.mul_(3))
    assert "a hook made [1.0, 1.0] into [3.0, 3.0]" in str(explain(many, doubled.sum()))


def test_the_inside_of_an_expression_has_short_names():
    a, b, x = leaf([3.0, 1.0]), torch.zeros(2), leaf(2.0)
    loss = F.l1_loss(a, b)
    text = str(explain(a, loss))
    assert "d(F.l1_loss(a, b))/dh1 = 1 / 2" in text and "dh1/dh2 = sign(h2)" in text
    assert "dh2/da = 1" in text and "(makes h2)" in text
    h1 = leaf(5.0)
    text = str(explain(x, (1 / x) * h1))
    assert "d(1 / x)/dh2 = 1" in text and "dh2/dx = -h2^2 = -0.25" in text
    net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())
    y = net(a)
    loss = y.sum()
    assert "dy/dh2" not in str(explain(a, loss)) and "d(net(a))/dh2" in str(explain(a, loss))
    loss.backward()
    assert "d(net(a))/dh2" in str(explain(a, loss)), "and without numbers"


def test_rounds_of_a_loop_are_no_insides():
    w, h = leaf(2.0), torch.tensor(1.0)
    for _ in range(3):
        h = h * w
    text = str(explain(w, h))
    assert text.count("d(h * w)/dw = h") == 3 and "h1" not in text

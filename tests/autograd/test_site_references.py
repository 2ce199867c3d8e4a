"""Nodes and writers refer to the code that made them: once they are gone, so are the references."""

import gc
import random
import sys
import weakref

import pytest
from support import rushlight_only, torch

pytestmark = rushlight_only

STEPS = [
    "ts[{i}].add_(ts[{j}])",
    "ts[{i}].copy_(ts[{j}])",
    "ts[{i}].mul_(ts[{j}])",
    "ts[{i}] = ts[{i}] * ts[{j}]",
    "ts[{i}] = ts[{i}].exp()",
    "ts[{i}].sigmoid_()",
    "ts[{i}][0].copy_(ts[{j}][1])",
    "ts[{i}][0].add_(ts[{j}][1])",
    "ts[{i}][:, 1].mul_(2)",
    "ts[{i}].view(9).exp_()",
    "ts[{i}] = ts[{i}].detach()",
    "ts[{i}] = ts[{i}].view(9).view(3, 3)",
    "ts[{i}] = ts[{i}].t()",
    "ts.append(ts[{i}])",
]
ENDS = [
    "pass",
    "loss.backward()",
    "loss.backward(retain_graph=True); loss.backward()",
    "torch.autograd.grad(loss, [p, q], allow_unused=True)",
]
UPDATES = [
    "pass",
    "torch.optim.SGD([p, q], lr=0.1, momentum=0.9).step()",
    "with torch.no_grad(): p.sub_(0.1 * q); q.grad = None",
]


def function_of(body):
    """A function of new code that no other one shares."""
    lines = ["p = torch.ones(3, 3, requires_grad=True)", "q = p.detach().requires_grad_()", *body]
    names = {"torch": torch}
    exec(compile("def f():\n    " + "\n    ".join(lines), f"<{id(lines)}>", "exec"), names)
    return names.pop("f")


def references_left(body):
    """Of a function's code, once all that it made is gone without the collector's help."""
    f = function_of(body)
    gc.disable()
    try:
        before = sys.getrefcount(f.__code__)
        try:
            f()
        except RuntimeError as error:
            error.__traceback__ = None
        torch.ones(()).item()  # the last statement that took a number is remembered
        return sys.getrefcount(f.__code__) - before
    finally:
        gc.enable()


def random_program(seed):
    rng = random.Random(seed)
    body = ["ts = [p * 2, q * 3, torch.ones(3, 3)]"]
    body += [
        rng.choice(STEPS).format(i=rng.randrange(3), j=rng.randrange(3))
        for _ in range(rng.randint(1, 7))
    ]
    losses = [
        "loss = sum(t.sum() for t in ts)",
        "loss = ts[0].sum()",
        "loss = (ts[1] + ts[0]).mean()",
    ]
    return [*body, f"loss = {rng.choice(losses)}", rng.choice(ENDS), rng.choice(UPDATES)]


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_random_programs_leave_no_reference_to_their_code(first):
    left = {s: references_left(random_program(s)) for s in range(first, first + 50)}
    assert not {seed: n for seed, n in left.items() if n}


# A write whose values were computed from the tensor it replaces made a cycle of the tensor, its new
# history and the node that had saved it.
CYCLES = {
    "copy": ["a = p * 2; b = q * 3", "b.mul_(a)", "a.copy_(b)"],
    "of no grad": ["a = torch.ones(3, 3); b = q * a", "a.copy_(b)"],
    "twice": ["a = p * 2; b = a * q", "a.add_(b)", "b = a * q", "a.add_(b)"],
    "through a view": ["a = p * 2; b = a * q", "a[0].copy_(b[1])"],
    "of a saved view": ["a = p * 2; v = a[0]; b = v * q[0]", "a[1].copy_(b)"],
    "view last": ["a = p * 2; v = a[0]; b = a * q", "del a", "v.copy_(b[0])", "del b", "del v"],
    "view alone": ["v = (p * 2)[0]; b = v * q[0]", "v.copy_(b)", "del b", "del v"],
    "base held by a view": ["a = p * 2; v = a[0]", "b = a * q; a.add_(b)", "del a, b", "v.sum()"],
    "two": ["a = p * 2; b = q * 2", "c = a * b; d = b * a", "a.copy_(d); b.copy_(c)"],
    "in a list": ["a = p * 2; b = torch.cat([a * q, a]).exp()", "a.copy_(b[:3] * b[3:])"],
    "after a pass": ["a = p * 2; b = a.exp()", "b.sum().backward(retain_graph=True)", "a.copy_(b)"],
    "former leaf": ["y = p * 2", "p.requires_grad_(False)", "p.copy_(y)"],
    "held by a later node": [
        "a = p * 2; b = a * q; a.copy_(b); c = a.exp()",
        "del a, b",
        "c.sum()",
    ],
    "with attributes": ["a = p * 2; a.me = 'x'; b = a * q", "a.copy_(b)"],
    "saved for itself": ["a = p * 2; a.mul_(a); a.mul_(a * a)"],
}


@pytest.mark.parametrize("name", CYCLES)
def test_history_that_leads_to_its_own_tensor_goes_at_once(name):
    assert references_left(CYCLES[name]) == 0


def test_tensor_whose_history_leads_to_it_stays_whole_while_it_is_used():
    p = torch.ones(3, requires_grad=True)
    a = p * 2
    b = a * p  # keeps a for the gradient of p
    a.copy_(b)
    name = a.grad_fn.name()
    c = a * 3
    del a, b
    gc.collect()
    assert c.grad_fn.next_functions[0][0].name() == name
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        c.sum().backward()


def test_gradient_flows_past_a_saved_tensor_that_moved():
    p = torch.ones(3, requires_grad=True)
    w = torch.full((3,), 2.0)
    a = p * 1
    unused = a * p
    a.mul_(w)
    del unused
    kept = a
    del a
    kept.sum().backward()
    assert p.grad.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize("collect", [False, True])
def test_python_object_in_such_a_cycle_dies(collect):
    class Token:
        pass

    token = Token()
    dead = weakref.ref(token)
    p = torch.ones(3, requires_grad=True)
    a = p * 2
    b = a * p
    b.register_hook(lambda g, token=token: None)
    if collect:  # the cycle goes through Python
        b.register_hook(lambda g, a=a: None)
    a.copy_(b)
    del a, b, token
    if collect:
        gc.collect()
    assert dead() is None


def test_error_keeps_no_code_alive():
    f = function_of(["a = p * 2; b = a.exp(); b.add_(1)", "b.sum().backward()"])
    dead = weakref.ref(f.__code__)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        f()
    del f
    gc.collect()
    assert dead() is None

"""What hooks of graph nodes may not return, and what the errors say."""

import functools

import pytest
from support import leaf, rushlight_only, torch


def raised(register, hook):
    x = leaf([1.0, 2.0])
    y = x * 2
    getattr(y.grad_fn, register)(hook)
    with pytest.raises((RuntimeError, TypeError)) as error:
        y.sum().backward()
    return error.type, str(error.value).splitlines()[0]


WRONG_POST = [
    (lambda gi, go: "a", TypeError, "expected tuple, but hook returned 'str'"),
    (lambda gi, go: [gi[0], None], TypeError, "expected tuple, but hook returned 'list'"),
    (lambda gi, go: gi[0], TypeError, "expected tuple, but hook returned 'Tensor'"),
    (
        lambda gi, go: (gi[0],),
        RuntimeError,
        "hook '<lambda>' has returned an incorrect number of values (got 1, but expected 2)",
    ),
    (
        functools.partial(lambda gi, go: (1, 2, 3)),
        RuntimeError,
        "hook '<unknown>' has returned an incorrect number of values (got 3, but expected 2)",
    ),
    (
        lambda gi, go: (gi[0].double(), None),
        RuntimeError,
        "hook '<lambda>' has changed the type of value "
        "(was torch.FloatTensor got torch.DoubleTensor)",
    ),
    (
        lambda gi, go: (torch.ones(5), None),
        RuntimeError,
        "hook '<lambda>' has changed the size of value",
    ),
    (
        lambda gi, go: (gi[0], gi[0]),
        RuntimeError,
        "can't replace a None gradient with a non-None value",
    ),
    (lambda gi, go: ("a", None), TypeError, "expected Variable, but hook returned 'str'"),
]


@pytest.mark.parametrize("hook, kind, sentence", WRONG_POST)
def test_post_hook_that_returns_the_wrong_thing(hook, kind, sentence):
    assert raised("register_hook", hook) == (kind, sentence)


WRONG_PRE = [
    (lambda go: "a", TypeError, "expected tuple, but hook returned 'str'"),
    (
        lambda go: (),
        RuntimeError,
        "hook '<lambda>' has returned an incorrect number of values (got 0, but expected 1)",
    ),
    (
        lambda go: (go[0].double(),),
        RuntimeError,
        "hook '<lambda>' has changed the type of value "
        "(was torch.FloatTensor got torch.DoubleTensor)",
    ),
    (
        lambda go: (torch.ones(5),),
        RuntimeError,
        "hook '<lambda>' has changed the size of value",
    ),
    (lambda go: (1,), TypeError, "expected Variable, but hook returned 'int'"),
]


@pytest.mark.parametrize("hook, kind, sentence", WRONG_PRE)
def test_pre_hook_that_returns_the_wrong_thing(hook, kind, sentence):
    assert raised("register_prehook", hook) == (kind, sentence)


def test_tensor_hook_may_not_invent_a_gradient():
    x = leaf([1.0, 2.0])
    a, b = x.unbind()
    a.register_hook(lambda g: torch.ones(()))
    with pytest.raises(RuntimeError, match="can't replace a None gradient with a non-None value"):
        b.backward()


@rushlight_only
def test_error_of_a_hook_says_where_the_hook_stands():
    x = leaf([1.0])
    y = x * 2

    def too_short(grad_inputs, grad_outputs):
        return ()

    y.grad_fn.register_hook(too_short)
    with pytest.raises(RuntimeError) as error:
        y.backward()
    assert "def too_short(grad_inputs, grad_outputs):" in str(error.value)
    assert "y = x * 2" in str(error.value)
    assert str(error.value).count("test_node_hook_errors.py") == 2


def test_exception_in_a_post_hook_leaves_the_graph_usable():
    x = leaf([3.0])
    y = x * x

    def fail(gi, go):
        raise KeyError("no")

    handle = y.grad_fn.register_hook(fail)
    for _ in range(2):
        with pytest.raises(KeyError):
            y.backward()
    handle.remove()
    y.backward()
    assert x.grad.item() == 6.0


def test_registering_takes_one_argument():
    node = (leaf([1.0]) * 2).grad_fn
    with pytest.raises(TypeError, match="takes exactly one argument"):
        node.register_hook()
    with pytest.raises(TypeError, match="takes no keyword arguments"):
        node.register_prehook(fn=print)


def test_hook_that_is_not_callable_fails_in_the_pass():
    y = leaf([1.0]) * 2
    y.grad_fn.register_hook(1)
    with pytest.raises(TypeError, match="'int' object is not callable"):
        y.backward()

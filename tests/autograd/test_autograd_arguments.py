"""What backward() and grad() make of arguments that are odd, missing or too many."""

import gc
import weakref

import pytest
from support import assert_values, leaf, rushlight_only, torch

backward, grad = torch.autograd.backward, torch.autograd.grad


class Graph:
    """y = x * w of two elements, z = x + w, and the sum of y."""

    def __init__(self):
        self.x, self.w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
        self.y, self.z = self.x * self.w, self.x + self.w
        self.loss = self.y.sum()


@pytest.fixture
def at():
    return Graph()


ones, three = torch.ones(2), torch.ones(3)
NO_INDEX = r"'{}' object cannot be interpreted as an integer"


@pytest.mark.parametrize(
    ("call", "type_name"),
    [
        (lambda at: grad(at.loss, at.x, create_graph=None), "NoneType"),
        (lambda at: grad(at.loss, at.x, retain_graph=True, create_graph=None), "NoneType"),
        (lambda at: grad(at.loss, at.x, create_graph=1.5), "float"),
        (lambda at: grad(at.loss, at.x, retain_graph=1.5), "float"),
        (lambda at: grad(at.loss, at.x, materialize_grads=None), "NoneType"),
        (lambda at: grad(at.loss, at.x, allow_unused="a"), "str"),
        (lambda at: backward(at.loss, create_graph=None), "NoneType"),
        (lambda at: at.loss.backward(create_graph=None), "NoneType"),
        (lambda at: at.loss.backward(None, None, None), "NoneType"),
        # before it is seen that nothing requires grad, after the gradients
        (lambda at: grad(torch.ones(()), at.x, create_graph=None), "NoneType"),
        (lambda at: torch.ones(()).backward(create_graph=None), "NoneType"),
    ],
)
def test_flag_that_is_no_number_is_refused(at, call, type_name):
    with pytest.raises(TypeError, match=NO_INDEX.format(type_name)):
        call(at)
    assert at.x.grad is None


@pytest.mark.parametrize(
    ("options", "recorded"),
    [
        ({"retain_graph": None}, False),
        ({"create_graph": 1}, True),
        ({"create_graph": 0}, False),
        ({"create_graph": torch.tensor(True)}, True),
        ({"materialize_grads": None, "allow_unused": True}, False),
        ({"materialize_grads": "yes", "allow_unused": True}, False),
        ({"materialize_grads": True, "allow_unused": 0}, False),
    ],
)
def test_flag_that_pytorch_takes(at, options, recorded):
    (g,) = grad(at.loss, at.x, **options)
    assert_values(g, [3.0, 4.0])
    assert g.requires_grad is recorded


def test_shape_of_a_gradient_is_looked_at_before_the_flags(at):
    with pytest.raises(RuntimeError, match="Mismatch in shape"):
        grad(at.y, at.x, three, create_graph=None)
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        at.y.backward(create_graph=None)


@pytest.mark.parametrize(
    ("outputs", "gradients", "expected"),
    [
        ("y", [ones, ones], [3.0, 4.0]),
        ("y", (ones, None), [3.0, 4.0]),
        ("y", [ones, 5], [3.0, 4.0]),
        ("y", [ones, three], [3.0, 4.0]),
        ("loss", [None, None], [3.0, 4.0]),
        ("loss", [None, ones, "no"], [3.0, 4.0]),
        ("yz", [ones, ones, ones], [4.0, 5.0]),
        ("yz", (ones, ones, None), [4.0, 5.0]),
    ],
)
@pytest.mark.parametrize("way", ["grad", "backward", "method"])
def test_gradients_beyond_the_last_output_are_not_looked_at(at, outputs, gradients, expected, way):
    several = outputs == "yz"
    roots = [at.y, at.z] if several else getattr(at, outputs)
    if way == "grad":
        (found,) = grad(roots, at.x, gradients)
    elif way == "backward" or several:
        backward(roots, gradients)
        found = at.x.grad
    else:
        roots.backward(gradients)
        found = at.x.grad
    assert_values(found, expected)


def test_batches_beyond_the_last_output_are_not_looked_at(at):
    for more in (5, torch.eye(2), torch.ones(7)):
        (g,) = grad(at.y, at.x, [torch.eye(2), more], is_grads_batched=True, retain_graph=True)
        assert_values(g, [[3.0, 0.0], [0.0, 4.0]])


@pytest.mark.parametrize("gradients", [[], (), [ones]])
def test_too_few_gradients_are_refused(at, gradients):
    with pytest.raises(RuntimeError, match=f"^got 2 tensors and {len(gradients)} gradients"):
        grad([at.y, at.z], at.x, gradients)


def test_gradients_that_are_given_are_looked_at_before_they_are_counted(at):
    with pytest.raises(RuntimeError, match="^Mismatch in shape"):
        backward([at.y, at.z], [three])
    with pytest.raises(RuntimeError, match="^Mismatch in shape"):
        backward([at.y, at.z], [three, 5])
    with pytest.raises(TypeError, match="^gradients can be either Tensors or None, but got int"):
        backward([at.y, at.z], [5, three])


@pytest.mark.parametrize(
    ("call", "type_name"),
    [
        (lambda at: grad(5, at.x), "int"),
        (lambda at: grad(None, at.x), "NoneType"),
        (lambda at: grad(at.loss, 5), "int"),
        (lambda at: grad(at.loss, None), "NoneType"),
        (lambda at: grad(at.y, at.x, 5), "int"),
        (lambda at: backward(5), "int"),
        (lambda at: backward(at.loss, 5), "int"),
        (lambda at: at.loss.backward(5), "int"),
        (lambda at: at.loss.backward(inputs=5), "int"),
    ],
)
def test_what_can_not_be_iterated_is_refused(at, call, type_name):
    with pytest.raises(TypeError, match=f"^'{type_name}' object is not iterable"):
        call(at)


class Cursed:
    def __iter__(self):
        raise KeyError("iter")


@pytest.mark.parametrize(
    "call",
    [
        lambda at: grad(Cursed(), at.x),
        lambda at: grad(at.loss, Cursed()),
        lambda at: backward(at.loss, Cursed()),
    ],
)
def test_error_of_an_iterator_comes_out(at, call):
    # It was taken for something that cannot be iterated.
    with pytest.raises(KeyError, match="iter"):
        call(at)


@pytest.mark.parametrize(("more", "given"), [((5,), 6), ((5, 6), 7)])
def test_too_many_arguments_of_the_method_are_counted_as_pythons(at, more, given):
    with pytest.raises(TypeError) as failed:
        at.y.backward(ones, True, False, None, *more)
    first = str(failed.value).splitlines()[0]
    assert first == (
        f"Tensor.backward() takes from 1 to 5 positional arguments but {given} were given"
    )


@rushlight_only  # PyTorch says nothing of which argument it is
def test_error_says_which_argument_can_not_be_iterated(at):
    with pytest.raises(TypeError, match="\n  inputs must be Tensors"):
        grad(at.loss, 5)


# --- x._backward_hooks = ...


def ten_times(g):
    return g * 10


@pytest.mark.parametrize("nothing", [None, {}])
def test_hooks_of_a_leaf_can_be_taken_away_at_once(at, nothing):
    at.x.register_hook(ten_times)
    at.x._backward_hooks = nothing
    assert at.x._backward_hooks == nothing
    at.loss.backward()
    assert_values(at.x.grad, [3.0, 4.0])


def test_hooks_of_a_leaf_can_be_given_as_a_dict(at):
    at.x.register_hook(lambda g: g * 1000)
    at.x._backward_hooks = {7: ten_times}
    assert list(at.x._backward_hooks) == [7]
    at.loss.backward()
    assert_values(at.x.grad, [30.0, 40.0])


def test_hooks_of_one_leaf_can_be_given_to_another(at):
    handle = at.x.register_hook(ten_times)
    at.w._backward_hooks = at.x._backward_hooks
    at.loss.backward(retain_graph=True)
    assert_values(at.w.grad, [10.0, 20.0])
    handle.remove()  # from the dict that both have
    at.w.grad = None
    at.loss.backward()
    assert_values(at.w.grad, [1.0, 2.0])


def test_hooks_may_be_set_before_the_leaf_requires_grad():
    x = torch.ones(1)
    x._backward_hooks = None
    x._backward_hooks = {0: ten_times}
    x.requires_grad_()
    (x * 2).backward()
    assert x.grad.item() == 20.0


def test_hooks_can_not_be_deleted(at):
    with pytest.raises(RuntimeError, match="Deletion of _backwards_hooks not allowed!"):
        del at.x._backward_hooks


@rushlight_only  # PyTorch copies none, and then refuses to register another
def test_hook_can_be_registered_beside_those_that_were_set(at):
    at.x._backward_hooks = {0: ten_times}
    at.x.register_hook(ten_times).remove()
    at.x.register_hook(ten_times)
    at.loss.backward()
    assert_values(at.x.grad, [300.0, 400.0])


def test_hooks_that_were_set_die_with_the_leaf():
    class Thing:
        pass

    gc.collect()
    gc.disable()
    try:
        thing, x = Thing(), leaf([1.0])
        alive = weakref.ref(thing)
        x._backward_hooks = {0: lambda g, thing=thing: None}
        (x * 2).backward()
        del thing, x
        assert alive() is None
    finally:
        gc.enable()


@rushlight_only  # PyTorch takes both, and then has no effect, or an error of backward()
def test_hooks_that_can_not_be_set_are_refused(at):
    with pytest.raises(RuntimeError, match="can be set for a leaf only"):
        at.y._backward_hooks = {}
    with pytest.raises(TypeError, match="must be a dict of hooks by id, or None, but got int"):
        at.x._backward_hooks = 5

"""One Python object per tensor: it keeps what was put on it, also while no name refers to it."""

import gc
import weakref

import pytest
from support import leaf, rushlight_only, torch


class Tagged(torch.Tensor):
    """A subclass, as user code makes them."""


def as_tagged(t):
    return t.as_subclass(Tagged)


def leaf_with_grad():
    p = leaf([1.0, 2.0])
    (p * 2).sum().backward()
    return p


def test_grad_is_one_object():
    p = leaf_with_grad()
    assert p.grad is p.grad
    first = id(p.grad)
    held = p.grad
    gc.collect()
    assert id(held) == first and p.grad is held


@pytest.mark.parametrize("collect", [gc.collect, lambda: None], ids=["collected", "not collected"])
def test_attribute_survives_without_a_reference_twice(collect):
    p = leaf_with_grad()
    p.grad.tag = "a"
    for _ in range(2):
        collect()
        assert p.grad.tag == "a"
        held = p.grad
        assert held is p.grad and held.tag == "a"
        del held
        collect()
    p.grad.tag = "b"
    collect()
    assert p.grad.tag == "b" and p.grad.tolist() == [2.0, 2.0]


def test_attribute_survives_many_deaths():
    p = leaf_with_grad()
    p.grad.count = 0
    for i in range(100):
        assert p.grad.count == i
        p.grad.count += 1


@rushlight_only
def test_attribute_that_refers_back_is_collected():
    class Witness:
        pass

    p = leaf_with_grad()
    p.grad.owner = p
    p.grad.witness = Witness()
    ref = weakref.ref(p.grad.witness)
    del p
    gc.collect()
    gc.collect()
    assert ref() is None


def test_attribute_dies_with_the_tensor():
    class Witness:
        pass

    p = leaf_with_grad()
    p.grad.witness = Witness()
    ref = weakref.ref(p.grad.witness)
    p.grad = None
    gc.collect()
    assert ref() is None


def test_weak_reference_lives_as_long_as_the_tensor():
    p = leaf_with_grad()
    ref = weakref.ref(p.grad)
    gc.collect()
    assert ref() is not None and ref() is p.grad
    assert p.grad.tolist() == [2.0, 2.0]
    p.grad = None
    gc.collect()
    assert ref() is None


def test_weak_reference_to_a_plain_tensor_dies_with_it():
    x = torch.ones(2)
    died = []
    ref = weakref.ref(x, lambda r: died.append(1))
    assert ref() is x
    del x
    assert ref() is None and died == [1]


def test_subclass_comes_back_as_itself_twice():
    p = leaf([1.0, 2.0])
    p.grad = as_tagged(torch.ones(2))
    p.grad.note = "kept"
    for _ in range(2):
        gc.collect()
        assert type(p.grad) is Tagged and p.grad.note == "kept"
    held = p.grad
    del p
    assert type(held) is Tagged and held.note == "kept"


def test_subclass_leaf_is_found_again_through_the_graph():
    p = as_tagged(torch.tensor([1.0, 2.0])).requires_grad_()
    p.note = "parameter"
    y = torch.ones(2) * p
    node = y.grad_fn
    while node.next_functions:
        (node,) = [f for f, _ in node.next_functions if f is not None]
    assert node.variable is p
    del p
    gc.collect()
    for _ in range(2):
        assert type(node.variable) is Tagged and node.variable.note == "parameter"
        gc.collect()


def test_saved_input_is_the_same_object():
    x, c = leaf([1.0, 2.0]), torch.ones(2)
    y = x * c
    assert y.grad_fn._saved_other is c
    c.tag = 1
    del c
    gc.collect()
    assert y.grad_fn._saved_other.tag == 1


def test_base_of_a_view_is_the_same_object():
    x = torch.ones(4)
    x.tag = "base"
    v = x.view(2, 2)
    assert v._base is x
    del x
    gc.collect()
    assert v._base.tag == "base" and v._base is v._base


def test_leaf_is_kept_by_its_graph():
    x = leaf([3.0])
    x.tag = "leaf"
    y = x * x
    del x
    gc.collect()
    y.backward()
    (node, _), _ = y.grad_fn.next_functions
    assert node.variable.tag == "leaf" and node.variable.grad.item() == 6.0


def test_hook_receives_tensors_that_may_be_kept():
    x = leaf([1.0])
    kept = []
    x.register_hook(kept.append)
    (x * 2).backward()
    (x * 3).backward()
    assert [g.item() for g in kept] == [2.0, 3.0]


def test_dict_and_attributes_of_a_plain_tensor():
    x = torch.ones(2)
    x.name_of_mine = "x"
    assert x.__dict__ == {"name_of_mine": "x"}
    del x.name_of_mine
    with pytest.raises(AttributeError):
        _ = x.name_of_mine
    y = x + 1
    assert not hasattr(y, "name_of_mine")


def test_cycle_through_an_attribute_is_collected():
    class Witness:
        pass

    x = torch.ones(2)
    x.me, x.witness = x, Witness()
    ref = weakref.ref(x.witness)
    del x
    gc.collect()
    assert ref() is None


@rushlight_only
def test_id_may_change_only_for_what_nobody_marked():
    """A plain wrapper without attributes is dropped and made again; the values are the same."""
    p = leaf_with_grad()
    values = [p.grad.tolist() for _ in range(3)]
    assert values == [[2.0, 2.0]] * 3


def test_hash_of_a_subclass_is_by_identity():
    class Sub(torch.Tensor):
        pass

    t = torch.ones(2).as_subclass(Sub)
    assert hash(t) == hash(t) == t.__hash__() and len({t, t, torch.ones(2)}) == 2
    with pytest.raises(TypeError, match="__hash__.. takes 1 positional argument but 2 were given"):
        t.__hash__(1)

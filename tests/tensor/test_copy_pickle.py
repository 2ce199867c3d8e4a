"""``copy`` and ``pickle`` of tensors."""

import copy
import io
import pickle
import pickletools

import pytest
from support import inf, leaf, nan, recorded_warnings, rushlight_only, torch


def loaded(x, protocol=pickle.DEFAULT_PROTOCOL):
    return pickle.loads(pickle.dumps(x, protocol))


def test_copy_shares_memory():
    x = leaf([1.0, 2.0])
    x.note = "kept"
    c = copy.copy(x)
    assert c is not x and c.data_ptr() == x.data_ptr() and c.requires_grad and c.is_leaf
    assert c.note == "kept" and c.grad is None and not c._is_view()
    y = copy.copy(x * 2)
    assert y.is_leaf and y.requires_grad and y.tolist() == [2.0, 4.0]


def test_deepcopy_of_a_leaf_keeps_requires_grad_and_grad():
    x = leaf([1.0, 2.0])
    x.sum().backward()
    c = copy.deepcopy(x)
    assert c is not x and c.is_leaf and c.requires_grad and c.tolist() == [1.0, 2.0]
    assert c.grad is not x.grad and c.grad.tolist() == [1.0, 1.0]
    c.grad.zero_()
    with torch.no_grad():
        c.zero_()
    assert x.tolist() == [1.0, 2.0] and x.grad.tolist() == [1.0, 1.0]


def test_deepcopy_keeps_identity_within_one_copy():
    x = leaf([1.0])
    a, b, c = copy.deepcopy([x, x, {"x": x}])
    assert a is b is c["x"] and a is not x


def test_deepcopy_of_a_computed_tensor_is_refused():
    with pytest.raises(
        RuntimeError,
        match=r"^Only Tensors created explicitly by the user \(graph leaves\) support the deepcopy "
        "protocol at the moment.",
    ):
        copy.deepcopy(leaf([1.0]) * 2)


def test_deepcopy_keeps_attributes():
    x = torch.ones(2)
    x.notes = ["a"]
    c = copy.deepcopy(x)
    assert c.notes == ["a"] and c.notes is not x.notes


def test_deepcopy_of_views():
    x = torch.arange(6.0).view(2, 3)
    assert copy.deepcopy(x.t()).tolist() == x.t().tolist()
    assert copy.deepcopy(x.t()).stride() == (1, 3)
    assert copy.deepcopy(torch.ones(1).expand(3)).tolist() == [1.0] * 3


@rushlight_only
def test_deepcopy_of_a_subclass_keeps_its_class():
    class Price(torch.Tensor):
        pass

    p = torch.ones(2).as_subclass(Price)
    p.currency = "EUR"
    c = copy.deepcopy(p)
    assert type(c) is Price and c.currency == "EUR" and c.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_deepcopy_works_in_every_mode(mode):
    x = leaf([1.0])
    with mode():
        assert copy.deepcopy(x).tolist() == [1.0]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_values_dtype_and_requires_grad(protocol):
    for x in (
        torch.tensor([1.5, nan, -inf, -0.0]),
        torch.tensor([[1, 2], [3, -(2**63)]]),
        torch.tensor([True, False]),
        torch.tensor(2.5, dtype=torch.float64),
        torch.zeros(2, 0, 3),
        leaf([1.0, 2.0]),
    ):
        y = loaded(x, protocol)
        assert y.dtype == x.dtype and y.shape == x.shape and y.requires_grad == x.requires_grad
        assert repr(y) == repr(x) and y.is_leaf


def test_pickle_of_a_computed_tensor_is_a_leaf():
    y = loaded(leaf([1.0, 2.0]) * 2)
    assert y.is_leaf and y.requires_grad and y.grad_fn is None and y.tolist() == [2.0, 4.0]


def test_pickle_leaves_the_grad_behind():
    x = leaf([1.0])
    x.sum().backward()
    assert loaded(x).grad is None


def test_pickle_warns_of_hooks():
    x = leaf([1.0])
    x.register_hook(lambda g: g)
    with recorded_warnings() as caught:
        loaded(x)
    assert [w.category for w in caught] == [UserWarning]
    assert "on tensor will not be serialized" in str(caught[0].message)


def test_pickle_of_views_keeps_the_values():
    x = torch.arange(6.0).view(2, 3)
    assert loaded(x.t()).tolist() == x.t().tolist()
    assert loaded(torch.ones(1).expand(3)).tolist() == [1.0] * 3


def test_pickle_keeps_identity_within_one_pickle():
    x = leaf([1.0])
    a, b = loaded([x, x])
    assert a is b


def test_pickle_keeps_attributes_and_class():
    x = torch.ones(2)
    x.note = "kept"
    assert loaded(x).note == "kept"
    p = torch.ones(2).as_subclass(ModuleLevel)
    p.note = "kept"
    q = loaded(p)
    assert type(q) is ModuleLevel and q.note == "kept"


class ModuleLevel(torch.Tensor):
    pass


def test_loaded_tensor_is_independent_and_usable():
    x = leaf([1.0, 2.0])
    y = loaded(x)
    (y * y).sum().backward()
    assert y.grad.tolist() == [2.0, 4.0] and x.grad is None
    with torch.no_grad():
        y.zero_()
    assert x.tolist() == [1.0, 2.0]


@rushlight_only
def test_pickle_names_nothing_but_the_rebuild_function():
    """Loading calls one function of rushlight: nothing else can be reached through a tensor."""
    text = io.StringIO()
    pickletools.dis(pickle.dumps(leaf([1.0, 2.0]), 2), out=text)
    named = [line.split("'")[1] for line in text.getvalue().splitlines() if " GLOBAL " in line]
    assert [n for n in named if n != "_codecs encode"] == ["rushlight._tensor _rebuild"]


@rushlight_only
@pytest.mark.parametrize(
    "arguments",
    [
        (b"\0" * 7, "float32", (2,), False),
        (b"\0" * 8, "float32", (3,), False),
        (b"\0" * 8, "float32", (-2,), False),
        (b"\0" * 8, "float32", (2**62, 2**62), False),
        (b"\0" * 8, "__class__", (2,), False),
        (b"\0" * 8, "no_such_dtype", (2,), False),
        ("text", "float32", (2,), False),
        (b"\0" * 8, "float32", "ab", False),
        (b"\0" * 16, "int64", (2,), True),
        (None, None, None, None),
    ],
    ids=str,
)
def test_damaged_pickle_raises_and_does_not_crash(arguments):
    from rushlight._tensor import _rebuild

    with pytest.raises((TypeError, ValueError, RuntimeError, OverflowError)):
        _rebuild(*arguments)

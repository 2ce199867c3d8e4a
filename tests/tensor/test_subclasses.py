"""Classes that inherit from Tensor: how they are made, what they share, what they keep."""

import pytest
from support import leaf, rushlight_only, torch


class Sub(torch.Tensor):
    """A subclass with nothing of its own."""


class Plain(torch.Tensor):
    """A subclass that takes no part in __torch_function__, as nn.Parameter."""

    __torch_function__ = torch._C._disabled_torch_function_impl


NO_TENSOR_CLASS = (
    "^Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. "
    "Make sure your class inherits from Tensor.$"
)


def test_as_subclass_is_a_recorded_view_of_the_same_memory():
    x = leaf([1.0, 2.0])
    s = x.as_subclass(Sub)
    assert type(s) is Sub and isinstance(s, torch.Tensor) and not s.is_leaf
    assert s.data_ptr() == x.data_ptr() and s._is_view() and s._base is x
    assert s.grad_fn.name() == "AliasBackward0"
    assert s.as_subclass(torch.Tensor).grad_fn.name() == "AliasBackward0"
    s.as_subclass(torch.Tensor).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_as_subclass_sees_later_writes_and_counts_them():
    x = torch.zeros(2)
    s = x.as_subclass(Plain)
    x.add_(1)
    assert s.tolist() == [1.0, 1.0] and s._version == x._version == 1


def test_as_subclass_takes_the_class_by_keyword():
    assert type(torch.ones(1).as_subclass(cls=Sub)) is Sub
    with pytest.raises(
        TypeError, match=r'^as_subclass\(\) missing 1 required positional arguments: "cls"$'
    ):
        torch.ones(1).as_subclass()


@pytest.mark.parametrize("cls", [int, object, type])
def test_class_that_is_no_tensor_is_refused(cls):
    """_make_subclass once wrote a tensor into an object of any class."""
    for make in (lambda: torch.Tensor._make_subclass(cls, torch.ones(1)), lambda: _as(cls)):
        with pytest.raises(TypeError, match=NO_TENSOR_CLASS):
            make()


def _as(cls):
    return torch.ones(1).as_subclass(cls)


def test_what_is_no_class_is_refused():
    with pytest.raises(TypeError, match=r"^cls must be a type \(got int\)$"):
        _as(3)
    with pytest.raises(TypeError, match=r"^cls must be a type \(got str\)$"):
        torch.Tensor._make_subclass("Sub", torch.ones(1))


def test_make_subclass_is_a_leaf_over_the_same_memory():
    x = leaf([1.0, 2.0])
    for s in (
        torch.Tensor._make_subclass(Sub, x * 1, True),
        torch.Tensor._make_subclass(Sub, x * 1, require_grad=True),
    ):
        assert type(s) is Sub and s.is_leaf and s.requires_grad and not s._is_view()
    s = torch.Tensor._make_subclass(Sub, x)
    assert s.data_ptr() == x.data_ptr() and not s.requires_grad and s.grad_fn is None
    assert type(torch.Tensor._make_subclass(torch.Tensor, x)) is torch.Tensor


@pytest.mark.parametrize(
    "arguments, kind, sentence",
    [
        ((Sub,), TypeError, '_make_subclass() missing 1 required positional arguments: "data"'),
        (
            (Sub, 3),
            TypeError,
            "_make_subclass(): argument 'data' (position 2) must be Tensor, not int",
        ),
        (
            (Sub, torch.ones(1), 1),
            TypeError,
            "_make_subclass(): argument 'require_grad' (position 3) must be bool, not int",
        ),
        (
            (Sub, torch.ones(1, dtype=torch.int64), True),
            RuntimeError,
            "Only Tensors of floating point and complex dtype can require gradients",
        ),
    ],
    ids=["no data", "data", "require_grad", "integers"],
)
def test_make_subclass_says_what_is_wrong(arguments, kind, sentence):
    with pytest.raises(kind) as caught:
        torch.Tensor._make_subclass(*arguments)
    assert str(caught.value) == sentence


def test_class_that_takes_no_part_gives_plain_tensors():
    p = torch.Tensor._make_subclass(Plain, torch.ones(2), True)
    for y in (p * 2, torch.add(p, p), 1 - p, p[0], p.sum(), torch.stack([p, p])):
        assert type(y) is torch.Tensor and y.requires_grad
    assert (p * 2).grad_fn.name() == "MulBackward0"
    (p * p).sum().backward()
    assert type(p.grad) is torch.Tensor and p.grad.tolist() == [2.0, 2.0]


def test_disabled_implementation_calls_the_function():
    call = torch._C._disabled_torch_function_impl
    x = torch.ones(2)
    assert call(torch.add, (), (x, 1)).tolist() == [2.0, 2.0]
    assert call(torch.add, (), (x, x), {"alpha": 2}).tolist() == [3.0, 3.0]
    with pytest.raises(TypeError):
        call(torch.add)


@rushlight_only
def test_disabled_implementation_refuses_keywords_that_are_no_dict():
    with pytest.raises(TypeError, match="^kwargs must be a dict or None, not int$"):
        torch._C._disabled_torch_function_impl(torch.add, (), (torch.ones(1), 1), 3)

"""Classes that inherit from Tensor: how they are made, what they share, what they keep."""

import copy
import gc
import pickle
import weakref

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


# --- the constructor


@pytest.mark.parametrize("cls", [torch.Tensor, Sub, Plain])
def test_constructor_takes_sizes_and_data(cls):
    assert cls(2, 3).shape == (2, 3) and cls(torch.Size([2])).shape == (2,)
    assert cls(size=(2, 3)).shape == cls(size=[2, 3]).shape == (2, 3)
    for made in (cls([1, 2]), cls(data=[1, 2]), cls((1.0, 2.0), device="cpu"), cls(range(1, 3))):
        assert type(made) is cls and made.tolist() == [1.0, 2.0] and made.dtype is torch.float32
    assert cls().shape == (0,) and cls(device="cpu").shape == (0,)


def test_constructor_aliases_a_tensor_with_its_history():
    x = leaf([1.0, 2.0])
    for made in (Plain(x), torch.Tensor(x), torch.Tensor(other=x)):
        assert made is not x and made.data_ptr() == x.data_ptr() and made._base is x
        assert made.grad_fn.name() == "AliasBackward0"
    Sub(x).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert torch.Tensor(torch.ones(2, dtype=torch.int64)).dtype is torch.int64


@pytest.mark.parametrize(
    "make, kind, sentence",
    [
        (lambda: Sub(2.5), TypeError, "new(): data must be a sequence (got float)"),
        (lambda: Sub(None), TypeError, "new(): data must be a sequence (got NoneType)"),
        (lambda: Sub(True), TypeError, "new(): data must be a sequence (got bool)"),
        (lambda: Sub({}), TypeError, "new(): data must be a sequence (got dict)"),
        (lambda: Sub("a"), TypeError, "new(): invalid data type 'str'"),
        (
            lambda: Sub(2, -1),
            RuntimeError,
            "Trying to create tensor with negative dimension -1: [2, -1]",
        ),
        (
            lambda: Sub(2, "a"),
            TypeError,
            "new(): argument 'size' failed to unpack the object at pos 2 with error \"type must be "
            'tuple of ints,but got str"',
        ),
        (
            lambda: Sub([1], requires_grad=True),
            TypeError,
            "new() received an invalid combination of arguments - got (list, requires_grad=bool), "
            "but expected one of:\n * (*, torch.device device = None)\n",
        ),
        (
            lambda: Sub([1], [2]),
            TypeError,
            "new() received an invalid combination of arguments - got (list, list), but expected",
        ),
        (lambda: Sub(other=3), TypeError, "new() received an invalid combination of arguments"),
        (lambda: Sub([1], data=[1]), TypeError, "new() received an invalid combination of"),
        (lambda: Sub([1], device=3.5), TypeError, "new() received an invalid combination of"),
    ],
)
def test_constructor_says_what_is_wrong(make, kind, sentence):
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value).startswith(sentence)


# --- classes with a __new__, an __init__ and attributes of their own


class Tagged(torch.Tensor):
    @staticmethod
    def __new__(cls, data, tag):
        return torch.Tensor._make_subclass(cls, torch.as_tensor(data), False)

    def __init__(self, data, tag):
        self.tag = tag


class Metadata(torch.Tensor):
    """Carries its tag into results, as subclasses in the wild do."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        result = super().__torch_function__(func, types, args, kwargs)
        tags = [a.tag for a in args if hasattr(a, "tag")]
        if isinstance(result, cls) and tags:
            result.tag = tags[0]
        return result


def test_own_new_and_init():
    x = Tagged([1.0, 2.0], tag="t")
    assert type(x) is Tagged and x.tag == "t" and x.tolist() == [1.0, 2.0]
    y = x * 2
    assert type(y) is Tagged and not hasattr(y, "tag")
    assert x.add_(1) is x and x.tag == "t" and x.__dict__ == {"tag": "t"}


def test_own_torch_function_that_sets_attributes():
    x = torch.ones(2).as_subclass(Metadata)
    x.tag = "t"
    assert (x + 1).tag == torch.exp(x).tag == x[0].tag == x.sum().tag == "t"


def test_new_that_returns_something_else():
    class Other(torch.Tensor):
        def __new__(cls, *args):
            return "other"

    assert Other(1) == "other"
    x = torch.ones(1).as_subclass(Other)
    assert type(x + 1) is type(x.exp()) is Other


def test_class_that_cannot_be_called():
    class Closed(torch.Tensor):
        def __new__(cls, *args):
            raise KeyError("closed")

    with pytest.raises(KeyError):
        Closed(1)
    assert type(torch.ones(1).as_subclass(Closed) * 2) is Closed


def test_slots_and_methods_and_properties():
    class Slotted(torch.Tensor):
        __slots__ = ("unit",)

        @property
        def T(self):
            return "own"

        def add(self, other):
            return "added"

    x = torch.ones(2, 2).as_subclass(Slotted)
    x.unit = "m"
    assert x.unit == "m" and x.T == "own" and x.add(1) == "added" and type(x + 1) is Slotted


def test_operator_of_the_class_comes_before_the_protocol():
    class Own(torch.Tensor):
        def __add__(self, other):
            return "add"

        def __radd__(self, other):
            return "radd"

    x = torch.ones(2).as_subclass(Own)
    assert x + 1 == "add" and 1 + x == "radd" and torch.ones(2) + x == "radd"
    assert type(torch.add(x, 1)) is Own


def test_results_of_every_shape_become_of_the_class():
    x = torch.tensor([[1.0, 3.0], [2.0, 0.0]]).as_subclass(Sub)
    assert [type(part) for part in x.unbind()] == [Sub, Sub]
    values, indices = x.max(0)
    assert type(values) is type(indices) is type(x.max(0).values) is Sub
    assert values.tolist() == [2.0, 3.0] and type(x.max(0)).__name__ == "max"
    assert type(torch.broadcast_tensors(x, torch.ones(2))[1]) is Sub
    assert all(type(row) is Sub for row in x)


def test_copies_and_pickles_keep_class_and_attributes():
    x = torch.ones(2).as_subclass(Sub)
    x.note = ["kept"]
    for made in (copy.copy(x), pickle.loads(pickle.dumps(x))):
        assert type(made) is Sub and made.note == ["kept"] and made.tolist() == [1.0, 1.0]
    assert copy.copy(x).note is x.note


@rushlight_only  # PyTorch wants new_empty() of the class
@pytest.mark.parametrize("cls", [Sub, Metadata])
def test_deepcopy_keeps_class_and_attributes(cls):
    x = torch.Tensor._make_subclass(cls, torch.ones(2), True)
    x.note = ["kept"]
    (x * 2).sum().backward()
    made = copy.deepcopy(x)
    assert type(made) is cls and made.note == ["kept"] and made.note is not x.note
    assert made.is_leaf and made.requires_grad and not made._is_view()
    assert made.grad.tolist() == [2.0, 2.0] and type(made.grad) is torch.Tensor


def test_repr_names_the_class():
    assert repr(torch.ones(2).as_subclass(Sub)) == "Sub([1., 1.])"
    assert repr(torch.Tensor._make_subclass(Sub, torch.ones(1), True)) == (
        "Sub([1.], requires_grad=True)"
    )


def test_views_and_writes_of_a_subclass():
    base = torch.zeros(3)
    x = base.as_subclass(Sub)
    x[0] = 1.0
    x[1:].add_(2)
    assert base.tolist() == [1.0, 2.0, 2.0] and type(x[1:]) is Sub
    y = leaf([1.0, 2.0])
    z = (y * 1).as_subclass(Sub)
    z.mul_(3)
    z.sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]


def test_number_methods_under_their_old_names():
    x = torch.tensor([2.0])
    assert x.__rdiv__(4).tolist() == [2.0] and x.__div__(4).tolist() == [0.5]
    assert x.__rsub__(4).tolist() == [2.0]
    assert torch.Tensor.__array_priority__ == 1000


@pytest.mark.parametrize("plus", [lambda t: +t, torch.positive, torch.Tensor.positive])
def test_positive_is_the_tensor_itself(plus):
    x = leaf([1.0])
    assert plus(x) is x
    with pytest.raises(
        RuntimeError, match=r"^The `\+` operator, on a bool tensor is not supported.$"
    ):
        plus(torch.ones(1, dtype=torch.bool))


def test_subclasses_die():
    x = torch.Tensor._make_subclass(Sub, torch.ones(2), True)
    x.me = x
    y = x * 2
    y.sum().backward()
    dead = [weakref.ref(o) for o in (x, y)]
    del x, y
    gc.collect()
    assert [ref() for ref in dead] == [None, None]

"""``__torch_function__`` of an argument's class: when it is called, with what, in which order."""

import pytest
from support import leaf, recorded_warnings, torch
from torch_function_classes import Duck, Named, Recorder, Silent, Sub, recorder

# How a class is looked up depends on the interpreter.
pytestmark = pytest.mark.python_versions


def heard(call):
    """The functions, with the number of positional arguments, that a call asks about."""
    Recorder.calls.clear()
    call()
    return [(func, len(args)) for func, _, args, _ in Recorder.calls]


T = torch.Tensor
OPERATORS = {
    "x + 1": (T.add, 2),
    "1 + x": (T.add, 2),
    "y + x": (T.add, 2),
    "x - 1": (T.sub, 2),
    "1 - x": (T.__rsub__, 2),
    "x * 2": (T.mul, 2),
    "2 * x": (T.mul, 2),
    "x / 2": (T.div, 2),
    "2 / x": (T.__rtruediv__, 2),
    "x ** 2": (T.__pow__, 2),
    "y ** x": (T.__pow__, 2),
    "2 ** x": (T.__rpow__, 2),
    "x @ y": (T.matmul, 2),
    "y @ x": (T.matmul, 2),
    "x == 1": (T.__eq__, 2),
    "x != y": (T.ne, 2),
    "x < 1": (T.lt, 2),
    "1 < x": (T.gt, 2),
    "y < x": (T.gt, 2),
    "x >= 1": (T.ge, 2),
    "-x": (T.neg, 1),
    "+x": (T.positive, 1),
    "abs(x)": (T.abs, 1),
    "len(x)": (T.__len__, 1),
    "bool(x[0, 0])": (T.__bool__, 1),
    "int(x[0, 0])": (T.__int__, 1),
    "float(x[0, 0])": (T.__float__, 1),
    "[1, 2][z]": (T.__index__, 1),
    "x[0]": (T.__getitem__, 2),
    "y[z]": (T.__getitem__, 2),
    "y[z, 0]": (T.__getitem__, 2),
    "1 in x": (T.__contains__, 2),
    "x.shape": (T.shape.__get__, 1),
    "x.grad": (T.grad.__get__, 1),
    "x.requires_grad": (T.requires_grad.__get__, 1),
    "x.data": (T.data.__get__, 1),
    "x.add(1)": (T.add, 2),
    "x.dim()": (T.dim, 1),
    "x.ndimension()": (T.dim, 1),
    "x.size(0)": (T.size, 2),
    "y.view_as(x)": (T.view_as, 2),
    "x.tolist()": (T.tolist, 1),
    "x.detach()": (T.detach, 1),
    "x.to(torch.float64)": (T.to, 2),
    "x.clone().add_(1)": (T.add_, 2),
    "y.clone().copy_(x)": (T.copy_, 2),
    "torch.add(x, 1)": (torch.add, 2),
    "torch.add(y, other=x)": (torch.add, 1),
    "torch.mean(input=x)": (torch.mean, 0),
    "torch.zeros_like(x)": (torch.zeros_like, 1),
    "torch.stack([y, x])": (torch.stack, 1),
    "torch.cat((x, y))": (torch.cat, 1),
    "torch.where(y > 0, y, x)": (torch.where, 3),
    "torch.positive(x)": (torch.positive, 1),
    "torch.result_type(y, x)": (torch.result_type, 2),
    "repr(x)": (T.__repr__, 1),
    "str(x)": (T.__repr__, 1),
    "format(z, '')": (T.__format__, 2),
}


@pytest.mark.parametrize("text", OPERATORS)
def test_expression_asks_about_the_function_that_a_user_can_name(text):
    names = {"torch": torch, "x": recorder(), "y": torch.ones(2, 2)}
    names["z"] = torch.tensor(1).as_subclass(Recorder)
    assert heard(lambda: eval(text, names))[-1] == OPERATORS[text]


STATEMENTS = {
    "x += 1": (T.add_, 2),
    "x -= y": (T.sub_, 2),
    "x *= 2": (T.mul_, 2),
    "x /= 2": (T.div_, 2),
    "x **= 2": (T.__ipow__, 2),
    "y += x": (T.add_, 2),
    "x[0] = 1": (T.__setitem__, 3),
    "y[0] = x": (T.__setitem__, 3),
    "x.requires_grad = True": (T.requires_grad.__set__, 2),
    "x.grad = None": (T.grad.__set__, 2),
    "del x.grad": (T.grad.__delete__, 1),
    "x.data = y": (T.data.__set__, 2),
}


@pytest.mark.parametrize("text", STATEMENTS)
def test_statement_asks_about_the_function_that_a_user_can_name(text):
    names = {"torch": torch, "x": recorder((1.0, 2.0)), "y": torch.ones(2)}
    if text.startswith("y[0]"):
        names["x"] = torch.tensor(1.0).as_subclass(Recorder)
    assert heard(lambda: exec(text, names))[-1] == STATEMENTS[text]


def test_iteration_asks_about_unbind():
    assert (T.unbind, 2) in heard(lambda: list(recorder()))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.foo,
        lambda x: setattr(x, "foo", 1),
        lambda x: hash(x),
        lambda x: x.as_subclass(T),
        lambda x: isinstance(x, T),
        lambda x: torch.is_tensor(x),
        lambda x: torch.tensor(1.0),
        lambda x: x.__dict__,
    ],
)
def test_what_is_never_asked_about(call):
    x = recorder()
    x.foo = 0
    assert heard(lambda: call(x)) == []


def test_arguments_come_as_they_were_given():
    x, y = recorder(), torch.ones(2, 2)
    Recorder.calls.clear()
    torch.add(x, other=y, alpha=2)
    ((func, types, args, kwargs),) = Recorder.calls
    assert func is torch.add and types == (Recorder,) and args[0] is x and len(args) == 1
    assert kwargs["other"] is y and kwargs["alpha"] == 2
    Recorder.calls.clear()
    _ = 1 - x
    assert Recorder.calls[0][2][0] is x and Recorder.calls[0][2][1] == 1


def test_function_called_inside_is_carried_out_and_gives_the_class():
    x = recorder()
    for y in (x + 1, torch.add(x, 1), x[0], x.T, x.exp(), torch.stack([x, x]), x.data):
        assert type(y) is Recorder
    assert all(type(row) is Recorder for row in x.unbind())
    assert type(x.tolist()) is list and type(x.shape) is torch.Size
    assert x.add_(1) is x


def test_history_leads_through_an_alias():
    x = leaf([1.0, 2.0])
    y = x.as_subclass(Recorder) * 2
    assert type(y) is Recorder and y.grad_fn.name() == "AliasBackward0"
    assert y.grad_fn.next_functions[0][0].name() == "MulBackward0"
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0] and type(x.grad) is torch.Tensor


def test_grad_keeps_the_class_that_it_has():
    for cls in (Sub, Recorder):
        x = torch.Tensor._make_subclass(cls, torch.ones(2), True)
        (x * 2).sum().backward()
        assert type(x.grad) is torch.Tensor and type(x.detach()) is cls
        (g,) = torch.autograd.grad((x * 2).sum(), x)
        assert g.tolist() == [2.0, 2.0]
    view = x.detach()[0]
    assert type(view) is Recorder and type(view._base) is torch.Tensor


# --- order


def test_subclass_is_asked_before_its_base_and_else_from_left_to_right():
    class Derived(Named):
        pass

    class Other(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return cls.__name__, types

    plain = torch.ones(2)
    a, b, c = plain.as_subclass(Named), plain.as_subclass(Derived), plain.as_subclass(Other)
    assert torch.add(a, b) == torch.add(b, a) == ("Derived", (Derived, Named))
    assert a + b == b + a == ("Derived", (Derived, Named))
    assert torch.add(a, c) == ("Named", (Named, Other))
    assert torch.add(c, a) == ("Other", (Other, Named))
    assert torch.stack([c, a, b, c]) == ("Other", (Other, Derived, Named))
    assert torch.add(a, a) == torch.add(plain, a) == ("Named", (Named,))


def test_not_implemented_goes_on_to_the_next():
    class Refuses(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            return NotImplemented

    a, b = torch.ones(2).as_subclass(Refuses), torch.ones(2).as_subclass(Named)
    assert torch.add(a, b) == ("Named", (Refuses, Named))
    assert a + b == ("Named", (Refuses, Named)) and b + a == ("Named", (Named, Refuses))
    assert torch.add(Silent(), Duck())[0] == "duck"


def test_nobody_implements_it():
    for call in (
        lambda: torch.add(Silent(), 1),
        lambda: torch.stack([Silent(), torch.ones(1)]),
        lambda: torch.ones(1).add(Silent()),
    ):
        with pytest.raises(TypeError, match="^Multiple dispatch failed for 'torch.*'; all "):
            call()
    with pytest.raises(TypeError) as caught:
        torch.add(Silent(), torch.ones(1))
    assert str(caught.value).startswith(
        "Multiple dispatch failed for 'torch.add'; all __torch_function__ handlers returned "
        f"NotImplemented:\n\n  - tensor subclass {Silent!r}\n"
    )
    with pytest.raises(TypeError, match=r"'torch.Tensor.add_'"):
        torch.ones(1).add_(Silent())


def test_operator_that_nobody_implements_is_unsupported():
    with pytest.raises(TypeError, match=r"^unsupported operand type\(s\) for \+"):
        torch.ones(1) + Silent()
    with pytest.raises(TypeError, match=r"^unsupported operand type\(s\) for -"):
        Silent() - torch.ones(1)


def test_operator_goes_on_to_the_other_operand():
    class Reflects(Silent):
        def __radd__(self, other):
            return "radd"

    assert torch.ones(1) + Reflects() == "radd"


def test_siblings_without_an_implementation_do_not_mix():
    class A(torch.Tensor):
        pass

    class B(torch.Tensor):
        pass

    a, b = torch.ones(1).as_subclass(A), torch.ones(1).as_subclass(B)
    with pytest.raises(TypeError, match="^Multiple dispatch failed for 'torch.add'"):
        torch.add(a, b)
    assert type(torch.add(a, torch.ones(1))) is A


def test_a_class_and_its_base_mix():
    class Derived(Sub):
        pass

    a, b = torch.ones(1).as_subclass(Sub), torch.ones(1).as_subclass(Derived)
    assert type(a + b) is type(b + a) is type(torch.stack([a, b])) is Derived


# --- ducks


@pytest.mark.parametrize(
    "call",
    [
        lambda t, d: torch.add(d, 1),
        lambda t, d: torch.add(t, d, alpha=2),
        lambda t, d: torch.add(t, 1, alpha=d),
        lambda t, d: torch.add(t, 1, out=d),
        lambda t, d: torch.exp(d),
        lambda t, d: torch.stack([t, d]),
        lambda t, d: torch.stack(d),
        lambda t, d: torch.sum(t, d),
        lambda t, d: torch.sum(t, dim=d),
        lambda t, d: torch.zeros(d),
        lambda t, d: torch.zeros(2, dtype=d),
        lambda t, d: torch.full((2,), d),
        lambda t, d: torch.where(d, t, t),
        lambda t, d: t + d,
        lambda t, d: d + t,
        lambda t, d: t - d,
        lambda t, d: d / t,
        lambda t, d: t @ d,
        lambda t, d: t**d,
        lambda t, d: t == d,
        lambda t, d: t < d,
        lambda t, d: t[d],
        lambda t, d: t[0, d],
        lambda t, d: t[[d]],
        lambda t, d: t.to(d),
        lambda t, d: t.view(d),
        lambda t, d: t.copy_(d),
        lambda t, d: t.expand_as(d),
    ],
)
def test_duck_takes_the_place_of_any_argument(call):
    said, func, types, args, kwargs = call(torch.ones(2), Duck())
    assert said == "duck" and Duck in types and callable(func)


def test_duck_with_arguments_that_do_not_fit_is_refused_as_a_tensor_is():
    for call in (
        lambda: torch.add(Duck()),
        lambda: torch.exp(Duck(), 1, 2),
        lambda: torch.add(Duck(), 1, foo=1),
    ):
        with pytest.raises(TypeError):
            call()


def test_object_without_the_protocol_is_no_duck():
    class Meta(type):
        def __torch_function__(cls, *args):
            return "meta"

    class OfMeta(metaclass=Meta):
        pass

    class Out:
        __torch_function__ = torch._C._disabled_torch_function_impl

    for other in (OfMeta(), Out(), object()):
        with pytest.raises(TypeError, match=r"^exp\(\): argument 'input' \(position 1\) must be"):
            torch.exp(other)


def test_duck_by_an_attribute_of_its_own():
    class Late:
        pass

    late = Late()
    with pytest.raises(TypeError):
        torch.add(late, 1)
    late.__torch_function__ = lambda func, types, args, kwargs=None: "late"
    assert torch.add(late, 1) == "late"


def test_plain_method_works_and_is_warned_about():
    class Plain:
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return "plain"

    with recorded_warnings() as caught:
        assert torch.add(Plain(), 1) == "plain"
    assert [w.category for w in caught] == [UserWarning]
    assert str(caught[0].message).startswith(
        "Defining your `__torch_function__` as a plain method is deprecated and will be an error "
        "in future, please define it as a classmethod."
    )


def test_static_method_works():
    class Static(torch.Tensor):
        @staticmethod
        def __torch_function__(func, types, args=(), kwargs=None):
            return "static"

    assert torch.ones(1).as_subclass(Static) + 1 == "static"


# --- switches


def test_no_class_takes_over_inside_disable():
    x = torch.ones(2).as_subclass(Named)
    for switch in (torch._C.DisableTorchFunctionSubclass, torch._C.DisableTorchFunction):
        with switch():
            y = x + 1
            assert type(y) is torch.Tensor and not torch._C._is_torch_function_enabled()
            assert x.shape == (2,)
        assert x + 1 == ("Named", (Named,)) and torch._C._is_torch_function_enabled()


def test_switches_nest_and_are_left_by_exceptions():
    x = torch.ones(2).as_subclass(Named)
    with pytest.raises(KeyError):
        with torch._C.DisableTorchFunctionSubclass():
            with torch._C.DisableTorchFunctionSubclass():
                pass
            assert type(x + 1) is torch.Tensor
            raise KeyError
    assert type(x + 1) is tuple


def test_class_that_changes_its_mind_is_heard():
    class Changes(torch.Tensor):
        pass

    class Derived(Changes):
        pass

    x = torch.ones(2).as_subclass(Derived)
    assert type(x + 1) is Derived
    Changes.__torch_function__ = classmethod(lambda cls, *args: "own")
    assert x + 1 == torch.add(x, 1) == "own"
    Changes.__torch_function__ = torch._C._disabled_torch_function_impl
    assert type(x + 1) is torch.Tensor
    del Changes.__torch_function__
    assert type(x + 1) is Derived


# --- Tensor.__torch_function__


def test_default_implementation_called_by_hand():
    t = torch.ones(2)
    assert type(Sub.__torch_function__(torch.add, (), (t, 1), {})) is Sub
    assert type(Sub.__torch_function__(torch.add, (torch.Tensor,), (t, 1))) is Sub
    assert type(torch.Tensor.__torch_function__(torch.add, (), (t, 1))) is torch.Tensor
    assert Sub.__torch_function__(torch.add, (int,), (t, 1)) is NotImplemented
    assert torch.Tensor.__torch_function__(torch.add, (Sub,), (t, 1)) is NotImplemented
    a, (b, c), d = Sub.__torch_function__(lambda: (t, [t, 3], {"t": t}), ())
    assert type(a) is type(b) is Sub and c == 3 and type(d["t"]) is torch.Tensor


def test_convert_keeps_what_needs_no_change():
    s = torch.ones(2).as_subclass(Sub)
    convert = torch._tensor._convert
    assert convert(s, Sub) is s and convert(3, Sub) == 3
    assert type(convert([s, (torch.ones(1),)], Sub)[1][0]) is Sub
    with pytest.raises(TypeError, match="^Creating a Tensor subclass from a class that does not"):
        convert(torch.ones(1), int)

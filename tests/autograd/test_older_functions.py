"""The older bases of Functions: NestedIOFunction, which takes nests, and InplaceFunction."""

import gc
import importlib
import weakref
from typing import NamedTuple

import pytest
from support import MODULE, assert_values, leaf, recorded_warnings, rushlight_only, torch

module = importlib.import_module(f"{MODULE}.autograd.function")
NestedIOFunction, InplaceFunction = module.NestedIOFunction, module.InplaceFunction
pytestmark = pytest.mark.filterwarnings("ignore:.*should not be instantiated")


class Products(NestedIOFunction):
    def __init__(self, scale=1.0):
        super().__init__()
        self.scale = scale

    def forward_extended(self, a, pair):
        b, c = pair
        self.save_for_backward(a, (b, [c]))
        return a * b, [b * c * self.scale, None]

    def backward_extended(self, g, more):
        a, (b, [c]) = self.saved_tensors
        assert more[1] is None
        scaled = more[0] * self.scale
        return g * b, (g * a + scaled * c, scaled * b)


@rushlight_only  # PyTorch's call raises AttributeError
def test_a_call_takes_and_gives_nests():
    a, b, c = leaf(2.0), leaf(3.0), leaf(5.0)
    first, (second, nothing) = Products(10.0)(a, (b, c))
    assert (first.item(), second.item(), nothing) == (6.0, 150.0, None)
    assert first.grad_fn is second.grad_fn and first.grad_fn.name() == "ProductsBackward"
    (first + second).backward()
    assert [t.grad.item() for t in (a, b, c)] == [3.0, 52.0, 30.0]


@rushlight_only
def test_each_call_of_one_object_has_its_own_saved_tensors():
    product = Products()
    a, b, c = leaf(2.0), leaf(3.0), leaf(5.0)
    first, _ = product(a, (b, c))
    product(b, (c, a))
    first.backward()
    assert [t.grad.item() for t in (a, b, c)] == [3.0, 2.0, 0.0]
    first, _ = Products()(a.detach(), [b.detach(), c.detach()])
    assert first.item() == 6.0 and not first.requires_grad


@rushlight_only
def test_second_derivatives_go_through_a_nested_call():
    def f(a, b, c):
        first, (second, _) = Products(2.0)(a, (b, c))
        return first, second

    inputs = [leaf(value, dtype=torch.float64) for value in (2.0, 3.0, 5.0)]
    assert torch.autograd.gradcheck(f, inputs)
    assert torch.autograd.gradgradcheck(f, inputs)


class Pair(NamedTuple):
    left: object
    right: object


@rushlight_only
def test_dicts_and_named_tuples_keep_their_form_and_none_stands_for_a_nest():
    class Both(NestedIOFunction):
        def forward_extended(self, pair, named, nothing):
            assert type(pair) is Pair and nothing is None
            assert self.needs_input_grad == (True, False, True)
            return Pair(pair.left * 2, {"x": named["x"] * pair.right})

        def backward_extended(self, left, right):
            assert left.item() == 1.0 and right["x"].item() == 1.0
            return Pair(left * 2, None), None, None

    a, x = leaf(1.0), leaf(3.0)
    out = Both()(Pair(a, torch.tensor(4.0)), {"x": x}, None)
    assert type(out) is Pair and out.right["x"].item() == 12.0
    (out.left + out.right["x"]).backward()
    assert a.grad.item() == 2.0 and x.grad is None


@rushlight_only
def test_one_tensor_in_and_out_marked_dirty():
    class Twice(NestedIOFunction):
        def forward_extended(self, x):
            self.mark_dirty([x])
            return x.mul_(2)

        def backward_extended(self, g):
            return g * 2

    a = leaf([1.0, 2.0])
    x = a * 1
    y = Twice()(x)
    assert y is x
    y.sum().backward()
    assert_values(a.grad, [2.0, 2.0])


@rushlight_only
def test_outputs_marked_non_differentiable_do_not_require_grad():
    class Order(NestedIOFunction):
        def forward_extended(self, x):
            values, places = x * 1, x.argmax()
            self.mark_non_differentiable({"places": places})
            return values, (places,)

        def backward_extended(self, g, places):
            return g

    values, (places,) = Order()(leaf([1.0, 3.0]))
    assert values.requires_grad and not places.requires_grad and places.item() == 1


@rushlight_only
def test_wrong_gradients_inputs_and_uses_are_refused():
    class Wrong(NestedIOFunction):
        def forward_extended(self, pair):
            return pair[0] * pair[1]

        def backward_extended(self, g):
            return ((g,),)

    y = Wrong()((leaf(1.0), leaf(2.0)))
    with pytest.raises(RuntimeError, match=r"WrongBackward returned an incorrect number of grad"):
        y.backward()
    nesting = r"^Auto nesting doesn't know how to process an input object of type int\. Accepted"
    with pytest.raises(ValueError, match=nesting):
        Wrong()((leaf(1.0), 2))
    with pytest.raises(RuntimeError, match="^Products has no call under way"):
        Products().saved_tensors  # noqa: B018 - the access raises


@rushlight_only
def test_a_nested_call_is_freed_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        function, a = Products(), leaf(2.0)
        y, _ = function(a, (leaf(3.0), leaf(5.0)))
        dying = [weakref.ref(function), weakref.ref(a), weakref.ref(y.grad_fn)]
        y.backward()
        del function, a, y, _
        assert [ref() for ref in dying] == [None] * 3
    finally:
        gc.enable()


def test_forward_extended_and_backward_extended_are_the_programs_to_write():
    for method in (NestedIOFunction.forward_extended, NestedIOFunction.backward_extended):
        with pytest.raises(NotImplementedError):
            method(None, 1)


def test_static_methods_of_a_nested_function_are_applied_as_a_functions():
    class Product(NestedIOFunction):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * b

        @staticmethod
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            return g * b, g * a

    a = leaf(2.0)
    Product.apply(a, leaf(3.0)).backward()
    assert a.grad.item() == 3.0


class Double(InplaceFunction):
    @staticmethod
    def forward(ctx, x, inplace=False):
        ctx.inplace = inplace
        if inplace:
            ctx.mark_dirty(x)
            return x.mul_(2)
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2, None


def test_an_inplace_function_knows_whether_it_writes():
    with recorded_warnings() as caught:
        assert Double().inplace is False and Double(True).inplace is True
        assert isinstance(Double(inplace=True), torch.autograd.Function)
    assert [w.category for w in caught] == [DeprecationWarning] * 3
    a = leaf([1.0, 2.0])
    x = a * 1
    assert Double.apply(x, True) is x and x.grad_fn.inplace is True
    assert Double.apply(x) is not x
    x.sum().backward()
    assert_values(a.grad, [2.0, 2.0])


@rushlight_only  # PyTorch points into its own file
def test_the_warning_of_an_instance_is_at_the_programs_line():
    with recorded_warnings() as caught:
        Double()
    assert [w.filename for w in caught] == [__file__]

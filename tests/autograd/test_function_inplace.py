"""autograd.Function with views and in-place writes: mark_dirty, inputs returned, views returned."""

import pytest
from support import assert_values, leaf, recorded_warnings, rushlight_only, torch

Function = torch.autograd.Function
REFUSED = "This view was created inside a custom Function"


class AddOne(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.add_(1)
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * 10


class Same(Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * 10


class Flat(Function):
    @staticmethod
    def forward(ctx, x):
        return x.view(-1)

    @staticmethod
    def backward(ctx, grad):
        return grad.view(2, 2) * 10


class Rows(Function):
    @staticmethod
    def forward(ctx, x):
        return x.unbind()

    @staticmethod
    def backward(ctx, *grads):
        return torch.stack(grads)


def function(forward, backward=lambda ctx, grad: grad, name="Made"):
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type(name, (Function,), methods)


# --- mark_dirty


def test_dirty_input_comes_back_with_a_new_history():
    x = leaf([1.0, 2.0])
    y = x * 3
    before = y.grad_fn
    z = AddOne.apply(y)
    assert z is y and y.grad_fn.name() == "AddOneBackward"
    assert y.grad_fn.next_functions[0][0] is before
    assert y._version == 2
    y.sum().backward()
    assert_values(x.grad, [30, 30])


def test_dirty_mark_alone_raises_the_version():
    y = leaf([1.0]) * 1

    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x

    function(forward).apply(y)
    assert y._version == 1


def test_value_saved_before_a_dirty_write_is_refused():
    x = leaf([1.0])
    y = x.exp()
    AddOne.apply(y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_dirty_tensor_without_grad_comes_back_itself():
    t = torch.ones(2)
    assert AddOne.apply(t) is t and t.grad_fn is None and t._version == 2


def test_dirty_leaf_is_refused():
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad has been used in"):
        AddOne.apply(leaf([1.0]))
    with torch.no_grad():
        x = leaf([1.0])
        assert_values(AddOne.apply(x), [2])
    assert_values(x, [2])


def test_dirty_view_writes_into_its_base():
    x = leaf([1.0, 2.0, 3.0])
    base = x * 1
    view = base[1:]
    assert AddOne.apply(view) is view
    assert base.grad_fn.name().endswith("CopySlices")
    assert_values(base, [1, 3, 4])
    base.sum().backward()
    assert_values(x.grad, [1, 10, 10])


def test_dirty_view_may_be_any_argument():
    # PyTorch sends the base's gradient to the first argument, whichever it is.
    x, other = leaf([1.0, 2.0]), leaf([5.0])

    def forward(ctx, other, view):
        ctx.mark_dirty(view)
        view.mul_(other)
        return view

    base = x * 1
    function(forward, lambda ctx, g: (g * 100, g * 5)).apply(other, base[:1])
    if torch.__name__ == "rushlight":
        base.backward(torch.ones(2))
        assert_values(x.grad, [5, 1])
        assert_values(other.grad, [100])
    assert_values(base, [5, 2])


def test_dirty_view_of_a_leaf_is_refused():
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad"):
        AddOne.apply(leaf([1.0]).view(-1))


def test_dirty_view_can_be_saved_as_output():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        x.exp_()
        ctx.save_for_backward(x)
        return x

    x = leaf([0.0, 1.0], dtype=torch.float64)
    base = x * 1
    view = base[1:]
    y = function(forward, lambda ctx, g: g * ctx.saved_tensors[0]).apply(view)
    assert y is view
    base.sum().backward()
    assert_values(x.grad, [1, 2.718281828459045])


def test_dirty_view_beside_another_output_is_refused():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.add_(1), x * 2

    with pytest.raises(RuntimeError, match="cannot return more than one Tensor"):
        function(forward).apply((leaf([1.0]) * 1).view(-1))


def test_dirty_input_has_to_be_returned():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x + 1

    with pytest.raises(RuntimeError, match="Some elements marked as dirty during the forward"):
        function(forward).apply(leaf([1.0]) * 1)


def test_dirty_mark_of_what_is_no_input_warns():
    def forward(ctx, x):
        y = x * 2
        ctx.mark_dirty(y)
        return y

    x = leaf([1.0])
    with recorded_warnings() as caught:
        y = function(forward).apply(x)
    assert "received a tensor that was not an input" in str(caught[0].message)
    y.backward()
    assert_values(x.grad, [1])


def test_one_of_two_outputs_can_be_dirty():
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.add_(1), x * 2

    x = leaf([1.0])
    y = x * 1
    a, b = function(forward, lambda ctx, g, h: g + 10 * h).apply(y)
    assert a is y and (a.output_nr, b.output_nr) == (0, 1)
    (a + b).backward()
    assert_values(x.grad, [11])


# --- inputs returned as they are


def test_input_returned_is_a_view_of_itself():
    x = leaf([1.0, 2.0])
    y = Same.apply(x)
    assert y is not x and y._is_view() and y._base is x
    assert y.grad_fn.name() == "SameBackward" and x.is_leaf
    y.sum().backward()
    assert_values(x.grad, [10, 10])
    t = torch.ones(2)
    assert Same.apply(t) is not t and Same.apply(t)._is_view()


def test_input_returned_twice_is_two_views():
    both = function(lambda ctx, x: (x, x), lambda ctx, g, h: g + h)
    x = leaf([1.0])
    a, b = both.apply(x)
    assert a is not b and (a.output_nr, b.output_nr) == (0, 1)
    (a * 2 + b * 3).backward()
    assert_values(x.grad, [5])


def test_input_without_grad_returned_gets_the_history_of_the_call():
    x, other = leaf([1.0]), torch.ones(1)
    y = function(lambda ctx, x, other: other, lambda ctx, g: (g * 7, None)).apply(x, other)
    assert y.requires_grad and not other.requires_grad
    y.backward()
    assert_values(x.grad, [7])


def test_input_marked_non_differentiable_comes_back_detached():
    def forward(ctx, x):
        ctx.mark_non_differentiable(x)
        return x

    x = leaf([1.0])
    y = function(forward).apply(x)
    assert not y.requires_grad and y is not x and not y._is_view() and x.requires_grad


def test_integer_input_returned_is_a_view():
    x, index = leaf([1.0]), torch.tensor([3])
    y = function(lambda ctx, x, i: i).apply(x, index)
    assert y is not index and y._is_view() and not y.requires_grad


# --- views returned


@pytest.mark.parametrize("made", [Same, Flat], ids=["input", "view"])
def test_view_from_a_function_may_not_be_written(made):
    x = torch.ones(2, 2, requires_grad=True)
    y = made.apply(x.clone())
    with pytest.raises(RuntimeError, match=f"Output 0 of {made.__name__} is a view .* {REFUSED}"):
        y.add_(1)
    with torch.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match="or another view of its base has been modified inplace"):
        y.grad_fn  # noqa: B018


def test_view_of_a_tensor_without_grad_may_be_written_unless_it_is_recorded():
    y = Same.apply(torch.ones(2))
    y.add_(1)
    assert_values(y, [2, 2])
    with pytest.raises(RuntimeError, match=REFUSED):
        Same.apply(torch.ones(2)).mul_(leaf([1.0, 2.0]))


def test_one_of_several_views_from_a_function_may_not_be_written():
    rows = Rows.apply(torch.ones(2, 2, requires_grad=True).clone())
    with pytest.raises(RuntimeError, match="the output of a function that returns multiple views"):
        rows[0].add_(1)


def test_view_goes_stale_when_its_base_is_written():
    base = torch.ones(2, 2, requires_grad=True).clone()
    y = Flat.apply(base)
    base.add_(1)
    for use in (lambda: y.grad_fn, lambda: y * 2, lambda: Same.apply(y)):
        with pytest.raises(RuntimeError, match=REFUSED):
            use()


def test_fresh_output_may_be_written():
    x = leaf([1.0])
    y = function(lambda ctx, x: x * 2, lambda ctx, g: g * 2).apply(x)
    y.mul_(3)
    y.backward()
    assert_values(x.grad, [6])


def test_view_as_input_leads_to_its_own_history():
    x = leaf([1.0, 2.0])
    y = function(lambda ctx, x: x * 2, lambda ctx, g: g * 2).apply((x * 3)[1:])
    y.sum().backward()
    assert_values(x.grad, [0, 6])


def test_captured_tensor_that_is_returned_joins_the_graph():
    x, captured = leaf([1.0]), leaf([2.0])
    y = function(lambda ctx, x: captured).apply(x)
    assert y is captured and not captured.is_leaf
    y.backward()
    assert_values(x.grad, [1])


@rushlight_only
def test_refused_write_names_apply_and_the_write():
    y = Same.apply(leaf([1.0]))
    with pytest.raises(RuntimeError) as caught:
        y.add_(1)
    assert "made by       y = Same.apply(leaf([1.0]))" in str(caught.value)
    assert "changed by    y.add_(1)" in str(caught.value)
    assert "clone()" in str(caught.value)


def test_context_kept_longer_than_the_write_it_recorded():
    kept = []

    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        kept.append(ctx)
        return x

    base = leaf([1.0, 2.0, 3.0]) * 1
    function(forward, lambda ctx, g: g * 2).apply(base[:2])
    del base
    (saved,) = kept[0].saved_tensors
    assert_values(saved, [2, 4])


def test_write_by_apply_drops_the_gradient_of_the_old_value():
    y = leaf([1.0, 2.0]) * 1
    y.retain_grad()
    y.sum().backward(retain_graph=True)
    assert_values(y.grad, [1, 1])
    AddOne.apply(y)
    assert y.grad is None
    y.sum().backward()
    assert_values(y.grad, [1, 1])

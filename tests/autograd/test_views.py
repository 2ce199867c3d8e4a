"""Writes through views: whose history changes, what is refused, what the gradients are."""

import gc
import weakref

import pytest
from gradcheck import assert_gradients_match, assert_second_gradients_match
from support import leaf, rushlight_only, torch

VIEWS = {
    "view": lambda t: t.view(-1),
    "reshape": lambda t: t.reshape(-1),
    "t": lambda t: t.t(),
    "transpose": lambda t: t.transpose(0, 1),
    "permute": lambda t: t.permute(1, 0),
    "squeeze": lambda t: t.unsqueeze(0).squeeze(0),
    "unsqueeze": lambda t: t.unsqueeze(1),
    "flatten": lambda t: t.flatten(),
    "unflatten": lambda t: t.unflatten(1, (2, 2)),
    "select": lambda t: t.select(0, 1),
    "narrow": lambda t: t.narrow(1, 1, 2),
    "diagonal": lambda t: t.diagonal(1),
    "as_strided": lambda t: t.as_strided((2, 2), (1, 4), 2),
    "movedim": lambda t: t.movedim(0, 1),
    "T": lambda t: t.T,
    "mT": lambda t: t.mT,
    "window": lambda t: t.unfold(1, 2, 2),
    "view of a view": lambda t: t.t().narrow(0, 1, 2).select(1, 0),
}
every_view = pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)


def values(dtype=torch.float64):
    return torch.arange(12, dtype=dtype).reshape(3, 4) * 0.1 + 0.3


def name_of(node):
    return type(node).__name__


@every_view
def test_view_shares_memory_and_version(view):
    base = values()
    v = view(base)
    assert v._is_view() and v._base is base
    before = base.sum().item()
    v.add_(1)
    assert base.sum().item() == pytest.approx(before + v.numel())
    assert base._version == v._version == 1


@every_view
def test_write_through_a_view_reaches_the_base(view):
    def write(x):
        y = x * 2
        view(y).mul_(3)
        return y * y

    assert_gradients_match(write, [values()])
    assert_second_gradients_match(write, [values()], rtol=1e-4, atol=1e-6)


@every_view
def test_write_of_a_differentiable_value_through_a_view_of_a_tensor_without_grad(view):
    def write(x):
        base = values()
        target = view(base)
        target.mul_(x.reshape(-1).narrow(0, 0, target.numel()).reshape(target.shape))
        assert not x.requires_grad or name_of(base.grad_fn) == "CopySlices"
        return base.sigmoid()

    assert_gradients_match(write, [values()])


@every_view
def test_write_to_the_base_reaches_the_view(view):
    def write(x):
        y = x * 2
        v = view(y)
        y.mul_(y.detach().clone())
        return v * v

    def plain(x):
        y = x * 2
        return view(y * y.detach()) ** 2

    x, same = (values().requires_grad_() for _ in range(2))
    write(x).sum().backward()
    plain(same).sum().backward()
    assert x.grad.tolist() == same.grad.tolist()


def test_result_saved_by_a_write_into_a_view_serves_both_orders():
    def write(x):
        y = x * 2
        y.select(0, 1).tanh_()
        return y * y

    assert_gradients_match(write, [values()])
    assert_second_gradients_match(write, [values()], rtol=1e-4, atol=1e-6)


def test_history_after_a_write_through_a_view():
    x = leaf([1.0, 2.0, 3.0])
    y = x * 2
    v = y.narrow(0, 0, 2)
    v.mul_(3)
    assert name_of(y.grad_fn) == "CopySlices" and y.grad_fn.name() == "torch::autograd::CopySlices"
    assert name_of(v.grad_fn) == "AsStridedBackward0"
    assert v.grad_fn.next_functions[0][0] is y.grad_fn
    assert name_of(y.grad_fn.next_functions[0][0]) == "MulBackward0"
    y.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0, 2.0]


def test_second_write_through_another_view():
    x = leaf([1.0, 2.0, 3.0])
    y = x.clone()
    first, second = y.select(0, 0), y.narrow(0, 0, 2)
    first.mul_(5)
    second.mul_(first.detach().clone())
    y.sum().backward()
    assert x.grad.tolist() == [25.0, 5.0, 1.0]
    assert name_of(first.grad_fn) == "AsStridedBackward0"


def test_view_of_a_tensor_that_starts_to_require_grad():
    x = leaf([2.0, 3.0])
    base = torch.ones(2)
    v = base.select(0, 0)
    base.mul_(x)
    assert v.requires_grad and not v.is_leaf
    (v * 10).backward()
    assert x.grad.tolist() == [10.0, 0.0]


def test_overwritten_values_get_no_gradient():
    x, value = leaf([1.0, 2.0, 3.0]), leaf(5.0)
    y = x * 1
    y.select(0, 1).copy_(value)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0, 1.0] and value.grad.item() == 1.0


@pytest.mark.parametrize(
    "parts",
    [
        lambda t: t.unbind(),
        lambda t: t.split(1),
        lambda t: t.split([1, 2]),
        lambda t: t.chunk(3),
    ],
    ids=["unbind", "split", "split with sizes", "chunk"],
)
def test_one_of_many_views_may_not_be_written(parts):
    y = leaf([1.0, 2.0, 3.0]) * 2
    sentence = "Output 0 of .* is a view and is being modified inplace. This view is the output of"
    with pytest.raises(RuntimeError, match=sentence):
        parts(y)[0].mul_(2)
    with torch.no_grad():
        parts(y)[0].mul_(2)
    many = parts(y)
    y.mul_(2)
    with pytest.raises(
        RuntimeError, match="its base or another view of its base has been modified"
    ):
        many[0].grad_fn  # noqa: B018


def test_write_into_views_of_leaves():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being"):
        x.view(-1).mul_(2)
    with torch.no_grad():
        x.view(-1).mul_(2)
    assert x.tolist() == [2.0, 4.0] and x.is_leaf and x.requires_grad


def test_view_made_without_grad_may_not_be_written_with_grad():
    y = leaf([1.0, 2.0]) * 2
    with torch.no_grad():
        v = y.view(-1)
    assert v.requires_grad and v.grad_fn is None and v.is_leaf
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode and is being"):
        v.mul_(2)
    with torch.no_grad():
        v.mul_(2)
    assert y.tolist() == [4.0, 8.0]


def test_view_made_in_inference_mode_may_not_be_written_with_grad():
    y = leaf([1.0, 2.0]) * 2
    with torch.inference_mode():
        v = y.view(-1)
    with pytest.raises(RuntimeError, match="A view was created in inference mode and is being"):
        v.mul_(2)


def test_saved_value_changed_through_a_view_is_noticed():
    x = leaf([1.0, 2.0])
    y = x.exp()
    y.view(-1).mul_(2)
    with pytest.raises(RuntimeError, match="is at version 1; expected version 0 instead"):
        y.sum().backward()


@pytest.mark.parametrize(
    "change, name, shape",
    [
        (lambda t: t.t_(), "TBackward1", (3, 1)),
        (lambda t: t.transpose_(0, 1), "TransposeBackward1", (3, 1)),
        (lambda t: t.swapaxes_(0, 1), "TransposeBackward1", (3, 1)),
        (lambda t: t.squeeze_(), "SqueezeBackward3", (3,)),
        (lambda t: t.squeeze_(0), "SqueezeBackward4", (3,)),
        (lambda t: t.unsqueeze_(0), "UnsqueezeBackward1", (1, 1, 3)),
    ],
)
def test_geometry_changed_in_place(change, name, shape):
    x = leaf([[1.0, 2.0, 3.0]])
    y = x * 2
    assert change(y) is y
    assert tuple(y.shape) == shape and y._version == 1 and name_of(y.grad_fn) == name
    (y * y).sum().backward()
    assert x.grad.tolist() == [[8.0, 16.0, 24.0]]


def test_geometry_of_a_view_changed_in_place():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    v = y.narrow(0, 0, 1)
    v.t_()
    assert name_of(v.grad_fn) == "TBackward1" and name_of(y.grad_fn) == "MulBackward0"
    v.mul_(10)
    y.sum().backward()
    assert x.grad.tolist() == [[10.0, 10.0], [1.0, 1.0]]


def test_view_keeps_its_base_alive_and_lets_go_of_it():
    class Note:
        pass

    y = leaf([1.0, 2.0]) * 2
    note = Note()
    seen = weakref.ref(note)
    y.note = note
    del note
    v = y.view(-1)
    v.mul_(2)
    del y
    gc.collect()
    assert seen() is not None and v._base.note is seen()
    del v
    gc.collect()
    assert seen() is None


@rushlight_only
def test_writes_between_views_of_one_base_leave_nothing_behind():
    class Note:
        pass

    y = leaf([1.0, 2.0, 3.0]) * 2
    y.note = Note()
    seen = weakref.ref(y.note)
    y.select(0, 0).mul_(y.select(0, 1))
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    del y
    gc.collect()
    assert seen() is None


def test_ten_thousand_writes_into_one_base():
    x = leaf([1.0, 1.0])
    y = x * 1
    for i in range(10_000):
        y.select(0, i % 2).mul_(1.0)
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_unused_parts_get_zeros():
    x = leaf([1.0, 2.0, 3.0, 4.0])
    x.unbind()[2].backward()
    x.split(2)[1].sum().backward()
    x.chunk(2)[0].sum().backward()
    assert x.grad.tolist() == [1.0, 1.0, 2.0, 1.0]
    assert torch.zeros(0, 3).unbind() == ()


def test_cat_and_stack_promote_and_refuse():
    joined = torch.cat([torch.ones(2), torch.ones(2, dtype=torch.float64)])
    assert joined.dtype == torch.float64
    with pytest.raises(RuntimeError, match="Sizes of tensors must match except in dimension 0"):
        torch.cat([torch.ones(2, 3), torch.ones(3, 2)])
    with pytest.raises(RuntimeError, match="stack expects a non-empty TensorList"):
        torch.stack([])
    with pytest.raises(RuntimeError, match="are out of bounds for storage"):
        torch.ones(3).as_strided((4,), (1,))
    with pytest.raises(RuntimeError):
        torch.ones(3).as_strided((2**62, 2**62), (2**62, 1))


def test_cat_does_not_need_its_inputs_any_more():
    x = leaf([1.0, 2.0])
    y = x * 2
    joined = torch.cat([y, torch.ones(0), y, x * 3])
    y.add_(1)  # was refused: cat kept its inputs where their shapes are enough
    (joined * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])).sum().backward()
    assert x.grad.tolist() == [1 * 2 + 3 * 2 + 5 * 3, 2 * 2 + 4 * 2 + 6 * 3]


def test_cat_of_what_is_left_out_gives_it_zeros():
    nothing, x = leaf([]), torch.ones(2, 3, requires_grad=True)
    torch.cat([nothing, x, torch.ones(0, 3)]).sum().backward()
    assert nothing.grad.shape == (0,) and x.grad.tolist() == [[1.0] * 3] * 2


def test_view_made_without_grad_mode_leads_nowhere():
    for x in (leaf([1.0, 2.0]), leaf([1.0, 2.0]) * 2):
        with torch.no_grad():
            v = x.view(2)
        assert v.requires_grad and v.is_leaf and v.grad_fn is None
        loss = (v * 3).sum()
        for wanted in (v, x):  # answered for v, which has only its base's word that it needs grad
            with pytest.raises(RuntimeError, match="index 0 appears to not have been used"):
                torch.autograd.grad(loss, wanted, retain_graph=True)
        loss.backward()
        assert v.grad is None and (not x.is_leaf or x.grad is None)
        with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
            v.backward(torch.ones(2))


def test_view_made_without_grad_mode_that_is_asked_to_require_grad():
    with torch.no_grad():
        v = leaf([1.0, 2.0]).view(2)
    v.requires_grad_()
    (v * 3).sum().backward()
    assert v.grad.tolist() == [3.0, 3.0]


def test_operation_on_a_view_that_may_not_be_used_raises_and_leaves_nothing_half_made():
    # The node of the operation was taken apart before its saved values were laid out.
    x = leaf([1.0, 2.0]).clone()
    first, _ = x.unbind()
    x.add_(1)
    for _ in range(200):
        others = [torch.ones(3, requires_grad=True) * leaf([2.0, 3.0, 4.0]) for _ in range(3)]
        with pytest.raises(RuntimeError, match="Output 0 of Unbind"):
            first * first
        del others


def test_view_made_again_of_another_base():
    x = torch.arange(6.0)
    v = x.view(2, 3).t()[1:]
    again = v._view_func(x * 2)
    assert again.tolist() == (v * 2).tolist() and again.stride() == v.stride()
    assert v._view_func(torch.zeros(5)) is None and x._view_func(x) is None


def test_increment_version_is_a_write_that_nobody_recorded():
    x = leaf([1.0, 2.0])
    y = x * 2
    loss = (y * y).sum()
    torch.autograd.graph.increment_version([y])
    assert y._version == 1 and torch.autograd.graph.increment_version(x) is None
    with pytest.raises(RuntimeError, match="is at version 1; expected version 0 instead"):
        loss.backward()
    for wrong in (3, None, [3], "a"):
        with pytest.raises(RuntimeError, match="increment_version expect"):
            torch.autograd.graph.increment_version(wrong)


def test_geometry_of_a_view_changed_without_grad_gives_it_a_new_history():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    v = x.view(2, 2)
    with torch.no_grad():
        v.t_()
    (v * torch.tensor([[1.0, 10.0], [100.0, 1000.0]], dtype=v.dtype)).sum().backward()
    assert x.grad.tolist() == [[1, 100], [10, 1000]]
    part = x.unbind()[0]
    with torch.no_grad():
        part.unsqueeze_(0)
    with pytest.raises(RuntimeError, match="Output 0 of Unbind is a view and its base or another"):
        part.sum()


def test_geometry_of_an_expanded_view_may_change_in_place():
    x = leaf([1.0, 2.0])
    v = (x * 1).expand(3, 2)
    v.t_()
    assert v.shape == (2, 3)
    v.sum().backward()
    assert x.grad.tolist() == [3, 3]


def test_write_into_expanded_memory_of_a_leaf_is_refused_for_the_leaf():
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being"):
        leaf([1.0, 2.0]).expand(3, 2).mul_(2)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        (leaf([1.0, 2.0]) * 1).expand(3, 2).mul_(2)


@pytest.mark.parametrize(
    ("mode", "made", "end"),
    [
        ("no_grad", "no_grad", "with grad mode enabled"),
        ("inference_mode", "inference", "in normal mode"),
    ],
)
def test_view_of_a_view_made_in_another_mode_says_so(mode, made, end):
    for x in (leaf([[1.0, 2.0]]) * 1, leaf([[1.0, 2.0]])):
        with getattr(torch, mode)():
            outer = x.view(-1)
        sentence = f"A view was created in {made} mode and is being modified inplace {end}"
        with pytest.raises(RuntimeError, match=sentence):
            outer.mul_(2)
        sentence = (
            f"Output 0 of Select is a view of a view which was created in {made} mode and is being "
            f"modified inplace {end}. Given that"
        )
        with pytest.raises(RuntimeError, match=sentence):
            outer[0].mul_(2)


def test_many_views_of_a_view_made_in_inference_mode_name_the_mode():
    x = leaf([[1.0, 2.0]]) * 1
    with torch.inference_mode():
        outer = x.view(-1)
    with pytest.raises(RuntimeError, match="Output 0 of Unbind is a view of a view which was"):
        outer.unbind()[0].mul_(2)


def test_view_of_an_inference_tensor_has_no_base():
    with torch.inference_mode():
        x = torch.ones(2, 2)
        inner = x[0]
    outer = x[0]
    for v in (inner, outer):
        assert v.is_inference() and not v._is_view() and v._base is None

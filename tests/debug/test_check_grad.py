"""check_grad: right gradients pass, wrong ones are found and their operation is named."""

import functools
import gc
import random
import weakref

import pytest
from support import leaf, rushlight_only, torch

pytestmark = rushlight_only
check_grad = torch.debug.check_grad
F = torch.nn.functional


class Slope(torch.autograd.Function):
    """x^3, whose derivative is off by one part in a hundred."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 3.03 * x * x


class Product(torch.autograd.Function):
    """x y, wrong for y in one element."""

    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, grad):
        x, y = ctx.saved_tensors
        bad = torch.ones_like(x)
        bad[1] = 1.01
        return grad * y, grad * x * bad


def assert_named(result, words):
    assert not result and words in result.culprit and words in str(result)


def test_right_gradients():
    x = leaf([0.5, -1.0, 2.0])
    result = check_grad(lambda x: (x.exp() * x.sin()).sum(), x)
    assert result and result.checked == 3 and result.first is None and not result.kinks
    assert str(result) == "right gradient: 3 entries"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_an_error_of_one_percent_is_found_in_every_dtype(dtype):
    x = leaf([1.0, 2.0], dtype=dtype)
    result = check_grad(lambda x: Slope.apply(x.sin()).exp().sum(), x)
    assert_named(result, "Slope.backward, called for  ")
    assert "def backward(ctx, grad):" in result.culprit
    assert "test_check_grad.py:" in result.culprit
    assert result.node.name() == "SlopeBackward"
    first = result.first
    assert (first.name, first.index) == ("x", (0,))
    assert first.relative_error == pytest.approx(0.01, rel=1e-4)
    assert first.analytic == pytest.approx(1.01 * first.numeric, rel=1e-6)
    assert x.dtype == dtype and x.grad is None and x.tolist() == [1.0, 2.0]


def test_the_first_wrong_entry_has_its_index():
    x, y = leaf([[1.0, 2.0], [3.0, 4.0]]), leaf([[1.0, 1.0], [2.0, 2.0]])
    result = check_grad(lambda x, y: (Product.apply(x, y) ** 2).sum(), [x, y])
    assert (result.first.name, result.first.index) == ("y", (1, 0)) and len(result.wrong) == 2
    assert "y[1, 0]: " in str(result) and "off by 1 %" in str(result)
    assert_named(result, "Product.backward")


def test_the_wrong_one_of_many_entries_is_found():
    x = leaf([float(i % 7) / 7 for i in range(2000)])
    result = check_grad(
        lambda x: Slope.apply(x[1234:1235]).sum() + (x * x).sum(), x, max_entries=16
    )
    assert result.first.index == (1234,) and len(result.wrong) == 1
    assert check_grad(lambda x: (x * x).sum(), x, max_entries=16).checked == 16


def test_small_gradients_of_a_large_loss():
    x = leaf([0.2])
    assert check_grad(lambda x: (x**3).sum() + 1e4, x)
    for large in (1e4, 1e8):
        bad = check_grad(lambda x, large=large: Slope.apply(x).sum() + large, x)
        assert_named(bad, "Slope.backward")


def test_modules_and_their_parameters():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    x, target = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    result = check_grad(lambda: F.cross_entropy(model(x), target), model)
    assert result and result.checked == 26
    assert check_grad(lambda: F.cross_entropy(model(x), target), model.parameters())
    bad = check_grad(lambda: Slope.apply(model(x)).sum(), {"w": model[0].weight})
    assert bad.first.name == "w" and "Slope.backward" in bad.culprit
    assert all(p.dtype == torch.float32 and p.grad is None for p in model.parameters())
    assert x.dtype == torch.float32


SCALE = torch.tensor([[2.0, 3.0]])


def test_ways_to_call():
    x, y = leaf([1.0, 2.0]), leaf([3.0, 4.0])

    def loss(first, second):
        return (first * second).sum()

    assert check_grad(loss, {"first": x, "second": y})
    assert check_grad(lambda both: loss(*both), (x, y))
    assert check_grad(lambda d: loss(d["first"], d["second"]), {"first": x, "second": y})
    assert check_grad(lambda: loss(x, y), [x, y])
    assert check_grad(functools.partial(loss, second=y), x)
    assert check_grad(lambda x: (SCALE @ x).sum(), x), "matrices of two dtypes would not multiply"
    assert check_grad(lambda x: [(SCALE @ x).sum() for _ in range(2)][0], x)
    assert SCALE.dtype == torch.float32
    assert check_grad(loss, [x, torch.tensor([1.0, 1.0])]).checked == 2
    assert check_grad(lambda y: (y**2).sum(), x * 3).checked == 2
    assert check_grad(lambda m: (m**2).sum(), leaf([[1.0, 2.0], [3.0, 4.0]]).t()).checked == 4


def test_losses_that_cast_to_float32():
    x = leaf([1.0, 2.0])
    assert check_grad(lambda x: (x.float() ** 2).sum(), x)
    bad = check_grad(lambda x: (x.float() ** 2).sum() + Slope.apply(x.float()).sum(), x, rtol=1e-3)
    assert_named(bad, "Slope.backward")


def test_kinks_are_no_errors():
    x = leaf([-1.0, 0.0, 2.0])
    result = check_grad(lambda x: x.relu().sum() + (x - 2).abs().sum(), x)
    assert result and [k.index for k in result.kinks] == [(1,)]
    assert "1 at a kink" in str(result) and "x[1]: -1 by backward, -0.5" in str(result)

    class Steep(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clamp(min=0)

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    assert_named(check_grad(lambda x: Steep.apply(x).sum(), leaf([0.0])), "Steep.backward")
    near = leaf([1e-7])
    assert check_grad(lambda x: x.relu().sum(), near), "the kink is a step away"


def test_cut_graphs_and_hooks_are_named():
    x, w = leaf([1.0, 2.0]), leaf([3.0, 4.0])
    cut = check_grad(lambda x: (x * x.detach()).sum(), x)
    assert_named(cut, "MulBackward0")
    assert "x * x.detach()" in cut.culprit
    whole = check_grad(lambda x, w: (x.detach().exp() * w).sum(), [x, w])
    assert whole.first.name == "x" and "MulBackward0" in whole.culprit

    def hooked(x):
        y = x * x
        y.register_hook(lambda g: g * 1.01)
        return y.sum()

    assert_named(check_grad(hooked, x), "a hook that changes the gradient of y")
    handle = x.register_hook(lambda g: g * 1.01)
    assert_named(check_grad(lambda x: x.sum(), x), "a hook that changes the gradient of x")
    handle.remove()


def test_writes_and_several_outputs_on_the_way():
    x = leaf([1.0, 2.0, 3.0])

    def loss(x):
        y = x * 2
        y[1:] *= x[1:]
        low, high = Slope.apply(y).split([1, 2])
        return low.sum() * high.max()

    assert_named(check_grad(loss, x), "Slope.backward")


def test_a_function_that_branches_is_said_to():
    x = leaf(0.0)

    def loss(x):
        return Slope.apply(x + 1) if x.item() > 0 else Slope.apply(x + 1).neg().neg()

    assert_named(check_grad(loss, x), "the function branches here")


def test_random_numbers_repeat_and_stay_for_the_caller():
    x = leaf([1.0, 2.0, 3.0])
    torch.manual_seed(5)
    random.seed(5)
    wanted = torch.rand(2), random.random()
    torch.manual_seed(5)
    random.seed(5)
    assert check_grad(lambda x: F.dropout(x * x).sum() * (1 + random.random()), x)
    assert torch.equal(torch.rand(2), wanted[0]) and random.random() == wanted[1]
    own = torch.Generator()
    with pytest.raises(RuntimeError, match="for the same values: differences of it say nothing"):
        check_grad(lambda x: (x * torch.rand(3, generator=own)).sum(), x)


def test_inner_gradients():
    x = leaf([0.5, 1.5])

    def penalty(x):
        (g,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
        return (g**2).sum()

    assert check_grad(penalty, x)


def test_raise_exception():
    with pytest.raises(RuntimeError, match="made by Slope.backward") as caught:
        check_grad(lambda x: Slope.apply(x).sum(), leaf([1.0]), raise_exception=True)
    assert type(caught.value).__name__ == "GradcheckError"


def test_what_cannot_be_checked_says_why():
    x = leaf([1.0, 2.0])
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        check_grad(lambda x: x.sum(), torch.ones(2))
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        check_grad(lambda x: x * 2, x)
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        check_grad(lambda x: x.detach().sum(), x)
    with pytest.raises(TypeError, match="loss_fn must return a Tensor, not float"):
        check_grad(lambda x: 1.0, x)
    with pytest.raises(TypeError, match=r"x\[1\] must be Tensor, not int"):
        check_grad(lambda x: x.sum(), [x, 3])
    with pytest.raises(TypeError, match="positional argument"):
        check_grad(lambda x, y, z: x.sum(), x)
    with pytest.raises(RuntimeError, match="loss_fn gave nan"):
        check_grad(lambda x: (x - 5).sqrt().sum(), x)
    other = leaf([1.0])
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        check_grad(lambda x: (other * 2).sum(), x)
    assert check_grad(lambda x, y: x.sum(), [x, other]).unused == ["other"]
    with pytest.raises(ZeroDivisionError):
        check_grad(lambda x: 1 / 0, x)
    assert x.dtype == torch.float32 and x.tolist() == [1.0, 2.0]


def test_a_graph_made_before_still_works():
    x = leaf([1.0, 2.0])
    before = x.exp().sum() + (x * x).sum()
    data = x.data_ptr()
    check_grad(lambda x: x.sin().sum(), x)
    before.backward()
    assert x.data_ptr() == data and x.grad.tolist() == pytest.approx([4.718282, 11.389056])


def test_no_tensor_stays():
    gc.collect()
    gc.disable()
    try:
        x = leaf([1.0])
        dying = weakref.ref(x)
        result = check_grad(lambda x: Slope.apply(x).sum(), x)
        assert not result
        del x, result
        assert dying() is None
    finally:
        gc.enable()

"""torch.utils.checkpoint: the same gradients, computed again instead of saved."""

import gc
import importlib
import weakref

import pytest
from support import MODULE, assert_values, leaf, recorded_warnings, rushlight_only, torch

module = importlib.import_module(f"{MODULE}.utils.checkpoint")
checkpoint = module.checkpoint
both = pytest.mark.parametrize("use_reentrant", [False, True])


class Counting:
    """A function that counts its runs, and how far each of them came."""

    def __init__(self, scale=1.0):
        self.runs = self.ends = 0
        self.scale = scale

    def __call__(self, x):
        self.runs += 1
        y = ((x * x).sin() * self.scale).exp() + x
        self.ends += 1
        return y


def gradient(function, values=(0.5, 1.5)):
    x = leaf(list(values))
    function(x).sum().backward()
    return x.grad.tolist()


@both
def test_gradients_are_those_without_a_checkpoint(use_reentrant):
    f = Counting()
    plain = gradient(f)
    got = gradient(lambda x: checkpoint(f, x * 2, use_reentrant=use_reentrant))
    assert got == pytest.approx(gradient(lambda x: f(x * 2)))
    assert gradient(lambda x: checkpoint(f, x, use_reentrant=use_reentrant)) == plain


@both
def test_function_runs_once_more_in_the_backward_pass(use_reentrant):
    f = Counting()
    x = leaf([1.0])
    y = checkpoint(f, x, use_reentrant=use_reentrant)
    assert f.runs == 1
    y.backward(retain_graph=True)
    assert f.runs == 2
    y.backward()
    assert f.runs == 3


@pytest.mark.parametrize(
    "option, outer, ends", [(True, None, 1), (False, None, 2), (True, False, 2), (False, True, 1)]
)
def test_early_stop_leaves_the_second_run(option, outer, ends):
    f = Counting()
    x = leaf([1.0])
    if outer is None:
        y = checkpoint(f, x, use_reentrant=False, early_stop=option)
    else:
        with module.set_checkpoint_early_stop(outer):
            y = checkpoint(f, x, use_reentrant=False, early_stop=option)
    y.backward()
    assert (f.runs, f.ends) == (2, ends)


@pytest.mark.parametrize("preserve", [True, False])
@both
def test_random_numbers_repeat_where_they_are_asked_to(use_reentrant, preserve):
    drawn = []

    def f(x):
        noise = torch.rand(3)
        drawn.append(noise.tolist())
        return x * noise

    torch.manual_seed(7)
    y = checkpoint(f, leaf([1.0] * 3), use_reentrant=use_reentrant, preserve_rng_state=preserve)
    after = torch.rand(1).item()
    torch.manual_seed(7)
    torch.rand(3)
    assert torch.rand(1).item() == after
    next_number = torch.rand(1).item()
    torch.manual_seed(7)
    torch.rand(4)
    y.sum().backward()
    assert (drawn[0] == drawn[1]) is preserve
    assert (torch.rand(1).item() == next_number) is preserve


def test_grad_second_gradients_and_inputs_work_without_reentry():
    x = leaf([0.5])
    y = checkpoint(lambda t: (t * t).sin(), x, use_reentrant=False)
    (first,) = torch.autograd.grad(y, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    z = leaf([0.5])
    (want,) = torch.autograd.grad((z * z).sin(), z, create_graph=True)
    assert first.item() == want.item()
    assert second.item() == torch.autograd.grad(want, z)[0].item()
    y = checkpoint(lambda t: (t * t).sin(), x, use_reentrant=False)
    y.backward(inputs=[x])
    assert x.grad.item() == want.item()


@pytest.mark.parametrize("call", [lambda y, x: torch.autograd.grad(y, x), torch.Tensor.backward])
def test_reentry_refuses_certain_inputs(call):
    x = leaf([1.0])
    y = checkpoint(Counting(), x, use_reentrant=True)
    with pytest.raises(RuntimeError, match="torch.utils.checkpoint is incompatible with .grad()"):
        call(y, x) if call is not torch.Tensor.backward else y.backward(inputs=[x])


def test_keywords_structures_and_other_arguments():
    x, w = leaf([2.0]), leaf([3.0])

    def f(x, power, *, more, nothing=None):
        return x**power * more["w"]

    checkpoint(f, x, 2, more={"w": w}, use_reentrant=False).backward()
    assert (x.grad.item(), w.grad.item()) == (12, 4)


@both
def test_several_results_and_numbers_among_the_arguments(use_reentrant):
    x, w = leaf([2.0]), leaf([3.0])

    def f(x, number, w, nothing):
        return x * w * number, x.detach(), (w * w).sin()

    a, _, b = checkpoint(f, x, 5, w, None, use_reentrant=use_reentrant)
    (a + b).backward()
    assert_values(x.grad, [15.0])
    assert_values(w.grad, [10 + 6 * torch.tensor(9.0).cos().item()])


def test_nested_checkpoints():
    inner, outer = Counting(), Counting()

    def middle(x):
        return outer(checkpoint(inner, x, use_reentrant=False))

    got = gradient(lambda x: checkpoint(middle, x, use_reentrant=False))
    assert (outer.runs, inner.runs) == (2, 3)
    assert got == pytest.approx(gradient(lambda x: Counting()(Counting()(x))))


def test_backward_inside_the_function():
    def f(x):
        y = x.sin()
        (g,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        return y * g

    got = gradient(lambda x: checkpoint(f, x, use_reentrant=False))
    assert got == pytest.approx(gradient(f))


def test_no_grad_runs_the_function_alone():
    f = Counting()
    with torch.no_grad():
        assert not checkpoint(f, leaf([1.0]), use_reentrant=False).requires_grad
    assert f.runs == 1


def test_saved_attribute_runs_the_function_again():
    x = leaf([2.0])
    y = checkpoint(lambda t: (t * 3).sin(), x, use_reentrant=False)
    assert y.grad_fn._saved_self.item() == 6 and y.grad_fn._saved_self.item() == 6
    y.backward()
    assert x.grad.item() == pytest.approx(3 * torch.tensor(6.0).cos().item())


def test_argument_that_changes_in_between_raises():
    x = leaf([2.0])
    a = x * 1
    y = checkpoint(lambda t: t.sin(), a, use_reentrant=False)
    a.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_tensor_that_is_unpacked_twice_raises():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return ctx.saved_tensors[0] * ctx.saved_tensors[0] * grad

    y = checkpoint(Twice.apply, leaf([1.0]), use_reentrant=False)
    with pytest.raises(module.CheckpointError, match="already unpacked once"):
        y.backward()


def test_contexts_are_entered_around_the_runs():
    seen = []

    class Context:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            seen.append(self.name)

        def __exit__(self, *args):
            seen.append(f"end of {self.name}")

    pair = Context("first"), Context("second")
    x = leaf([1.0])
    y = checkpoint(lambda t: t.sin(), x, use_reentrant=False, context_fn=lambda: pair)
    y.backward()
    assert seen == ["first", "end of first", "second", "end of second"]


class Suppress:
    def __enter__(self):
        pass

    def __exit__(self, *args):
        return True


def test_context_that_suppresses_an_exception_raises():
    def contexts():
        return Suppress(), Suppress()

    with pytest.raises(RuntimeError, match="context_fn suppressed an exception"):
        checkpoint(lambda t: 1 / 0, leaf([1.0]), use_reentrant=False, context_fn=contexts)


@both
def test_exceptions_of_the_function_come_through(use_reentrant):
    runs = []

    def f(x):
        runs.append(x)
        return x.sin() if len(runs) == 1 else 1 / 0

    y = checkpoint(f, leaf([1.0]), use_reentrant=use_reentrant)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            y.backward()
    with pytest.raises(ZeroDivisionError):
        checkpoint(f, leaf([1.0]), use_reentrant=use_reentrant)


def changing(first, second):
    """A function that does something else when it is run again."""
    runs = []

    def f(x):
        runs.append(x)
        return (first if len(runs) == 1 else second)(x)

    return f


@pytest.mark.parametrize(
    "first, second, options, sentence",
    [
        (lambda x: x * x * x, lambda x: x * 2, {}, "A different number of tensors was saved"),
        (
            lambda x: x.sin(),
            lambda x: x.sin().sin().sin(),
            {"early_stop": False},
            "trying to save more tensors during recomputation than during the original forward",
        ),
        (
            lambda x: x.sin(),
            lambda x: x[:1].sin(),
            {},
            "Recomputed values for the following tensors have different metadata than during the "
            "forward pass.\ntensor at position 0:\nsaved metadata: {'shape': torch.Size([2]), "
            "'dtype': torch.float32, 'device': device(type='cpu')}\n"
            "recomputed metadata: {'shape': torch.Size([1]), 'dtype': torch.float32, 'device': "
            "device(type='cpu')}\n",
        ),
    ],
)
def test_function_that_saves_other_tensors_raises(first, second, options, sentence):
    y = checkpoint(changing(first, second), leaf([1.0, 2.0]), use_reentrant=False, **options)
    with pytest.raises(module.CheckpointError) as caught:
        y.sum().backward()
    assert sentence in str(caught.value)
    assert isinstance(caught.value, RuntimeError)


def test_determinism_check_can_be_left_out():
    f = changing(lambda x: x.sin(), lambda x: x.double().sin())
    got = gradient(lambda x: checkpoint(f, x, use_reentrant=False, determinism_check="none"))
    assert got == pytest.approx(gradient(torch.sin))
    with pytest.raises(ValueError, match=r"should be one of \['default', 'none'\], but got some"):
        checkpoint(f, leaf([1.0]), use_reentrant=False, determinism_check="some")


@pytest.mark.parametrize(
    "outer, option",
    # PyTorch's second log of a process fails under pytest.
    [(None, True), pytest.param(True, False, marks=rushlight_only)],
)
def test_debug_lists_the_operations_of_both_runs(outer, option):
    f = changing(lambda x: torch.sin(torch.exp(x)), lambda x: torch.cos(x[:0]))
    with module.set_checkpoint_debug_enabled(outer):
        y = checkpoint(f, leaf([1.0]), use_reentrant=False, debug=option)
    with pytest.raises(module.CheckpointError) as caught:
        y.backward()
    text = str(caught.value)
    assert "An error happened while unpacking tensors; dumping logs of latest computation" in text
    assert text.index("sin") < text.index("cos")
    assert isinstance(caught.value.__cause__, module.CheckpointError)


def test_options_that_do_not_go_together_raise():
    x = leaf([1.0])
    with pytest.raises(ValueError, match="Unexpected keyword arguments: a,b"):
        checkpoint(torch.sin, x, use_reentrant=True, a=1, b=2)
    for options in ({"debug": True}, {"context_fn": lambda: None}):
        with pytest.raises(ValueError, match="is only supported when use_reentrant=False"):
            checkpoint(torch.sin, x, use_reentrant=True, **options)
    with pytest.raises(ValueError, match="incompatible with non-default context_fn"):
        checkpoint(torch.sin, x, use_reentrant=False, debug=True, context_fn=lambda: None)
    with pytest.raises(ValueError, match="Unexpected keyword arguments: a"):
        module.checkpoint_sequential([torch.sin], 1, x, use_reentrant=False, a=1)


def test_missing_use_reentrant_warns_and_means_true():
    with recorded_warnings() as caught:
        y = checkpoint(torch.sin, leaf([1.0]))
    assert "the use_reentrant parameter should be passed explicitly" in str(caught[0].message)
    assert "CheckpointFunction" in y.grad_fn.name()
    with recorded_warnings() as caught:
        module.checkpoint_sequential([torch.sin, torch.cos], 2, leaf([1.0]))
    assert len(caught) == 1 and "checkpoint_sequential" in str(caught[0].message)


def test_inputs_that_need_no_gradient():
    with recorded_warnings() as caught:
        assert not checkpoint(torch.sin, torch.ones(1), use_reentrant=True).requires_grad
    assert str(caught[0].message).startswith("None of the inputs have requires_grad=True.")
    w = leaf([2.0])
    checkpoint(lambda x: x * w, torch.ones(1), use_reentrant=False).backward()
    assert w.grad.item() == 1
    y = checkpoint(lambda t: t.detach(), leaf([1.0]), use_reentrant=True)
    with pytest.raises(RuntimeError, match="none of output has requires_grad=True"):
        y.backward()


@both
@pytest.mark.parametrize("segments", [1, 2, 3, 5])
def test_sequential_checkpoints(segments, use_reentrant):
    parts = [Counting(0.1) for _ in range(5)]

    def f(x):
        return module.checkpoint_sequential(parts, segments, x, use_reentrant=use_reentrant)

    got = gradient(f)
    length = 5 // segments
    assert [p.runs for p in parts] == [2] * length * (segments - 1) + [1] * (
        5 - length * (segments - 1)
    )
    plain = [Counting(0.1) for _ in range(5)]
    want = gradient(lambda x: plain[4](plain[3](plain[2](plain[1](plain[0](x))))))
    assert got == pytest.approx(want)


def test_sequential_takes_a_module():
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    x = torch.ones(1, 2)
    module.checkpoint_sequential(model, 2, x, use_reentrant=False).sum().backward()
    got = [p.grad.tolist() for p in model.parameters()]
    model.zero_grad()
    model(x).sum().backward()
    assert got == [p.grad.tolist() for p in model.parameters()]


def test_detach_variable():
    x = leaf([1.0])
    a, b, c = module.detach_variable((x * 2, 3, torch.ones(1)))
    assert a.is_leaf and a.requires_grad and b == 3 and not c.requires_grad
    with pytest.raises(RuntimeError, match="Only tuple of tensors is supported"):
        module.detach_variable([x])


@rushlight_only
@pytest.mark.parametrize("after", ["dropped", "backward", "retained"])
@both
def test_checkpoint_dies_with_the_graph_without_the_collector(use_reentrant, after):
    class Witness:
        pass

    def build():
        witness = Witness()

        def f(x, keep=witness):
            return (x * x).exp().sin()

        return checkpoint(f, leaf([1.0]), use_reentrant=use_reentrant), weakref.ref(witness)

    gc.collect()
    gc.disable()
    try:
        y, alive = build()
        if after != "dropped":
            y.backward(retain_graph=after == "retained")
        del y
        assert alive() is None
    finally:
        gc.enable()


def test_no_device_beside_the_cpu_has_a_random_state():
    assert module.get_device_states() == ([], [])
    assert module.get_device_states(leaf([1.0]), [leaf(1.0)], "name") == ([], [])
    state = torch.get_rng_state()
    module.set_device_states([], [])
    module.set_device_states([0], [])
    module.set_device_states([0], [state], device_type="meta")
    with pytest.raises(AttributeError, match=r"cpu' has no attribute 'device'"):
        module.set_device_states([0], [state], device_type="cpu")
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        module.set_device_states([], [], device_type="nonsense")

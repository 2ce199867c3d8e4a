"""trace_backward: each step, its words and numbers, and the same gradients as backward()."""

import gc
import inspect
import threading
import weakref

import pytest
from op_samples import bind, samples
from support import leaf, recorded_warnings, rushlight_only, torch

pytestmark = [
    rushlight_only,
    pytest.mark.filterwarnings("ignore:index_reduce"),
    pytest.mark.filterwarnings("ignore:The reduce argument of torch.scatter"),
]

DIFFERENTIABLE = [
    op for op in torch._C._op_table() if op["form"] != "internal" and op["differentiable"]
]


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        return grad * 2 * ctx.saved_tensors[0]


class Both(torch.autograd.Function):
    """Two outputs, of which the backward pass may see one."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    @staticmethod
    def backward(ctx, first, second):
        return second * 3 if first is None else first * 2


def steps_of(*args, **kwargs):
    return list(torch.debug.trace_backward(*args, **kwargs))


def test_a_line_step_by_step():
    b, x = leaf(0.5), torch.tensor(2.0)
    y = b * x
    loss = (y - 4) ** 2
    square, minus, times, end = steps_of(loss)
    assert square.name == "PowBackward0" and square.variable == "loss"
    assert square.node is loss.grad_fn and square.expression == "(y - 4) ** 2"
    assert [g.item() for g in square.grads] == [1.0]
    (out,) = square.outgoing
    assert out.rule == "d((y - 4) ** 2)/d(y - 4) = 2 (y - 4) = -6.0" and out.factor == -6.0
    assert out.to == "y - 4" and out.gradient.item() == -6.0 and out.node is minus.node
    assert minus.rule == "d(y - 4)/dy = 1"
    assert times.rule == "d(b * x)/db = x = 2.0"
    assert "-6.0 * 2.0 = -12.0  ->  b" in str(times) and "test_trace_backward.py:" in str(times)
    assert end.leaf is b and end.variable == "b" and end.outgoing == ()
    assert (end.before, end.added.item(), end.after.item()) == (None, -12.0, -12.0)
    assert str(end) == "AccumulateGrad    b\n  b.grad was None, is now -12.0"


def test_a_leaf_that_has_a_gradient_shows_the_sum():
    b = leaf(1.0)
    b.grad = torch.tensor(0.25)
    *_, end = steps_of(b * 3)
    assert str(end).endswith("b.grad = 0.25 + 3.0 = 3.25") and b.grad.item() == 3.25
    assert end.before.item() == 0.25


def test_the_pass_runs_only_as_far_as_it_is_asked():
    a, b = leaf(2.0), leaf(3.0)
    trace = torch.debug.trace_backward(a.exp() * b)
    assert a.grad is None and b.grad is None
    assert next(trace).name == "MulBackward0"
    assert next(trace).leaf is b and a.grad is None
    assert next(trace).name == "ExpBackward0"
    assert next(trace).leaf is a and a.grad is not None
    assert next(trace, None) is None and next(trace, None) is None


def test_leaving_the_loop_ends_the_pass_and_keeps_the_graph():
    a, b = leaf(2.0), leaf(3.0)
    loss = a.exp() * b
    for step in torch.debug.trace_backward(loss):
        if step.leaf is b:
            break
    assert a.grad is None and b.grad.item() == pytest.approx(2.718281828**2)
    b.grad = None
    loss.backward()
    assert a.grad.item() == pytest.approx(3 * 2.718281828**2)
    trace = torch.debug.trace_backward(a * 2)
    trace.close()
    assert list(trace) == [] and torch._C._current_graph_task_id() == -1


def test_a_whole_pass_frees_the_graph_unless_told_otherwise():
    a = leaf(2.0)
    loss = a.exp()
    steps_of(loss, retain_graph=True)
    steps_of(loss)
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        steps_of(loss)


def test_numbers_are_those_of_the_moment():
    def clear(p):
        p.data.zero_()

    a, w = leaf(2.0), leaf(5.0)
    w.register_post_accumulate_grad_hook(clear)
    steps = steps_of(a * w)
    assert steps[0].rule.startswith("d(a * w)/da = w = 5.0") and w.item() == 0.0


def test_errors_of_backward_come_at_the_call():
    with pytest.raises(RuntimeError, match="grad can be implicitly created only for scalar"):
        torch.debug.trace_backward(leaf([1.0, 2.0]) * 2)
    with pytest.raises(RuntimeError, match="does not require grad and does not have a grad_fn"):
        torch.debug.trace_backward(torch.tensor(1.0))
    with pytest.raises(TypeError):
        torch.debug.trace_backward(1.0)
    with pytest.raises(RuntimeError, match="`inputs` argument to `backward\\(\\)` cannot be empty"):
        torch.debug.trace_backward(leaf(1.0) * 2, inputs=[])


def test_an_error_of_a_node_comes_out_of_the_loop_and_ends_it():
    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, grad):
            raise KeyError("broken")

    a = leaf(1.0)
    trace = torch.debug.trace_backward(Broken.apply(a) * 2)
    assert next(trace).name == "MulBackward0"
    with pytest.raises(KeyError, match="broken"):
        next(trace)
    assert list(trace) == [] and a.grad is None


def test_gradients_are_seen_after_hooks():
    a = leaf(1.0)
    y = a * 2
    y.register_hook(lambda g: g * 10)
    steps = steps_of(y * 3)
    assert steps[1].grads[0].item() == 30.0 and a.grad.item() == 60.0


def test_the_result_of_a_rule_is_not_taken_for_a_variable_of_that_name():
    # d((y * 2).exp())/d(y * 2) was said to be y.
    y = leaf(0.0)
    exp, *_ = steps_of((y * 2).exp())
    assert exp.outgoing[0].rule == "d((y * 2).exp())/d(y * 2) = (y * 2).exp() = 1.0"


def test_custom_functions_and_several_outputs():
    a = leaf(3.0)
    first, second = steps_of(Square.apply(a))
    assert "a gets what Square.backward() returned  (test_trace_backward.py:" in first.rule
    assert first.outgoing[0].factor == 6.0 and second.leaf is a
    _, three = Both.apply(a)
    step, _ = steps_of(three)
    assert step.grads[0] is None and step.grads[1].item() == 1.0
    assert "in[0]  None, which stands for zeros" in str(step)
    values, _ = leaf([1.0, 4.0]).max(dim=0)
    step = steps_of(values)[0]
    assert "1 where the index points" in step.rule


def test_writes_into_views():
    a = leaf([1.0, 2.0, 3.0])
    c = a * 2
    c[1:] *= 3
    names = [step.name for step in steps_of(c.sum())]
    assert names[0] == "SumBackward0" and "CopySlices" in names
    assert names[-2:] == ["MulBackward0", "AccumulateGrad"]
    assert a.grad.tolist() == [2.0, 6.0, 6.0]


def test_inputs_restrict_the_pass_and_other_edges_are_left_out():
    a, b = leaf(2.0), leaf(3.0)
    steps = steps_of(a * b, inputs=[a])
    assert [len(step.outgoing) for step in steps] == [1, 0]
    assert a.grad.item() == 3.0 and b.grad is None


@pytest.mark.filterwarnings("ignore:Using backward")
def test_create_graph_and_second_derivative():
    a = leaf(2.0)
    steps_of(a**3, create_graph=True)
    assert a.grad.requires_grad
    (second,) = torch.autograd.grad(a.grad, a)
    assert second.item() == 12.0
    a.grad = None


def test_the_warning_of_create_graph_is_at_the_line_that_asks_for_it():
    a = leaf(2.0)
    with recorded_warnings() as caught:
        torch.debug.trace_backward(a**2, create_graph=True)
        torch.autograd.backward(a**2, create_graph=True)
        (a**2).backward(create_graph=True)
    first = inspect.currentframe().f_lineno - 3
    assert [(w.filename, w.lineno) for w in caught] == [(__file__, first + i) for i in range(3)]
    a.grad = None


def test_a_warning_that_a_step_gives_is_at_the_line_that_takes_the_step():
    a = leaf(-1.0)
    with torch.autograd.detect_anomaly(), recorded_warnings() as caught:
        steps = iter(torch.debug.trace_backward(a.sqrt()))
        with pytest.raises(RuntimeError, match="returned nan values"):
            next(steps)
    assert [w.filename for w in caught] == [__file__]


def test_in_other_modes_and_inside_another_pass():
    a = leaf(2.0)
    loss = a**2
    with torch.no_grad():
        steps_of(loss)
    assert a.grad.item() == 4.0
    inner = leaf(1.0)
    seen = []
    y = a * 1

    def hook(grad):
        with torch.enable_grad():
            seen.extend(steps_of(inner * 5))

    y.register_hook(hook)
    steps = steps_of(y * 2)
    assert [step.leaf is inner for step in seen] == [False, True]
    assert all(step.leaf is not inner for step in steps) and inner.grad.item() == 5.0


def test_saved_tensor_hooks_unpack_once_a_pass():
    unpacked = []
    a = leaf(2.0)
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: t.detach(), lambda t: unpacked.append(1) or t
    ):
        y = a.exp()
    step = steps_of(y)[0]
    assert len(unpacked) == 1 and step.outgoing[0].factor == pytest.approx(2.718281828**2)


def test_two_traces_of_one_graph_take_turns():
    a = leaf([1.0, 2.0])
    loss = (a * a).sum()
    traces = [torch.debug.trace_backward(loss, retain_graph=True) for _ in range(2)]
    for one, other in zip(*traces, strict=True):
        assert one.name == other.name
    assert a.grad.tolist() == [4.0, 8.0]


def test_threads_trace_and_keep_stories_of_their_own():
    failures = []

    def work(n):
        try:
            for _ in range(30):
                a = leaf([1.0, 2.0])
                with torch.debug.keep_story():
                    (a * n).sum().backward()
                assert a.grad.tolist() == [n, n]
                assert torch.debug.explain(a).n_paths == 1
                next(torch.debug.trace_backward((a * a).sum()))
                assert [s.leaf is a for s in steps_of((a * a).sum())] == [False, False, True]
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_trace_may_be_closed_by_another_thread():
    a = leaf([1.0, 2.0])
    trace = torch.debug.trace_backward((a * a).sum())
    next(trace)
    closing = threading.Thread(target=trace.close)
    closing.start()
    closing.join()
    assert list(trace) == [] and a.grad is None


def network(seed):
    torch.manual_seed(seed)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.LayerNorm(5), torch.nn.Linear(5, 2)
    )
    out = model(torch.randn(3, 4))
    out[:, 0] *= 2
    return model, torch.nn.functional.cross_entropy(out, torch.tensor([0, 1, 1]))


def test_gradients_are_those_of_backward_bit_for_bit():
    found = []
    for run in (lambda loss: loss.backward(), steps_of):
        model, loss = network(3)
        run(loss)
        found.append([p.grad for p in model.parameters()])
    for one, other in zip(*found, strict=True):
        assert torch.equal(one, other)


def test_leaves_of_modules_have_their_names():
    model, loss = network(1)
    names = {step.variable for step in steps_of(loss) if step.leaf is not None}
    assert names == {f"model.{name}" for name, _ in model.named_parameters()}


@pytest.mark.filterwarnings("ignore:torch.range is deprecated")
@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: f"{op['name']}-{op['overload']}")
def test_every_op_has_words(op):
    for sample in samples(op):
        function, tensors = bind(op, sample)
        leaves = [t.detach().clone().requires_grad_() for t in tensors]
        torch.manual_seed(1)
        result = function(*leaves)
        if not result.requires_grad:
            continue
        weights = torch.ones_like(result)
        wanted = torch.autograd.grad(
            result, leaves, weights, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        for step in torch.debug.trace_backward(result, weights):
            assert len(str(step).split("\n")) >= 2, step.name
            for out in step.outgoing:
                assert len(out.rule) > 5 and out.to, step.name
                assert "not differentiable" not in out.rule, step.name
        for t, g in zip(leaves, wanted, strict=True):
            got = torch.zeros_like(t) if t.grad is None else t.grad
            assert torch.equal(got, g) or torch.equal(got.isnan(), g.isnan())


def test_nothing_stays_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        a = leaf([1.0, 2.0])
        y = Square.apply(a).exp()
        dying = [weakref.ref(a), weakref.ref(y), weakref.ref(y.grad_fn)]
        for step in torch.debug.trace_backward(y.sum()):
            str(step)
        trace = torch.debug.trace_backward((Square.apply(a) * 2).sum())
        next(trace)
        del step, trace, y, a
        assert [ref() for ref in dying] == [None] * 3
    finally:
        gc.enable()


def test_local_variables_of_the_caller_die_with_their_names():
    a = leaf(1.0)
    died = weakref.ref(a)
    mine = locals()
    steps_of(a * 2)
    assert mine["a"] is a
    del mine["a"], mine
    steps_of(leaf(1.0) * a)
    del a
    assert died() is None


@pytest.mark.parametrize("ask", [next, lambda trace: trace.close()], ids=["next", "close"])
def test_a_step_inside_a_step_is_told(ask):
    # close() in a hook freed the pass that was running, and the process crashed.
    x = leaf(2.0)
    y = x * 3
    y.register_hook(lambda grad: ask(trace))
    trace = torch.debug.trace_backward(y * 4)
    next(trace)
    with pytest.raises(RuntimeError, match="a step of this pass is running"):
        next(trace)
    assert list(trace) == [] and x.grad is None

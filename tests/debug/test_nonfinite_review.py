"""watch_nonfinite leaves correct programs alone, sees all hooks, claims only what it knows."""

import sys

import pytest
from support import inf, nan, rushlight_only, torch

if torch.__name__ == "rushlight":
    from rushlight.debug import NonfiniteError, explain_nonfinite, watch_nonfinite

from .watching import leaf

pytestmark = rushlight_only


# --- the program's result is its own -------------------------------------------------------------


@pytest.mark.parametrize("mode", ["record", "warn"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_checkpoint_whose_loss_is_bad_runs_as_without_a_watch(mode):
    from rushlight.utils.checkpoint import checkpoint

    x = leaf(0.0, 1.0)
    with watch_nonfinite(mode):
        checkpoint(lambda t: torch.log(t).exp().log(), x, use_reentrant=False).sum().backward()
    assert x.grad[0].isnan() and x.grad[1] == 1
    assert explain_nonfinite().op == "Log"


def test_hooks_that_unpack_once_are_not_called_by_the_search():
    x, c = leaf(0.0, 1.0), torch.tensor([2.0, 0.0])
    store, unpacked = {}, []

    def pack(t):
        store[len(store)] = t.detach().clone()
        return len(store) - 1

    def unpack(key):
        unpacked.append(key)
        return store.pop(key)

    with watch_nonfinite():
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            y = c * torch.log(x * 1)
        y.sum().backward()
    assert sorted(unpacked) == [*range(len(unpacked))] and not store
    report = explain_nonfinite()
    assert report.kind == "unknown" and report.fix is None
    assert any("packed by saved_tensors_hooks" in note for note in report.notes)


def test_every_op_does_not_unpack_what_it_shows():
    x, calls = leaf(0.0), []

    def unpack(t):
        calls.append(t)
        return t

    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), unpack):
        y = torch.sqrt(x)
    with watch_nonfinite("record", every_op=True):
        y.sum().backward()
    assert len(calls) == 1 and explain_nonfinite().op == "Sqrt"


def broken(*arguments):
    raise ZeroDivisionError("a fault of the search")


@pytest.mark.parametrize("where", ["forward_birth", "Pass"])
def test_a_search_that_fails_leaves_the_pass_its_result_and_says_so(monkeypatch, where):
    from rushlight.debug import _births, _replay

    monkeypatch.setattr(_births if where == "forward_birth" else _replay, where, broken)
    x = leaf(0.0, 4.0)
    with watch_nonfinite():
        y = torch.log(x) if where == "forward_birth" else torch.sqrt(x)
        y.sum().backward()
    assert x.grad[0] == inf and x.grad[1] == 0.25
    report = explain_nonfinite(x.grad)
    assert report.kind == "unknown" and report.value in (inf, -inf)
    assert "ZeroDivisionError: a fault of the search" in report.notes[0]


def test_a_search_that_fails_after_an_operation_says_so(monkeypatch):
    from rushlight.debug import _every_op

    monkeypatch.setattr(_every_op, "report_of", broken)
    with watch_nonfinite("record", every_op=True):
        assert torch.log(leaf(0.0)).item() == -inf
    assert explain_nonfinite().kind == "unknown"


def test_the_search_for_a_name_runs_no_code_of_the_user():
    class Liar:
        @property
        def __class__(self):
            raise AssertionError("asked")

    class Net(torch.nn.Module):
        def named_parameters(self, *args, **kwargs):
            raise AssertionError("asked")

    net, liar = Net(), Liar()
    net.inner = torch.nn.Linear(1, 1)
    net.inner.weight.data.zero_()
    with watch_nonfinite():
        torch.sqrt(net.inner.weight).sum().backward()
    assert type(liar) is Liar
    assert explain_nonfinite().subject == "net.inner.weight.grad"


def test_variables_outlive_the_search_under_a_trace_function():
    x = leaf(0.0)
    kept = 7

    def inner():
        torch.sqrt(x).sum().backward()
        return kept

    before = sys.gettrace()
    with watch_nonfinite():
        sys.settrace(lambda *event: None)
        try:
            sys._getframe().f_trace = lambda *event: None
            assert inner() == 7
        finally:
            sys.settrace(before)
    assert explain_nonfinite(x.grad).op == "Sqrt"


# --- hooks after the derivative ------------------------------------------------------------------


def test_a_hook_after_a_node_is_named():
    x = leaf(1.0, 2.0)
    with watch_nonfinite():
        y = x * 2
        y.grad_fn.register_hook(lambda into, out: (into[0] / 0, *into[1:]))
        y.sum().backward()
    report = explain_nonfinite(x.grad)
    assert report.kind == "hook" and report.site.expression == "x * 2"
    assert report.steps[0].inputs == (("before", 2.0),)


def test_a_hook_after_a_node_that_made_it_itself_is_not_blamed():
    x = leaf(0.0, 4.0)
    with watch_nonfinite():
        y = torch.sqrt(x)
        y.grad_fn.register_hook(lambda into, out: (into[0] * 2,))
        y.sum().backward()
    report = explain_nonfinite(x.grad)
    assert (report.kind, report.op) == ("backward", "Sqrt")


def test_a_hook_after_a_module_is_named():
    layer = torch.nn.Linear(2, 2)
    layer.register_full_backward_hook(lambda module, into, out: (into[0] / 0,))
    x = torch.tensor([[1.0, 2.0]], requires_grad=True)
    with watch_nonfinite():
        layer(x * 1).sum().backward()
    assert explain_nonfinite(x.grad).kind == "hook"


def test_a_hook_that_writes_into_the_gradient_of_a_function_is_named():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    x = leaf(1.0, 2.0)
    with watch_nonfinite():
        y = Twice.apply(x)

        def spoil(into, out):
            into[0].div_(0)

        y.grad_fn.register_hook(spoil)
        y[:1].sum().backward()
    assert explain_nonfinite(x.grad).kind == "hook"


def test_a_hook_after_the_accumulation_is_named():
    x = leaf(1.0, 2.0)

    def spoil(t):
        t.grad.div_(0)

    x.register_post_accumulate_grad_hook(spoil)
    with watch_nonfinite():
        (x * 2).sum().backward()
    report = explain_nonfinite(x.grad)
    assert report.kind == "hook" and "post-accumulate" in report.notes[0]
    assert "zero_grad" not in report.fix


# --- what is not known ---------------------------------------------------------------------------


def test_a_late_watch_claims_no_birth_where_an_input_is_unknown():
    x = leaf(1.0, 1.0)
    c = torch.tensor([1.0, nan])
    y = (x + c).sum()
    with watch_nonfinite():
        y.backward()
    report = explain_nonfinite()
    assert report.kind == "unknown" and report.pattern is report.fix is report.op is None
    assert "Sum is the first that could be looked at" in report.notes[0]
    assert any("other of Add was not kept" in note for note in report.notes)


def test_a_packed_value_that_may_be_bad_is_not_taken_for_good():
    x, c = leaf(1.0, 1.0), torch.tensor([1.0, inf])
    with watch_nonfinite():
        with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
            y = x * c
        torch.where(c < 2, y, 0.0).sum().backward()
    report = explain_nonfinite(x.grad)
    assert report.kind == "unknown" and report.fix is None
    assert any("packed by saved_tensors_hooks" in note for note in report.notes)


# --- the private functions -----------------------------------------------------------------------


@pytest.mark.parametrize("function", ["_node_backward", "_apply_node"])
def test_gradients_that_do_not_fit_are_refused(function):
    call = getattr(torch._C, function)
    x = leaf(1.0, 2.0)
    m = torch.ones(2, 2, requires_grad=True)
    nodes = [(x * x).grad_fn, torch.exp(x).grad_fn, x.sum().grad_fn, (m @ x).grad_fn]
    for node in nodes:
        with pytest.raises(TypeError, match="dtype"):
            call(node, (torch.ones(2, dtype=torch.int64),))
        with pytest.raises(ValueError, match="shape"):
            call(node, (torch.ones(3, 5),))
        with pytest.raises(ValueError, match="one gradient for each output"):
            call(node, (None,) * 9)
        with pytest.raises(TypeError, match="tensors and None"):
            call(node, (3,))


@pytest.mark.parametrize(
    "function", ["_watch_nodes", "_watch_tensors", "_watch_every_op", "_watch_nonfinite"]
)
def test_watchers_must_be_callable(function):
    with pytest.raises(TypeError, match="callable"):
        getattr(torch._C, function)(*(3, 3)[: 2 if function == "_watch_nonfinite" else 1])


# --- cost ----------------------------------------------------------------------------------------


def test_the_work_of_the_search_is_in_proportion_to_the_nodes():
    def lines_run(n):
        count = 0

        def trace(frame, event, _):
            nonlocal count
            if not frame.f_code.co_filename.endswith(("_births.py", "_replay.py")):
                return None
            count += event == "line"
            return trace

        x = leaf(0.0)
        with watch_nonfinite():
            y = torch.sqrt(x)
            for _ in range(n):
                y = y * 1
            before = sys.gettrace()
            sys.settrace(trace)
            try:
                y.backward()
            finally:
                sys.settrace(before)
        assert explain_nonfinite(x.grad).op == "Sqrt"
        return count

    few, many = lines_run(100), lines_run(1000)
    assert 100 < few < many < 12 * few  # 100 times where each node looks at all


# --- patterns ------------------------------------------------------------------------------------


def story(function, *values):
    x = leaf(*values)
    with watch_nonfinite():
        function(x).sum().backward()
    return explain_nonfinite()


def test_a_product_that_overflows_is_not_0_times_an_infinity():
    x = leaf(1e-30, 1.0)
    with watch_nonfinite():
        (x * 1e30).backward(torch.tensor([1e30, 1.0]))
    report = explain_nonfinite(x.grad)
    assert (report.kind, report.op, report.value) == ("backward", "Mul", inf)
    assert report.pattern == "the gradient is too large for its dtype"


class Sqrt(torch.autograd.Function):
    """Of the user's, as bad in both passes."""

    @staticmethod
    def forward(ctx, x):
        return x / 0

    @staticmethod
    def backward(ctx, g):
        return g / 0


def test_a_custom_function_is_told_by_no_pattern_of_an_operation():
    report = story(lambda x: Sqrt.apply(x * 1), 1.0)
    assert (report.kind, report.op, report.pattern) == ("forward", "Sqrt", None)
    x = leaf(1.0)
    with watch_nonfinite():
        y = Sqrt.apply(x * 1)
        torch.autograd.backward(torch.where(x > 5, y, x), torch.ones(1))
    report = explain_nonfinite(x.grad)
    assert (report.kind, report.op) == ("backward", "Sqrt") and "0 is 0" not in str(report)


def test_the_log_of_what_was_rounded_to_0_gets_a_fix_that_helps():
    for function in (lambda x: (1 - x.sigmoid()).log(), lambda x: torch.log1p(-x.sigmoid())):
        report = story(function, 50.0, 1.0)
        assert "1 - p where p has been rounded to 1" in report.pattern
        assert "logsigmoid(-x)" in report.fix and "log1p" not in report.fix
    assert "1 - p" not in story(lambda x: (x - x.detach()).log(), 3.0).pattern
    assert "softmax" not in story(lambda x: (x.softmax(0) - 1).log(), 3.0, 3.0).pattern


def test_only_what_was_put_in_counts_as_a_mask():
    report = story(lambda x: (x + x.detach().log()).softmax(0), 0.0, 0.0)
    assert report.kind == "data" and report.steps[0].value == -inf
    mask = torch.tensor([[0.0, -inf], [-inf, -inf]])
    report = story(lambda x: (x + mask).softmax(1), 0.0, 0.0)
    assert report.op == "Softmax" and "on purpose" in report.notes[0]
    assert "None" not in str(report)
    bad = torch.tensor([True, True])
    report = story(lambda x: torch.where(bad, torch.tensor(-inf), x).softmax(0), 0.0, 0.0)
    assert report.op == "Softmax" and "None" not in str(report)


# --- every operation -----------------------------------------------------------------------------


class DividesLater(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, g):
        return g / 0


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("in_hook", [False, True])
def test_an_operation_of_a_backward_pass_is_told_as_such(create_graph, in_hook):
    x = leaf(1.0, 2.0)
    with watch_nonfinite(every_op=True):
        y = x * 2 if in_hook else DividesLater.apply(x)
        if in_hook:
            y.register_hook(lambda g: g / 0)
        with pytest.raises(NonfiniteError) as error:
            y.sum().backward(create_graph=create_graph)
    report = error.value.report
    assert (report.kind, report.op, report.site.expression) == ("backward", "Div", "g / 0")
    assert "born in the backward pass, in Div\n  made by" in str(report)
    assert report.pattern == "a division by 0"


def test_what_a_checkpoint_computes_again_is_of_the_forward_pass():
    from rushlight.utils.checkpoint import checkpoint

    x, scale = leaf(1.0, 2.0), [1.0]
    y = checkpoint(lambda t: torch.exp(t * scale[0]), x, use_reentrant=True)
    scale[0] = 1000.0
    with watch_nonfinite(every_op=True), pytest.raises(NonfiniteError) as error:
        y.sum().backward()
    assert (error.value.report.kind, error.value.report.op) == ("forward", "Exp")


def test_stopping_an_older_watch_leaves_the_newer():
    older = watch_nonfinite()
    with watch_nonfinite("raise"):
        older.stop()
        with pytest.raises(NonfiniteError):
            torch.log(leaf(0.0)).backward()
    x = leaf(0.0)
    torch.sqrt(x).backward()  # the older is not on again
    assert "no watched backward pass" in explain_nonfinite(x.grad).notes[0]
    newer = watch_nonfinite("raise")
    newer.stop()
    torch.log(leaf(0.0)).backward()


@pytest.mark.parametrize("every_op", ["x", 1, None])
def test_every_op_is_a_bool(every_op):
    with pytest.raises(TypeError, match="argument 'every_op' must be bool"):
        watch_nonfinite(every_op=every_op)

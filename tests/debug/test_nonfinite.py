"""watch_nonfinite and explain_nonfinite: modes, kinds of births, all ways into a backward pass."""

import threading
import warnings

import pytest
from support import inf, nan, rushlight_only, torch

if torch.__name__ == "rushlight":
    from rushlight.debug import NonfiniteError, explain_nonfinite, watch_nonfinite

from .watching import here, leaf

pytestmark = [rushlight_only, pytest.mark.usefixtures("watched")]


def test_a_forward_birth_names_the_line_the_values_and_the_way():
    x = leaf(1.0, 0.0)
    line = here() + 1
    y = torch.log(x)
    (y * 2).sum().backward()
    report = explain_nonfinite()
    assert (report.kind, report.op, report.site.lineno) == ("forward", "Log", line)
    assert report.steps[0].index == (1,) and report.steps[0].value == -inf
    assert [s.op for s in report.steps] == ["Log", "Mul", "Sum"]
    assert ("input", 0.0) in report.inputs and "clamp" in report.fix


def test_a_backward_birth_behind_where_is_found_and_the_double_where_proposed():
    x = leaf(4.0, 0.0)
    line = here() + 1
    root = torch.sqrt(x)
    torch.where(x > 0, root, 1.0).sum().backward()
    report = explain_nonfinite(x.grad)
    assert (report.kind, report.op, report.index) == ("backward", "Sqrt", (1,))
    assert report.site.lineno == line and "double where" in report.fix
    assert report.subject == "x.grad" and "x.grad[1] is nan" in str(report)


def test_explain_takes_the_leaf_for_its_gradient():
    x = leaf(0.0)
    torch.sqrt(x).sum().backward()
    assert explain_nonfinite(x) is explain_nonfinite(x.grad) is explain_nonfinite()


def test_a_forward_infinity_behind_where_enters_the_gradient_as_a_forward_birth():
    x = leaf(1.0, 1000.0)
    line = here() + 1
    e = torch.exp(x)
    torch.where(x < 10, e, x).sum().backward()
    report = explain_nonfinite(x.grad)
    assert (report.kind, report.op, report.site.lineno) == ("forward", "Exp", line)
    assert report.index == (1,) and "where" in report.pattern


def test_an_infinity_that_goes_nowhere_is_not_blamed():
    x = leaf(0.0, 1.0)
    scores = torch.stack([x, x]).masked_fill(torch.tensor([[False, True], [False, False]]), -inf)
    line = here() + 1
    y = torch.log(x)
    (torch.softmax(scores, 1).sum() + y.sum()).backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno) == ("Log", line)


def test_a_row_that_is_masked_whole_is_blamed_on_the_softmax():
    x = leaf(0.0, 1.0)
    masked = x.masked_fill(torch.tensor([True, True]), -inf)
    line = here() + 1
    torch.softmax(masked, 0).sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno) == ("Softmax", line)
    assert "-inf everywhere" in report.pattern and "on purpose" in report.notes[0]


def test_a_mask_of_infinities_that_is_added_is_not_blamed():
    x = leaf(0.0, 1.0)
    mask = torch.full((2, 2), -inf).triu()
    scores = torch.stack([x, x]) + mask
    line = here() + 1
    torch.softmax(scores, 1).sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno) == ("Softmax", line)
    assert "-inf everywhere" in report.pattern


def test_the_first_of_two_causes_is_blamed():
    x = leaf(100.0, 1.0)
    line = here() + 1
    y = torch.exp(x)
    (y / torch.tensor([0.0, 1.0])).sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno) == ("Exp", line) and not report.notes


def test_a_write_into_a_view_leads_on_to_what_it_changed():
    x = torch.tensor([[1.0, 0.0], [2.0, 3.0]], requires_grad=True)
    line = here() + 1
    y = torch.log(x)
    y[:, 1].add_(1)
    y[0].mul_(2)
    y.sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno, report.steps[0].index) == ("Log", line, (0, 1))


def test_a_derivative_inside_a_write_into_a_view_is_named():
    x = torch.tensor([[1.0, 0.0], [2.0, 3.0]], requires_grad=True)
    y = x * 1
    line = here() + 1
    y[:, 1].sqrt_()
    y.sum().backward()
    report = explain_nonfinite(x.grad)
    assert (report.kind, report.op, report.site.lineno) == ("backward", "Sqrt", line)
    assert report.steps[0].index == (0, 1)


def test_transposed_and_strided_values_are_followed():
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 0.0, 6.0]], requires_grad=True)
    line = here() + 1
    y = torch.log(x).t()
    z = y.as_strided((2, 2), (1, 3), 1) * 2  # the last two columns of the logarithms
    z.sum().backward()
    report = explain_nonfinite()
    assert (report.op, report.site.lineno, report.steps[0].index) == ("Log", line, (1, 1))


def test_a_model_names_its_parameter():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
    line = here() + 1
    torch.sqrt(model(torch.ones(1, 2)) * 0).sum().backward()
    report = explain_nonfinite(model[0].weight)
    assert (report.subject, report.op) == ("model.0.weight.grad", "Sqrt")
    assert report.site.lineno == line
    with torch.no_grad():
        model[2].bias[0] = nan
    model(torch.ones(1, 2)).sum().backward()
    assert explain_nonfinite().name == "model.2.bias"


def test_subclasses_and_modes_see_nothing_of_the_search():
    seen = []

    class Logged(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, types, args=(), kwargs=None):
            seen.append(function)
            return super().__torch_function__(function, types, args, kwargs or {})

    x = torch.tensor([1.0, 0.0]).as_subclass(Logged).requires_grad_()
    loss = torch.log(x).sum()
    del seen[:]
    torch.Tensor.backward(loss.as_subclass(torch.Tensor))
    assert explain_nonfinite().op == "Log"
    assert len(seen) <= 2


def test_data_with_nan_is_named():
    x = leaf(1.0, 2.0)
    target = torch.tensor([0.0, nan])
    ((x - target) ** 2).mean().backward()
    report = explain_nonfinite(x.grad)
    assert report.kind == "data" and report.name == "target"
    assert "target[1] was nan already" in str(report)


def test_a_parameter_that_is_bad_is_named_with_its_last_write():
    x = leaf(1.0, 2.0)
    with torch.no_grad():
        line = here() + 1
        x[1] = inf
    (x * 2).sum().backward()
    report = explain_nonfinite()
    assert (report.kind, report.name, report.site.lineno) == ("data", "x", line)


def test_the_gradient_given_to_backward_is_blamed():
    x = leaf(1.0, 2.0)
    (x * 2).backward(torch.tensor([1.0, inf]))
    assert explain_nonfinite(x.grad).kind == "gradient"


def test_a_hook_that_returns_a_bad_gradient_is_blamed():
    x = leaf(1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: g / 0)
    y.sum().backward()
    assert explain_nonfinite(x.grad).kind == "hook"


def test_a_hook_on_a_leaf_that_returns_a_bad_gradient_is_blamed():
    x = leaf(1.0, 2.0)
    x.register_hook(lambda g: g / 0)
    (x * 2).sum().backward()
    assert explain_nonfinite(x.grad).kind == "hook"


def test_hooks_run_once_whatever_is_found():
    calls = []
    x = leaf(0.0)
    y = x * 1
    y.register_hook(lambda g: calls.append(1))
    torch.sqrt(y).sum().backward()
    assert calls == [1] and explain_nonfinite(x.grad).op == "Sqrt"


def test_gradients_that_are_finite_alone_and_not_in_sum():
    x = leaf(1e-30)
    y = x * 1
    (y * 3e38 + y * 2e38).sum().backward()
    assert explain_nonfinite(x.grad).kind == "sum"


def test_a_grad_that_was_bad_before_the_pass_is_not_blamed_on_it():
    x = leaf(1.0, 2.0)
    x.grad = torch.tensor([0.0, nan])
    (x * 2).sum().backward()
    report = explain_nonfinite(x.grad)
    assert report.kind == "before" and "zero_grad" in report.fix


def test_a_graph_recorded_before_the_watch_says_what_is_not_known(watched):
    watched.stop()
    x = leaf(1.0, 0.0)
    y = torch.clamp(x * 1, 0.0, 1.0).sub(torch.tensor([0.0, 0.0])).log()
    with watch_nonfinite():
        y.sum().backward()
    report = explain_nonfinite()
    assert (report.kind, report.op) == ("forward", "Log")
    with watch_nonfinite(None):
        z = torch.nn.functional.hardtanh(x * 1, 0.0, 2.0).sub(torch.zeros(2)).mul(0).log() * 1 + 1
    with watch_nonfinite():
        z.sum().backward()
    report = explain_nonfinite()
    assert report.site is not None and "recorded before" in "".join(report.notes)


def test_a_leaf_changed_since_is_told():
    x = leaf(1.0, 0.0)
    loss = (x + 0).log().sum()
    with torch.no_grad():
        x.add_(1)
    with watch_nonfinite("record"):
        loss.backward()
    report = explain_nonfinite()
    assert report.op == "Log" and report.site is not None


def test_warn_warns_once_for_each_birth():
    def step():
        x = leaf(0.0)
        torch.sqrt(x).sum().backward()

    with watch_nonfinite("warn"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            step()
    told = [w for w in caught if "Sqrt" in str(w.message)]
    assert len(told) == 1 and told[0].category is RuntimeWarning
    assert told[0].filename == __file__


def test_raise_raises_from_backward_before_a_bad_value_spreads():
    x = leaf(1.0, 0.0)
    with watch_nonfinite("raise"):
        with pytest.raises(NonfiniteError, match="born in the forward pass, in Log"):
            torch.log(x).sum().backward()
        assert x.grad is None
        with pytest.raises(NonfiniteError, match="derivative of Sqrt") as caught:
            torch.sqrt(x).sum().backward()
    assert caught.value.report is explain_nonfinite(x.grad)
    assert isinstance(caught.value, RuntimeError)


def test_the_block_puts_back_what_was_on(watched):
    with watch_nonfinite("raise"):
        with watch_nonfinite(None):
            torch.sqrt(leaf(0.0)).sum().backward()
        with pytest.raises(NonfiniteError):
            torch.sqrt(leaf(0.0)).sum().backward()
    torch.sqrt(leaf(0.0)).sum().backward()
    watched.stop()
    x = leaf(0.0)
    torch.sqrt(x).sum().backward()
    assert explain_nonfinite(x.grad).kind == "data"
    assert "no watched backward pass" in str(explain_nonfinite(x.grad))


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="'record', 'warn', 'raise', 'off' or None, not 'loud'"):
        watch_nonfinite("loud")
    with pytest.raises(TypeError, match="takes a tensor, not int"):
        explain_nonfinite(1)
    with pytest.raises(ValueError, match="is finite"):
        explain_nonfinite(leaf(1.0))


def test_a_tensor_with_a_graph_is_explained_on_the_spot():
    x = leaf(1.0, 0.0)
    line = here() + 1
    y = torch.log(x) * 2
    report = explain_nonfinite(y)
    assert (report.op, report.site.lineno, report.index) == ("Log", line, (1,))


def test_a_pass_that_fails_leaves_the_watch_as_it_was():
    x = leaf(1.0)
    y = x * 1
    y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.sum().backward()
    torch.sqrt(x * 0).sum().backward()
    assert explain_nonfinite(x.grad).op == "Sqrt"


def test_a_pass_inside_a_hook_is_watched_by_itself():
    inner, outer = leaf(0.0), leaf(1.0)
    y = outer * 2

    @torch.enable_grad()
    def hook(g):
        torch.sqrt(inner).sum().backward()

    y.register_hook(hook)
    y.sum().backward()
    assert explain_nonfinite(inner.grad).op == "Sqrt"
    with pytest.raises(ValueError):
        explain_nonfinite(outer)


def test_watch_goes_on_and_off_inside_a_pass(watched):
    x = leaf(0.0)
    y = x * 1
    y.register_hook(lambda g: watched.stop())
    torch.sqrt(y).sum().backward()
    z = leaf(0.0)
    w = z * 1
    w.register_hook(lambda g: watch_nonfinite("record") and None)
    torch.sqrt(w).sum().backward()
    assert not torch.isfinite(z.grad).all()


def test_passes_of_several_threads_are_told_apart():
    found = {}

    def work(i):
        x = leaf(*([1.0] * i), 0.0)
        for _ in range(20):
            x.grad = None
            torch.sqrt(x).sum().backward()
        found[i] = explain_nonfinite(x.grad)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {i: r.index for i, r in found.items()} == {i: (i,) for i in range(4)}
    assert all(r.op == "Sqrt" for r in found.values())


def test_long_graphs_do_not_recurse():
    x = leaf(1.0, 0.0)
    y = torch.log(x)
    for _ in range(3000):
        y = y + 1
    y.sum().backward()
    report = explain_nonfinite()
    assert report.op == "Log" and "more operations" in str(report)


def test_gradients_are_the_same_with_and_without_the_watch(watched):
    def gradients():
        torch.manual_seed(3)
        model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
        x = torch.randn(5, 4)
        (model(x) ** 2).mean().backward()
        return [p.grad.tolist() for p in model.parameters()]

    on = gradients()
    watched.stop()
    assert gradients() == on

"""Each operation's result is looked at, and the one that made the first bad value is told about."""

import gc
import threading
import warnings
import weakref

import pytest
from support import leaf, torch

from rushlight.debug import NonfiniteError, explain_nonfinite, watch_nonfinite

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def watched():
    watch = watch_nonfinite(every_op=True)
    yield
    watch.stop()


def told(statement):
    """The report that the statement raises."""
    with pytest.raises(NonfiniteError) as error:
        statement()
    return error.value.report


@pytest.mark.usefixtures("watched")
def test_operation_is_named_with_its_values():
    x = torch.tensor([[1.0, 2.0], [0.0, 4.0]])

    def statement():
        y = torch.log(x)
        return y

    report = told(statement)
    assert (report.kind, report.op, report.subject) == ("forward", "Log", "y")
    assert (report.index, report.value) == ((1, 0), -INF)
    assert report.inputs == (("input", 0.0),)
    assert report.site.expression == "torch.log(x)"
    assert str(report).startswith("y[1, 0] is -inf: born in the forward pass, in Log")
    assert report.pattern == "log(0)"


@pytest.mark.usefixtures("watched")
def test_number_and_broadcast_operands_are_shown():
    x = torch.ones(2, 3)
    y = torch.tensor([1.0, 0.0, 2.0])
    report = told(lambda: x / y)
    assert (report.op, report.index) == ("Div", (0, 1))
    assert report.inputs == (("input", 1.0), ("other", 0.0))
    report = told(lambda: torch.tensor(3.0) / 0)
    assert (report.index, report.inputs) == ((), (("input", 3.0), ("other", 0)))
    assert report.pattern == "a division by 0"


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize(
    "passes_on",
    [
        lambda bad: bad + 1,
        lambda bad: bad * torch.ones(3),
        lambda bad: torch.ones(3).masked_fill(torch.tensor([True, False, True]), -INF),
        lambda bad: torch.ones(3) * INF,
        lambda bad: bad.clone().add_(1),
        lambda bad: torch.ones(3).copy_(bad),
        lambda bad: torch.cat([torch.ones(2), bad]),
        lambda bad: torch.where(bad > 0, bad, torch.zeros(3)),
        lambda bad: torch.full((2,), INF),
        lambda bad: torch.empty_like(bad),
        lambda bad: bad[1:],
        lambda bad: bad.sum(),
    ],
)
def test_what_passes_a_bad_value_on_is_not_told_about(passes_on):
    passes_on(torch.tensor([INF, NAN, -INF]))


@pytest.mark.usefixtures("watched")
def test_write_in_place_is_told_about_once_it_makes_one():
    x = torch.tensor([1.0, 0.0])
    report = told(lambda: x.log_())
    assert (report.op, report.index, report.inputs) == ("Log", (1,), ())
    x.mul_(2)  # it holds -inf by now and passes it on
    y = torch.tensor([3e38, 1.0])
    y.mul_(1.0)  # known to be finite from here
    report = told(lambda: y.mul_(2))
    assert (report.op, report.index, report.inputs) == ("Mul", (0,), (("other", 2),))
    y.mul_(2)


@pytest.mark.usefixtures("watched")
def test_view_that_is_written_is_looked_at_alone():
    x = torch.tensor([INF, 1.0, 0.0])
    x[1:].mul_(2)
    assert told(lambda: x[1:].log_()).index == (1,)


@pytest.mark.usefixtures("watched")
def test_gradient_that_is_born_bad_names_its_statement():
    x = leaf([0.0, 4.0])
    y = x.sqrt()
    z = y * 3
    report = told(lambda: z.sum().backward())
    assert (report.kind, report.op, report.index) == ("backward", "Sqrt", (0,))
    assert report.site.expression == "x.sqrt()"
    assert report.inputs == (("result", 0.0),)
    assert "its slope is infinite" in report.pattern


@pytest.mark.usefixtures("watched")
def test_masked_branch_of_where_is_found_in_the_backward_pass():
    x = leaf([0.0, 4.0])
    safe = torch.where(x > 0, x.sqrt(), torch.zeros(2))
    report = told(lambda: safe.sum().backward())
    assert (report.kind, report.op) == ("backward", "Sqrt")


@pytest.mark.usefixtures("watched")
def test_hook_and_given_gradient_are_told_apart():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.register_hook(lambda g: g.clone().copy_(torch.tensor([NAN, 0.0])))
    report = told(lambda: y.sum().backward())
    assert (report.kind, report.subject, report.index) == ("hook", "the gradient of y", (0,))
    z = x * 2
    report = told(lambda: z.backward(torch.tensor([1.0, INF])))
    assert (report.kind, report.index, report.value) == ("gradient", (1,), INF)


@pytest.mark.usefixtures("watched")
def test_sum_of_gradients_that_overflows_is_found():
    x = leaf([0.5])
    y = x * 1
    z = y * 3e38 + y * 3e38
    report = told(lambda: z.backward())
    assert (report.op, report.value) == ("Add", INF)


@pytest.mark.usefixtures("watched")
def test_operations_in_a_functions_backward_are_watched():
    class Divides(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g / 0

    y = Divides.apply(leaf([1.0]))
    report = told(lambda: y.backward())
    assert (report.op, report.site.expression) == ("Div", "g / 0")


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_dtype_and_layout(dtype):
    x = torch.ones(40, 30, dtype=dtype)
    x[17, 5] = 0
    assert told(lambda: 1 / x).index == (17, 5)
    assert told(lambda: 1 / x.T).index == (5, 17)
    assert told(lambda: 1 / x[1::2, 5:]).index == (8, 0)


@pytest.mark.usefixtures("watched")
def test_long_results_are_looked_at_to_the_end():
    for n in (1, 63, 64, 65, 4097, 300_001):
        x = torch.ones(n)
        x[-1] = 0
        assert told(lambda x=x: x.log()).index == (n - 1,)


def test_nothing_is_looked_at_after_the_watch():
    with watch_nonfinite(every_op=True):
        pass
    assert torch.zeros(1).log().item() == -INF
    watch_nonfinite(every_op=True).stop()
    assert torch.zeros(1).log().item() == -INF


def test_watches_nest():
    with watch_nonfinite("record"):
        with watch_nonfinite(every_op=True):
            told(lambda: torch.zeros(1).log())
        assert torch.zeros(1).log().item() == -INF


def test_other_modes_keep_and_warn_at_the_statement():
    with watch_nonfinite("record", every_op=True):
        y = torch.zeros(3).log()
        assert explain_nonfinite().op == "Log" and y[0].item() == -INF
    with watch_nonfinite("warn", every_op=True), pytest.warns(RuntimeWarning) as seen:
        torch.zeros(3).log()
    assert seen[0].filename == __file__ and "born in the forward pass, in Log" in str(
        seen[0].message
    )


def test_watch_that_ends_in_the_middle_of_an_operation():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watch = watch_nonfinite("warn", every_op=True)
        warnings.showwarning = lambda *_: watch.stop()
        with pytest.raises(RuntimeWarning):
            torch.zeros(1).log()
        watch.stop()
    torch.zeros(1).log()
    with watch_nonfinite(every_op=True):
        told(lambda: torch.zeros(1).log())


@pytest.mark.usefixtures("watched")
def test_operations_of_the_report_itself_are_not_watched():
    x = torch.tensor([INF, 0.0])
    told(lambda: x[1:].log())
    told(lambda: x[1:].log())


@pytest.mark.usefixtures("watched")
def test_threads_are_watched_each_on_its_own():
    seen = []

    def work():
        seen.append(told(lambda: torch.zeros(3).log()).index)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [(0,)] * 4


def test_watch_keeps_no_tensor_alive():
    gc.disable()
    try:
        with watch_nonfinite(every_op=True):
            x = torch.ones(3)
            x.mul_(2)
            report = told((x * 0).log)
            gone = weakref.ref(x)
            del x
            assert gone() is None and report.op == "Log"
    finally:
        gc.enable()

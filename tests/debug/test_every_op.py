"""Each operation's result is looked at, and the one that made the first bad value is told about."""

import gc
import threading
import weakref

import pytest
from support import leaf, torch

from rushlight import _C
from rushlight.debug._every_op import story

NAN, INF = float("nan"), float("inf")


class Bad(Exception):
    pass


def _raise(*found):
    raise Bad(story(*found))


@pytest.fixture
def watched():
    _C._watch_every_op(_raise)
    yield
    _C._watch_every_op(None)


def told(statement):
    with pytest.raises(Bad) as error:
        statement()
    return str(error.value).split("\n")


@pytest.mark.usefixtures("watched")
def test_operation_is_named_with_its_values():
    x = torch.tensor([[1.0, 2.0], [0.0, 4.0]])
    lines = told(lambda: torch.log(x))
    assert lines[0] == "log() gave -inf at [1, 0] from finite values"
    assert lines[1].startswith("  computed by   ")
    assert "torch.log(x))  test_every_op.py:" in lines[1]
    assert lines[2] == "  input         0.0 there"


@pytest.mark.usefixtures("watched")
def test_number_and_broadcast_operands_are_shown():
    x = torch.ones(2, 3)
    y = torch.tensor([1.0, 0.0, 2.0])
    lines = told(lambda: x / y)
    assert lines[0] == "div() gave inf at [0, 1] from finite values"
    assert lines[2:] == ["  input         1.0 there", "  other         0.0 there"]
    lines = told(lambda: torch.tensor(3.0) / 0)
    assert lines[0] == "div() gave inf from finite values"
    assert lines[2:] == ["  input         3.0", "  other         0"]


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
    lines = told(lambda: x.log_())
    assert lines[0] == "log_() gave -inf at [1] from finite values"
    assert lines[2] == "  input         overwritten; it was finite"
    x.mul_(2)  # it holds -inf by now and passes it on
    y = torch.tensor([3e38, 1.0])
    y.mul_(1.0)  # known to be finite from here
    assert told(lambda: y.mul_(2))[0].startswith("mul_() gave inf at [0]")
    y.mul_(2)


@pytest.mark.usefixtures("watched")
def test_view_that_is_written_is_looked_at_alone():
    x = torch.tensor([INF, 1.0, 0.0])
    x[1:].mul_(2)
    lines = told(lambda: x[1:].log_())
    assert lines[0] == "log_() gave -inf at [1] from finite values"


@pytest.mark.usefixtures("watched")
def test_gradient_that_is_born_bad_names_its_statement():
    x = leaf([0.0, 4.0])
    y = x.sqrt()
    z = y * 3
    lines = told(lambda: z.sum().backward())
    assert lines[0] == "Function 'SqrtBackward0' gave a gradient with inf at [0] from finite values"
    assert lines[1].startswith("  gradient of   y = x.sqrt()")
    assert lines[2] == "  for           a leaf of shape (2,)"


@pytest.mark.usefixtures("watched")
def test_masked_branch_of_where_is_found_in_the_backward_pass():
    x = leaf([0.0, 4.0])
    safe = torch.where(x > 0, x.sqrt(), torch.zeros(2))
    assert told(lambda: safe.sum().backward())[0].startswith("Function 'SqrtBackward0'")


@pytest.mark.usefixtures("watched")
def test_hook_and_given_gradient_are_told_apart():
    x = leaf([1.0, 2.0])
    y = x * 2
    y.register_hook(lambda g: g.clone().copy_(torch.tensor([NAN, 0.0])))
    lines = told(lambda: y.sum().backward())
    assert lines[0] == "a hook made a gradient of 'MulBackward0' have nan at [0]"
    z = x * 2
    lines = told(lambda: z.backward(torch.tensor([1.0, INF])))
    assert lines[0] == "the backward pass begins with a gradient that has inf at [1]"


@pytest.mark.usefixtures("watched")
def test_sum_of_gradients_that_overflows_is_found():
    x = leaf([0.5])
    y = x * 1
    z = y * 3e38 + y * 3e38
    assert told(lambda: z.backward())[0].startswith("add_() gave inf at [0]")


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
    lines = told(lambda: y.backward())
    assert lines[0] == "div() gave inf at [0] from finite values"
    assert lines[1].startswith("  computed by   return g / 0")


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_dtype_and_layout(dtype):
    x = torch.ones(40, 30, dtype=dtype)
    x[17, 5] = 0
    assert told(lambda: 1 / x)[0].endswith("gave inf at [17, 5] from finite values")
    assert told(lambda: 1 / x.T)[0].endswith("gave inf at [5, 17] from finite values")
    assert told(lambda: 1 / x[1::2, 5:])[0].endswith("gave inf at [8, 0] from finite values")


@pytest.mark.usefixtures("watched")
def test_long_results_are_looked_at_to_the_end():
    for n in (1, 63, 64, 65, 4097, 300_001):
        x = torch.ones(n)
        x[-1] = 0
        assert told(lambda x=x: x.log())[0] == f"log() gave -inf at [{n - 1}] from finite values"


def test_nothing_is_looked_at_after_the_watch():
    _C._watch_every_op(_raise)
    assert _C._watch_every_op(None) is _raise
    assert torch.zeros(1).log().item() == -INF


def test_watch_that_ends_in_the_middle_of_an_operation():
    def stops(*found):
        _C._watch_every_op(None)

    _C._watch_every_op(stops)
    torch.zeros(1).log()
    torch.zeros(1).log()
    _C._watch_every_op(_raise)
    try:
        told(lambda: torch.zeros(1).log())
    finally:
        _C._watch_every_op(None)


@pytest.mark.usefixtures("watched")
def test_threads_are_watched_each_on_its_own():
    seen = []

    def work():
        try:
            torch.zeros(3).log()
        except Bad as error:
            seen.append(str(error).split("\n")[0])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == ["log() gave -inf at [0] from finite values"] * 4


def test_watch_keeps_no_tensor_alive():
    gc.disable()
    try:
        _C._watch_every_op(_raise)
        x = torch.ones(3)
        x.mul_(2)
        with pytest.raises(Bad):
            (x * 0).log()
        gone = weakref.ref(x)
        del x
        assert gone() is None
    finally:
        _C._watch_every_op(None)
        gc.enable()

"""Anomaly mode: tracebacks of forward calls, and nan in gradients."""

import gc
import threading
import weakref

import pytest
from support import leaf, recorded_warnings, rushlight_only, torch

NOTHING = "No forward pass information available. Enable detect anomaly during forward pass"


@pytest.fixture(autouse=True)
def _off_afterwards():
    yield
    torch.autograd.set_detect_anomaly(False)


class Broken(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, grad):
        raise ValueError("broken")


def fails(function, kind):
    """The error of the function and the texts of its warnings."""
    with recorded_warnings() as caught, pytest.raises(kind) as failed:
        function()
    return str(failed.value), [str(w.message) for w in caught]


def root_of_zero():
    x = leaf([4.0, 0.0])
    return (x.sqrt() * torch.tensor([1.0, 0.0])).sum()


def test_mode_is_set_by_context_and_by_function():
    assert not torch.is_anomaly_enabled()
    assert torch.is_anomaly_check_nan_enabled()
    with recorded_warnings() as caught:
        with torch.autograd.detect_anomaly(check_nan=False):
            assert torch.is_anomaly_enabled()
            assert not torch.is_anomaly_check_nan_enabled()
            with torch.autograd.set_detect_anomaly(False):
                assert not torch.is_anomaly_enabled()
            assert not torch.is_anomaly_check_nan_enabled()
        assert not torch.is_anomaly_enabled()
    assert [str(w.message) for w in caught] == [
        "Anomaly Detection has been enabled. This mode will increase the runtime and should only "
        "be enabled for debugging."
    ]
    assert caught[0].filename == __file__
    torch.autograd.set_detect_anomaly(True)
    assert torch.is_anomaly_enabled()
    from_module = torch.autograd.anomaly_mode
    assert from_module.set_detect_anomaly is torch.autograd.set_detect_anomaly


def test_mode_takes_bools_only():
    with pytest.raises(TypeError, match=r"argument 'enabled' \(position 1\) must be bool, not int"):
        torch.autograd.set_detect_anomaly(1)
    with pytest.raises(TypeError, match=r"'check_nan' \(position 2\) must be bool, not str"):
        torch.autograd.set_detect_anomaly(True, "yes")
    assert not torch.is_anomaly_enabled()


def test_nan_raises_at_the_node_that_makes_it():
    torch.autograd.set_detect_anomaly(True)
    loss = root_of_zero()
    error, texts = fails(loss.backward, RuntimeError)
    assert error.startswith("Function 'SqrtBackward0' returned nan values in its 0th output.")
    assert len(texts) == 1
    head, first, *_ = texts[0].split("\n")
    assert head == (
        "Error detected in SqrtBackward0. Traceback of forward call that caused the error:"
    )
    assert first.startswith('  File "')
    assert "(x.sqrt() * torch.tensor([1.0, 0.0])).sum()" in texts[0]


@rushlight_only
def test_nan_error_shows_the_statement_and_the_place():
    torch.autograd.set_detect_anomaly(True)
    error, _ = fails(root_of_zero().backward, RuntimeError)
    assert "forward       return (x.sqrt() * torch.tensor([1.0, 0.0])).sum()" in error
    assert "first nan     at index [1] of a gradient of shape [2]" in error
    assert "rushlight.debug.explain_nonfinite(x.grad)" in error


def test_infinity_is_no_anomaly():
    torch.autograd.set_detect_anomaly(True)
    x = leaf([0.0])
    x.sqrt().sum().backward()
    assert x.grad.tolist() == [float("inf")]


def test_without_check_nan_nan_passes():
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        root_of_zero().backward()
        loss = Broken.apply(leaf([1.0])).sum()
        error, texts = fails(loss.backward, ValueError)
    assert error == "broken"
    assert texts[0].startswith("Error detected in BrokenBackward. Traceback of forward call")


def test_graph_from_before_has_no_traceback():
    loss = Broken.apply(leaf([1.0])).sum()
    with torch.autograd.set_detect_anomaly(True):
        _, texts = fails(loss.backward, ValueError)
    assert len(texts) == 1
    assert texts[0].startswith("Error detected in BrokenBackward. " + NOTHING)


def test_off_says_nothing():
    with torch.autograd.set_detect_anomaly(True):
        loss = Broken.apply(leaf([1.0])).sum()
    _, texts = fails(loss.backward, ValueError)
    assert texts == []


def test_nodes_keep_tracebacks_and_parents():
    torch.autograd.set_detect_anomaly(True)
    x = leaf([2.0])
    y = x * 3
    trace = y.grad_fn.metadata["traceback_"]
    assert trace[-1].endswith("y = x * 3\n")
    assert all(entry.startswith('  File "') for entry in trace)
    assert "traceback_" in y.grad_fn.next_functions[0][0].metadata
    assert "parent_" not in y.grad_fn.metadata
    cube = x**3
    (grad,) = torch.autograd.grad(cube.sum(), x, create_graph=True)
    assert grad.grad_fn.metadata["parent_"] is cube.grad_fn


def test_error_in_a_second_backward_shows_both_forwards():
    torch.autograd.set_detect_anomaly(True)
    x = leaf([0.0])
    first = (x**1.5).sum()
    (grad,) = torch.autograd.grad(first, x, create_graph=True)
    _, texts = fails((grad * 0).sum().backward, RuntimeError)
    assert len(texts) == 2
    assert texts[0].startswith("Error detected in PowBackward0. Traceback of forward call that")
    assert texts[1].startswith(
        "\n\nPrevious calculation was induced by PowBackward0. Traceback of forward call that "
        "induced the previous calculation:\n"
    )
    assert "first = (x**1.5).sum()" in texts[1]


def test_a_hook_that_raises_is_an_error_of_its_node():
    torch.autograd.set_detect_anomaly(True)

    def bad(grad):
        raise ValueError("hook")

    x = leaf([1.0])
    y = x * 2
    y.register_hook(bad)
    _, texts = fails(y.sum().backward, ValueError)
    assert [t.split(".")[0] for t in texts] == ["Error detected in MulBackward0"]
    x.register_hook(bad)
    _, texts = fails((x * 2).sum().backward, ValueError)
    assert [t.split(".")[0] for t in texts] == ["Error detected in torch::autograd::AccumulateGrad"]


def test_a_pass_inside_a_pass_warns_for_both():
    torch.autograd.set_detect_anomaly(True)

    def inner(grad):
        with torch.enable_grad():
            Broken.apply(leaf([1.0])).sum().backward()

    y = leaf([1.0]).exp()
    y.register_hook(inner)
    _, texts = fails(y.sum().backward, ValueError)
    names = [t.split(".")[0].strip() for t in texts]
    assert names[0] == "Error detected in BrokenBackward"
    assert "Previous calculation was induced by ExpBackward0" in names
    assert names[-1] == "Error detected in ExpBackward0"


def test_a_saved_tensor_that_changed_gets_the_hint_of_the_mode():
    def changed():
        y = leaf([1.0]).exp()
        y.add_(1)
        y.sum().backward()

    error, _ = fails(changed, RuntimeError)
    assert (
        "instead. Hint: enable anomaly detection to find the operation that failed to compute its "
        "gradient, with torch.autograd.set_detect_anomaly(True, check_nan=False)."
    ) in error
    torch.autograd.set_detect_anomaly(True)
    error, texts = fails(changed, RuntimeError)
    assert (
        "instead. Hint: the backtrace further above shows the operation that failed to compute its "
        "gradient. The variable in question was changed in there or anywhere later. Good luck!"
    ) in error
    assert texts[0].startswith("Error detected in ExpBackward0. Traceback of forward call")


def test_warnings_that_are_errors_leave_the_error_as_it_is(capsys):
    import warnings

    torch.autograd.set_detect_anomaly(True)
    loss = Broken.apply(leaf([1.0])).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match="^broken$"):
            loss.backward()
    assert "Error detected in BrokenBackward" in capsys.readouterr().err


def test_mode_is_of_all_threads():
    torch.autograd.set_detect_anomaly(True)
    seen = []

    def work():
        seen.append(torch.is_anomaly_enabled())
        try:
            root_of_zero().backward()
        except RuntimeError as error:
            seen.append(str(error).split("\n")[0])

    with recorded_warnings():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [True, "Function 'SqrtBackward0' returned nan values in its 0th output."]


def test_mode_switched_inside_a_pass_holds_from_then_on():
    x = leaf([4.0, 0.0])
    y = x.sqrt()
    z = y * torch.tensor([1.0, 0.0])
    z.register_hook(lambda grad: torch.autograd.set_detect_anomaly(True) and None)
    error, texts = fails(z.sum().backward, RuntimeError)
    assert error.startswith("Function 'SqrtBackward0' returned nan values in its 0th output.")
    assert texts[0].startswith("Error detected in SqrtBackward0. " + NOTHING)


def test_checkpoint_inside_the_mode_finds_the_node():
    from importlib import import_module

    checkpoint = import_module(torch.__name__ + ".utils.checkpoint").checkpoint
    torch.autograd.set_detect_anomaly(True)
    x = leaf([0.0])
    y = checkpoint(lambda t: t.sqrt() * 0, x, use_reentrant=False)
    error, texts = fails(y.sum().backward, RuntimeError)
    assert error.startswith("Function 'SqrtBackward0' returned nan values in its 0th output.")
    assert texts[0].startswith("Error detected in SqrtBackward0. Traceback of forward call")


def test_graph_with_tracebacks_dies_with_its_last_reference():
    class Marker:
        pass

    torch.autograd.set_detect_anomaly(True)
    gc.collect()
    gc.disable()
    try:
        x = leaf([2.0])
        y = (x**3).sum()
        (grad,) = torch.autograd.grad(y, x, create_graph=True)
        marker = Marker()
        grad.grad_fn.metadata["marker"] = marker
        dead = weakref.ref(marker)
        del marker, grad, y, x
        assert dead() is None
    finally:
        gc.enable()


def test_nan_that_a_post_hook_makes_is_found():
    # The node's own gradients were looked at, before its post-hooks ran.
    torch.autograd.set_detect_anomaly(True)
    x = leaf([1.0])
    y = x * 2
    y.grad_fn.register_hook(lambda grad_inputs, _: (grad_inputs[0] * float("nan"), None))
    error, texts = fails(y.backward, RuntimeError)
    assert error.startswith("Function 'MulBackward0' returned nan values in its 0th output.")
    assert len(texts) == 1
    assert x.grad is None


class MakesNan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1

    @staticmethod
    def backward(ctx, grad):
        return grad * float("nan")


@pytest.mark.parametrize("make", [lambda x: x.sqrt(), MakesNan.apply])
@pytest.mark.parametrize("replacement", ["zero", "none"])
def test_nan_that_a_post_hook_replaces_is_not_found(make, replacement):
    torch.autograd.set_detect_anomaly(True)
    x = leaf([-1.0])
    y = make(x)
    y.grad_fn.register_hook(
        lambda grad_inputs, _: (torch.zeros(1) if replacement == "zero" else None,)
    )
    y.backward()
    assert (x.grad.item() if replacement == "zero" else x.grad) == (
        0.0 if replacement == "zero" else None
    )


def test_nan_that_a_post_hook_lets_pass_is_found_after_it():
    torch.autograd.set_detect_anomaly(True)
    y = leaf([-1.0]).sqrt()
    seen = []
    y.grad_fn.register_hook(lambda grad_inputs, _: seen.append(grad_inputs[0].isnan().item()))
    error, _ = fails(y.backward, RuntimeError)
    assert error.startswith("Function 'SqrtBackward0' returned nan values in its 0th output.")
    assert seen == [True]


def test_post_hook_that_was_removed_changes_nothing():
    torch.autograd.set_detect_anomaly(True)
    y = leaf([-1.0]).sqrt()
    y.grad_fn.register_hook(lambda grad_inputs, _: (torch.zeros(1),)).remove()
    error, _ = fails(y.backward, RuntimeError)
    assert error.startswith("Function 'SqrtBackward0' returned nan values in its 0th output.")


@rushlight_only
def test_error_says_that_post_hooks_ran_before():
    torch.autograd.set_detect_anomaly(True)
    y = leaf([-1.0]).sqrt()
    y.grad_fn.register_hook(lambda grad_inputs, _: None)
    error, _ = fails(y.backward, RuntimeError)
    assert "its post-hooks had run, and may have made it" in error

"""Grad modes as contexts, functions and decorators, and what is recorded under them."""

import asyncio
import functools
import inspect
import threading
import types

import pytest
from support import assert_values, leaf, recorded_warnings, rushlight_only, torch

MODES = {
    "no_grad": (torch.no_grad, False),
    "enable_grad": (torch.enable_grad, True),
    "set_grad_enabled": (lambda: torch.set_grad_enabled(False), False),
    "inference_mode": (torch.inference_mode, False),
}


@pytest.fixture(params=MODES.values(), ids=MODES)
def mode(request):
    """A mode as a factory of contexts, with the state that it sets."""
    return request.param


@pytest.fixture
def opposite(mode):
    """The tests of a mode start from the state that it does not set."""
    with torch.set_grad_enabled(not mode[1]):
        yield not mode[1]


def test_context_sets_and_restores(mode, opposite):
    make, inside = mode
    with make():
        assert torch.is_grad_enabled() is inside
    assert torch.is_grad_enabled() is opposite


def test_context_restores_after_an_exception(mode, opposite):
    with pytest.raises(KeyError), mode[0]():
        raise KeyError
    assert torch.is_grad_enabled() is opposite


def test_contexts_nest(mode, opposite):
    make, inside = mode
    with make():
        with torch.set_grad_enabled(opposite), make():
            assert torch.is_grad_enabled() is inside
        assert torch.is_grad_enabled() is inside
    assert torch.is_grad_enabled() is opposite


@pytest.mark.parametrize("name", ["no_grad", "enable_grad"])
def test_one_context_object_may_be_entered_again(name):
    make, inside = MODES[name]
    context = make()
    for _ in range(2):
        with torch.set_grad_enabled(not inside):
            with context:
                assert torch.is_grad_enabled() is inside
            assert torch.is_grad_enabled() is not inside


def test_context_gives_nothing_to_as():
    for make, _ in MODES.values():
        with make() as value:
            assert value is None


def test_set_grad_enabled_acts_at_once_and_restores_as_context():
    torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()
    context = torch.set_grad_enabled(False)
    assert not torch.is_grad_enabled()
    with context:
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_set_grad_enabled_takes_mode_by_name():
    with torch.set_grad_enabled(mode=False):
        assert not torch.is_grad_enabled()


def test_new_threads_start_enabled():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


def test_nothing_is_recorded_under_no_grad():
    x = leaf([1.0, 2.0])
    with torch.no_grad():
        y = x * 2
        with torch.enable_grad():
            z = x * 2
    assert not y.requires_grad and y.grad_fn is None and y.is_leaf
    assert z.requires_grad and z.grad_fn is not None


def test_leaf_may_change_in_place_under_no_grad():
    x = leaf([1.0, 2.0])
    with torch.no_grad():
        x.mul_(2)
        x += 1
    assert_values(x, [3.0, 5.0])
    assert x.is_leaf and x.requires_grad and x._version == 2


def test_change_under_no_grad_is_seen_by_the_version_check():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    with torch.no_grad():
        x.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_printing_and_reading_work_in_every_mode(mode):
    x = leaf([1.5, 2.0])
    with mode[0]():
        assert repr(x) == "tensor([1.5000, 2.0000], requires_grad=True)"
        assert x.tolist() == [1.5, 2.0] and x.sum().item() == 3.5


# --- decorators ---------------------------------------------------------------------------------


def test_decorated_function_runs_in_the_mode(mode, opposite):
    make, inside = mode

    @make()
    def state(a, *, b=2):
        """doc"""
        return torch.is_grad_enabled(), a, b

    assert state(1, b=3) == (inside, 1, 3) and torch.is_grad_enabled() is opposite
    assert state.__name__ == "state" and state.__doc__ == "doc"
    assert state.__wrapped__(1) == (opposite, 1, 2)


@pytest.mark.parametrize("name", ["no_grad", "enable_grad", "inference_mode"])
def test_decorator_without_parentheses(name):
    make, inside = MODES[name]
    with torch.set_grad_enabled(not inside):
        assert make(torch.is_grad_enabled)() is inside

        @make
        def state():
            return torch.is_grad_enabled()

        assert state() is inside and state.__name__ == "state"


def test_set_grad_enabled_as_decorator_does_not_stay_on():
    @torch.set_grad_enabled(False)
    def state():
        return torch.is_grad_enabled()

    assert torch.is_grad_enabled()
    assert state() is False and torch.is_grad_enabled()


@pytest.mark.parametrize("flag", [True, False])
def test_inference_mode_takes_a_flag(flag):
    @torch.inference_mode(flag)
    def state():
        return torch.is_inference_mode_enabled(), torch.is_grad_enabled()

    assert state() == (flag, not flag)
    with torch.inference_mode(mode=flag):
        assert torch.is_inference_mode_enabled() is flag
    assert not torch.is_inference_mode_enabled()


def test_decorated_function_may_recurse(mode, opposite):
    make, inside = mode

    @make()
    def count(n):
        assert torch.is_grad_enabled() is inside
        return 0 if n == 0 else 1 + count(n - 1)

    assert count(20) == 20 and torch.is_grad_enabled() is opposite


def test_decorated_method_and_staticmethod(mode, opposite):
    make, inside = mode

    class Model:
        @make()
        def method(self):
            return self, torch.is_grad_enabled()

        @staticmethod
        @make()
        def static():
            return torch.is_grad_enabled()

    model = Model()
    assert model.method() == (model, inside) and Model.static() is inside


def test_decorated_function_passes_exceptions(mode, opposite):
    @mode[0]()
    def fails():
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        fails()
    assert torch.is_grad_enabled() is opposite


def test_decorated_lambda_partial_and_builtin(mode, opposite):
    make, inside = mode
    assert make()(lambda: torch.is_grad_enabled())() is inside
    assert make()(torch.is_grad_enabled)() is inside

    def state(_):
        return torch.is_grad_enabled()

    assert make()(functools.partial(state, 1))() is inside


def test_decorating_a_class_warns():
    with recorded_warnings() as caught:

        @torch.no_grad()
        class Model:
            def __init__(self):
                self.state = torch.is_grad_enabled()

    assert [w.category for w in caught] == [FutureWarning]
    assert str(caught[0].message).startswith("Decorating classes is deprecated and will be disable")
    assert caught[0].filename == __file__
    assert Model().state is False and torch.is_grad_enabled()


# --- generators: the mode holds only while the body runs ----------------------------------------


def test_generator_body_runs_in_the_mode_and_the_caller_does_not(mode, opposite):
    make, inside = mode

    @make()
    def states():
        for _ in range(3):
            yield torch.is_grad_enabled()

    assert inspect.isgeneratorfunction(states)
    for state in states():
        assert state is inside and torch.is_grad_enabled() is opposite


def test_generator_receives_send_and_returns(mode, opposite):
    make, inside = mode

    @make()
    def echo():
        got = []
        while len(got) < 3:
            got.append((yield len(got)))
            assert torch.is_grad_enabled() is inside
        return got

    generator = echo()
    assert next(generator) == 0
    assert generator.send("a") == 1 and torch.is_grad_enabled() is opposite
    assert generator.send("b") == 2
    with pytest.raises(StopIteration) as stop:
        generator.send("c")
    assert stop.value.value == ["a", "b", "c"] and torch.is_grad_enabled() is opposite


def test_generator_receives_throw(mode, opposite):
    make, inside = mode
    seen = []

    @make()
    def guarded():
        while True:
            try:
                yield "waiting"
            except ValueError as error:
                seen.append((str(error), torch.is_grad_enabled()))

    generator = guarded()
    next(generator)
    assert generator.throw(ValueError("one")) == "waiting"
    assert seen == [("one", inside)] and torch.is_grad_enabled() is opposite
    with pytest.raises(KeyError):
        generator.throw(KeyError("unhandled"))
    assert torch.is_grad_enabled() is opposite


def test_generator_close_runs_its_cleanup_in_the_mode(mode, opposite):
    make, inside = mode
    seen = []

    @make()
    def guarded():
        try:
            yield 1
        finally:
            seen.append(torch.is_grad_enabled())

    generator = guarded()
    next(generator)
    generator.close()
    assert seen == [inside] and torch.is_grad_enabled() is opposite
    generator = guarded()
    next(generator)
    del generator
    assert seen == [inside, inside] and torch.is_grad_enabled() is opposite


def test_generator_exception_reaches_the_caller(mode, opposite):
    @mode[0]()
    def fails():
        yield 1
        raise KeyError("inside")

    generator = fails()
    next(generator)
    with pytest.raises(KeyError, match="inside"):
        next(generator)
    assert torch.is_grad_enabled() is opposite


def test_generator_with_yield_from(mode, opposite):
    make, inside = mode

    @make()
    def inner():
        got = yield torch.is_grad_enabled()
        return got

    @make()
    def outer():
        return (yield from inner())

    generator = outer()
    assert next(generator) is inside
    with pytest.raises(StopIteration) as stop:
        generator.send("x")
    assert stop.value.value == "x"


def test_unstarted_generator_runs_nothing(mode, opposite):
    ran = []

    @mode[0]()
    def body():
        ran.append(1)
        yield

    generator = body()
    assert isinstance(generator, types.GeneratorType) and not ran
    generator.close()
    assert not ran


def test_stop_iteration_inside_a_generator_stays_an_error(mode, opposite):
    @mode[0]()
    def body():
        yield 1
        raise StopIteration("x")

    generator = body()
    next(generator)
    with pytest.raises(RuntimeError, match="generator raised StopIteration"):
        next(generator)


# --- async: PyTorch sets the mode only while the coroutine is made, rushlight while it runs ------


@rushlight_only
def test_async_function_runs_in_the_mode_and_others_do_not(mode, opposite):
    make, inside = mode

    @make()
    async def inner():
        before = torch.is_grad_enabled()
        await asyncio.sleep(0)
        return before, torch.is_grad_enabled()

    async def watcher():
        seen = []
        for _ in range(3):
            seen.append(torch.is_grad_enabled())
            await asyncio.sleep(0)
        return seen

    async def main():
        return await asyncio.gather(inner(), watcher(), inner())

    assert inspect.iscoroutinefunction(inner)
    first, watched, second = asyncio.run(main())
    assert first == second == (inside, inside)
    assert watched == [opposite] * 3 and torch.is_grad_enabled() is opposite


@rushlight_only
def test_async_function_passes_exceptions_both_ways(mode, opposite):
    make, inside = mode
    seen = []

    @make()
    async def waits():
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            seen.append(torch.is_grad_enabled())
            raise

    async def main():
        task = asyncio.ensure_future(waits())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert seen == [inside] and torch.is_grad_enabled() is opposite


@rushlight_only
def test_async_generator_runs_in_the_mode(mode, opposite):
    make, inside = mode
    cleaned = []

    @make()
    async def states():
        try:
            while True:
                await asyncio.sleep(0)
                got = yield torch.is_grad_enabled()
                assert got is None or got == "sent"
        except ValueError:
            yield "caught"
        finally:
            await asyncio.sleep(0)
            cleaned.append(torch.is_grad_enabled())

    async def main():
        generator = states()
        assert await anext(generator) is inside and torch.is_grad_enabled() is opposite
        assert await generator.asend("sent") is inside
        assert await generator.athrow(ValueError("x")) == "caught"
        assert torch.is_grad_enabled() is opposite
        await generator.aclose()
        assert cleaned == [inside] and torch.is_grad_enabled() is opposite
        async for state in states():
            assert state is inside
            break

    assert inspect.isasyncgenfunction(states)
    asyncio.run(main())
    assert torch.is_grad_enabled() is opposite


# --- the mode of a backward pass ----------------------------------------------------------------


def test_backward_runs_with_recording_off_unless_it_creates_a_graph():
    seen = []
    x = leaf([1.0])
    y = x * x
    y.register_hook(lambda g: seen.append(torch.is_grad_enabled()))
    y.backward(retain_graph=True)
    torch.autograd.grad(y, x, create_graph=True)
    assert seen == [False, True] and torch.is_grad_enabled()


def test_backward_under_no_grad_works_and_keeps_the_mode():
    x = leaf([3.0])
    y = x * x
    with torch.no_grad():
        y.backward()
        assert not torch.is_grad_enabled()
    assert_values(x.grad, [6.0])


def test_multithreading_switch():
    switch, state = torch.autograd.set_multithreading_enabled, torch.autograd
    with switch(False):
        assert not state.is_multithreading_enabled()
        x = leaf([2.0])
        (x * x).backward()
        assert_values(x.grad, [4.0])
    assert state.is_multithreading_enabled()
    switch(False)
    assert not state.is_multithreading_enabled()
    switch(True)


# --- inference mode -----------------------------------------------------------------------------


def test_inference_tensor_cannot_enter_the_graph():
    with torch.inference_mode():
        t = torch.ones(2)
        assert torch.is_inference_mode_enabled() and t.is_inference()
    w = leaf([1.0, 2.0])
    assert t.is_inference() and not w.is_inference()
    with pytest.raises(RuntimeError, match="^Inference tensors cannot be saved for backward."):
        t * w
    assert (t + w).requires_grad  # nothing to save
    assert (t.clone() * w).requires_grad


def test_inference_tensor_cannot_change_outside():
    with torch.inference_mode():
        t = torch.ones(2)
        t.add_(1)
    with pytest.raises(RuntimeError, match="^Inplace update to inference tensor outside Inference"):
        t.add_(1)
    with pytest.raises(RuntimeError, match="^Setting requires_grad=True on inference tensor"):
        t.requires_grad_()
    with torch.inference_mode():
        t.fill_(3)
    assert_values(t, [3.0, 3.0])


def test_inference_tensor_has_no_version():
    with torch.inference_mode():
        t = torch.ones(2)
    with pytest.raises(RuntimeError, match="^Inference tensors do not track version counter."):
        _ = t._version


def test_normal_tensor_is_only_unrecorded_in_inference_mode():
    x = leaf([1.0, 2.0])
    with torch.inference_mode():
        y = x * 2
        assert not y.requires_grad and y.is_inference()
    assert not x.is_inference() and (x * 2).requires_grad

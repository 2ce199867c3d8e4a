"""The life of a profile: nested, left open, raised through, across threads, without a leak."""

import gc
import threading
import weakref
from importlib import import_module

import pytest
from support import ON_TORCH, leaf, rushlight_only, torch

profiler = import_module(torch.__name__ + ".autograd.profiler")
profile, record_function = profiler.profile, profiler.record_function
TURN = "autograd::engine::evaluate_function: "


def named(prof, name):
    """The one event of this name."""
    (event,) = [event for event in prof.function_events if event.name == name]
    return event


def names(prof):
    return [event.name for event in prof.function_events]


def test_a_label_may_outlive_the_profile_and_begin_before_it():
    early = record_function("early")
    early.__enter__()
    late = record_function("late")
    with profile() as prof:
        late.__enter__()
        torch.ones(2).exp()
    late.__exit__(None, None, None)
    early.__exit__(None, None, None)
    assert "early" not in names(prof)
    assert "aten::exp" in names(prof)


def test_profile_raised_through_keeps_what_it_saw():
    with pytest.raises(ValueError, match="stop"), profile() as prof:
        torch.ones(2).exp()
        raise ValueError("stop")
    assert "aten::exp" in names(prof)
    torch.ones(2).sin()
    assert "aten::sin" not in names(prof)


def test_an_operation_that_fails_is_an_event():
    with profile() as prof:
        with pytest.raises(RuntimeError):
            torch.ones(2) + torch.ones(3)
        torch.ones(2).exp()
    assert named(prof, "aten::exp").cpu_parent is None


def test_profile_is_not_reentrant():
    prof = profile()
    with prof:
        torch.ones(2)
    with pytest.raises(RuntimeError, match="^Profiler context manager is not reentrant$"):
        prof.__enter__()


def test_disabled_profile_is_a_plain_block():
    with profile(enabled=False) as prof:
        torch.ones(2)
    assert prof is None


def test_unfinished_profile_says_so():
    assert repr(profile()) == "<unfinished torch.autograd.profile>"
    assert str(profile()) == "<unfinished torch.autograd.profile>"
    assert profile().table() == ""


def test_other_threads_are_not_seen():
    def work():
        torch.ones(2).exp()

    with profile() as prof:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        torch.ones(2).sin()
    assert "aten::exp" not in names(prof)
    assert "aten::sin" in names(prof)


@rushlight_only
def test_nested_profiles_both_see_what_the_inner_does():
    x = torch.ones(2)
    with profile() as outer:
        x.sin()
        with profile(record_shapes=True) as inner:
            x.exp()
        x.cos()
    assert names(outer) == ["aten::sin", "aten::exp", "aten::cos"]
    assert names(inner) == ["aten::exp"]
    assert named(inner, "aten::exp").input_shapes == [[2]]
    assert named(outer, "aten::exp").input_shapes == []


@rushlight_only
def test_profile_left_open_ends_with_its_last_reference():
    prof = profile()
    prof.__enter__()
    dead = weakref.ref(prof)
    del prof
    assert dead() is None
    with profile() as after:
        torch.ones(2).exp()
    assert "aten::exp" in names(after)


@rushlight_only
def test_profile_ended_by_another_thread_keeps_its_events():
    prof = profile()
    prof.__enter__()
    torch.ones(2).exp()
    thread = threading.Thread(target=prof.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    torch.ones(2).sin()
    assert "aten::exp" in names(prof)
    assert "aten::sin" not in names(prof)


@rushlight_only
def test_profile_of_a_thread_that_is_gone_can_be_read():
    profiles = []

    def work():
        profiles.append(profile())
        profiles[0].__enter__()
        torch.ones(2).exp()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    profiles[0].__exit__(None, None, None)
    assert "aten::exp" in names(profiles[0])


@rushlight_only
def test_profile_begun_inside_a_pass_takes_what_follows():
    profiles = []

    def begin(grad):
        profiles.append(profile())
        profiles[0].__enter__()

    x = leaf([1.0])
    y = x.exp()
    z = y.sin()
    z.register_hook(begin)
    z.sum().backward()
    profiles[0].__exit__(None, None, None)
    assert "ExpBackward0" in names(profiles[0])
    assert all(event.time_range.start >= 0 for event in profiles[0].function_events)


@rushlight_only
def test_profile_ended_inside_a_pass_closes_what_is_open():
    prof = profile()
    x = leaf([1.0])
    y = x.exp()
    y.register_hook(lambda grad: prof.__exit__(None, None, None) or None)
    z = y.sin()
    with prof:
        z.sum().backward()
    events = {event.name: event for event in prof.function_events}
    assert "SinBackward0" in events
    assert events[TURN + "ExpBackward0"].cpu_time_total >= 0
    assert "ExpBackward0" not in events


def test_graph_and_profile_die_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        x = torch.ones(4, requires_grad=True)
        with profile(record_shapes=True) as prof:
            y = x.exp().sum()
            y.backward()
        prof.key_averages()
        dead = [weakref.ref(o) for o in (x, prof, named(prof, "ExpBackward0"))]
        del x, y, prof
        # PyTorch's events hold each other.
        assert [d() for d in dead][: 2 if ON_TORCH else 3] == [None] * (2 if ON_TORCH else 3)
    finally:
        gc.enable()


@rushlight_only
def test_with_stack_keeps_no_frame():
    gc.collect()
    gc.disable()
    try:

        def run():
            local = torch.ones(2)
            with profile(with_stack=True):
                local.exp()
            return weakref.ref(local)

        assert run()() is None
    finally:
        gc.enable()


@rushlight_only
def test_profiles_of_many_threads_see_their_own():
    import sys

    failures = []

    def work(k):
        try:
            for i in range(30):
                x = torch.ones(20_000 if i % 10 == 0 else 10, requires_grad=True)
                with profile(record_shapes=k % 2 == 0) as outer:
                    y = (x.exp() * 2).sum()
                    with profile() as inner:
                        y.backward()
                assert names(outer).count("aten::exp") == 1
                assert names(outer).count("ExpBackward0") == 1
                assert names(inner).count("aten::exp") == 0
                assert names(inner).count("ExpBackward0") == 1
        except BaseException as error:
            failures.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert failures == []

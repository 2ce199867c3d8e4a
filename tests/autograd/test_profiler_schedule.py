"""torch.profiler: schedules, cycles, handlers."""

import gzip
import json
from importlib import import_module

import pytest
from support import recorded_warnings, rushlight_only, torch

profiler = import_module(torch.__name__ + ".profiler")
Action = profiler.ProfilerAction
CPU = [profiler.ProfilerActivity.CPU]


def letters(schedule, n):
    short = {Action.NONE: "-", Action.WARMUP: "w", Action.RECORD: "r", Action.RECORD_AND_SAVE: "S"}
    return "".join(short[schedule(step)] for step in range(n))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"wait": 1, "warmup": 1, "active": 2}, "-wrS-wrS-w"),
        ({"wait": 1, "warmup": 1, "active": 2, "repeat": 1}, "-wrS------"),
        ({"wait": 0, "warmup": 1, "active": 1, "skip_first": 3}, "---wSwSwSw"),
        ({"wait": 3, "warmup": 1, "active": 1, "skip_first_wait": 1}, "wS---wS---"),
    ],
)
def test_schedule_goes_through_its_cycle(arguments, expected):
    assert letters(profiler.schedule(**arguments), 10) == expected


def test_schedule_refuses_what_it_cannot_do():
    with pytest.raises(AssertionError, match="Invalid profiler schedule arguments. Got wait=-1"):
        profiler.schedule(wait=-1, warmup=1, active=1)
    with pytest.raises(AssertionError, match=r"active=0 \(need > 0\)"):
        profiler.schedule(wait=0, warmup=1, active=0)
    with recorded_warnings() as caught:
        schedule = profiler.schedule(wait=0, warmup=0, active=1)
    assert str(caught[0].message) == (
        "Profiler won't be using warmup, this can skew profiler results"
    )
    with pytest.raises(AssertionError, match="Step must be non-negative. Got -1."):
        schedule(-1)


def test_cycles_are_handed_over_as_they_end():
    cycles = []

    def ready(prof):
        cycles.append([event.name for event in prof.events()])

    operations = ["exp", "sin", "cos", "tan", "sqrt", "log", "floor", "neg"]
    x = torch.ones(2)
    schedule = profiler.schedule(wait=1, warmup=1, active=2)
    with profiler.profile(activities=CPU, schedule=schedule, on_trace_ready=ready) as prof:
        for name in operations:
            getattr(x, name)()
            prof.step()
    assert len(cycles) == 2
    for cycle, seen in zip(cycles, (("cos", "tan"), ("floor", "neg"))):
        operations = [name for name in cycle if name.startswith("aten::")]
        assert operations == [f"aten::{name}" for name in seen]
        # The step that ended the cycle is labelled inside it.
        assert "ProfilerStep*" in cycle


def test_without_a_schedule_all_is_one_cycle():
    calls = []
    with profiler.profile(activities=CPU, on_trace_ready=calls.append) as prof:
        torch.ones(2).exp()
        prof.step()
        torch.ones(2).sin()
    assert calls == [prof]
    keys = {average.key for average in prof.key_averages()}
    assert {"aten::exp", "aten::sin"} <= keys
    assert not any(key.startswith("ProfilerStep") for key in keys)
    assert prof.step_num == 1


def test_acc_events_keeps_earlier_cycles():
    schedule = profiler.schedule(wait=1, warmup=1, active=1)
    with profiler.profile(activities=CPU, schedule=schedule, acc_events=True) as prof:
        for _ in range(6):
            torch.ones(2).exp()
            prof.step()
    names = [event.name for event in prof.events() if event.name == "aten::exp"]
    assert len(names) == 2


def test_profile_is_raised_through():
    with pytest.raises(ValueError, match="stop"), profiler.profile(activities=CPU) as prof:
        torch.ones(2).exp()
        raise ValueError("stop")
    assert "aten::exp" in {event.name for event in prof.events()}


def test_events_before_the_first_cycle_are_refused():
    with pytest.raises(AssertionError, match="Profiler must be initialized before"):
        profiler.profile(activities=CPU).events()
    with pytest.raises(AssertionError, match="Profiler must be initialized before"):
        profiler.profile(activities=CPU).export_chrome_trace("nowhere.json")


def test_activities_are_checked():
    assert profiler.ProfilerActivity.CPU in profiler.supported_activities()
    with pytest.raises(AssertionError, match="No valid profiler activities found"):
        profiler.profile(activities=[])
    with pytest.raises(TypeError, match="Expected ProfilerActivity or dict, got"):
        profiler.profile(activities=CPU + ["cpu"])


def test_traces_are_written_by_the_handler(tmp_path):
    folder = tmp_path / "traces"
    handler = profiler.tensorboard_trace_handler(str(folder), worker_name="me")
    with profiler.profile(activities=CPU, on_trace_ready=handler):
        torch.ones(2).exp()
    (path,) = folder.iterdir()
    assert path.name.startswith("me.")
    assert path.name.endswith(".pt.trace.json")
    names = {event["name"] for event in json.loads(path.read_text())["traceEvents"]}
    assert "aten::exp" in names
    handler = profiler.tensorboard_trace_handler(str(folder), use_gzip=True)
    with profiler.profile(activities=CPU, on_trace_ready=handler):
        torch.ones(2).exp()
    (path,) = folder.glob("*.gz")
    with gzip.open(path, "rt") as file:
        assert "traceEvents" in json.load(file)


@rushlight_only
def test_options_that_would_be_ignored_raise():
    with pytest.raises(NotImplementedError, match="CUDA is not supported"):
        profiler.profile(activities=[profiler.ProfilerActivity.CUDA])
    with pytest.raises(NotImplementedError, match="with_modules"):
        profiler.profile(with_modules=True)
    with pytest.raises(NotImplementedError, match="execution_trace_observer"):
        profiler.profile(execution_trace_observer=object())


@rushlight_only
def test_lines_of_the_last_cycle():
    with profiler.profile() as prof:
        torch.ones(2).exp()
    (line,) = prof.by_line()
    assert line.source == "torch.ones(2).exp()"
    assert line.calls == 2


def test_stop_before_start_is_refused():
    with pytest.raises(AssertionError, match="Profiler must be initialized before stopping trace"):
        torch.profiler.profile().stop()

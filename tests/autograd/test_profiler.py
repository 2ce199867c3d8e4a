"""autograd.profiler: which events there are, how they nest, what the tables and traces say."""

import json
from importlib import import_module

import pytest
from support import ON_TORCH, leaf, rushlight_only, torch

profiler = import_module(torch.__name__ + ".autograd.profiler")
profile, record_function = profiler.profile, profiler.record_function
TURN = "autograd::engine::evaluate_function: "


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


def named(prof, name):
    """The one event of this name."""
    (event,) = [event for event in prof.function_events if event.name == name]
    return event


def names(prof):
    return [event.name for event in prof.function_events]


def test_operations_nodes_and_labels_are_events():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    with profile() as prof:
        with record_function("forward"):
            y = Double.apply((x @ x).tanh())
        y.add_(1)
        y.sum().backward()
    for name in ("forward", "aten::matmul", "aten::mm", "aten::tanh", "Double", "aten::add_"):
        assert name in names(prof), name
    for node in ("SumBackward0", "AddBackward0", "DoubleBackward", "TanhBackward0", "MmBackward0"):
        assert node in names(prof)
        assert TURN + node in names(prof)
    assert "torch::autograd::AccumulateGrad" in names(prof)
    assert TURN + "torch::autograd::AccumulateGrad" in names(prof)


def test_events_nest_as_they_ran():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    with profile() as prof:
        with record_function("outer"):
            y = x @ x
        Double.apply(y).sum().backward()
    outer = named(prof, "outer")
    assert outer.cpu_parent is None
    assert named(prof, "aten::matmul").cpu_parent is outer
    assert named(prof, "aten::matmul") in outer.cpu_children
    mms = [event for event in prof.function_events if event.name == "aten::mm"]
    assert mms[0].cpu_parent.name == "aten::matmul"
    assert {event.cpu_parent.name for event in mms[1:]} == {"MmBackward0"}
    assert named(prof, "MmBackward0").cpu_parent.name == TURN + "MmBackward0"
    inside = [event for event in prof.function_events if event.name == "aten::mul"]
    assert [event.cpu_parent.name for event in inside] == ["Double", "DoubleBackward"]


def test_times_are_inside_their_parents_and_add_up():
    x = torch.ones(1000, requires_grad=True)
    with profile() as prof:
        for _ in range(3):
            (x * x).sum().backward()
    total = 0.0
    for event in prof.function_events:
        assert 0 <= event.time_range.start <= event.time_range.end
        assert event.cpu_time_total == event.time_range.elapsed_us()
        assert event.self_cpu_time_total >= -1e-6
        if event.cpu_parent is not None:
            around = event.cpu_parent.time_range
            assert around.start <= event.time_range.start <= event.time_range.end <= around.end
        total += event.self_cpu_time_total
    assert prof.self_cpu_time_total == pytest.approx(total)
    tops = [event for event in prof.function_events if event.cpu_parent is None]
    assert sum(event.cpu_time_total for event in tops) == pytest.approx(total)
    starts = [event.time_range.start for event in prof.function_events]
    assert starts == sorted(starts)


def test_sequence_number_links_forward_and_backward():
    x = leaf([1.0, 2.0])
    with profile() as prof:
        y = x.exp()
        z = y.sin()
        z.sum().backward()
        x.view(2, 1) @ torch.ones(1, 2)
        with torch.no_grad():
            x.floor()
    for op, node in (("aten::exp", "ExpBackward0"), ("aten::sin", "SinBackward0")):
        assert named(prof, op).sequence_nr == named(prof, node).sequence_nr >= 0
        assert named(prof, TURN + node).sequence_nr == named(prof, op).sequence_nr
        assert named(prof, node).scope == 1
        assert named(prof, op).scope == 0
    assert named(prof, "aten::matmul").sequence_nr == named(prof, "aten::mm").sequence_nr
    assert named(prof, "aten::sin").sequence_nr > named(prof, "aten::exp").sequence_nr
    assert named(prof, "aten::floor").sequence_nr == -1
    assert named(prof, "torch::autograd::AccumulateGrad").sequence_nr == -1
    assert named(prof, "aten::exp").thread == named(prof, "ExpBackward0").thread


def test_record_shapes_gives_those_of_all_arguments():
    x = torch.ones(2, 3, requires_grad=True)
    with profile(record_shapes=True) as prof:
        x.mul(torch.ones(3)).exp().sum().backward()
    assert named(prof, "aten::exp").input_shapes == [[2, 3]]
    assert named(prof, "ExpBackward0").input_shapes == [[2, 3]]
    forward = next(event for event in prof.function_events if event.name == "aten::mul")
    assert forward.input_shapes == [[2, 3], [3]]
    with profile() as prof:
        x.exp()
    assert named(prof, "aten::exp").input_shapes == []


def test_key_averages_sum_the_events_of_a_name():
    x = torch.ones(4)
    y = torch.ones(8)
    with profile(record_shapes=True) as prof:
        for _ in range(3):
            x.exp()
        y.exp()
        x.sin()
    averages = {average.key: average for average in prof.key_averages()}
    assert averages["aten::exp"].count == 4
    assert averages["aten::sin"].count == 1
    events = [event for event in prof.function_events if event.name == "aten::exp"]
    total = sum(event.cpu_time_total for event in events)
    assert averages["aten::exp"].cpu_time_total == pytest.approx(total)
    assert averages["aten::exp"].cpu_time == pytest.approx(total / 4)
    by_shape = prof.key_averages(group_by_input_shape=True)
    counts = {str(a.input_shapes): a.count for a in by_shape if a.key == "aten::exp"}
    assert counts == {"[[4]]": 3, "[[8]]": 1}
    everything = prof.total_average()
    assert everything.key == "Total"
    assert everything.count == len(prof.function_events)


def test_table_has_a_row_per_event_up_to_the_limit():
    x = torch.ones(4)
    with profile(record_shapes=True) as prof:
        x.exp()
        x.sin()
        x.cos()
    averages = prof.key_averages(group_by_input_shape=True)
    lines = averages.table(sort_by="cpu_time_total", row_limit=2).splitlines()
    assert lines[1].split("  ")[-2].strip() == "Input Shapes"
    for title in ("Name", "Self CPU %", "Self CPU", "CPU total %", "CPU time avg", "# of Calls"):
        assert title in lines[1]
    assert len([line for line in lines if "aten::" in line]) == 2
    assert lines[-1].startswith("Self CPU time total: ")
    whole = prof.table(row_limit=-1, header="my header")
    assert whole.splitlines()[1] == "my header"
    assert whole.count("aten::") == 3
    assert str(prof) == prof.table()
    with pytest.raises(AttributeError, match="has no attribute 'speed'"):
        prof.table(sort_by="speed")


def test_top_level_events_only_leaves_out_what_is_inside():
    with profile() as prof, record_function("label"):
        torch.ones(4).exp()
    table = prof.table(top_level_events_only=True)
    assert "label" in table
    assert "aten::exp" not in table
    assert "This report only display top-level ops statistics" in table


def test_profile_memory_counts_what_an_event_added():
    with profile(profile_memory=True) as prof:
        kept = torch.ones(1024)
        kept.exp()
    assert named(prof, "aten::exp").cpu_memory_usage == 4096
    assert "CPU Mem" in prof.table()
    with profile() as prof:
        kept.exp()
    assert named(prof, "aten::exp").cpu_memory_usage == 0
    assert "CPU Mem" not in prof.table()


def test_with_flops_estimates_products():
    a, b = torch.ones(3, 4), torch.ones(4, 5)
    with profile(with_flops=True) as prof:
        a @ b
        torch.addmm(torch.ones(3, 5), a, b)
        torch.ones(2, 3, 4) @ torch.ones(2, 4, 5)
        a * 2
        a.exp()
    flops = {event.name: event.flops for event in prof.function_events if event.flops}
    assert flops == {"aten::mm": 120, "aten::addmm": 120, "aten::bmm": 240, "aten::mul": 12}
    assert "FLOPs" in prof.table()


def test_record_function_is_a_decorator_and_may_recurse():
    @record_function("counted")
    def down(n):
        return down(n - 1) if n else torch.ones(2).exp()

    with profile() as prof:
        down(2)
    assert "counted" in names(prof)
    assert named(prof, "aten::exp").cpu_parent.name == "counted"
    assert down.__name__ == "down"
    label = named_first(prof, "counted")
    assert label.is_user_annotation
    assert label.scope == 7
    assert label.device_type == torch.autograd.DeviceType.CPU


def named_first(prof, name):
    return next(event for event in prof.function_events if event.name == name)


def test_record_function_outside_a_profile_does_nothing():
    with record_function("nobody", "args"):
        y = torch.ones(2) + 1
    assert y.tolist() == [2.0, 2.0]


def test_chrome_trace_is_json_with_arrows(tmp_path):
    x = leaf([1.0, 2.0])
    with profile(record_shapes=True) as prof:
        with record_function("a label"):
            y = x.exp()
        y.sum().backward()
    path = tmp_path / "trace.json"
    prof.export_chrome_trace(str(path))
    trace = json.loads(path.read_text())["traceEvents"]
    blocks = {event["name"]: event for event in trace if event["ph"] == "X"}
    assert {"aten::exp", "ExpBackward0", "a label"} <= set(blocks)
    for event in blocks.values():
        assert {"ts", "dur", "pid", "tid", "cat"} <= set(event)
    begins = {event["id"] for event in trace if event["ph"] == "s"}
    ends = {event["id"] for event in trace if event["ph"] == "f"}
    assert begins == ends
    assert begins
    assert blocks["a label"]["cat"] == "user_annotation"
    assert blocks["aten::exp"]["args"]["Input Dims"] == [[2]]


def test_options_that_there_are_not_raise():
    with pytest.raises(AssertionError, match="Device-only events supported only with Kineto"):
        profile(use_cpu=False)


@rushlight_only
@pytest.mark.parametrize(
    "options",
    [
        {"use_cuda": True},
        {"use_device": "cuda"},
        {"with_modules": True},
        {"experimental_config": object()},
        {"custom_trace_id_callback": str},
        {"post_processing_timeout_s": 1.0},
    ],
)
def test_options_that_would_be_ignored_raise(options):
    with pytest.raises(NotImplementedError, match=next(iter(options))):
        profile(**options)


@rushlight_only
def test_emitters_raise_unless_disabled():
    for emitter in (profiler.emit_nvtx, profiler.emit_itt):
        with pytest.raises(RuntimeError, match="export_chrome_trace"):
            emitter()
        with emitter(enabled=False):
            torch.ones(2)


@rushlight_only
def test_with_stack_gives_the_users_frames():
    def inner(x):
        return x.exp()

    with profile(with_stack=True) as prof:
        inner(torch.ones(2))
    stack = named(prof, "aten::exp").stack
    assert stack[0].endswith("): inner")
    assert "test_profiler.py(" in stack[0]
    assert stack[1].endswith("): test_with_stack_gives_the_users_frames")
    (average,) = [a for a in prof.key_averages(group_by_stack_n=1) if a.key == "aten::exp"]
    assert average.stack == stack[:1]
    assert "Source Location" in prof.key_averages(group_by_stack_n=1).table()


@rushlight_only
def test_stacks_are_written_from_the_outside_in(tmp_path):
    with profile(with_stack=True) as prof:
        torch.ones(100000).exp().sin()
    path = tmp_path / "stacks.txt"
    prof.export_stacks(str(path))
    assert all(line.rsplit(" ", 1)[1].isdigit() for line in path.read_text().splitlines())
    with pytest.raises(ValueError, match="metric should be one of"):
        prof.export_stacks(str(path), "speed")
    with profile() as plain:
        torch.ones(2)
    with pytest.raises(AssertionError, match="requires with_stack=True"):
        plain.export_stacks(str(path))


@rushlight_only
def test_names_may_hold_quotes(tmp_path):
    with profile() as prof, record_function('a "quoted" \\ label'):
        torch.ones(2)
    path = tmp_path / "trace.json"
    prof.export_chrome_trace(path)
    trace = json.loads(path.read_text())["traceEvents"]
    assert 'a "quoted" \\ label' in {event["name"] for event in trace}


def test_steps_of_optimizers_are_labelled():
    x = leaf([1.0, 2.0])
    optimizer = torch.optim.SGD([x], lr=0.1)
    (x * 1).sum().backward()
    with profile() as prof:
        optimizer.step()
        optimizer.zero_grad()
    labels = [event.name for event in prof.function_events if event.is_user_annotation]
    assert labels == ["Optimizer.step#SGD.step", "Optimizer.zero_grad#SGD.zero_grad"]
    assert x.grad is None


def test_record_function_checks_what_it_is_given():
    sentence = r"Expected a value of type '{}' for argument '{}' but instead found type 'int'\."
    with pytest.raises(RuntimeError, match=sentence.format("str", "name")):
        record_function(3).__enter__()
    with pytest.raises(RuntimeError, match=sentence.format(r"Optional\[str\]", "args")):
        record_function("name", 3).__enter__()
    with pytest.raises(AssertionError, match="^Expected record to be set$"):
        record_function("name").__exit__(None, None, None)


@rushlight_only
def test_args_of_a_label_are_in_the_trace(tmp_path):
    with profile() as prof, record_function("label", "batch 3"):
        torch.ones(2)
    assert named(prof, "label").concrete_inputs == ["batch 3"]
    prof.export_chrome_trace(tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    (label,) = [event for event in trace if event["name"] == "label"]
    assert label["args"]["Concrete Inputs"] == ["batch 3"]


def test_kineto_is_asked_for_by_name():
    available = torch.autograd.kineto_available()
    assert available is ON_TORCH and torch.autograd.profiler.kineto_available() is ON_TORCH

"""Where the time goes: ``with profile() as prof: ...``, by operation and by source line."""

import contextlib

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr
from rushlight._profiles import open_profiles as _open_profiles
from rushlight.autograd import kineto_available as kineto_available

from ._profiler_flops import flops_of as _flops_of
from .profiler_util import (
    TURN,
    EventList,
    FormattedTimesMixin,
    FunctionEvent,
    FunctionEventAvg,
    Interval,
)

__all__ = [
    "EventList",
    "FormattedTimesMixin",
    "FunctionEvent",
    "FunctionEventAvg",
    "Interval",
    "emit_itt",
    "emit_nvtx",
    "profile",
    "record_function",
]

_C._add_package_globals(globals())

# Kinds of events, as the core numbers them.
_OP, _TURN, _NODE, _FUNCTION, _LABEL = range(5)

# Operations that the core knows by another name than PyTorch.
_PUBLIC = {
    name: name[1:]
    for name in (
        *("_linear", "_leaky_relu", "_elu", "_hardtanh", "_hardsigmoid", "_hardswish", "_glu"),
        *("_softshrink", "_silu", "_mish", "_softplus", "_gelu", "_mse_loss", "_huber_loss"),
        *("_smooth_l1_loss", "_binary_cross_entropy", "_soft_margin_loss", "_nll_loss"),
        *("_cross_entropy_loss", "_native_layer_norm", "_tensordot", "_pad", "_im2col", "_col2im"),
    )
} | {"_log_sigmoid": "log_sigmoid", "_broadcast_bmm": "bmm"}


_LABEL_ARGUMENTS = {"name": ("str", str), "args": ("Optional[str]", (str, type(None)))}


class record_function(contextlib.ContextDecorator):
    """Label a block, or a function as its decorator, in the profile that is on.

    name: str. args: str or None, the event's concrete_inputs.
    Without a profile it costs a fraction of a microsecond.
    Raises: RuntimeError, when it begins, for what is no str; AssertionError when it ends twice.
    """

    def __init__(self, name, args=None):
        self.name = name
        self.args = args
        self._labels = []  # of the blocks that are under way: a decorated function may recurse

    def __enter__(self):
        for argument, (kind, accepted) in _LABEL_ARGUMENTS.items():
            value = getattr(self, argument)
            if not isinstance(value, accepted):
                raise RuntimeError(
                    f"profiler::_record_function_enter_new() Expected a value of type '{kind}' "
                    f"for argument '{argument}' but instead found type '{type(value).__name__}'."
                )
        self._labels.append(_C._begin_label(self.name, self.args))
        return self

    def __exit__(self, *exc_info):
        if not self._labels:
            raise AssertionError("Expected record to be set")
        label = self._labels.pop()
        if label is not None:
            _C._end_label(label)


def _unsupported(option, why):
    raise NotImplementedError(f"profile(): {option} is not supported: {why}")


class profile:
    """Record the time of all operations and nodes that this thread runs in a block.

    enabled: False makes the block a plain one. record_shapes: keep the sizes of all arguments.
        profile_memory: keep how many bytes each event added; tensors of at most 32 bytes have no
        block and count nothing. with_stack: keep the Python stack of each event. with_flops:
        estimate floating point operations of products, sums and multiplications; implies
        record_shapes. acc_events: keep the events of earlier blocks. use_kineto changes nothing.
    A profile is not reentrant. Profiles may be nested: both see what the inner one sees. Events of
    other threads are not recorded.
    Costs 20 to 50 ns per operation and node; with_stack and record_shapes microseconds.
    Raises: NotImplementedError for with_modules, experimental_config and other devices than the
        CPU; RuntimeError when entered twice.
    """

    def __init__(
        self,
        enabled=True,
        *,
        use_cuda=False,
        use_device=None,
        record_shapes=False,
        with_flops=False,
        profile_memory=False,
        with_stack=False,
        with_modules=False,
        use_kineto=False,
        use_cpu=True,
        experimental_config=None,
        acc_events=False,
        custom_trace_id_callback=None,
        post_processing_timeout_s=None,
    ):
        self.enabled = enabled
        self._running = None
        if not enabled:
            return
        if use_cuda or use_device is not None:
            _unsupported("use_cuda" if use_cuda else "use_device", "the CPU is the only device.")
        if with_modules:
            _unsupported("with_modules", "events have no modules; label them with record_function.")
        if experimental_config is not None:
            _unsupported("experimental_config", "it is of PyTorch's recorder.")
        if custom_trace_id_callback is not None:
            _unsupported("custom_trace_id_callback", "traces have no id.")
        if post_processing_timeout_s is not None:
            _unsupported("post_processing_timeout_s", "events are made whole, when looked at.")
        if not use_cpu:
            if not use_kineto:
                raise AssertionError(
                    "Device-only events supported only with Kineto (use_kineto=True)"
                )
            raise AssertionError("No activities specified for the profiler")
        self.use_device = None
        self.entered = False
        self.record_shapes = record_shapes or with_flops
        self.with_flops = with_flops
        self.profile_memory = profile_memory
        self.with_stack = with_stack
        self.acc_events = acc_events
        self._recordings = []
        self._function_events = None

    def __enter__(self):
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self._start()
        return self

    def _start(self):
        self.entered = True
        self._running = _C._start_profile(self.record_shapes, self.profile_memory, self.with_stack)
        _open_profiles.add(self._running)

    def _stop(self):
        running, self._running = self._running, None
        _open_profiles.discard(running)
        return _C._stop_profile(running)

    def __exit__(self, exc_type, exc_val, exc_tb):
        if not self.enabled:
            return None
        if self._running is not None:
            recording = self._stop()
            if not self.acc_events:
                self._recordings.clear()
            self._recordings.append(recording)
            self._function_events = None
        return False

    def __del__(self):
        if self._running is not None:
            self._stop()

    @property
    def function_events(self):
        """The EventList of the block; empty before it is over."""
        self._ensure_function_events()
        return self._function_events

    def _ensure_function_events(self):
        if self._function_events is not None:
            return
        events = EventList(profile_memory=self.profile_memory, with_flops=self.with_flops)
        origin = None
        for recording in self._recordings:
            thread, start, _, raw = _C._profile_events(recording)
            origin = start if origin is None else origin
            events += _events(raw, thread, origin, len(events), self.with_flops)
        self._function_events = events

    def __repr__(self):
        if not self.enabled or not self._recordings:
            return "<unfinished torch.autograd.profile>"
        return repr(self.function_events)

    def __str__(self):
        if not self.enabled or not self._recordings:
            return "<unfinished torch.autograd.profile>"
        return str(self.function_events)

    def table(
        self,
        sort_by=None,
        row_limit=100,
        max_src_column_width=75,
        max_name_column_width=55,
        max_shapes_column_width=80,
        header=None,
        top_level_events_only=False,
        *,
        group_by=None,
    ):
        """Return a table of the events, as ``EventList.table``.

        group_by: "line" for the table of ``by_line``, of which only row_limit holds.
        Raises: ValueError for another group_by, or options that a table by line does not have.
        """
        if group_by is None:
            return self.function_events.table(
                sort_by=sort_by,
                row_limit=row_limit,
                max_src_column_width=max_src_column_width,
                max_name_column_width=max_name_column_width,
                max_shapes_column_width=max_shapes_column_width,
                header=header,
                top_level_events_only=top_level_events_only,
            )
        if group_by != "line":
            raise ValueError(f'group_by must be None or "line", not {group_by!r}')
        if sort_by is not None or header is not None or top_level_events_only:
            raise ValueError(
                "a table by line is sorted by total time and takes no sort_by, header or "
                "top_level_events_only"
            )
        return self.by_line().table(row_limit)

    def by_line(self):
        """Return the forward and backward time of each source line, a LineTable.

        The backward of a statement counts for the statement. ``print(prof.by_line())`` shows a
        table; the entries have file, lineno, source, forward, backward, total, calls and ops.
        """
        return self.function_events.by_line()

    def key_averages(
        self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False
    ):
        """Return one FunctionEventAvg per name, as ``EventList.key_averages``."""
        return self.function_events.key_averages(
            group_by_input_shape, group_by_stack_n, group_by_overload_name
        )

    def total_average(self):
        """Return the sum of all events, as ``EventList.total_average``."""
        return self.function_events.total_average()

    @property
    def self_cpu_time_total(self):
        """Microseconds of all events, each without those inside it."""
        return self.function_events.self_cpu_time_total

    def export_chrome_trace(self, path):
        """Write the trace as JSON, as ``EventList.export_chrome_trace``."""
        self.function_events.export_chrome_trace(path)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        """Write the stacks with a metric, as ``EventList.export_stacks``.

        Raises: AssertionError without with_stack.
        """
        if not self.with_stack:
            raise AssertionError("export_stacks() requires with_stack=True")
        self.function_events.export_stacks(path, metric)


def _events(raw, thread, origin, first_id, with_flops):
    """The FunctionEvents of one recording, in the order in which they began."""
    events = []
    recorded = []  # for each raw event its FunctionEvent, and that of the node in a turn or None

    def add(name, start, end, around, **fields):
        event = FunctionEvent(
            first_id + len(events) + 1,
            "ProfilerStep*" if name.startswith("ProfilerStep#") else name,
            thread,
            (start - origin) / 1000,
            (end - origin) / 1000,
            trace_name=name,
            **fields,
        )
        # A label may end before what began inside it does: that is in what is around the label.
        while around is not None and event.time_range.end > around.time_range.end:
            around = around.cpu_parent
        if around is not None:
            around.append_cpu_child(event)
            event.set_cpu_parent(around)
        events.append(event)
        return event

    for times, about, place, (shapes, stack, memory, text) in raw:
        start, end, node_end = times
        kind, name, in_place, sequence = about
        parent, code, offset = place
        node_name = name
        if kind == _OP:
            name = _op_name(name, in_place)
        elif kind == _TURN:
            name = TURN + name
        around, node = recorded[parent] if parent >= 0 else (None, None)
        if node is not None and (start - origin) / 1000 < node.time_range.end:
            around = node
        site = {"sequence_nr": sequence, "code": code, "offset": offset}
        event = add(
            name,
            start,
            end,
            around,
            input_shapes=shapes,
            stack=stack and [f"{c.co_filename}({line}): {c.co_name}" for c, line in stack],
            scope={_NODE: 1, _LABEL: 7}.get(kind, 0),
            cpu_memory_usage=memory,
            flops=_flops_of(name, shapes) if with_flops else 0,
            is_user_annotation=kind == _LABEL,
            concrete_inputs=text and [text],
            **site,
        )
        node = add(node_name, start, node_end, event, scope=1, **site) if node_end else None
        recorded.append((event, node))
    return _merged(events)


def _merged(events):
    """The events without those that alone make up another of the same name."""
    kept = []
    for event in events:
        around = event.cpu_parent
        if around is None or around.name != event.name or len(around.cpu_children) > 1:
            kept.append(event)
            continue
        around.cpu_children = event.cpu_children
        for inside in event.cpu_children:
            inside.set_cpu_parent(around)
    return kept


def _op_name(name, in_place):
    """PyTorch's name of an operation of the core."""
    name = _PUBLIC.get(name, name)
    return f"aten::{name}_" if in_place and not name.endswith("_") else f"aten::{name}"


class _Emitter:
    """What marks events for a tool of another vendor, which the CPU build has not."""

    def __init__(self, enabled=True, record_shapes=False):
        if enabled:
            raise RuntimeError(
                f"{type(self).__name__}(): {self._tool}\n  fix: use "
                "torch.autograd.profiler.profile() and its export_chrome_trace()."
            )

    def __enter__(self):
        return None

    def __exit__(self, *exc_info):
        return None


class emit_nvtx(_Emitter):
    """Raises RuntimeError unless enabled=False: NVTX marks are for CUDA."""

    _tool = "NVTX marks need CUDA, and the CPU is the only device."


class emit_itt(_Emitter):
    """Raises RuntimeError unless enabled=False: rushlight is built without ITT."""

    _tool = "rushlight is built without Intel's ITT library."


def __getattr__(name):
    raise _module_getattr(__name__, name)

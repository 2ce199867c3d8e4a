"""What a profile shows: events, their averages by operation, tables, traces."""

import enum
import weakref
from operator import attrgetter

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from ._profiler_lines import LineTable
from ._profiler_table import build_table, format_time

__all__ = [
    "DeviceType",
    "EventList",
    "FormattedTimesMixin",
    "FunctionEvent",
    "FunctionEventAvg",
    "Interval",
]

_C._add_package_globals(globals())


class DeviceType(enum.Enum):
    """Where an event ran. Here that is the CPU."""

    CPU = 0
    CUDA = 1


# How the events begin that have all that a backward pass does for a node.
TURN = "autograd::engine::evaluate_function: "


def _formatted(name):
    return property(lambda self: format_time(getattr(self, name)))


class FormattedTimesMixin:
    """Times as text, of what has ``count`` and times in microseconds."""

    cpu_time_str = _formatted("cpu_time")
    cpu_time_total_str = _formatted("cpu_time_total")
    self_cpu_time_total_str = _formatted("self_cpu_time_total")
    device_time_str = _formatted("device_time")
    device_time_total_str = _formatted("device_time_total")
    self_device_time_total_str = _formatted("self_device_time_total")

    @property
    def cpu_time(self):
        """Microseconds of one call on average."""
        return 0.0 if self.count == 0 else self.cpu_time_total / self.count

    @property
    def device_time(self):
        """0: the CPU is the only device."""
        return 0.0


class Interval:
    """From start to end, in microseconds since the profile began."""

    def __init__(self, start, end):
        self.start = start
        self.end = end

    def elapsed_us(self):
        """Return the length."""
        return self.end - self.start


class FunctionEvent(FormattedTimesMixin):
    """One operation, node or labelled block that a profile saw.

    name: ``aten::mul``, ``MulBackward0``, a label. time_range: an Interval. thread: the system's
    number of it. input_shapes: a list of sizes per argument, where shapes were asked for.
    sequence_nr: the same for an operation and the node of its backward, -1 where there is none.
    in_backward: it is a node, or what a pass does for one. scope: 0, 1 for nodes, 7 for labels.
    stack: ``file(line): function`` from the innermost out, where it was asked for.
    concrete_inputs: the args of record_function, if it was given any.
    """

    device_time_total = 0
    self_device_time_total = 0
    device_memory_usage = 0
    self_device_memory_usage = 0

    def __init__(
        self,
        id,
        name,
        thread,
        start_us,
        end_us,
        *,
        overload_name="",
        fwd_thread=None,
        input_shapes=None,
        stack=None,
        scope=0,
        cpu_memory_usage=0,
        is_async=False,
        sequence_nr=-1,
        flops=0,
        trace_name=None,
        is_user_annotation=False,
        concrete_inputs=None,
        code=None,
        offset=0,
    ):
        self.id = id
        self.node_id = -1
        self.name = name
        self.overload_name = overload_name
        self.trace_name = name if trace_name is None else trace_name
        self.time_range = Interval(start_us, end_us)
        self.thread = thread
        self.fwd_thread = thread if fwd_thread is None else fwd_thread
        self.kernels = []
        self.count = 1
        self.cpu_children = []
        self._parent = None  # a weak reference: a list of events is no cycle
        self.input_shapes = [] if input_shapes is None else input_shapes
        self.stack = [] if stack is None else stack
        self.scope = scope
        self.use_device = None
        self.cpu_memory_usage = cpu_memory_usage
        self.is_async = is_async
        self.is_remote = False
        self.is_legacy = False
        self.sequence_nr = sequence_nr
        self.device_type = DeviceType.CPU
        self.device_index = 0
        self.flops = flops
        self.is_user_annotation = is_user_annotation
        self.concrete_inputs = [] if concrete_inputs is None else concrete_inputs
        self.in_backward = scope == 1 or name.startswith(TURN)
        self._code, self._offset = code, offset

    def append_cpu_child(self, child):
        """Put an event inside this one."""
        self.cpu_children.append(child)

    def set_cpu_parent(self, parent):
        """Set the event that this one is inside of."""
        self._parent = weakref.ref(parent)

    @property
    def cpu_parent(self):
        """The event that this one is inside of, as long as the list of both lives; or None."""
        return None if self._parent is None else self._parent()

    @property
    def key(self):
        """What events are grouped by: the name."""
        return self.name

    @property
    def site(self):
        """The Site of the statement; None for record_function and what is inside an operation.

        The backward of a statement has the statement's.
        """
        if self._code is None:
            return None
        from rushlight._site import resolve

        return resolve(self._code, self._offset)

    @property
    def cpu_time_total(self):
        """Microseconds from beginning to end."""
        return 0 if self.is_async else self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self):
        """Microseconds without those of the events inside."""
        if self.is_async:
            return 0
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def self_cpu_memory_usage(self):
        """Bytes that came, less those that went, without the events inside."""
        return self.cpu_memory_usage - sum(c.cpu_memory_usage for c in self.cpu_children)

    def __repr__(self):
        return (
            f"<FunctionEvent id={self.id} name={self.name} thread={self.thread} "
            f"start_us={self.time_range.start} end_us={self.time_range.end} "
            f"cpu_time={self.cpu_time_str} cpu_children={[c.id for c in self.cpu_children]} "
            f"input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage} "
            f"seq_nr={self.sequence_nr}>"
        )


class FunctionEventAvg(FormattedTimesMixin):
    """The events of one key, summed; ``cpu_time`` is the average of a call."""

    device_time_total = 0
    self_device_time_total = 0
    device_memory_usage = 0
    self_device_memory_usage = 0

    def __init__(self):
        self.key = None
        self.count = 0
        self.node_id = -1
        self.is_async = self.is_remote = self.is_legacy = self.is_user_annotation = False
        self.use_device = None
        self.cpu_time_total = self.self_cpu_time_total = 0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.input_shapes = self.overload_name = self.stack = self.scope = None
        self.cpu_children = self.cpu_parent = None
        self.device_type = DeviceType.CPU
        self.flops = 0

    def add(self, other):
        """Add an event, or the sum of others, of the same key. Return self."""
        if self.key is None:
            for name in (
                "key",
                "is_async",
                "cpu_parent",
                "cpu_children",
                "overload_name",
                "input_shapes",
                "stack",
                "scope",
                "is_user_annotation",
            ):
                setattr(self, name, getattr(other, name))
        if not isinstance(other, (FunctionEvent, FunctionEventAvg)):
            raise AssertionError("Expected other to be a FunctionEvent or FunctionEventAvg")
        if other.key != self.key:
            raise AssertionError(f"Expected keys to match, but got {other.key} vs {self.key}")
        return self._sum(other)

    def _sum(self, other):
        for name in (
            "cpu_time_total",
            "self_cpu_time_total",
            "cpu_memory_usage",
            "self_cpu_memory_usage",
            "count",
            "flops",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    __iadd__ = add

    def __repr__(self):
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage}>"
        )


class EventList(list):
    """Events in the order in which they began, or their averages."""

    def __init__(self, *args, use_device=None, profile_memory=False, with_flops=False):
        super().__init__(*args)
        self._use_device = use_device
        self._profile_memory = profile_memory
        self._with_flops = with_flops

    def __str__(self):
        return self.table()

    @property
    def self_cpu_time_total(self):
        """Microseconds of all events, each without those inside it."""
        return sum(event.self_cpu_time_total for event in self)

    def table(
        self,
        sort_by=None,
        row_limit=100,
        max_src_column_width=75,
        max_name_column_width=55,
        max_shapes_column_width=80,
        header=None,
        top_level_events_only=False,
        time_unit=None,
    ):
        """Return a table as a str, one row per event.

        sort_by: an attribute, largest first: ``"cpu_time_total"``, ``"self_cpu_time_total"``,
            ``"cpu_memory_usage"``, ``"count"``; None keeps the order. row_limit: at most so many
            rows, -1 for all. max_..._column_width: None for as wide as it takes. header: a line
            above. top_level_events_only: leave out what is inside another event. time_unit: "s",
            "ms" or "us" for all times.
        Raises: AttributeError for a sort_by that events do not have.
        """
        events = self
        if sort_by is not None:
            attribute = attrgetter(sort_by.replace("cuda", "device").replace("xpu", "device"))
            events = sorted(self, key=attribute, reverse=True)
        return build_table(
            events,
            row_limit=row_limit,
            max_src_column_width=max_src_column_width,
            max_name_column_width=max_name_column_width,
            max_shapes_column_width=max_shapes_column_width,
            header=header,
            top_level_events_only=top_level_events_only,
            time_unit=time_unit,
            profile_memory=self._profile_memory,
            with_flops=self._with_flops,
        )

    def by_line(self):
        """Return a LineTable: forward and backward time of each source line.

        The backward of a statement counts for the statement, not for the line of ``backward()``.
        """
        return LineTable(self)

    def key_averages(
        self, group_by_input_shapes=False, group_by_stack_n=0, group_by_overload_name=False
    ):
        """Return an EventList of FunctionEventAvg, one per name.

        group_by_input_shapes: one per name and shapes. group_by_stack_n: and per so many innermost
        entries of the stack. group_by_overload_name: changes nothing, names have no overloads.
        """
        groups = {}
        for event in self:
            key = (event.key, event.is_user_annotation)
            if group_by_input_shapes:
                key += (str(event.input_shapes),)
            if group_by_stack_n > 0:
                key += tuple(event.stack[:group_by_stack_n])
            groups.setdefault(key, FunctionEventAvg()).add(event)
        averages = EventList(
            groups.values(), profile_memory=self._profile_memory, with_flops=self._with_flops
        )
        for average in averages:
            average.stack = average.stack[:group_by_stack_n]
            if not group_by_input_shapes:
                average.input_shapes = ""
        return averages

    def total_average(self):
        """Return one FunctionEventAvg with key "Total", the sum of all events."""
        total = FunctionEventAvg()
        total.key = "Total"
        for event in self:
            total._sum(event)
        return total

    def export_chrome_trace(self, path):
        """Write the events as JSON that chrome://tracing and Perfetto load; ".gz" compresses it.

        An arrow leads from each operation to the node of its backward.
        """
        from ._profiler_trace import write_trace

        write_trace(self, path)

    def supported_export_stacks_metrics(self):
        """Return the names that export_stacks() takes."""
        return [
            "self_cpu_time_total",
            "self_cuda_time_total",
            "self_xpu_time_total",
            "self_privateuse1_time_total",
        ]

    def export_stacks(self, path, metric):
        """Write one line per event with a stack: its entries from the outside in, and the metric.

        Raises: ValueError for a metric that is not one of supported_export_stacks_metrics().
        """
        if metric not in self.supported_export_stacks_metrics():
            raise ValueError(
                "metric should be one of: " + str(self.supported_export_stacks_metrics())
            )
        name = metric.replace("cuda", "device").replace("xpu", "device")
        name = name.replace("privateuse1", "device")
        unsafe = str.maketrans(" ;\t\n", "____")
        with open(path, "w") as file:
            for event in self:
                value = int(getattr(event, name))
                if event.stack and value > 0:
                    entries = ";".join(e.translate(unsafe) for e in reversed(event.stack))
                    file.write(f"{entries} {value}\n")


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""The events of a profile as a trace, for chrome://tracing and Perfetto."""

import json
import os

from rushlight import _C

_C._add_package_globals(globals())


def write_trace(events, path):
    """Write an EventList as JSON, with an arrow from each operation to its backward's node."""
    pid = os.getpid()
    trace = [{"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": "python"}}]
    for event in events:
        args = {"Sequence number": event.sequence_nr} if event.sequence_nr >= 0 else {}
        if event.input_shapes:
            args["Input Dims"] = event.input_shapes
        if event.concrete_inputs:
            args["Concrete Inputs"] = event.concrete_inputs
        if event.site is not None:
            args["source"] = str(event.site)
            args["expression"] = event.site.expression
        trace.append(
            {
                "ph": "X",
                "cat": "user_annotation" if event.is_user_annotation else "cpu_op",
                "name": event.trace_name,
                "pid": pid,
                "tid": event.thread,
                "ts": event.time_range.start,
                "dur": event.time_range.elapsed_us(),
                "args": args,
            }
        )
    trace += _arrows(events, pid)
    if str(path).endswith(".gz"):
        import gzip

        opened = gzip.open(path, "wt")
    else:
        opened = open(path, "w")
    with opened as file:
        json.dump({"schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": trace}, file)


def _arrows(events, pid):
    forward = {}
    for event in events:
        if event.sequence_nr < 0:
            continue
        if not event.in_backward:
            forward[event.sequence_nr] = event
        elif event.scope == 1 and event.sequence_nr in forward:
            common = {"cat": "fwdbwd", "name": "fwdbwd", "id": event.id, "pid": pid}
            begin = forward[event.sequence_nr]
            yield {**common, "ph": "s", "tid": begin.thread, "ts": begin.time_range.start}
            end = {"ph": "f", "bp": "e", "tid": event.thread, "ts": event.time_range.start}
            yield {**common, **end}

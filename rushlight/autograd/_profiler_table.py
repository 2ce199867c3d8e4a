"""Tables of profiled events."""

import math

from rushlight import _C

_C._add_package_globals(globals())

_UNITS = {"s": 1e6, "ms": 1e3, "us": 1.0}
_COLUMN = 12


def format_time(us, unit=None):
    """Return microseconds as text, in a unit that suits or the one given: ``1.234ms``."""
    if unit not in _UNITS:
        unit = "s" if us >= 1e6 else "ms" if us >= 1e3 else "us"
    return f"{us / _UNITS[unit]:.3f}{unit}"


def format_share(us, total):
    """Return the share of a total in percent."""
    return "NaN" if total == 0 else f"{us * 100.0 / total:.2f}%"


def format_memory(nbytes):
    """Return a number of bytes as text: ``1.50 KB``."""
    for power, name in ((30, "GB"), (20, "MB"), (10, "KB")):
        if abs(nbytes) >= 1 << power:
            return f"{nbytes / (1 << power):.2f} {name}"
    return f"{nbytes} B"


class Grid:
    """Rows of text under a header, in columns that are two spaces apart."""

    def __init__(self):
        self._columns = []

    def column(self, title, width=_COLUMN, left=False):
        """Add a column."""
        self._columns.append((title, width, left))

    def rule(self):
        """Return the line between header and rows."""
        return "".join("-" * width + "  " for _, width, _ in self._columns)

    def width(self):
        """Return the characters of a line."""
        return sum(width + 2 for _, width, _ in self._columns) - 2

    def row(self, cells):
        """Return a line of cells, one per column."""
        return "".join(
            f"{cell!s:{'<' if left else '>'}{width}}  "
            for cell, (_, width, left) in zip(cells, self._columns, strict=True)
        )

    def head(self):
        """Return the header's lines."""
        return [self.rule(), self.row([title for title, _, _ in self._columns]), self.rule()]


def _limited(width, limit):
    return width if limit is None else min(width, limit)


def _tail(path, width):
    return path if len(path) <= width else "..." + path[len(path) - width :][3:]


def _flops_scale(events):
    known = [event.flops for event in events if event.flops > 0]
    if not known:
        return None
    steps = min(int(math.log10(min(known)) / 3), 5)
    return 1000.0**steps, "Total " + "KMGTP"[steps - 1 : steps] + "FLOPs"


def build_table(
    events,
    *,
    row_limit,
    max_src_column_width,
    max_name_column_width,
    max_shapes_column_width,
    header,
    top_level_events_only,
    time_unit,
    profile_memory,
    with_flops,
):
    """Return the table of ``EventList.table``."""
    if not events:
        return ""
    grid = Grid()
    name_width = _limited(max(len(event.key) for event in events) + 4, max_name_column_width)
    grid.column("Name", name_width)
    for title in ("Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"):
        grid.column(title)
    if profile_memory:
        grid.column("CPU Mem")
        grid.column("Self CPU Mem")
    grid.column("# of Calls")
    has_shapes = any(event.input_shapes for event in events)
    shapes_width = max(len(str(event.input_shapes)) for event in events) + 4
    shapes_width = _limited(shapes_width, max_shapes_column_width)
    if has_shapes:
        grid.column("Input Shapes", shapes_width)
    stacks = [event.stack for event in events if event.stack]
    if stacks:
        width = max(len(entry) for stack in stacks for entry in stack) + 4
        src_width = _limited(width, max_src_column_width)
        grid.column("Source Location", src_width, left=True)
    scale = _flops_scale(events) if with_flops else None
    if scale:
        grid.column(scale[1])
    total = sum(event.self_cpu_time_total for event in events)

    lines = []
    if header is not None:
        lines += ["=" * grid.width(), header]
    if top_level_events_only:
        lines += ["=" * grid.width(), "This report only display top-level ops statistics"]
    lines += grid.head()
    shown = [e for e in events if not (top_level_events_only and e.cpu_parent is not None)]
    for event in shown[: None if row_limit < 0 else row_limit]:
        name = event.key
        if max_name_column_width is not None and len(name) >= max_name_column_width - 3:
            name = name[: max_name_column_width - 3] + "..."
        cells = [
            name,
            format_share(event.self_cpu_time_total, total),
            format_time(event.self_cpu_time_total, time_unit),
            format_share(event.cpu_time_total, total),
            format_time(event.cpu_time_total, time_unit),
            format_time(event.cpu_time, time_unit),
        ]
        if profile_memory:
            cells.append(format_memory(event.cpu_memory_usage))
            cells.append(format_memory(event.self_cpu_memory_usage))
        cells.append(event.count)
        if has_shapes:
            cells.append(str(event.input_shapes)[:shapes_width])
        if stacks:
            cells.append(_tail(event.stack[0], src_width) if event.stack else "")
        if scale:
            cells.append(f"{event.flops / scale[0]:8.3f}" if event.flops > 0 else "--")
        lines.append(grid.row(cells))
        if stacks:
            place = len(cells) - (2 if scale else 1)
            for entry in [*event.stack[1:], ""]:
                cells = [""] * len(cells)
                cells[place] = _tail(entry, src_width)
                lines.append(grid.row(cells))
    lines.append(grid.rule())
    lines.append(f"Self CPU time total: {format_time(total, time_unit)}")
    return "\n".join(lines) + "\n"

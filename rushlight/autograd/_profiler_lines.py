"""A profile by source line: what each statement costs, forward and backward."""

from rushlight import _C
from rushlight._site import _one_line

from ._profiler_table import Grid, format_share, format_time

_C._add_package_globals(globals())


class Line:
    """What one source line cost.

    file: the path. lineno: from 1. source: the line's text, "" where there is no source. forward,
    backward, total: microseconds. calls: operations that it began. ops: their names, each once.
    """

    __slots__ = ("backward", "calls", "file", "forward", "lineno", "ops", "source")

    def __init__(self, file, lineno, source):
        self.file, self.lineno, self.source = file, lineno, source
        self.forward = self.backward = 0.0
        self.calls = 0
        self.ops = []

    @property
    def total(self):
        """Microseconds of forward and backward."""
        return self.forward + self.backward

    def __repr__(self):
        return (
            f"<Line {self.file}:{self.lineno} forward={self.forward:.3f}us "
            f"backward={self.backward:.3f}us calls={self.calls}>"
        )


class LineTable(list):
    """The Lines of a profile, the most expensive first; printed as a table.

    A line's forward is the time of the operations that it began, its backward that of their nodes,
    with the hooks and sums of gradients on the way. What a backward pass records or computes anew
    counts as backward of the line that asked for it. Python's own time is nobody's, but in the
    steps of optimizers.
    """

    def __init__(self, events):
        lines = {}
        for event in events:
            if event._code is None:
                continue
            site = event.site
            key = (site.filename, site.lineno)
            if key not in lines:
                source = site.source.splitlines()[0].strip() if site.source else ""
                lines[key] = Line(*key, source)
            line = lines[key]
            spent = _own_time(event)
            if event.in_backward:
                line.backward += spent
            else:
                line.forward += spent
                line.calls += 1
                if event.name not in line.ops:
                    line.ops.append(event.name)
        super().__init__(sorted(lines.values(), key=lambda line: -line.total))

    def table(self, row_limit=100, time_unit=None):
        """Return the table as a str. row_limit: -1 for all rows. time_unit: "s", "ms" or "us"."""
        import os

        if not self:
            return ""
        total = sum(line.total for line in self)
        shown = self[: None if row_limit < 0 else row_limit]
        grid = Grid()
        places = [f"{os.path.basename(line.file)}:{line.lineno}" for line in shown]
        sources = [_one_line(line.source) for line in shown]
        grid.column("Line", max(map(len, ["Line", *places])), left=True)
        grid.column("Source", max(map(len, ["Source", *sources])), left=True)
        for title in ("Forward", "Backward", "Total", "Total %", "# of Calls"):
            grid.column(title)
        lines = grid.head()
        for place, source, line in zip(places, sources, shown, strict=True):
            times = (format_time(t, time_unit) for t in (line.forward, line.backward, line.total))
            lines.append(
                grid.row([place, source, *times, format_share(line.total, total), line.calls])
            )
        lines += [grid.rule(), f"CPU time of all lines: {format_time(total, time_unit)}"]
        return "\n".join(lines) + "\n"

    def __str__(self):
        return self.table()


def _own_time(event):
    """The event's time without that of events inside it which have a line of their own."""
    spent = event.cpu_time_total
    stack = list(event.cpu_children)
    while stack:
        inside = stack.pop()
        if inside._code is None:
            stack += inside.cpu_children
        else:
            spent -= inside.cpu_time_total
    return spent

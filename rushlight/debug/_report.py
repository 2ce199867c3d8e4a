"""The story of one infinity or nan, as text."""

import threading

from rushlight import _C
from rushlight._site import line_of

_C._add_package_globals(globals())

_LONGEST = 12  # lines of a story's way from the birth


class NonfiniteReport:
    """The story of one infinity or nan. Printing it tells it; it keeps no tensor alive.

    subject: what is not finite, "x.grad" or "loss". index, value: which entry, and what it is.
    kind: "forward" or "backward", the pass of which an operation made it; "data", a tensor that
    came with it; "gradient", given to backward(); "hook", returned by one; "sum" of finite
    gradients; "before", a .grad that had it already; "unknown".
    op, node: the operation that made it, as "Log" and "LogBackward0"; None without one.
    site: where that stands, a Site; None where not known.
    inputs: (name, number) of what the operation was given at that place.
    steps: the operations from the birth on, each with direction, op, node, site, index, value.
    pattern, fix: what is known of such a birth, and the usual rewrite; None otherwise.
    notes: what could not be known.
    """

    def __init__(self, subject, index, value, birth, name=None):
        from ._patterns import pattern_of

        self.subject, self.index, self.value = subject, index, value
        self.kind, self.steps, self.notes = birth.kind, birth.steps, birth.notes
        first = birth.steps[0] if birth.steps else None
        made = first if birth.kind in ("forward", "backward") else None
        self.op = made.op if made else None
        self.node = made.node if made else None
        self.inputs = made.inputs if made else ()
        self.name = name
        self.site = first.site if first else None
        self.pattern, self.fix = pattern_of(birth) or (None, None)
        self.thread, self.run = threading.get_ident(), _C._current_graph_task_id()
        self.by_function = bool(made) and made.node.endswith("Backward")

    def begin_with(self, inner):
        """Tell what another report knows of the way before the first operation of this one."""
        self.kind, self.steps = inner.kind, [*inner.steps, *self.steps]
        self.op, self.node, self.inputs, self.site = inner.op, inner.node, inner.inputs, inner.site
        self.name, self.pattern, self.fix = inner.name, inner.pattern, inner.fix
        self.notes = (*inner.notes, *self.notes)

    def __repr__(self):
        return str(self)

    def __str__(self):
        lines = [f"{self.subject}{_place(self.index)} is {_shown(self.value)}: {self._headline()}"]
        if self.op is not None:
            lines += self._first()
        elif self.site is not None:
            label = "last written by" if self.kind == "data" else "at"
            lines.append(f"  {label}  {line_of(self.site)}")
        way = self.steps[1:] if self.kind != "unknown" else self.steps
        if way:
            lines.append("  on its way")
            skipped = len(way) - _LONGEST
            if skipped > 0:
                half = _LONGEST // 2
                lines += [_step_line(step) for step in way[:half]]
                lines.append(f"    … {skipped} more operations …")
                lines += [_step_line(step) for step in way[-half:]]
            else:
                lines += [_step_line(step) for step in way]
        if self.pattern:
            lines.append(f"  pattern: {self.pattern}")
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        lines += [f"  note: {note}" for note in dict.fromkeys(self.notes)]
        return "\n".join(lines)

    def _headline(self):
        first = self.steps[0] if self.steps else None
        if self.kind == "forward":
            return f"born in the forward pass, in {first.op}"
        if self.kind == "backward":
            what = first.op if first.gave == "output" else f"the derivative of {first.op}"
            return f"born in the backward pass, in {what}"
        if self.kind == "data":
            what = self.name or "a tensor without history"
            return f"{what}{_place(first.index)} was {_shown(first.value)} already"
        if self.kind == "gradient":
            return "the gradient that the pass began with was not finite"
        if self.kind == "hook":
            return "born in a hook, of a finite gradient"
        if self.kind == "sum":
            return "born in a sum of gradients, each of them finite"
        if self.kind == "before":
            return "what this pass added is finite"
        return "its birth is not known"

    def _first(self):
        first = self.steps[0]
        told = ", ".join(f"{name} = {_shown(value)}" for name, value in first.inputs)
        label = "made by" if first.gave == "output" else "derivative of"
        lines = [f"  {label}  {line_of(first.site) or first.node}"]
        lines.append(
            f"    {first.gave}{_place(first.index)} = {_shown(first.value)}"
            + (f"  from  {told}" if told else "")
        )
        return lines


def _place(index):
    return f"[{', '.join(map(str, index))}]" if index else ""


def _shown(value):
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _step_line(step):
    arrow = "forward " if step.direction == "forward" else "backward"
    what = f"{step.op}{_place(step.index)} = {_shown(step.value)}"
    return f"    {arrow}  {what:<24}  {line_of(step.site)}".rstrip()

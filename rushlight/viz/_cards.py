"""The boxes of a graph's picture: their words, sizes and strokes."""

from rushlight import _C

from ._canvas import Canvas
from ._draw import CHIP_GAP, chips_size, draw_chips, even
from ._metrics import shorten, width
from ._model import GRAD_INF, GRAD_NAN, LEAF, NONE, ROOT, VALUE_INF, VALUE_NAN
from ._text import one_line, place_of, source_of

_C._add_package_globals(globals())

_CHIPS = 6  # more leaves than these are summed up
_BAD = VALUE_NAN | VALUE_INF | GRAD_NAN | GRAD_INF


def number(value):
    return f"{value + 0.0:.4g}"  # no -0


def summary(model, row, table):
    """What a tensor holds, in few words: all of up to four numbers, else its range and mean."""
    count, at = int(table["count"][row]), table["data"][row]
    if at != NONE and count <= 4:
        values = [number(v) for v in model.data[at : at + count]]
        text = values[0] if count == 1 else f"[{', '.join(values)}]"
    elif count == 0:
        return "empty"
    else:
        low, high, mean = (number(table[name][row]) for name in ("min", "max", "mean"))
        text = f"[{low} … {high}]  mean {mean}"
    bad = [f"{table[name][row]} {name}" for name in ("nan", "inf") if table[name][row]]
    return f"{text}  {', '.join(bad)}" if bad and count > 1 else text


def _counted(words):
    """Chips from {words: how many}, the last one for those that have no room."""
    chips = [shorten(w, 24) + (f" ×{n}" if n > 1 else "") for w, n in words.items()]
    return (
        [*chips[: _CHIPS - 1], f"{len(chips) - _CHIPS + 1} more"] if len(chips) > _CHIPS else chips
    )


class Plate:
    """A box of a few centred lines, with chips docked at its left.

    lines: (text, size, colour, bold, mono) each. ``dock`` is the room for the chips.
    """

    def __init__(self, unit, lines, fill="box", line="line", radius=0, dashed=False, stacked=False):
        self.lines, self.fill, self.line = lines, fill, line
        self.radius, self.dashed, self.stacked = radius, dashed, stacked
        self.chips, self.ghosts = _counted(unit.chips), _counted(unit.ghosts)
        widest = max(width(text, size, bold, mono) for text, size, _, bold, mono in lines)
        room, high = chips_size([*self.chips, *self.ghosts])
        self.behind = 6 if stacked else 0
        self.text_height = sum(size + 4 for _, size, *_ in lines)
        self.w = even(widest + 20) + self.behind
        self.h = even(max(self.text_height + 8 + self.behind, high))
        self.dock = room

    def draw(self, canvas: Canvas, x, y):
        left, top = x - self.w / 2, y - self.h / 2
        w, h = self.w - self.behind, self.h - self.behind
        paint = (self.fill, self.line, self.radius, self.dashed)
        for k in range(self.behind, -1, -3):  # the back of the pile first
            canvas.rectangle(left + k, top + k, w, h, *paint)
        base = top + (h - self.text_height) / 2
        for text, size, colour, bold, mono in self.lines:
            base += size + 2
            canvas.text(left + w / 2, base, text, size, colour, bold, mono)
            base += 2
        draw_chips(canvas, self.chips, self.ghosts, left - CHIP_GAP, y)


class Card:
    """A table: a head, then rows of (name, text, colour, bold, mono)."""

    ROW, HEAD = 19, 23

    def __init__(self, unit, head, op, rows, fill="box", line="line"):
        self.head, self.op, self.rows, self.fill, self.line = head, op, rows, fill, line
        self.chips, self.ghosts = _counted(unit.chips), _counted(unit.ghosts)
        self.dock, high = chips_size([*self.chips, *self.ghosts])
        self.head_width = width(head, 13, True)
        self.names = even(max((width(row[0], 11) for row in rows), default=0) + 16)
        texts = max((width(text, 11, bold, mono) for _, text, _, bold, mono in rows), default=0)
        head_room = self.head_width + 12 + width(op, 12) + 20
        self.w = even(max(self.names + texts + 16, head_room))
        self.h = even(max(self.HEAD + self.ROW * len(rows), high))

    def draw(self, canvas: Canvas, x, y):
        left, top = x - self.w / 2, y - self.h / 2
        canvas.rectangle(left, top, self.w, self.h, self.fill, self.line)
        words = self.head_width + 12 + width(self.op, 12)
        at = x - words / 2
        canvas.text(at, top + 16, self.head, 13, bold=True, anchor="start")
        canvas.text(at + self.head_width + 12, top + 16, self.op, 12, "muted", anchor="start")
        for k, (name, text, colour, bold, mono) in enumerate(self.rows):
            y0 = top + self.HEAD + k * self.ROW
            if name or k == 0:  # a row without a name goes on with the one before
                canvas.line(left, y0, left + self.w, y0, self.line)
            canvas.text(left + 8, y0 + 13.5, name, 11, "muted", anchor="start")
            canvas.text(
                left + self.names + 8, y0 + 13.5, text, 11, colour, bold, mono, anchor="start"
            )
        if self.rows:
            edge = left + self.names
            canvas.line(
                edge, top + self.HEAD, edge, top + self.HEAD + self.ROW * len(self.rows), self.line
            )
        draw_chips(canvas, self.chips, self.ghosts, left - CHIP_GAP, y)


class Maker:
    """Makes the box of each unit of a view. cards: tables with numbers for single operations."""

    def __init__(self, view, cards):
        self.view, self.model, self.cards = view, view.model, cards

    def make(self, unit):
        if unit.kind == "ghost":
            return self._ghost(unit)
        if unit.kind == "group":
            return self._group(unit)
        node = self.view.graph.nodes[unit.nodes[0]]
        return self._card(unit, node) if self.cards else self._plate(unit, node)

    def _ghost(self, unit):
        where = place_of(unit.cut)
        name = shorten(unit.cut.name or f"input {unit.cut.input}", 30)
        lines = [(name, 12, "text", False, False)]
        lines.append((f"no gradient: {unit.cut.reason}", 10, "muted", False, False))
        if where:
            lines.append((where, 10, "muted", False, False))
        return Plate(unit, lines, "ghost", "line", radius=4, dashed=True)

    def _group(self, unit):
        iterations = {self.model.nodes["iter"][i] for i in unit.nodes} - {NONE}
        about = [] if unit.group.kind == "chunk" else [f"{len(unit.nodes):,} operations"]
        if len(iterations) > 1:
            about.append(f"{len(iterations):,} rounds")
        if unit.loops and len(iterations) > 1:
            about.append("feeds itself")
        label = shorten(unit.group.label, 44)
        lines = [(label, 12, "text", True, False)]
        source = self._source_line(unit.nodes[0]) if unit.group.kind == "line" else ""
        if source:
            lines = [(source, 12, "text", False, True)]
            about.insert(0, label)
        if about:
            lines.append((", ".join(about), 10, "muted", False, False))
        return Plate(unit, lines, *self._paint(unit.nodes), stacked=True)

    def _source_line(self, node):
        site = self.model.nodes["site"][node]
        number, line = self.model.sites["file"][site], self.model.sites["line"][site]
        text = None if NONE in (number, line) else self.model.files[number]["text"]
        lines = text.splitlines() if text else []
        return shorten(lines[line - 1].strip(), 48) if 0 < line <= len(lines) else ""

    def _paint(self, nodes):
        bits = 0
        for i in nodes:
            bits |= self.model.nodes["flags"][i]
        if bits & _BAD:
            return "bad", "bad-line"
        if bits & ROOT:
            return "root", "root-line"
        if bits & LEAF:
            return "leaf", "leaf-line"
        return "box", "line"

    def _plate(self, unit, node):
        label, more = self.view.words(node)
        lines = [(shorten(one_line(label, 200), 44), 12, "text", True, False)]
        about = [shorten(one_line(more, 200), 30), str(node.shape or ""), place_of(node)]
        about = "  ".join(filter(None, about))
        if about:
            lines.append((about, 10, "muted", False, False))
        bad = [flag for flag in sorted(node.flags) if " has " in flag]
        if bad:
            lines.append((", ".join(bad), 10, "text", False, False))
        radius = 8 if "custom" in node.flags else 0
        return Plate(unit, lines, *self._paint(unit.nodes), radius=radius)

    def _card(self, unit, node):
        graph, model = self.view.graph, self.model
        rows = []
        place = place_of(node)
        if node.expression and not node.is_leaf:
            code = shorten(source_of(node, 200), 52)
            rows.append(("code", f"{code}   {place}", "text", False, True))
        elif place:
            rows.append(("made at", place, "text", False, False))
        shape = str(node.shape) if node.shape is not None else ""
        for row in graph._rows_of("values", node.index)[:1]:
            rows.append((f"value {shape}", summary(model, row, model.values), "text", False, False))
        if not graph._rows_of("values", node.index) and shape:
            rows.append(("shape", shape, "text", False, False))
        for row in graph._rows_of("grads", node.index)[:1]:
            rows.append(("gradient", summary(model, row, model.grads), "grad", True, False))
        for row in graph._rows_of("rules", node.index):
            # The formula, then what the tensors in it hold, then the product.
            formula, _, held = model.strs[model.rules["text"][row]].partition(",  ")
            for k, text in enumerate([formula, *filter(None, held.split("; "))]):
                name = "" if k or rows[-1][0] in ("local rule", "") else "local rule"
                rows.append((name, shorten(text, 70), "text", False, False))
            sentence = model.text(model.rules["sentence"][row]) or ""
            if sentence and not sentence.startswith("shape "):  # the input's own card has that
                sentence = shorten(sentence.replace("->", "→"), 70)
                rows.append(("", sentence, "grad", False, False))
        if node.freed:
            rows.append(("freed", f"its saved tensors, by {node.freed}", "muted", False, False))
        for flag in sorted(node.flags):
            if " has " in flag:
                rows.append(("bad", flag, "text", True, False))
        head = "leaf" if node.is_leaf else node.op
        label = shorten(one_line(self.view.words(node)[0], 200), 44)
        return Card(unit, label, head if head != label else "", rows, *self._paint(unit.nodes))

"""``Graph.to_svg()``: the picture of a graph."""

from collections import Counter
from math import inf, isfinite

from rushlight import _C

from ._canvas import MARGIN, Canvas
from ._cards import Maker
from ._frames import arrange
from ._metrics import shorten, width
from ._model import LEAF
from ._text import counted, line_of
from ._view import View

_C._add_package_globals(globals())

CARDS = 16  # operations at most that are drawn as cards where nobody chose


def svg(graph, max_boxes=200, groups=True, cards=None, theme="light", title=None):
    """Draw a graph, as Graph.to_svg() says. Returns: SVG text, the same for the same graph."""
    if not isinstance(max_boxes, int) or max_boxes < 1:
        raise ValueError(f"max_boxes must be a positive int, not {max_boxes!r}")
    canvas = Canvas(theme)
    model = graph._model
    leaves = sum(1 for flag in model.nodes["flags"] if flag & LEAF)
    operations = len(model) - leaves
    if cards is None:
        cards = len(model.values["node"]) > 0 and operations <= CARDS
    view = View(graph, max_boxes if groups else None, leaves=bool(cards))
    maker = Maker(view, cards)
    plates = {id(unit): maker.make(unit) for unit in view.units}
    for unit in view.units:
        plate = plates[id(unit)]
        plate.draw = _with_tooltip(plate.draw, _tooltip(view, unit))
    root = arrange(view, plates)
    thickness = view.thickness()
    inward = Counter(id(flow.target) for flow in view.flows.values())

    def draw_link(flows, way, x, y, arrow):
        count = sum(flow.count for flow in flows)
        worst = max(flows, key=lambda flow: (flow.norm == inf, thickness(flow)))
        colour = "edge" if worst.norm is None else "grad" if isfinite(worst.norm) else "bad-line"
        dashed = all(flow.dashed for flow in flows)
        thick = thickness(worst)
        canvas.edge(way, x, y, thick, colour, dashed, arrow)
        crowded = inward[id(flows[0].target)] > 6
        if arrow and count > 1 and len(way) and not crowded:
            down = way[-1] > way[1]
            at, base = (-5 - thick, -8) if down else (5 + thick, 15)
            canvas.text(
                *(x + way[-2] + at, y + way[-1] + base, f"×{count:,}", 9, "muted"),
                anchor="end" if down else "start",
            )

    root.draw_root(canvas, MARGIN, MARGIN, draw_link)
    if title is None:
        title = f"Computation graph of {_names(graph.roots())}"
    facts = f"{counted(operations, 'operation')}, {counted(leaves, 'leaf', 'leaves')}"
    facts += "; data flows from top to bottom."
    notes = _notes(graph, view)
    y = MARGIN + root.placed.height + 20
    for note in notes:
        canvas.text(MARGIN, y, note, 10, "muted", anchor="start")
        y += 15
    widest = max([root.placed.width, *(width(note, 10) for note in notes)])
    high = y - 15 if notes else MARGIN + root.placed.height
    description = " ".join([facts, *notes])
    return canvas.finish(widest + 2 * MARGIN, high + MARGIN, title, description)


def _names(nodes):
    names = [shorten(node.label, 40) for node in nodes[:4]]
    return ", ".join(names) + (f" and {len(nodes) - 4} more" if len(nodes) > 4 else "")


def _with_tooltip(draw, words):
    def drawn(canvas, x, y):
        canvas.open(words)
        draw(canvas, x, y)
        canvas.close()

    return drawn


def _tooltip(view, unit):
    if unit.kind == "ghost":
        return f"no gradient to {unit.cut}"
    if unit.kind == "group":
        return f"{unit.group.label}: {len(unit.nodes):,} operations"
    return line_of(view.graph.nodes[unit.nodes[0]])


def _notes(graph, view):
    """Sentences under the picture."""
    notes = list(graph.notes)
    norms = [flow.norm for flow in view.flows.values() if flow.norm is not None]
    finite = [norm for norm in norms if isfinite(norm)]
    if finite:
        notes.append(
            "arrows: as wide as the logarithm of the gradient's norm, "
            f"{min(finite):.3g} to {max(finite):.3g}"
        )
    if any(flow.dashed and flow.source.kind != "ghost" for flow in view.flows.values()):
        notes.append("dashed arrows: a view, which copies nothing")
    freed = {graph.nodes[u.nodes[0]].freed for u in view.units if u.kind == "op"} - {None}
    if freed:
        notes.append(f"saved tensors freed at {', '.join(sorted(freed)[:3])}")
    return notes

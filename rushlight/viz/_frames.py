"""Boxes in open frames, one in another: each frame is laid out by itself and stands as one box.

An edge through a frame's border passes a port on it, so that it ends at the box it belongs to.
"""

from rushlight import _C

from ._canvas import Canvas
from ._draw import even
from ._layout import ANYWHERE, FIRST, LAST, place
from ._metrics import shorten, width

_C._add_package_globals(globals())

_PAD = 14
_HEAD = 26  # for the title, where no edge enters
_PORT = (8.0, 0.0)


class _Link:
    """A piece of some flows inside one frame. Its ends are items of the frame, or its ports."""

    def __init__(self, source, target, source_key, target_key, arrow):
        self.source, self.target, self.arrow = source, target, arrow
        self.source_key, self.target_key = source_key, target_key  # where the end is a frame
        self.flows = []


class _Port:
    def __init__(self, where):
        self.w, self.h = _PORT
        self.dock, self.where = 0, where


class Frame:
    """What lies at one level: plates, frames, ports, and the links between them."""

    def __init__(self, title="", kind=""):
        self.title, self.kind = shorten(title, 60), kind
        self.items, self.links = [], {}
        self.inward, self.outward = {}, {}  # ports by the unit that the edge comes from
        self.dock = 0

    def link(self, source, target, source_key, target_key, flow, arrow):
        key = (id(source), id(target), source_key, target_key)
        if key not in self.links:
            self.links[key] = _Link(source, target, source_key, target_key, arrow)
        self.links[key].flows.append(flow)

    def port(self, ports, key, where):
        if key not in ports:
            ports[key] = _Port(where)
        return ports[key]

    def lay_out(self, between_ranks):
        """Sizes and places; those of the frames inside are known already."""
        boxes = [*self.items, *self.inward.values(), *self.outward.values()]
        at = {id(box): i for i, box in enumerate(boxes)}
        links = list(self.links.values())

        def end(item, key, outward):
            if not isinstance(item, Frame):
                return None
            return item.port_x[id((item.outward if outward else item.inward)[key])]

        self.placed = place(
            [(box.w, box.h) for box in boxes],
            [(at[id(link.source)], at[id(link.target)]) for link in links],
            [box.dock for box in boxes],
            [box.where if isinstance(box, _Port) else ANYWHERE for box in boxes]
            if self.inward or self.outward
            else None,
            [
                (end(link.source, link.source_key, True), end(link.target, link.target_key, False))
                for link in links
            ],
            between_ranks=between_ranks,
        )
        title = width(self.title, 11, True) + 2 * _PAD if self.title else 0
        self.w = even(max(self.placed.width + 2 * _PAD, title))
        self.dx = (self.w - self.placed.width) / 2
        self.dy = 0 if self.inward else _HEAD
        self.h = even(self.dy + self.placed.height + (0 if self.outward else _PAD))
        self.port_x = {}
        for port in (*self.inward.values(), *self.outward.values()):
            self.port_x[id(port)] = self.placed.middle(at[id(port)])[0] + self.dx - self.w / 2

    def draw(self, canvas: Canvas, x, y, draw_link):
        """Everything, with the middle of the placed part's frame at x, y."""
        self._draw_inside(canvas, x - self.w / 2, y - self.h / 2, draw_link, True)

    def _draw_inside(self, canvas, left, top, draw_link, framed):
        if framed:
            canvas.rectangle(left, top, self.w, self.h, "frame", "frame-line", radius=6)
            canvas.text(left + 8, top + 15, self.title, 11, "muted", bold=True, anchor="start")
        x, y = left + self.dx, top + self.dy
        for i, link in enumerate(self.links.values()):
            draw_link(link.flows, self.placed.way(i), x, y, link.arrow)
        for i, item in enumerate(self.items):
            a, b = self.placed.middle(i)
            if isinstance(item, Frame):
                item.draw(canvas, x + a, y + b, draw_link)
            else:
                item.draw(canvas, x + a, y + b)

    def draw_root(self, canvas, left, top, draw_link):
        """The outermost level, which has neither border nor title."""
        self._draw_inside(canvas, left - self.dx, top - self.dy, draw_link, False)


def arrange(view, plates):
    """The outermost Frame of a view, laid out. plates: the box of each unit, by its id."""
    # Arrows that are wide have long heads.
    between_ranks = 44 if any(flow.norm is not None for flow in view.flows.values()) else 34
    root = Frame()
    frames = {(): root}

    def frame_at(path):
        if path not in frames:
            group = view.frame_labels[path[-1]]
            frames[path] = Frame(group.label, group.kind)
            frame_at(path[:-1]).items.append(frames[path])
        return frames[path]

    for unit in view.units:
        frame_at(unit.frames).items.append(plates[id(unit)])

    def item(unit, depth):
        """What holds a unit among the items of its frame number ``depth``."""
        inside = len(unit.frames) > depth
        return frame_at(unit.frames[: depth + 1]) if inside else plates[id(unit)]

    for flow in view.flows.values():
        a, b = flow.source, flow.target
        key = id(a)
        shared = 0
        for one, other in zip(a.frames, b.frames):
            if one != other:
                break
            shared += 1
        source, target = item(a, shared), item(b, shared)
        outer = frame_at(a.frames[:shared])
        arrow = not isinstance(target, Frame)
        outer.link(
            source,
            target,
            key if isinstance(source, Frame) else None,
            None if arrow else key,
            flow,
            arrow,
        )
        for depth in range(shared + 1, len(a.frames) + 1):
            frame, child = frame_at(a.frames[:depth]), item(a, depth)
            port = frame.port(frame.outward, key, LAST)
            frame.link(child, port, key if isinstance(child, Frame) else None, None, flow, False)
        for depth in range(shared + 1, len(b.frames) + 1):
            frame, child = frame_at(b.frames[:depth]), item(b, depth)
            port = frame.port(frame.inward, key, FIRST)
            arrow = not isinstance(child, Frame)
            frame.link(port, child, None, None if arrow else key, flow, arrow)
    for path in sorted(frames, key=len, reverse=True):
        frames[path].lay_out(between_ranks)
    return root

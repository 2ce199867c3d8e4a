"""Boxes with text and the arrows between them, laid out and drawn as SVG."""

import re
from dataclasses import dataclass
from math import ceil

from ._canvas import MARGIN, Canvas, luminance
from ._layout import place
from ._metrics import width

SIZE = 12  # of the text, in pixels
LINE = 15
_PAD_X, _PAD_Y = 8, 5
CHIP_SIZE, CHIP_HEIGHT, CHIP_GAP = 11, 17, 3
_HEX = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$")
# CSS's names of colours on which white is easier to read than black.
_DARK_NAMES = frozenset(
    "black blue blueviolet brown crimson darkblue darkgreen darkmagenta darkolivegreen darkorchid "
    "darkred darkslateblue darkslategray darkslategrey darkviolet dimgray dimgrey firebrick green "
    "indigo maroon mediumblue mediumvioletred midnightblue navy purple rebeccapurple royalblue "
    "saddlebrown sienna slateblue teal".split()
)


@dataclass(frozen=True)
class Box:
    """``fill`` is a colour of CSS; ``chips`` are small boxes docked at its left.

    mono: whether all letters have one width.
    """

    id: str
    lines: list
    fill: str
    chips: list = ()
    mono: bool = False


@dataclass(frozen=True)
class DrawnEdge:
    """From the box ``source`` down to the box ``target``, where the graph has no cycle."""

    source: str
    target: str
    width: float = 1.0
    dashed: bool = False
    arrow: bool = True


def text_on(fill):
    """The colour of text on a colour of CSS, which is taken as light where it isn't known."""
    if _HEX.match(fill):
        full = fill if len(fill) == 7 else "#" + "".join(2 * digit for digit in fill[1:])
        return "#000000" if luminance(full) > 0.179 else "#ffffff"  # both 4.5:1 there
    return "#ffffff" if fill.lower() in _DARK_NAMES else "#000000"


def even(length):
    """Whole halves: the middles and borders of boxes are then exact numbers."""
    return 2 * ceil(length / 2)


def chips_size(chips):
    """Room for a pile of chips at the left of a box, with the gap to it."""
    if not chips:
        return 0, 0
    widest = max(width(chip, CHIP_SIZE) for chip in chips)
    return even(widest + 12) + CHIP_GAP, len(chips) * (CHIP_HEIGHT + CHIP_GAP) - CHIP_GAP


def draw_chips(canvas, chips, ghosts, right, y):
    """Chips, one below the other, that end at x ``right`` around the middle ``y``.

    ghosts: chips with a dashed border, below the others.
    """
    room, high = chips_size([*chips, *ghosts])
    room -= CHIP_GAP
    top = y - high / 2
    for i, chip in enumerate([*chips, *ghosts]):
        ghost = i >= len(chips)
        fill, line = ("ghost", "line") if ghost else ("leaf", "leaf-line")
        canvas.rectangle(right - room, top, room, CHIP_HEIGHT, fill, line, radius=8, dashed=ghost)
        canvas.text(right - room / 2, top + 12.5, chip, CHIP_SIZE)
        top += CHIP_HEIGHT + CHIP_GAP


def draw(boxes, edges, *, title=""):
    """Draw a graph, its edges downwards.

    Args:
        boxes: Box, with different ids.
        edges: DrawnEdge; one from a box to itself isn't drawn.
        title: what a screen reader says.

    Returns: SVG text, the same for the same arguments.
    Raises: ValueError where ids are equal or an edge ends at no box.
    """
    number = {box.id: i for i, box in enumerate(boxes)}
    if len(number) < len(boxes):
        raise ValueError("two boxes have the same id")
    sizes, docks = [], []
    for box in boxes:
        room, high = chips_size(box.chips)
        text = max((width(line, SIZE, mono=box.mono) for line in box.lines), default=0)
        sizes.append((even(text + 2 * _PAD_X), even(max(len(box.lines) * LINE + 2 * _PAD_Y, high))))
        docks.append(room)
    try:
        pairs = [(number[edge.source], number[edge.target]) for edge in edges]
    except KeyError as e:
        raise ValueError(f"an edge ends at {e.args[0]!r}, which is no box") from None
    placed = place(sizes, pairs, docks)
    canvas = Canvas()
    for i, edge in enumerate(edges):
        canvas.edge(placed.way(i), MARGIN, MARGIN, edge.width, dashed=edge.dashed, arrow=edge.arrow)
    for i, box in enumerate(boxes):
        x, y = placed.middle(i)
        _draw_box(canvas, box, x + MARGIN, y + MARGIN, *sizes[i])
    return canvas.finish(placed.width + 2 * MARGIN, placed.height + 2 * MARGIN, title)


def _draw_box(canvas, box, x, y, w, h):
    canvas.rectangle(x - w / 2, y - h / 2, w, h, box.fill, "line")
    base = y - len(box.lines) * LINE / 2 + 11
    for line in box.lines:
        canvas.text(x, base, line, SIZE, text_on(box.fill), mono=box.mono)
        base += LINE
    draw_chips(canvas, box.chips, (), x - w / 2 - CHIP_GAP, y)

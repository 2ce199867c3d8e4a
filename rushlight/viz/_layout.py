"""The built-in layout: sizes and edges in, coordinates out (csrc/layout)."""

from array import array

from rushlight import _C

ANYWHERE, FIRST, LAST = 0, 1, 2
_NAN = float("nan")


class Placement:
    """Where everything stands, y downwards.

    ``middles`` has x and y of each box's middle, in turn; ``main`` a true byte for each edge on
    its component's longest path; all lies within ``width`` and ``height``.
    """

    def __init__(self, middles, first, points, main, width, height):
        self.middles, self._first, self._points = array("d"), array("I"), array("d")
        self.middles.frombytes(middles)
        self._first.frombytes(first)
        self._points.frombytes(points)
        self.main, self.width, self.height = main, width, height

    def middle(self, box):
        return self.middles[2 * box], self.middles[2 * box + 1]

    def way(self, edge):
        """x, y, x, y...: the start of a cubic Bézier curve, then three points for each piece.

        Empty for an edge from a box to itself.
        """
        return self._points[2 * self._first[edge] : 2 * self._first[edge + 1]]


def place(
    sizes, edges, docks=None, places=None, ports=None, between_boxes=24.0, between_ranks=34.0
):
    """Lay a graph out in ranks, its longest path straight down.

    Args:
        sizes: (width, height) of each box.
        edges: (source, target), numbers of boxes.
        docks: the room kept free at the left of each box.
        places: ANYWHERE, FIRST or LAST rank, for each box.
        ports: (source's, target's) for each edge: where it ends, from the middle of the box's
            border; None where that is left to the layout.

    Returns: a Placement, the same for the same arguments.
    """
    widths, heights = zip(*sizes) if sizes else ((), ())
    sources, targets = zip(*edges) if edges else ((), ())
    port = [
        ports and array("d", [_NAN if pair[side] is None else pair[side] for pair in ports])
        for side in (0, 1)
    ]
    return Placement(
        *_C._layered_layout(
            array("d", widths),
            array("d", heights),
            array("d", docks or bytes(8 * len(sizes))),
            array("I", sources),
            array("I", targets),
            places and bytes(places),
            *(p or None for p in port),
            between_boxes,
            between_ranks,
        )
    )

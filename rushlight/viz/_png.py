"""A picture as PNG, drawn by graphviz-pure, which brings its fonts along (docs/design/015)."""

import re
from math import sqrt
from xml.etree import ElementTree

from rushlight import _C

from ._render import find_dot, run

_C._add_package_globals(globals())

_SECONDS = 60
_PIXELS = 50e6  # a larger picture is drawn smaller
_MISSING = (
    "a PNG needs the package graphviz-pure, which is not here\n"
    "  fix: pip install rushlight[viz], which needs no system package, or to_svg()."
)
_STEP = re.compile(r"([A-Z])([^A-Z]*)")


def check(scale):
    """Raises: ValueError for a scale that is no positive number, ImportError without Graphviz."""
    if not scale > 0:
        raise ValueError(f"scale must be positive, not {scale!r}")
    if find_dot() is None:
        raise ImportError(_MISSING)


def png(svg, scale=2.0):
    """Draw a picture as PNG.

    svg: the text that to_svg() or draw() made. scale: pixels for each of its units; a large picture
    gets fewer.
    Returns: bytes.
    Raises: ImportError without graphviz-pure or Graphviz, RuntimeError where it fails, ValueError
        for a scale that is no positive number.
    """
    check(scale)
    try:
        return painted(svg, _SECONDS, scale)
    except TimeoutError:
        raise RuntimeError(
            f"drawing the PNG took more than {_SECONDS} s\n"
            "  fix: to_png(max_boxes=50), which closes more groups, or to_svg()"
        ) from None


def painted(svg, seconds, scale=2.0):
    """The PNG of an SVG, where Graphviz is. Raises: TimeoutError, RuntimeError where it fails."""
    path = find_dot().path
    command = [path, "-Kneato", "-n2", "-Tpng"]
    status, out, complaint = run(command, _graphviz_source(svg, scale), seconds)
    if status or not out.startswith(b"\x89PNG"):
        raise RuntimeError(f"{path} drew no PNG: {complaint.strip()[:500] or status}")
    return out


def _graphviz_source(svg, scale):
    """A graph of two invisible nodes, whose background is the picture in the language of xdot."""
    root = ElementTree.fromstring(svg)
    wide, high = float(root.get("width")), float(root.get("height"))
    scale = min(scale, sqrt(_PIXELS / (wide * high)))
    drawn = "".join(_operations(root, high)).replace("\\", "\\\\").replace('"', '\\"')
    corners = "".join(
        f'{name} [shape=point style=invis width=0.01 height=0.01 pos="{x},{y}"]\n'
        for name, x, y in (("a", 0, 0), ("b", wide, high))
    )
    return (
        f'digraph {{ graph [pad=0 margin=0 dpi={72 * scale:.6g} bb="0,0,{wide},{high}"\n'
        f'_background="{drawn}"]\n{corners}}}\n'
    )


def _operations(root, high):
    """Operations of xdot for the elements that our SVG consists of, whose y goes upwards."""

    def points(pairs):
        return f"{len(pairs)} " + "".join(f"{x:.2f} {high - y:.2f} " for x, y in pairs)

    for element in root.iter():
        kind = element.tag.rpartition("}")[2]
        if kind == "text":
            yield _text(element, high)
        elif kind in ("rect", "path"):
            shape, letters = _rectangle(element) if kind == "rect" else _path(element)
            fill, line = element.get("fill", "none"), element.get("stroke", "none")
            if line == "none":
                line = fill
            dashed = "dashed" if element.get("stroke-dasharray") else "solid"
            thick = f"setlinewidth({element.get('stroke-width', '1')})"
            yield f"S {_string(dashed)}S {_string(thick)}c {_string(line)}"
            filled, open_ = letters
            if fill == "none":
                yield f"{open_} {points(shape)}"
            else:
                yield f"C {_string(fill)}{filled} {points(shape)}"


def _string(text):
    return f"{len(text.encode())} -{text} "


def _rectangle(element):
    """Points and the letters that draw them, filled and not."""
    x, y, w, h, r = (float(element.get(k, 0)) for k in ("x", "y", "width", "height", "rx"))
    r = min(r, w / 2, h / 2)
    if r == 0:
        return [(x, y), (x + w, y), (x + w, y + h), (x, y + h)], "Pp"
    k = r * 0.448  # from the corner to the handle of a quarter of a circle
    left, right, top, bottom = x, x + w, y, y + h
    corners = (
        ((right - r, top), (right - k, top), (right, top + k), (right, top + r)),
        ((right, bottom - r), (right, bottom - k), (right - k, bottom), (right - r, bottom)),
        ((left + r, bottom), (left + k, bottom), (left, bottom - k), (left, bottom - r)),
        ((left, top + r), (left, top + k), (left + k, top), (left + r, top)),
    )
    shape = [(left + r, top)]
    for begin, *curve in corners:
        shape += [*_straight(shape[-1], begin), *curve]
    return shape, "bB"


def _straight(a, b):
    """A line as the rest of a cubic Bézier curve."""
    return [
        (a[0] + (b[0] - a[0]) / 3, a[1] + (b[1] - a[1]) / 3),
        (b[0] - (b[0] - a[0]) / 3, b[1] - (b[1] - a[1]) / 3),
        b,
    ]


def _path(element):
    """The same for a path: a polygon that ends with Z, a line, or a curve."""
    steps = [
        (letter, [float(n) for n in rest.split()])
        for letter, rest in _STEP.findall(element.get("d"))
    ]
    letters = {letter for letter, _ in steps}
    if not letters & {"C", "V"}:
        shape = [tuple(numbers) for _, numbers in steps if numbers]
        return shape, "PL" if "Z" not in letters else "Pp"
    shape = []
    for letter, numbers in steps:
        if letter == "M":
            shape.append(tuple(numbers))
        elif letter == "V":
            shape += _straight(shape[-1], (shape[-1][0], numbers[0]))
        else:
            shape += zip(numbers[::2], numbers[1::2])
    return shape, "bB"


def _text(element, high):
    size, bold = float(element.get("font-size")), int(element.get("font-weight") == "bold")
    font = "Courier" if "mono" in element.get("font-family", "") else "Helvetica"
    side = {"start": -1, "middle": 0, "end": 1}[element.get("text-anchor")]
    # Graphviz lifts text by a tenth of its size.
    x, y = float(element.get("x")), high - float(element.get("y")) - size / 10
    return (
        f"F {size:g} {_string(font)}t {bold} c {_string(element.get('fill'))}"
        f"T {x:.2f} {y:.2f} {side} {element.get('textLength')} {_string(element.text)}"
    )

"""A PDF of one page from an SVG such as Graphviz and the built-in layout write.

Shapes, paths, text and their groups; the fonts are those that every PDF reader has, and letters
that these lack come out as question marks.
"""

import math
import re
import zlib
from xml.etree import ElementTree

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_PATH = re.compile(rf"([A-Za-z])|({_NUMBER.pattern})")
_CALL = re.compile(r"(\w+)\s*\(([^)]*)\)")

# Widths of the letters of Times from space to ~, in thousandths of the size.
_TIMES = (
    "250 333 408 500 500 833 778 180 333 333 500 564 250 333 250 278 500 500 500 500 500 500 500 "
    "500 500 500 278 278 564 564 564 444 921 722 667 667 722 611 556 722 722 333 389 722 611 889 "
    "722 722 556 722 667 556 611 722 722 944 722 722 611 333 278 333 469 500 333 444 500 444 500 "
    "444 333 500 500 278 278 500 278 778 500 500 500 500 333 389 278 500 500 722 500 500 444 480 "
    "200 480 541"
)
_TIMES = tuple(map(int, _TIMES.split()))
_FONTS = ("Courier", "Courier-Bold", "Times-Roman", "Times-Bold", "Helvetica", "Helvetica-Bold")
_COLORS = {
    "black": 0x000000,
    "white": 0xFFFFFF,
    "lightblue": 0xADD8E6,
    "lightgrey": 0xD3D3D3,
    "lightgray": 0xD3D3D3,
    "orange": 0xFFA500,
    "darkolivegreen1": 0xCAFF70,
    "darkolivegreen3": 0xA2CD5A,
    "red": 0xFF0000,
    "green": 0x008000,
    "blue": 0x0000FF,
    "yellow": 0xFFFF00,
    "grey": 0x808080,
    "gray": 0x808080,
}
_INHERITED = {
    "fill": "black",
    "stroke": "none",
    "stroke-width": "1",
    "stroke-dasharray": "none",
    "font-size": "14",
    "font-family": "Times",
    "font-weight": "normal",
    "text-anchor": "start",
}  # attributes that an element hands down
# Control points of a quarter of a circle, as a part of the radius.
_KAPPA = 4 / 3 * (math.sqrt(2) - 1)


def pdf_of(svg):
    """Convert a picture. svg: its text. Returns: bytes, the same for the same svg."""
    root = ElementTree.fromstring(svg)
    box = _numbers(root.get("viewBox")) if root.get("viewBox") else None
    width, height = (_length(root.get(side)) for side in ("width", "height"))
    x, y, box_width, box_height = box or (0.0, 0.0, width, height)
    width, height = width or box_width, height or box_height
    page = _Page()
    # SVG's y runs down, PDF's up.
    scale_x, scale_y = width / box_width, height / box_height
    page.out(f"{_f(scale_x)} 0 0 {_f(-scale_y)} {_f(-x * scale_x)} {_f(height + y * scale_y)} cm")
    page.children(root, dict(_INHERITED))
    return _file(page.content(), width, height)


def _f(value):
    return f"{value:z.3f}".rstrip("0").rstrip(".")


def _numbers(text):
    return [float(n) for n in _NUMBER.findall(text or "")]


def _length(text):
    """A length in the picture's units; 0 where it is not given or relative."""
    numbers = _numbers(text)
    return numbers[0] if numbers and not text.strip().endswith("%") else 0.0


def _rgb(color):
    """Three numbers from 0 to 1 as PDF writes them; None for none."""
    color = color.strip().lower()
    if color in ("none", "transparent"):
        return None
    if color.startswith("#"):
        digits = color[1:] if len(color) > 4 else "".join(2 * c for c in color[1:])
        value = int(digits[:6], 16)
    else:
        value = _COLORS.get(color, 0)
    return " ".join(_f((value >> shift & 255) / 255) for shift in (16, 8, 0))


class _Page:
    """The content of the page, written while the elements are walked."""

    def __init__(self):
        self._lines = []

    def out(self, line):
        self._lines.append(line)

    def content(self):
        return "\n".join(self._lines).encode("cp1252", "replace")

    def children(self, parent, style):
        for element in parent:
            if isinstance(element.tag, str):
                self._element(element, element.tag.rpartition("}")[2], style)

    def _element(self, element, tag, inherited):
        style = {k: element.get(k, v) for k, v in inherited.items()}
        self.out("q")
        for name, arguments in _CALL.findall(element.get("transform", "")):
            self._transform(name, _numbers(arguments))
        if tag in ("g", "a", "svg"):
            self.children(element, style)
        elif tag == "text":
            self._text(element, style)
        elif tag in _SHAPES:
            self._painted(_SHAPES[tag](element), style)
        self.out("Q")

    def _transform(self, name, n):
        if name == "translate":
            self.out(f"1 0 0 1 {_f(n[0])} {_f(n[1] if len(n) > 1 else 0)} cm")
        elif name == "scale":
            self.out(f"{_f(n[0])} 0 0 {_f(n[-1])} 0 0 cm")
        elif name == "rotate":
            c, s = math.cos(math.radians(n[0])), math.sin(math.radians(n[0]))
            self.out(f"{_f(c)} {_f(s)} {_f(-s)} {_f(c)} 0 0 cm")

    def _painted(self, path, style):
        fill, stroke = _rgb(style["fill"]), _rgb(style["stroke"])
        if not path or (fill is None and stroke is None):
            return
        if fill is not None:
            self.out(f"{fill} rg")
        if stroke is not None:
            self.out(f"{stroke} RG {_f(_length(style['stroke-width']))} w")
            dashes = _numbers(style["stroke-dasharray"])
            if dashes:
                self.out(f"[{' '.join(map(_f, dashes))}] 0 d")
        self.out(path)
        self.out("B" if fill and stroke else "f" if fill else "S")

    def _text(self, element, style):
        x, y = (_length(element.get(axis)) for axis in ("x", "y"))
        self._line(element.text or "", x, y, style, _length(element.get("textLength")))

    def _line(self, text, x, y, style, length=0.0):
        if not text.strip():
            return
        family = style["font-family"].lower()
        mono = any(word in family for word in ("mono", "courier", "consolas"))
        serif = "times" in family or ("serif" in family and "sans" not in family)
        size = _length(style["font-size"])
        bold = style["font-weight"] in ("bold", "600", "700", "800", "900")
        width = _width(text, size, bold, mono, serif)
        font = (0 if mono else 2 if serif else 4) + bold
        stretch = 100.0
        if length:  # where the picture says how long the text is
            stretch, width = 100 * length / width, length
        x -= {"middle": width / 2, "end": width}.get(style["text-anchor"], 0)
        text = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        color = _rgb(style["fill"])
        if color is not None:
            # Letters stand upright, where y runs down.
            self.out(
                f"{color} rg BT /F{font} {_f(size)} Tf {_f(stretch)} Tz "
                f"1 0 0 -1 {_f(x)} {_f(y)} Tm ({text}) Tj ET"
            )


def _width(text, size, bold, mono, serif):
    if mono:
        return len(text) * 0.6 * size
    if serif:
        return sum(_TIMES[ord(c) - 32] if " " <= c <= "~" else 500 for c in text) * size / 1000
    from ._metrics import width

    return width(text, size, bold)


def _get(element, *names):
    return [_length(element.get(name)) for name in names]


def _line_through(points, close):
    pairs = [f"{_f(x)} {_f(y)}" for x, y in zip(points[::2], points[1::2])]
    return (
        " ".join([f"{pairs[0]} m", *(f"{p} l" for p in pairs[1:])] + ["h"] * close) if pairs else ""
    )


def _rounded(x, y, w, h, rx, ry):
    """A rectangle whose corners are quarters of an ellipse; the ellipse itself where it is full."""
    if not rx or not ry:
        return f"{_f(x)} {_f(y)} {_f(w)} {_f(h)} re"
    kx, ky = rx * (1 - _KAPPA), ry * (1 - _KAPPA)
    r, b = x + w, y + h
    parts = [f"{_f(x + rx)} {_f(y)} m"]
    for line, curve in (
        ((r - rx, y), (r - kx, y, r, y + ky, r, y + ry)),
        ((r, b - ry), (r, b - ky, r - kx, b, r - rx, b)),
        ((x + rx, b), (x + kx, b, x, b - ky, x, b - ry)),
        ((x, y + ry), (x, y + ky, x + kx, y, x + rx, y)),
    ):
        parts.append(" ".join(map(_f, line)) + " l")
        parts.append(" ".join(map(_f, curve)) + " c")
    return " ".join(parts) + " h"


def _rect(element):
    x, y, w, h, rx, ry = _get(element, "x", "y", "width", "height", "rx", "ry")
    return _rounded(x, y, w, h, min(rx or ry, w / 2), min(ry or rx, h / 2))


def _ellipse(element):
    x, y, rx, ry = _get(element, "cx", "cy", "rx", "ry")
    return _rounded(x - rx, y - ry, 2 * rx, 2 * ry, rx, ry)


# What a letter of an SVG path takes, and the operator of a PDF that draws it.
_COMMANDS = {"M": (2, "m"), "L": (2, "l"), "V": (1, "l"), "C": (6, "c")}


def _path(element):
    parts, command, given, x = [], "M", [], 0.0
    for letter, number in _PATH.findall(element.get("d", "")):
        if letter:
            command, given = letter, []
            if letter in "zZ":
                parts.append("h")
            continue
        given.append(float(number))
        count, operator = _COMMANDS[command]
        if len(given) < count:
            continue
        points = [x, given[0]] if command == "V" else given
        parts.append(" ".join(map(_f, points)) + f" {operator}")
        x, given = points[-2], []
        if command == "M":
            command = "L"  # further pairs are lines
    return " ".join(parts)


_SHAPES = {
    "path": _path,
    "rect": _rect,
    "ellipse": _ellipse,
    "polyline": lambda e: _line_through(_numbers(e.get("points")), False),
    "polygon": lambda e: _line_through(_numbers(e.get("points")), True),
}


def _file(content, width, height):
    """The objects of the file: catalog, pages, page, content, fonts."""
    fonts = " ".join(f"/F{i} {5 + i} 0 R" for i in range(len(_FONTS)))
    packed = zlib.compress(content, 9)
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_f(width)} {_f(height)}] "
            f"/Contents 4 0 R /Resources << /Font << {fonts} >> >> >>"
        ).encode(),
        b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(packed), packed),
    ]
    objects += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>".encode()
        for name in _FONTS
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for i, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (i, body)
    xref = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        xref,
    )
    return bytes(out)

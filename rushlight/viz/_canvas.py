"""SVG text from boxes, words and curves; the colours of the themes."""

from ._metrics import MONO, SANS, escape, width

# Every text that is drawn on a colour differs from it by at least 4.5:1 (tests/viz/test_draw.py).
LIGHT = {
    "ground": "#ffffff",
    "text": "#1a1a1a",
    "muted": "#55585e",
    "box": "#f1f2f4",
    "line": "#6b7280",
    "leaf": "#cfe8f3",
    "leaf-line": "#4f8aa5",
    "root": "#dcf5b4",
    "root-line": "#6f9a2c",
    "frame": "#f8f9fa",
    "frame-line": "#a3abb8",
    "edge": "#4b5563",
    "grad": "#a33407",
    "ghost": "#ffffff",
    "bad": "#f9d3e4",
    "bad-line": "#b5135f",
}
DARK = {
    "ground": "#16181c",
    "text": "#eceef1",
    "muted": "#b3b8c2",
    "box": "#2a2e35",
    "line": "#8b93a1",
    "leaf": "#163f52",
    "leaf-line": "#5fa3c0",
    "root": "#33491a",
    "root-line": "#9cc653",
    "frame": "#1d2026",
    "frame-line": "#5a6270",
    "edge": "#a9b1be",
    "grad": "#ff9d6b",
    "ghost": "#16181c",
    "bad": "#5a1438",
    "bad-line": "#f073b1",
}
THEMES = ("light", "dark", "auto")
MARGIN = 16


def number(value):
    """A coordinate in as few characters as possible, to a hundredth."""
    return f"{round(value, 2) + 0.0:.9g}"  # + 0.0: no minus before a zero


class Canvas:
    """Collects elements, which lie one above the other in the order of the calls.

    A colour is a key of LIGHT or any colour of CSS. ``theme="auto"`` follows the viewer's
    preference; viewers that know none show the light one.
    """

    def __init__(self, theme="light"):
        if theme not in THEMES:
            raise ValueError(f"theme must be one of {', '.join(THEMES)}, not {theme!r}")
        self.theme = theme
        self.colours = DARK if theme == "dark" else LIGHT
        self.parts, self._painted = [], {}

    def _paint(self, **paints):
        """Attributes such as fill="#fff", and for "auto" the classes that its style sheet names."""
        key = tuple(paints.items())
        if key not in self._painted:
            attributes = "".join(
                f' {name}="{escape(self.colours.get(colour, colour))}"' for name, colour in key
            )
            known = [f"{name[0]}-{colour}" for name, colour in key if colour in LIGHT]
            if self.theme == "auto" and known:
                attributes += f' class="{" ".join(known)}"'
            self._painted[key] = attributes
        return self._painted[key]

    def text(self, x, y, text, size=12, colour="text", bold=False, mono=False, anchor="middle"):
        """One line, ``y`` at its base."""
        if not text or text.isspace():
            return
        style = f' font-family="{MONO}"' if mono else ""
        style += ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{number(x)}" y="{number(y)}" font-size="{size}" text-anchor="{anchor}"'
            f' textLength="{number(width(text, size, bold, mono))}" lengthAdjust="spacingAndGlyphs"'
            f' xml:space="preserve"{style}{self._paint(fill=colour)}>{escape(text)}</text>'
        )

    def rectangle(self, x, y, w, h, fill, line="line", radius=0, dashed=False, thick=1):
        more = f' rx="{radius}"' if radius else ""
        more += ' stroke-dasharray="4 3"' if dashed else ""
        more += f' stroke-width="{number(thick)}"' if thick != 1 else ""
        self.parts.append(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(w)}" height="{number(h)}"'
            f"{more}{self._paint(fill=fill, stroke=line)}/>"
        )

    def line(self, x0, y0, x1, y1, colour="line"):
        self.parts.append(
            f'<path d="M{number(x0)} {number(y0)}L{number(x1)} {number(y1)}"'
            f"{self._paint(stroke=colour)}/>"
        )

    def edge(self, way, x, y, thick=1.0, colour="edge", dashed=False, arrow=True):
        """A curve (Placement.way, moved by x and y), its tip on the last point."""
        points = [(x + way[i], y + way[i + 1]) for i in range(0, len(way), 2)]
        if not points:
            return
        head = ""
        if arrow:
            tip, before = points[-1], points[-2]
            length, half = 6 + 1.5 * thick, 2.6 + 0.9 * thick
            down = 1 if tip[1] >= before[1] else -1
            head = "".join(
                f"{letter}{number(a)} {number(b)}"
                for letter, a, b in (
                    ("M", *tip),
                    ("L", tip[0] - half, tip[1] - down * length),
                    ("L", tip[0] + half, tip[1] - down * length),
                )
            )
            # The line ends inside the head, whose tip would otherwise be as broad as the line.
            points[-1] = (tip[0], tip[1] - down * min(length - 1, abs(tip[1] - points[-4][1])))
        path = [f"M{number(points[0][0])} {number(points[0][1])}"]
        for i in range(1, len(points), 3):
            piece = points[i - 1 : i + 3]
            if len({a for a, _ in piece}) == 1:
                path.append(f"V{number(piece[3][1])}")
            else:
                path.append("C" + " ".join(f"{number(a)} {number(b)}" for a, b in piece[1:]))
        more = f' stroke-width="{number(thick)}"' if thick != 1 else ""
        more += ' stroke-dasharray="4 3"' if dashed else ""
        self.parts.append(
            f'<path d="{"".join(path)}" fill="none"{more}{self._paint(stroke=colour)}/>'
        )
        if head:
            self.parts.append(f'<path d="{head}Z"{self._paint(fill=colour)} stroke="none"/>')

    def open(self, tooltip=""):
        """Begin a group of elements that a viewer names when it is pointed at."""
        self.parts.append(f"<g><title>{escape(tooltip)}</title>" if tooltip else "<g>")

    def close(self):
        self.parts.append("</g>")

    def finish(self, width, height, title="", description=""):
        """The whole file. ``title`` and ``description`` are what a screen reader says."""
        w, h = number(width), number(height)
        style = ""
        if self.theme == "auto":
            rules = "".join(
                f".f-{name}{{fill:{colour}}}.s-{name}{{stroke:{colour}}}"
                for name, colour in DARK.items()
            )
            style = f"<style>@media(prefers-color-scheme:dark){{{rules}}}</style>"
        label = f' aria-label="{escape(title)}"' if title else ""
        words = "".join(
            f"<{tag}>{escape(text)}</{tag}>"
            for tag, text in (("title", title), ("desc", description))
            if text
        )
        ground = f'<rect width="{w}" height="{h}"{self._paint(fill="ground")} stroke="none"/>'
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}"'
            f' viewBox="0 0 {w} {h}" role="img"{label} font-family="{SANS}" stroke-linecap="round">'
            f"{words}{style}{ground}\n" + "\n".join(self.parts) + "\n</svg>\n"
        )


def luminance(colour):
    """The relative luminance of "#rrggbb" (WCAG), 0 to 1."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear))

"""The width of text, without a font library, and text that is fit for XML.

The tables hold Helvetica's advance widths in thousandths of an em (Adobe's Core 14 metrics), which
Arial and Liberation Sans share. Every text in our pictures carries its width (``textLength``), so
that a viewer with another font draws it into the same room.
"""

import re
from unicodedata import combining, east_asian_width

SANS = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', 'DejaVu Sans', sans-serif"
MONO = "Menlo, Consolas, 'Liberation Mono', 'DejaVu Sans Mono', 'Courier New', monospace"


def _table(widths, more):
    table = dict(zip(map(chr, range(32, 127)), map(int, widths.split())))
    return {**table, **more}


_SIGNS = {"·": 278, "→": 1000, "←": 1000, "…": 1000, "−": 584, "∞": 713, "√": 549, "²": 333}
_REGULAR = _table(
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 "
    "556 556 556 278 278 584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 "
    "722 778 667 778 722 667 611 722 667 944 667 667 611 278 278 278 469 556 333 556 556 500 556 "
    "556 278 556 556 222 222 500 222 833 556 556 556 556 333 500 278 556 500 722 500 500 500 334 "
    "260 334 584",
    _SIGNS,
)
_BOLD = _table(
    "278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 "
    "556 556 556 333 333 584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 "
    "722 778 667 778 722 667 611 722 667 944 667 667 611 333 278 333 584 556 333 556 611 556 611 "
    "556 333 611 611 278 278 556 278 889 611 611 611 611 389 556 333 611 556 778 556 556 500 389 "
    "280 389 584",
    _SIGNS,
)
# What XML 1.0 cannot hold in any form, and half of a surrogate pair, which UTF-8 cannot.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _width(character, table):
    if combining(character):
        return 0
    if east_asian_width(character) in "WF":
        return 1000
    return table.get(character, 620)


def width(text, size=12, bold=False, mono=False):
    """The room that ``text`` takes on one line, in the unit of ``size``."""
    if mono and text.isascii():
        return 0.602 * size * len(text)
    table = dict.fromkeys(_REGULAR, 602) if mono else _BOLD if bold else _REGULAR
    try:
        total = sum(map(table.__getitem__, text))
    except KeyError:
        total = sum(_width(character, table) for character in text)
    return total * size / 1000


def shorten(text, most):
    """``text`` with its middle left out where it has more than ``most`` characters."""
    if len(text) <= most:
        return text
    head = (most - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (most - 1 - head) :]}"


def escape(text):
    """``text`` as the content of an XML element or of an attribute in double quotes."""
    text = _NOT_XML.sub("\ufffd", text).replace("&", "&amp;").replace('"', "&quot;")
    return text.replace("<", "&lt;").replace(">", "&gt;")

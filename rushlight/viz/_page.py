"""The interactive page: one HTML file that holds a graph's data and all that draws it.

The page itself, ``_page.html``, is made from ``page/`` by ``make page``.
"""

import base64
import functools
import gzip
import html
import json
from pathlib import Path

_DATA, _TITLE = "@DATA@", "@TITLE@"


@functools.cache
def _template():
    return (Path(__file__).parent / "_page.html").read_text(encoding="utf-8")


def pack(text):
    """gzip in base64, with neither time nor name of a system: the same bytes on each run."""
    # A name may hold half a surrogate pair, which no UTF-8 can.
    packed = bytearray(gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0))
    packed[9] = 255
    return base64.b64encode(bytes(packed)).decode("ascii")


def page(graph, *, title="rushlight graph"):
    """The HTML page of a graph, as text.

    graph: a ``Graph``, or its model as JSON text or as a dict. title: of the window and the page.
    Raises TypeError for anything else, ValueError for JSON that is no graph of this version.
    Nothing in the page asks for anything outside it, and no text of a program is read as HTML.
    """
    to_json = getattr(graph, "to_json", None)
    text = to_json() if callable(to_json) else graph
    if isinstance(text, dict):
        text = json.dumps(text, separators=(",", ":"))
    if not isinstance(text, str):
        raise TypeError(
            f"page() takes a Graph, or its JSON as str or dict, not {type(graph).__name__}"
        )
    try:
        model = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"page(): the text is not JSON: {error}") from None
    if not isinstance(model, dict) or (model.get("kind"), model.get("v")) != ("rushlight-graph", 1):
        raise ValueError("page() takes a model of kind 'rushlight-graph', version 1")
    # The template is cut before anything is put in: a title may spell one of the marks.
    before, heading, rest = _template().split(_TITLE)
    rest, after = rest.split(_DATA)
    safe = html.escape(str(title).encode("utf-8", "replace").decode())
    return "".join((before, safe, heading, safe, rest, pack(text), after))

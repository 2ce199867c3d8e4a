"""Boxes and edges of a graph in the DOT language, for the built-in layout.

Reads what ``make_dot`` writes and what ``node()``, ``edge()`` and ``attr()`` add to it; anything
else of the language, a subgraph say, is passed over.
"""

import re
from collections import defaultdict

from ._draw import Box, DrawnEdge

# Boxes from which a leaf is drawn as a small chip on each operation that uses it: a weight that
# is used in every round of a loop would draw an edge through the whole picture each time.
CHIPS_FROM = 300

_ID = r'(?:"(?:[^"\\]|\\.)*"|[^\s\[\]="]+)'
_STATEMENT = re.compile(
    rf"\s*({_ID})(?:\s*->\s*({_ID}))?(?:\s*\[((?:\s*{_ID}\s*=\s*{_ID})*)\s*\])?[ \t;]*\n", re.DOTALL
)
_PAIR = re.compile(rf"({_ID})\s*=\s*({_ID})", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LINE_END = re.compile(r"\n|\Z")

# Names of X11's that CSS does not have.
_COLORS = {"darkolivegreen1": "#caff70", "darkolivegreen3": "#a2cd5a"}
_PLAIN = "lightgrey"
_LEAF = "lightblue"


def boxes_of(source):
    """Read a graph. Returns: a list of Box and a list of DrawnEdge, in order of appearance."""
    nodes, edges, defaults = {}, [], {"node": {}, "edge": {}}
    for tail, head, attributes in _statements(source):
        if head is None:
            if tail in ("graph", "node", "edge"):
                defaults.get(tail, {}).update(attributes)
            else:
                nodes.setdefault(tail, {"label": tail, **defaults["node"]}).update(attributes)
        else:
            for name in (tail, head):
                nodes.setdefault(name, {"label": name, **defaults["node"]})
            edges.append((tail, head, {**defaults["edge"], **attributes}))
    chips = _dock(nodes, edges) if len(nodes) >= CHIPS_FROM else {}
    boxes = [_box(name, a, chips.get(name, ())) for name, a in nodes.items()]
    leading = {tail for tail, _, _ in edges}
    drawn = []
    for tail, head, a in edges:
        if tail not in nodes or head not in nodes:
            continue
        arrow = a.get("dir") != "none"
        if not arrow and head in leading:  # a saved leaf stands above what saved it
            tail, head = head, tail
        dashed = a.get("style") in ("dotted", "dashed")
        drawn.append(DrawnEdge(tail, head, dashed=dashed, arrow=arrow))
    return boxes, drawn


def _box(name, attributes, chips):
    lines = attributes["label"].split("\n")
    color = attributes.get("fillcolor", _PLAIN)
    font = attributes.get("fontname", "").lower()
    # Attributes are listed in columns, which other letters would not keep.
    mono = "mono" in font or "courier" in font or len(lines) > 2
    return Box(name, lines, _COLORS.get(color, color), chips, mono)


def _statements(source):
    """(name, None, attributes) of each node statement, (tail, head, attributes) of each edge."""
    place = source.index("{") + 1
    while place < len(source):
        match = _STATEMENT.match(source, place)
        if match is None:
            place = _LINE_END.search(source, place).end() if source[place] != "\n" else place + 1
            continue
        place = match.end()
        tail, head, listed = match.groups()
        if tail != "}":
            pairs = _PAIR.findall(listed or "")
            attributes = {_text(key): _text(value) for key, value in pairs}
            yield _text(tail), head and _text(head), attributes


def _text(identifier):
    """What an identifier stands for, its quotes and escapes undone."""
    if not identifier.startswith('"'):
        return identifier
    return _ESCAPE.sub(lambda m: "\n" if m[1] in "nlr" else m[1], identifier[1:-1])


def _dock(nodes, edges):
    """Take leaves out of nodes and edges. Returns: the chips of the boxes that used them."""
    users, used = defaultdict(list), defaultdict(int)
    for tail, head, _ in edges:
        users[tail].append(head)
        used[head] += 1
    chips, gone = defaultdict(list), set()
    for name, attributes in nodes.items():
        if attributes.get("fillcolor") != _LEAF or used[name]:
            continue
        gone.add(name)
        text = " ".join(attributes["label"].split())
        for user in users[name]:
            if nodes[user]["label"].startswith("AccumulateGrad"):
                gone.add(user)
                for consumer in users[user]:
                    chips[consumer].append(text)
            else:
                chips[user].append(text)
    for name in gone:
        del nodes[name]
    return chips

"""A Graph as a Mermaid flowchart, which GitHub and many wikis draw."""

import re

from rushlight import _C

from . import _text

_C._add_package_globals(globals())

MOST = 500  # what viewers draw without giving up


def quoted(text):
    """A label that shows exactly this text."""
    text = " ".join(text.split())
    return '"' + re.sub(r'[#"<>&`\\\[\]{}|]', lambda m: f"#{ord(m[0])};", text) + '"'


def _visible(graph, most):
    """The operations that are shown: all, or those that a backward pass comes to first."""
    ops = [node for node in graph.nodes if not node.is_leaf]
    if len(ops) <= most:
        return ops, 0
    ranked = sorted(ops, key=lambda node: (node.order is None, node.order))[:most]
    return sorted(ranked, key=lambda node: node.index), len(ops) - most


def to_mermaid(graph, most=MOST):
    """The source. Of a graph with more than 500 operations those nearest to the loss are shown.

    most: how many operations, at most 500. Raises: ValueError for another number.
    """
    if not 1 <= most <= MOST:
        raise ValueError(
            f"Graph.to_mermaid(): argument 'most' must be from 1 to {MOST}, not {most}\n"
            "  fix: viewers of Mermaid refuse larger ones; Graph.to_html() shows everything."
        )
    shown, hidden = _visible(graph, most)
    numbers = {node.index for node in shown}
    lines = ["flowchart TD"]
    if hidden:
        words = f"not shown: {_text.counted(hidden, 'operation')} further from the loss"
        lines += [f"  %% {words}", f"  more[{quoted('… ' + words)}]"]
    for node in shown:
        place = _text.place_of(node)
        label = "  ".join(p for p in (_text.source_of(node), node.op, place) if p)
        lines.append(f"  n{node.index}[{quoted(label)}]")
        cut_off = False
        for k, source in enumerate(node.inputs):
            if source.is_leaf:
                lines.append(f"  c{node.index}_{k}([{quoted(_text.chip_of(source))}])")
                lines.append(f"  c{node.index}_{k} --> n{node.index}")
            elif source.index in numbers:
                lines.append(f"  n{source.index} --> n{node.index}")
            elif not cut_off:
                cut_off = True
                lines.append(f"  more -.-> n{node.index}")
        for cut in node.cuts:
            lines.append(f"  g{node.index}_{cut.input}([{quoted(str(cut))}])")
            lines.append(f"  g{node.index}_{cut.input} -.- n{node.index}")
    for node in graph.roots():
        if node.is_leaf:
            lines.append(f"  n{node.index}([{quoted(_text.chip_of(node))}])")
        lines.append(f"  style n{node.index} fill:#c6efce,color:#000")
    return "\n".join(lines) + "\n"

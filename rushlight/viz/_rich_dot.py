"""A Graph as DOT: operations as boxes, leaves as small chips on each operation that uses them."""

from rushlight import _C

from . import _text

_C._add_package_globals(globals())

_HEAD = """digraph {
\tnode [shape=box style=filled fillcolor="#eef2f7" fontname=Helvetica fontsize=10]
\tedge [fontname=Helvetica fontsize=9]
"""
_CHIP = 'shape=box style="filled,rounded" fontsize=8 height=0.15 margin="0.05,0.02"'


def quoted(text):
    """A string of DOT that shows exactly this text: no escapes, no entities."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return '"' + text.replace("\r", "").replace("\n", "\\n") + '"'


def _box(node):
    source = _text.source_of(node)
    lines = [source] if source else []
    lines.append(f"{node.op}  {' '.join(map(str, node.shapes))}".rstrip())
    place = _text.place_of(node)
    if node.iteration is not None:
        place += f"  iteration {node.iteration}"
    lines += [place] if place else []
    lines += [f"freed at {node.freed}"] if node.freed else []
    fill = ' fillcolor="#c6efce"' if "root" in node.flags else ""
    if any(" has " in flag for flag in node.flags):
        fill = ' fillcolor="#f6c0d0" color="#b00040" penwidth=2'
    shape = ' style="filled,rounded"' if "custom" in node.flags else ""
    return f"\tn{node.index} [label={quoted(chr(10).join(lines))}{fill}{shape}]\n"


def to_dot(graph):
    """The source. The same graph gives the same text."""
    parts = [_HEAD]
    for node in graph.nodes:
        if node.is_leaf:
            if "root" in node.flags:
                label = quoted(_text.chip_of(node))
                parts.append(f'\tn{node.index} [label={label} fillcolor="#c6efce"]\n')
            continue
        parts.append(_box(node))
        src, kind = graph._model.edges["src"], graph._model.edges["kind"]
        for k, row in enumerate(graph._edge_rows(node.index)):
            source = graph.nodes[src[row]]
            if not source.is_leaf:
                style = " [style=dotted]" if kind[row] == 1 else ""
                parts.append(f"\tn{source.index} -> n{node.index}{style}\n")
                continue
            chip = f"c{node.index}_{k}"
            label = quoted(_text.chip_of(source))
            parts.append(f'\t{chip} [label={label} {_CHIP} fillcolor="#bfe3f5"]\n')
            parts.append(f"\t{chip} -> n{node.index} [arrowsize=0.5]\n")
        for cut in node.cuts:
            ghost = f"g{node.index}_{cut.input}"
            label = quoted(str(cut))
            parts.append(f"\t{ghost} [label={label} {_CHIP} fillcolor=white color=gray]\n")
            parts.append(f"\t{ghost} -> n{node.index} [style=dashed arrowhead=none color=gray]\n")
    return "".join(parts) + "}\n"

"""What ``make_dot`` returns: a ``graphviz.Digraph`` where that package is installed, else its like.

Either way pictures come from _render.py, which needs neither the package nor the program dot.
"""

import functools
import os

from . import _render
from ._sheet import quote
from ._text import counted

_MIME_TYPES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpeg"}


def digraph(graph_attr, node_attr, body):
    """Make a graph of the lines ``body``; node_attr and graph_attr are dicts of strings."""
    return _kind()(graph_attr=graph_attr, node_attr=node_attr, body=body)


class _Picture:
    """How a graph of either kind is drawn, shown and printed."""

    def pipe(
        self,
        format=None,
        renderer=None,
        formatter=None,
        neato_no_op=None,
        quiet=False,
        *,
        engine=None,
        encoding=None,
    ):
        """Draw the graph; return the picture.

        format: "svg", "pdf", "png" or any that the Graphviz at hand has; by default the graph's.
        renderer, formatter, neato_no_op, engine: for Graphviz, as ``graphviz.Digraph.pipe`` has
            them; "dot" is the only engine of the built-in layout.
        quiet: don't warn where the built-in layout stands in for Graphviz.
        encoding: decode the picture, of a format that is text.
        Returns: bytes; str where an encoding is given.
        Raises: ValueError for a format that nothing at hand can draw.
        """
        picture = _render.picture(
            self.source,
            format or getattr(self, "format", None) or "pdf",
            engine=engine or getattr(self, "engine", None) or "dot",
            renderer=renderer,
            formatter=formatter,
            neato_no_op=neato_no_op,
            quiet=quiet,
        )
        return picture if encoding is None else picture.decode(encoding)

    def render(
        self,
        filename=None,
        directory=None,
        view=False,
        cleanup=False,
        format=None,
        renderer=None,
        formatter=None,
        neato_no_op=None,
        quiet=False,
        quiet_view=False,
        *,
        outfile=None,
        engine=None,
        raise_if_result_exists=False,
        overwrite_source=False,
    ):
        """Write the source to ``filename`` and the picture beside it, ``filename.format``.

        filename, directory: where the source goes. outfile: where the picture goes; its suffix
            is then the format. view: open the picture. cleanup: remove the source again.
        format, engine, quiet and the rest: as in ``pipe``.
        Returns: the path of the picture.
        Raises: ValueError for a format that nothing at hand can draw, FileExistsError where
            raise_if_result_exists finds a file; then nothing has been written.
        """
        format = format or getattr(self, "format", None) or "pdf"
        if outfile is not None:
            outfile = os.path.join("" if directory else self.directory, os.fspath(outfile))
            format = os.path.splitext(outfile)[1][1:].lower() or format
            filename = filename or f"{os.path.splitext(outfile)[0]}.gv"
        source = os.path.join(
            os.fspath(directory or self.directory), os.fspath(filename or self.filename)
        )
        parts = (part for part in (formatter, renderer, format) if part)
        target = outfile or ".".join((source, *parts))
        if os.path.abspath(target) == os.path.abspath(source) and not overwrite_source:
            raise ValueError(f"outfile {target!r} must be different from the source's file")
        if raise_if_result_exists and os.path.exists(target):
            raise FileExistsError(f"output file exists: {target!r}")
        drawn = self.pipe(format, renderer, formatter, neato_no_op, quiet, engine=engine)
        with _render.written(target, drawn):
            source = self.save(filename, directory=directory)
        if cleanup:
            os.remove(source)
        if view or quiet_view:
            _render.open_in_viewer(target)
        return target

    def _repr_mimebundle_(self, include=None, exclude=None, **_):
        """What a notebook shows: a picture, and what stands in its place where it is too large."""
        wanted = {"image/svg+xml"} if include is None else set(include)
        wanted -= set(exclude or ())
        shown = {"text/plain": repr(self)}
        for mime_type, format in _MIME_TYPES.items():
            if mime_type in wanted:
                try:
                    picture = self.pipe(format)
                except _render.TooLargeError as error:
                    shown["text/plain"] += f"\n{error}"
                else:
                    text = format == "svg"
                    shown[mime_type] = picture.decode() if text else picture
        return shown

    def __repr__(self):
        heads = [line.partition(" [")[0] for line in self.body]
        edges = sum(" -> " in head for head in heads)
        boxes = len({head for head in heads if " -> " not in head})
        how = '.render("graph", format="svg") draws it, .source is its text'
        return f"<graph of {counted(boxes, 'box', 'boxes')} and {counted(edges, 'edge')}; {how}>"

    def __str__(self):
        """The source, and below it a comment of that language that says how to see it."""
        how = 'to see it: make_dot(...).render("graph", format="svg"), or the last line of a cell'
        return f"{self.source}// {how}\n"


class Drawing(_Picture):
    """A graph in the DOT language, as much like ``graphviz.Digraph`` as ``make_dot`` needs.

    graph_attr, node_attr, edge_attr: dicts of strings. body: a list of lines. format, filename,
    directory: of ``render``; all of them may be changed.
    """

    directed = True

    def __init__(self, graph_attr=None, node_attr=None, edge_attr=None, body=()):
        self.graph_attr = dict(graph_attr or {})
        self.node_attr = dict(node_attr or {})
        self.edge_attr = dict(edge_attr or {})
        self.body = list(body)
        self.format, self.engine, self.encoding = "pdf", "dot", "utf-8"
        self.filename, self.directory = "Digraph.gv", ""

    def __iter__(self):
        yield "digraph {\n"
        for kind in ("graph", "node", "edge"):
            attributes = getattr(self, f"{kind}_attr")
            if attributes:
                yield f"\t{kind}{_listed(attributes)}\n"
        yield from self.body
        yield "}\n"

    @property
    def source(self):
        """The text of the graph in the DOT language."""
        return "".join(self)

    def node(self, name, label=None, **attributes):
        """Add a box; ``attributes`` are strings, as in ``fillcolor="red"``."""
        label = {} if label is None else {"label": label}
        self.body.append(f"\t{quote(name)}{_listed(attributes, label)}\n")

    def edge(self, tail_name, head_name, label=None, **attributes):
        """Add an arrow between two boxes."""
        label = {} if label is None else {"label": label}
        ends = f"{quote(tail_name)} -> {quote(head_name)}"
        self.body.append(f"\t{ends}{_listed(attributes, label)}\n")

    def attr(self, kw=None, **attributes):
        """Set attributes from here on: of the graph, or of each "node" or "edge"."""
        if kw is not None and kw not in ("graph", "node", "edge"):
            raise ValueError(f"attr statement must target graph, node, or edge: {kw!r}")
        pairs = _listed(attributes)
        if pairs:
            self.body.append(f"\t{kw}{pairs}\n" if kw else f"\t{pairs[2:-1]}\n")

    def save(self, filename=None, directory=None, *, skip_existing=False):
        """Write the source to a file; return its path."""
        if filename is not None:
            self.filename = os.fspath(filename)
        if directory is not None:
            self.directory = os.fspath(directory)
        path = os.path.join(self.directory, self.filename)
        if not (skip_existing and os.path.exists(path)):
            os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
            with open(path, "w", encoding=self.encoding) as file:
                file.writelines(self)
        return path

    def view(self, filename=None, directory=None, cleanup=False, quiet=False, quiet_view=False):
        """Render and open the picture; return its path."""
        return self.render(filename, directory, True, cleanup, None, quiet=quiet)

    def copy(self):
        """Return a graph like this one that can be changed by itself."""
        copied = Drawing(self.graph_attr, self.node_attr, self.edge_attr, self.body)
        for name in ("format", "engine", "encoding", "filename", "directory"):
            setattr(copied, name, getattr(self, name))
        return copied


def _listed(attributes, first=None):
    """`` [a=b c=d]``, sorted by name behind ``first``; empty where there are none."""
    pairs = [*(first or {}).items(), *sorted(attributes.items())]
    listed = " ".join(f"{quote(name)}={quote(value)}" for name, value in pairs)
    return f" [{listed}]" if listed else ""


def __getattr__(name):
    if name == "Digraph":
        return _kind()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _kind():
    try:
        from graphviz import Digraph as base
    except ImportError:
        return Drawing
    return _subclass(base)


@functools.cache
def _subclass(base):
    class Digraph(_Picture, base):
        """A ``graphviz.Digraph`` that draws itself without the program dot, too."""

    Digraph.__qualname__ = "Digraph"  # by which a pickle finds it
    return Digraph

"""Files that are written whole or not at all."""

import contextlib
import errno
import os
import tempfile

from rushlight import _C

_C._add_package_globals(globals())


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def _refuse(path, error):
    way = "give the name of a file in a folder that exists and that you may write to"
    if error.errno in _FULL:
        way = "make room there, or write to another place"
    words = f"cannot write {path!r}: {error.strerror or error}\n  fix: {way}"
    return type(error)(error.errno, words)


def _temporary(path):
    """(descriptor, name) of a new file beside one that is to be written."""
    if os.path.isdir(path):
        raise IsADirectoryError(21, "it is a folder")
    return tempfile.mkstemp(prefix=".", suffix=".part", dir=os.path.dirname(path))


def _is_special(path):
    """Whether a device or a pipe stands there, which is written to as it is."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)


def writable(path):
    """The path, without links, of a file that can be written. Raises: as write()."""
    path = os.fspath(path)
    if _is_special(path):
        return path
    path = os.path.realpath(path)
    try:
        number, temporary = _temporary(path)
        os.close(number)
        os.unlink(temporary)
    except OSError as error:
        raise _refuse(path, error) from None
    return path


def write(path, content):
    """Write str or bytes to a file, whole: what stood there stays until all of it is written.

    Raises: OSError of the kind that stood in the way, with what was to be written and the way out.
    """
    path = os.fspath(path)
    # Half a surrogate, of a file's name that is no UTF-8, becomes \udcff: JSON reads it as it was.
    data = content if isinstance(content, bytes) else content.encode(errors="backslashreplace")
    temporary = None
    try:
        if _is_special(path):
            with open(path, "wb") as file:
                file.write(data)
            return
        path = os.path.realpath(path)  # a link stays one
        number, temporary = _temporary(path)
        with os.fdopen(number, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # as open() would have made it
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise _refuse(path, error) from None
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def give(content, path):
    """The content; written to a file before where a path is given."""
    if path is not None:
        write(path, content)
    return content


def show(html):
    """Write a page to a folder of its own, open it in a browser, and return its path."""
    import webbrowser

    path = os.path.join(tempfile.mkdtemp(prefix="rushlight-"), "graph.html")
    write(path, html)
    if not webbrowser.open("file://" + path):
        print(f"no browser was found; the page is {path}")
    return path


def _frame(graph):
    """The page in a frame of its own, and the picture for viewers that take frames away."""
    import base64
    from html import escape

    picture = base64.b64encode(graph.to_svg().encode()).decode()
    return (
        "<details><summary>The graph as a picture</summary>"
        f'<img alt="{escape(repr(graph))}" src="data:image/svg+xml;base64,{picture}"></details>'
        '<iframe sandbox="allow-scripts allow-downloads" style="width:100%;height:600px;border:0" '
        f'srcdoc="{escape(graph.to_html())}"></iframe>'
    )


def bundle(graph, include, exclude):
    """What a notebook shows of a graph: the page in a frame, the picture, the tree."""
    makers = {
        "text/html": lambda: _frame(graph),
        "image/svg+xml": graph.to_svg,
        "text/plain": graph.to_text,
    }
    wanted = set(include) if include else set(makers)
    wanted -= set(exclude or ())
    return {kind: make() for kind, make in makers.items() if kind in wanted}

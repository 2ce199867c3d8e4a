"""Pictures of a graph in the DOT language: by Graphviz where it is there and quick, else by ours.

Graphviz is looked for as $RUSHLIGHT_DOT, as the package graphviz-pure, and as ``dot`` on PATH;
``RUSHLIGHT_DOT=none`` does without. It runs as a process of its own, for five seconds at most.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from typing import NamedTuple

PATIENCE = 5.0  # seconds
# Lines of source beyond which Graphviz is not asked: 2,700 of an unrolled RNN took it minutes.
GRAPHVIZ_LINES = 2_000
# Lines beyond which there is no picture, some 25,000 boxes: told of before they are read.
OWN_LINES = 60_000
OWN_FORMATS = ("svg", "pdf", "gv")

# Without fontconfig a generic family is measured as Times, and the text sticks out of its box.
_MONOSPACE = re.compile(r'(?<=[\[ ]fontname=)"?monospace"?(?=[\] ])')
# What neither UTF-8 nor XML can hold.
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class TooLargeError(ValueError):
    """A graph that is no use as one flat picture."""


class _Refused(Exception):
    """Graphviz gave no picture; the message says why."""


class _TooMuch(_Refused):
    """The layout would take Graphviz too long."""


class Dot(NamedTuple):
    """The program that lays out: its path, and whether it is graphviz-pure."""

    path: str
    pure: bool


def find_dot():
    """Find Graphviz. Returns: Dot, or None where the built-in layout has to do."""
    asked = os.environ.get("RUSHLIGHT_DOT")
    if asked == "none":
        return None
    if asked:
        path = shutil.which(asked)
        if path:
            return Dot(path, "graphviz-pure" in os.path.basename(path))
        warnings.warn(f"RUSHLIGHT_DOT={asked} is no program that can be run", stacklevel=2)
    path = _graphviz_pure()
    if path:
        return Dot(path, True)
    path = shutil.which("dot")
    return Dot(path, False) if path else None


def _graphviz_pure():
    """The program that the package graphviz-pure installed in this environment, or None."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        package = distribution("graphviz-pure")
    except PackageNotFoundError:
        return shutil.which("graphviz-pure")
    paths = (package.locate_file(f) for f in package.files or () if f.stem == "graphviz-pure")
    return next((str(path) for path in paths if os.access(path, os.X_OK)), None)


def picture(
    source, format, engine="dot", renderer=None, formatter=None, neato_no_op=None, quiet=False
):
    """Draw a graph.

    source: its text in the DOT language. format: "svg", "pdf", "png", ... engine, renderer,
    formatter, neato_no_op: Graphviz's. quiet: don't warn where the built-in layout stands in.
    Returns: bytes.
    Raises: ValueError for a format that nothing at hand can draw, TooLargeError for a graph that
        is too large for a picture.
    """
    lines = source.count("\n")
    if lines > OWN_LINES and format != "gv":
        raise TooLargeError(
            f"make_dot: {lines:,} lines are too many for one picture; "
            "rushlight.graph(...).show() opens graphs of any size, and .save() writes the text."
        )
    dot = find_dot()
    source = _UNFIT.sub("?", source)
    own_formats, reason, end = OWN_FORMATS, None, time.monotonic() + PATIENCE
    if dot is not None:
        flags = [f"-K{engine}"] + ([f"-n{int(neato_no_op)}"] if neato_no_op else [])
        output = ":".join(part for part in (format, renderer, formatter) if part)
        try:
            if lines > GRAPHVIZ_LINES:
                raise _TooMuch(f"{lines} lines are too many for Graphviz")
            if dot.pure:
                source = _MONOSPACE.sub("Courier", source)
            # A PNG that takes too long to lay out has yet to be painted.
            patience = PATIENCE / 2 if format == "png" else PATIENCE
            return _by_graphviz(dot, source, flags, output, patience)
        except _Refused as refused:
            reason = str(refused)
            if isinstance(refused, _TooMuch):
                own_formats += ("png",)  # which Graphviz paints where there is nothing to lay out
    if format not in own_formats or engine != "dot":
        raise ValueError(_cannot(format, engine, own_formats, reason))
    try:
        drawn = _by_ourselves(source, format, end)
    except TimeoutError:
        reason = f"Graphviz took longer than {PATIENCE:g} s to paint it"
        raise ValueError(_cannot(format, engine, OWN_FORMATS, reason)) from None
    if reason is not None and not quiet:
        warnings.warn(
            f"make_dot: {reason}, so the built-in layout drew this picture; "
            "rushlight.graph(...).show() opens graphs of any size.",
            stacklevel=3,
        )
    return drawn


def _cannot(format, engine, own_formats, reason):
    what = f"format {format!r}" if engine == "dot" else f"engine {engine!r}"
    formats = ", ".join(own_formats)
    if reason is not None:
        return f"make_dot: {what} needs Graphviz, but {reason}; without it there are {formats}."
    return (
        f"make_dot: {what} needs Graphviz, which is not here; without it there are {formats}.\n"
        "  fix: pip install 'rushlight[viz]', which needs no system package, or format=\"svg\"."
    )


def _by_graphviz(dot, source, flags, output, patience):
    """The picture by Graphviz; a PDF, which graphviz-pure does not write, from its SVG."""
    try:
        status, out, complaint = run([dot.path, *flags, f"-T{output}"], source, patience)
    except TimeoutError:
        raise _TooMuch(f"Graphviz took longer than {patience:g} s") from None
    except OSError as error:
        raise _Refused(f"Graphviz cannot be run ({error})") from None
    if status == 0:
        return out
    complaint = complaint.strip().partition("\n")[0]
    if "not recognized" in complaint:
        if output == "pdf":
            from ._pdf import pdf_of

            return pdf_of(_by_graphviz(dot, source, flags, "svg", patience).decode())
        # What Graphviz can, in its own words: a list of formats, or of engines.
        raise ValueError(f"make_dot: {complaint}")
    raise _Refused(f"Graphviz failed ({complaint or f'exit status {status}'})")


def run(command, source, patience):
    """Run Graphviz for some seconds at most. Returns: (exit status, stdout, stderr).

    Raises: TimeoutError after that, another OSError where it cannot be run.
    """
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    ) as process:
        try:
            out, complaint = process.communicate(source.encode(), patience)
        except BaseException as error:
            _kill(process)
            if isinstance(error, subprocess.TimeoutExpired):
                raise TimeoutError from None
            raise
    return process.returncode, out, complaint.decode(errors="replace")


def _kill(process):
    """End a program and what it started: a script may stand around Graphviz."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()


def _by_ourselves(source, format, end):
    """The picture by the built-in layout. Raises: TimeoutError where it isn't painted by then."""
    if format == "gv":
        return source.encode()
    from ._boxes import boxes_of
    from ._draw import draw

    svg = draw(*boxes_of(source))
    if format == "svg":
        return svg.encode()
    if format == "png":
        from ._png import painted

        return painted(svg, max(0.0, end - time.monotonic()))
    from ._pdf import pdf_of

    return pdf_of(svg)


@contextlib.contextmanager
def written(path, picture):
    """Write a picture once the block has ended well; after a failure there is nothing of it."""
    folder, name = os.path.split(os.path.abspath(path))
    if os.path.isdir(path):
        raise IsADirectoryError(f"the picture cannot be written: {path} is a folder")
    os.makedirs(folder, exist_ok=True)
    # No longer than the name itself, nor shorter: either both can be written or neither.
    aside = os.path.join(folder, f".{os.urandom(6).hex()}{name[13:]}")
    try:
        try:
            with open(aside, "wb") as file:
                file.write(picture)
        except OSError as error:
            raise type(error)(error.errno, error.strerror, path) from None
        yield
        os.replace(aside, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(aside)


def open_in_viewer(path):
    """Open a picture in the program that the desktop has for it.

    Raises: RuntimeError where there is none; the picture has been written all the same.
    """
    if sys.platform == "win32":
        os.startfile(path)
        return
    opener = shutil.which("open" if sys.platform == "darwin" else "xdg-open")
    if opener is None:
        raise RuntimeError(f"no program to show {path} was found: open it by hand")
    subprocess.Popen([opener, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

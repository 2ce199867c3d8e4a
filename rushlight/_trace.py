"""``rushlight trace``: a PyTorch program on rushlight, and the page of its last backward pass."""

import io
import os
import sys
import traceback
from types import ModuleType

from . import _C

_C._add_package_globals(globals())


class UsageError(Exception):
    """The command line cannot be obeyed; the message is one line for the person who typed it."""


class _Request:
    """What the command line asks for."""

    def __init__(self, arguments):
        self.output, self.json, self.script, self.arguments = None, False, None, []
        left = list(arguments)
        while left:
            argument = left.pop(0)
            if argument == "--" and self.script is not None:
                self.arguments += left
                break
            if argument in ("-o", "--output"):
                if not left:
                    raise UsageError(f"trace: {argument} needs the name of a file")
                self.output = left.pop(0)
            elif argument == "--json":
                self.json = True
            elif self.script is not None:
                self.arguments.append(argument)
            elif argument.startswith("-"):
                raise UsageError(f"trace: unknown option {argument}")
            else:
                self.script = argument
        if self.script is None:
            raise UsageError("trace: nothing to run; name a script")
        if self.output is None:
            stem = os.path.splitext(os.path.basename(self.script))[0]
            self.output = f"{stem}.json" if self.json else f"{stem}.html"


def _compiled(path):
    try:
        with io.open_code(os.path.abspath(path)) as file:
            source = file.read()
    except OSError as error:
        raise UsageError(f"trace: cannot read {path!r}: {error.strerror}") from None
    return source


def _run(request, source):
    """Run the script as __main__. Returns: its exit code."""
    main = ModuleType("__main__")
    main.__dict__.update(__file__=request.script, __builtins__=__builtins__)
    sys.modules["__main__"] = main
    sys.argv = [request.script, *request.arguments]
    sys.path[0] = os.path.dirname(os.path.abspath(request.script))
    try:
        # The whole path, by which its lines are found when the script has changed folders.
        exec(compile(source, os.path.abspath(request.script), "exec"), main.__dict__)
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException as error:
        trace = error.__traceback__.tb_next  # without this function
        traceback.print_exception(type(error), error, trace)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def trace(arguments):
    """Run ``rushlight trace``. Returns: the exit code, the script's own unless that is 0.

    Raises: UsageError where there is nothing to run, or no place to write to.
    """
    request = _Request(arguments)
    source = _compiled(request.script)
    import rushlight

    from .viz import _files

    try:
        path = _files.writable(os.path.abspath(request.output))
    except OSError as error:
        raise UsageError(f"trace: {error.strerror}") from None
    rushlight.install_as_torch()
    with rushlight.record() as tape:
        code = _run(request, source)
    try:
        graph = tape.graph
    except RuntimeError:
        print(
            f"rushlight trace: no backward pass ran in {request.script}; nothing is written",
            file=sys.stderr,
        )
        return code or 1
    if request.json:
        graph.to_json(path)
    else:
        graph.to_html(path, title=os.path.basename(request.script))
    print(f"rushlight trace: {graph!r} -> {request.output}", file=sys.stderr)
    return code

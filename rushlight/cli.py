"""The ``rushlight`` command: run, trace, check, info."""

import os
import sys

_HELP = """\
usage: {prog} run SCRIPT [ARGUMENT ...]     also: run -m MODULE, run -c CODE, run -
       {prog} trace SCRIPT [-o FILE] [--json] [ARGUMENT ...]
       {prog} check SCRIPT
       {prog} info
       {prog} --version | --help

  run     run an unmodified PyTorch program: `import torch` means rushlight in it
  trace   run one and write the page of its last backward pass: graph, values, gradients, time and
          memory by line, gradients over training; arguments after -- are the script's alone
  check   list the torch names in a script that rushlight lacks, without running it
  info    print the version, the kernels in use, BLAS, threads and devices
"""


def main(arguments=None, prog="rushlight"):
    """Run the command line.

    arguments: those after the program's name; by default ``sys.argv[1:]``.
    Returns: the exit code; 2 for a usage error, after one line on stderr.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        code = _dispatch(arguments, prog)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader (`| head`) has what it wanted; Python's own flush at exit must not fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _dispatch(arguments, prog):
    if not arguments:
        return _usage_error(prog, "no command; give run, trace, check or info")
    command, *rest = arguments
    if command in ("run", "trace", "check", "info") and rest[:1] in (["-h"], ["--help"]):
        command = "help"
    if command == "run":
        return _run(rest, prog)
    if command == "trace":
        return _trace(rest, prog)
    if command == "check":
        return _check(rest, prog)
    if command == "info":
        return _usage_error(prog, f"info: takes no arguments, got {rest[0]!r}") if rest else _info()
    if command in ("-h", "--help", "help"):
        print(_HELP.format(prog=prog), end="")
        return 0
    if command in ("-V", "--version"):
        from ._version import __version__

        print(f"rushlight {__version__}")
        return 0
    return _usage_error(prog, f"unknown command {command!r}; give run, trace, check or info")


def _usage_error(prog, message):
    print(f"{prog}: {message} (see {prog} --help)", file=sys.stderr)
    return 2


def _run(arguments, prog):
    from . import _run

    options = _run.interpreter_options() if prog.endswith(" -m rushlight") else []
    try:
        _run.run(arguments, options)
    except _run.UsageError as error:
        return _usage_error(prog, error)


def _trace(arguments, prog):
    from . import _trace

    try:
        return _trace.trace(arguments)
    except _trace.UsageError as error:
        return _usage_error(prog, error)


def _check(arguments, prog):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        return _usage_error(prog, "check: takes one script")
    from ._check import check

    return check(arguments[0])


def _info():
    import platform

    from . import _C
    from ._version import __version__

    build, blas = _C._build_info(), _C._blas_info()
    sets = build["kernel_sets"]
    available = sets.split() if isinstance(sets, str) else sets
    rows = {
        "kernel set": f"{build['kernel_set']} (available: {', '.join(available)})",
        "BLAS": blas["config"] or blas["library"],
        "threads": build["threads"],
        "devices": "cpu",
        "compiler": build["compiler"],
        "Python": f"{platform.python_version()} ({sys.executable})",
    }
    print(f"rushlight {__version__}")
    for label, value in rows.items():
        print(f"  {label:<12}{value}")
    return 0

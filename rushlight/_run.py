"""``rushlight run``: a PyTorch program, unmodified, on rushlight.

It becomes plain ``python`` with one module loaded early, so arguments, tracebacks, warnings, exit
codes and signals are the interpreter's own and cannot differ.
"""

import os
import sys

_BOOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_boot")


class UsageError(Exception):
    """The command line cannot be obeyed; the message is one line for the person who typed it."""


def run(arguments, interpreter_options=()):
    """Replace this process by Python running a program in which ``import torch`` means rushlight.

    arguments: as after ``python``: a script, ``-m module``, ``-c code`` or ``-``, then its own.
    interpreter_options: options of Python itself, such as ``("-X", "dev")``.
    Returns: never.
    Raises: UsageError where nothing to run is named or Python would not load the alias.
    """
    if not arguments:
        raise UsageError("run: nothing to run; name a script, -m module, -c code or -")
    first = arguments[0]
    if first.startswith("-") and first != "-" and not first.startswith(("-m", "-c")):
        raise UsageError(
            f"run: unknown option {first}; Python's own stand before -m rushlight: "
            f"python {first} -m rushlight run ..."
        )
    if interpreter_options and (sys.flags.ignore_environment or sys.flags.no_site):
        raise UsageError("run: does not work under Python's options -E, -I and -S")
    if not sys.executable:
        raise UsageError("run: this interpreter does not know its own path (sys.executable)")
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, *interpreter_options, *arguments], _environment())


def _environment():
    """The environment for the next start of Python, which sitecustomize.py then cleans again."""
    path = os.environ.get("PYTHONPATH")
    environment = {**os.environ, "PYTHONPATH": f"{_BOOT}{os.pathsep}{path}" if path else _BOOT}
    asked_for_utf8 = "utf8" in sys._xoptions or "PYTHONUTF8" in os.environ
    if sys.flags.utf8_mode and not asked_for_utf8 and not os.environ.get("LC_ALL"):
        # This start found the C locale and replaced it (PEP 538); the next one must find it too.
        environment["LC_CTYPE"] = "C"
    return environment


def interpreter_options():
    """Options given to this interpreter before ``-m rushlight``, as they were written."""
    head = sys.orig_argv[1 : len(sys.orig_argv) - len(sys.argv) + 1]
    if not head:
        return []
    if head[-1] == "rushlight":
        head.pop()
    elif head[-1].endswith("mrushlight"):
        head[-1] = head[-1].removesuffix("rushlight")
    if not head or not head[-1].startswith("-") or not head[-1].endswith("m"):
        return []
    last = head.pop()[:-1]
    return head if last == "-" else [*head, last]

"""The record of tests/data/record_torchviz.py: what torchviz draws of each program."""

import re

from support import DATA

_HEAD = re.compile(r"^// (classic )?make_dot\((.*)\)\n", re.MULTILINE)


def golden_calls():
    """(program's name, classic, {option: value}, source or the error's line) of each record."""
    for path in sorted((DATA / "torchviz").glob("*.dot")):
        parts = _HEAD.split(path.read_text(encoding="utf-8"))[1:]
        for classic, arguments, source in zip(*[iter(parts)] * 3):
            yield path.stem, bool(classic), _options(arguments), source.removesuffix("\n\n").strip()


def _options(arguments):
    _, *given = arguments.split(", ")
    options = {"params": True} if "params" in given else {}
    return options | {
        k: int(v) if v.isdigit() else True for k, v in (a.split("=") for a in given if "=" in a)
    }

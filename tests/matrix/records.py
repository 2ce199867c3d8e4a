"""The recorded observations: one compressed file per operator, equal lines once."""

import functools
import json
import lzma

from support import DATA

FOLDER = DATA / "matrix"


def path_of(name):
    return FOLDER / f"{name}.json.xz"


def write(name, observations):
    """observations: {(call's key, case's text): line}, in order."""
    lines = {}
    calls = {}
    for (call, case), line in observations.items():
        calls.setdefault(call, {})[case] = lines.setdefault(line, len(lines))
    text = json.dumps({"lines": list(lines), "calls": calls}, separators=(",", ":"))
    FOLDER.mkdir(exist_ok=True)
    packed = lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME)
    path_of(name).write_bytes(packed)
    return len(packed)


@functools.cache
def read(name):
    """What was recorded of an operator: {(call's key, case's text): line}; empty without a file."""
    if not path_of(name).exists():
        return {}
    stored = json.loads(lzma.decompress(path_of(name).read_bytes()))
    lines = stored["lines"]
    return {
        (call, case): lines[at]
        for call, cases in stored["calls"].items()
        for case, at in cases.items()
    }

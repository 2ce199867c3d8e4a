"""Check that the C++ layers include downward only, and that file names spell a word one way.

    python tools/check_layers.py [ROOT]

Prints each violation as ``file:line: what is wrong`` and exits 1 if there is one. The rules:

- A file of ``csrc/X`` includes only the layers that ``MAY_INCLUDE`` gives for X.
- Only ``csrc/python`` includes Python's headers; only its ``frame*.c`` look into the interpreter.
- A family has one name in every folder: ``exp_log.h`` beside ``explog.cpp`` is an error.
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

# The layers from the bottom up. "Lower" alone is not enough: the engine sits above the ops and
# kernel sets, yet must work without knowing one of them.
MAY_INCLUDE = {
    "core": {"core"},
    "kernels": {"core", "kernels"},
    "graph": {"core", "kernels", "graph"},
    "ops": {"core", "kernels", "graph", "ops"},
    "isa": {"core", "kernels", "ops", "isa"},
    "engine": {"core", "kernels", "graph", "engine"},
    "layout": {"core", "layout"},
    "python": {"core", "kernels", "graph", "ops", "isa", "engine", "layout", "python"},
}
SUFFIXES = {".h", ".cpp", ".c"}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
BUILD_CORE = re.compile(r"^\s*#\s*define\s+Py_BUILD_CORE")
PYTHON_HEADER = re.compile(r"^(Python|structmember|frameobject|datetime|pycapsule)\.h$|^cpython/")
INTERNAL_HEADER = re.compile(r"^internal/|(^|/)pycore_\w+\.h$")
BLOCK_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


class Violation(NamedTuple):
    path: Path
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def violations(root):
    """Every violation under ``root/csrc``; paths are relative to root."""
    csrc = Path(root) / "csrc"
    files = sorted(path for path in csrc.rglob("*") if path.is_file())
    found = []
    for path in files:
        found += check_place(path.relative_to(csrc))
        if path.suffix in SUFFIXES:
            found += check_includes(csrc, path)
    found += check_names([path.relative_to(csrc) for path in files])
    return [v._replace(path=Path("csrc") / v.path) for v in found]


def check_place(name):
    """A source file lies in a layer and is called ``lower_case.h``, ``.cpp`` or ``.c``."""
    if len(name.parts) < 2 or name.parts[0] not in MAY_INCLUDE:
        return [Violation(name, 1, f"is in no layer; the layers are {', '.join(MAY_INCLUDE)}")]
    if name.suffix not in SUFFIXES:
        return [Violation(name, 1, "is not a .h, .cpp or .c file")]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name.stem):
        return [Violation(name, 1, "file names are lower_case_with_underscores")]
    return []


def check_includes(csrc, path):
    name = path.relative_to(csrc)
    layer = name.parts[0]
    reads_frames = layer == "python" and name.stem.startswith("frame") and name.suffix == ".c"
    text = BLOCK_COMMENT.sub(lambda m: "\n" * m.group().count("\n"), path.read_text("utf-8"))
    found = []

    def report(line, message):
        found.append(Violation(name, line, message))

    for number, line in enumerate(text.splitlines(), 1):
        if BUILD_CORE.match(line) and not reads_frames:
            report(number, "defines Py_BUILD_CORE; only csrc/python/frame*.c may")
        match = INCLUDE.match(line)
        if not match:
            continue
        header = match.group(1)
        if INTERNAL_HEADER.search(header):
            if not reads_frames:
                report(number, f"includes {header}; only csrc/python/frame*.c may")
        elif PYTHON_HEADER.match(header):
            if layer != "python":
                report(number, f"includes {header}; only csrc/python may")
        else:
            target = layer_of(csrc, path, header)
            if target and layer in MAY_INCLUDE and target not in MAY_INCLUDE[layer]:
                report(number, f"{layer} may not include {target}: {header}")
    return found


def layer_of(csrc, path, header):
    """The layer that ``#include header`` in ``path`` reaches, or None for a system header."""
    beside = (path.parent / header).resolve()
    if beside.is_file() and beside.is_relative_to(csrc.resolve()):
        return beside.relative_to(csrc.resolve()).parts[0]
    first = Path(header).parts[0]
    return first if first in MAY_INCLUDE and len(Path(header).parts) > 1 else None


def check_names(names):
    """Two stems that differ only in underscores or a final "s" are one word spelled two ways."""
    spelling = {}
    found = []
    for name in names:
        word = name.stem.replace("_", "").removesuffix("s")
        first = spelling.setdefault(word, name)
        if first.stem != name.stem:
            found.append(Violation(name, 1, f"spells its name differently from csrc/{first}"))
    return found


def main(arguments):
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent
    if not (root / "csrc").is_dir():
        print(f"{root} has no csrc folder", file=sys.stderr)
        return 2
    found = violations(root)
    for violation in found:
        print(violation)
    if found:
        print(f"{len(found)} layer violation{'s' if len(found) > 1 else ''}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Print the lines of each source folder and how they grew; fail above the budget.

    python tools/line_budget.py [REVISION]     (growth since REVISION, the last commit by default)

Smallness is counted: ``BUDGET`` is raised on purpose, in a commit that says why. A source file is
split before it passes ``FILE_LIMIT``. Tests, tools and documents are not counted.
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path

BUDGET = 90_000
FILE_LIMIT = 600
FOLDERS = ("csrc", "rushlight")
SUFFIXES = {".h", ".cpp", ".c", ".py"}


def folder_of(name):
    """``csrc/core`` for ``csrc/core/shape.h``; ``rushlight`` for ``rushlight/cli.py``."""
    return "/".join(Path(name).parts[:-1][:2])


def lines_now(root):
    """Lines of every source file in the working tree, by path relative to root."""
    files = (path for folder in FOLDERS for path in (root / folder).rglob("*"))
    return {
        path.relative_to(root).as_posix(): path.read_bytes().count(b"\n")
        for path in sorted(files)
        if path.suffix in SUFFIXES and path.is_file()
    }


def lines_at(root, revision):
    """The same at a git revision; empty where there is no such revision."""
    result = subprocess.run(
        ["git", "grep", "--count", "-e", "", revision, "--", *FOLDERS],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = {}
    for row in result.stdout.splitlines():
        name, count = row.removeprefix(f"{revision}:").rsplit(":", 1)
        if Path(name).suffix in SUFFIXES:
            lines[name] = int(count)
    return lines


def by_folder(lines):
    totals = Counter()
    for name, count in lines.items():
        totals[folder_of(name)] += count
    return totals


def main(arguments):
    root = Path(__file__).resolve().parent.parent
    revision = arguments[0] if arguments else "HEAD"
    lines = lines_now(root)
    now, before = by_folder(lines), by_folder(lines_at(root, revision))
    for folder in sorted(now | before):
        growth = now[folder] - before[folder]
        print(f"{folder:<24}{now[folder]:>7}{f'{growth:+}' if growth else '':>8}")
    total, growth = now.total(), now.total() - before.total()
    print(f"{'total':<24}{total:>7}{f'{growth:+}' if growth else '':>8}   budget {BUDGET}")

    too_long = [name for name, count in lines.items() if count > FILE_LIMIT]
    for name in too_long:
        print(f"{name}: {lines[name]} lines, more than {FILE_LIMIT}: split it")
    if total > BUDGET:
        print(f"{total - BUDGET} lines above the budget of tools/line_budget.py")
    return 1 if too_long or total > BUDGET else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

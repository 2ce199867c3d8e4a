"""The layer check finds planted violations and passes a clean tree and this repository."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "check_layers.py"


def check(root):
    result = subprocess.run(
        [sys.executable, SCRIPT, root], capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout


def write(root, files):
    for name, text in files.items():
        path = root / "csrc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


CLEAN = {
    "core/shape.h": "#pragma once\n#include <vector>\n",
    "kernels/copy.cpp": '#include "core/shape.h"\n',
    "graph/node.h": '#include "kernels/copy.h"\n#include "core/shape.h"\n',
    "ops/op.h": '#include "graph/node.h"\n',
    "isa/table.cpp": '#include "ops/op.h"\n',
    "engine/engine.cpp": '#include "graph/node.h"\n',
    "python/module.cpp": '#include <Python.h>\n#include "engine/engine.h"\n#include "ops/op.h"\n',
    "python/frame_311.c": "#define Py_BUILD_CORE 1\n#include <internal/pycore_frame.h>\n",
}


def test_clean_tree_passes(tmp_path):
    write(tmp_path, CLEAN)
    assert check(tmp_path) == (0, "")


def test_this_repository_passes():
    assert check(ROOT) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        (
            "core/shape.cpp",
            '\n#include "kernels/copy.h"\n',
            "csrc/core/shape.cpp:2: core may not include kernels: kernels/copy.h",
        ),
        (
            "engine/heap.cpp",
            '#include "ops/op.h"\n',
            "csrc/engine/heap.cpp:1: engine may not include ops: ops/op.h",
        ),
        (
            "graph/view.cpp",
            '/* a comment\n */\n#include "../ops/op.h"\n',
            "csrc/graph/view.cpp:3: graph may not include ops: ../ops/op.h",
        ),
        (
            "isa/loops.cpp",
            "#include <graph/node.h>\n",
            "csrc/isa/loops.cpp:1: isa may not include graph: graph/node.h",
        ),
        (
            "graph/edge.h",
            "#include <Python.h>\n",
            "csrc/graph/edge.h:1: includes Python.h; only csrc/python may",
        ),
        (
            "python/state.h",
            "#define Py_BUILD_CORE\n",
            "csrc/python/state.h:1: defines Py_BUILD_CORE; only csrc/python/frame*.c may",
        ),
        (
            "python/types.cpp",
            '#include "internal/pycore_frame.h"\n',
            "csrc/python/types.cpp:1: includes internal/pycore_frame.h; "
            "only csrc/python/frame*.c may",
        ),
        (
            "ops/sh_ape.cpp",
            "",
            "csrc/ops/sh_ape.cpp:1: spells its name differently from csrc/core/shape.h",
        ),
        (
            "kernels/Copy2.h",
            "",
            "csrc/kernels/Copy2.h:1: file names are lower_case_with_underscores",
        ),
        (
            "util/misc.h",
            "",
            "csrc/util/misc.h:1: is in no layer; "
            "the layers are core, kernels, graph, ops, isa, engine, layout, python",
        ),
    ],
)
def test_planted_violation_is_reported_with_file_and_line(tmp_path, name, text, expected):
    write(tmp_path, CLEAN | {name: text})
    assert check(tmp_path) == (1, f"{expected}\n1 layer violation\n")


def test_include_in_a_comment_is_not_an_include(tmp_path):
    write(tmp_path, CLEAN | {"core/dtype.h": '// #include "ops/op.h"\n/* #include <Python.h> */\n'})
    assert check(tmp_path) == (0, "")


def test_missing_csrc_is_an_error(tmp_path):
    result = subprocess.run(
        [sys.executable, SCRIPT, tmp_path], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "has no csrc folder" in result.stderr

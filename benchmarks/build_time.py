"""How long a clean build takes, and a rebuild after one op's file has changed."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter

import _harness

OP_FILE = "csrc/ops/exponential.h"
BUILD = """
import sys
from scikit_build_core.build import build_wheel
build_wheel(sys.argv[1], {"build-dir": sys.argv[2], "build.targets": ["_C"]})
"""


def seconds(command, folder):
    start = perf_counter()
    result = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(result.stdout[-4000:])
    value = perf_counter() - start
    return _harness.Spread(value, value, value)


def rows(_modules):
    with tempfile.TemporaryDirectory() as name:
        copy, build = Path(name) / "source", Path(name) / "build"
        copy.mkdir()
        for folder in ("csrc", "rushlight"):
            shutil.copytree(_harness.ROOT / folder, copy / folder)
        for file in ("CMakeLists.txt", "pyproject.toml", "README.md", "LICENSE", "NOTICE"):
            shutil.copy(_harness.ROOT / file, copy)
        clean = seconds([sys.executable, "-c", BUILD, name, str(build)], copy)
        yield _harness.Row(f"clean build, {os.cpu_count()} cores", clean, budget=120)
        os.utime(copy / OP_FILE)
        rebuild = seconds(["cmake", "--build", str(build), "--target", "_C"], copy)
        yield _harness.Row(f"rebuild after {OP_FILE}", rebuild, budget=15)

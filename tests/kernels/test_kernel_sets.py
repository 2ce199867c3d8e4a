"""Kernel sets differ in speed alone: each gives the same bits, random numbers included."""

import os
import subprocess
import sys

import pytest
from support import DATA, rushlight_only, torch

pytestmark = rushlight_only
SCRIPT = DATA.parent / "isolated" / "kernel_bits.py"


def run(kernel_set):
    environment = {**os.environ, "RUSHLIGHT_CPU": kernel_set}
    return subprocess.run(
        [sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=120
    )


def test_every_available_set_gives_the_same_bits():
    available = torch._C._build_info()["kernel_sets"].split()
    printed = {}
    for name in available:
        result = run(name)
        assert result.returncode == 0, result.stderr
        first, *lines = result.stdout.splitlines()
        assert first == f"set {name}", "RUSHLIGHT_CPU chooses the set"
        assert len(lines) == 2 * (17 + 5) + 10 * 10
        printed[name] = lines
    reference = printed[available[0]]
    for name, lines in printed.items():
        assert lines == reference, f"{name} differs from {available[0]}"


@pytest.mark.parametrize("name", ["v9", "sse2"])
def test_unknown_set_is_refused_with_those_that_exist(name):
    result = run(name)
    assert result.returncode == 1
    assert "RUSHLIGHT_CPU names a kernel set that this machine cannot run" in result.stderr
    assert torch._C._build_info()["kernel_sets"] in result.stderr

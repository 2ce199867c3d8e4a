"""The fuzzer, small: more of it by hand, `python tests/fuzz/fuzz_surface.py SEED 100000`."""

import os
import pathlib
import subprocess
import sys

import pytest
from support import rushlight_only

SCRIPT = pathlib.Path(__file__).parent / "fuzz" / "fuzz_surface.py"


def fuzz(seed, episodes):
    environment = dict(os.environ)
    if "ASAN_OPTIONS" in environment:
        # What a memory limit does elsewhere: AddressSanitizer itself reserves terabytes.
        environment["ASAN_OPTIONS"] += ":max_allocation_size_mb=256"
    result = subprocess.run(
        [sys.executable, str(SCRIPT), str(seed), str(episodes)],
        capture_output=True,
        text=True,
        timeout=900,
        env=environment,
    )
    first, *rest = result.stdout.splitlines() or [""]
    log = pathlib.Path(first.split(":")[0])
    last = log.read_text() if log.is_file() else "no call"
    assert result.returncode == 0, f"{rest}\n{result.stderr[-3000:]}\nlast calls:\n{last}"
    assert rest == ["done"]


@rushlight_only
@pytest.mark.parametrize("seed", [1, 2])
def test_random_calls_raise_and_do_not_crash(seed):
    fuzz(seed, 1500)


@rushlight_only
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 105))
def test_many_random_calls_raise_and_do_not_crash(seed):
    fuzz(seed, 20_000)

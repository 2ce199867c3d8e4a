"""What tests share: the module under test, and a few checks in the words of the tests.

``RUSHLIGHT_TEST_MODULE=torch pytest tests/autograd tests/tensor`` runs the behaviour tests on
PyTorch, which is how their expectations are kept honest.
"""

import contextlib
import importlib
import os
import pathlib
import subprocess
import sys
import warnings

import pytest

MODULE = os.environ.get("RUSHLIGHT_TEST_MODULE", "rushlight")
torch = importlib.import_module(MODULE)
ON_TORCH = MODULE == "torch"

DATA = pathlib.Path(__file__).parent / "data"
nan, inf = float("nan"), float("inf")

rushlight_only = pytest.mark.skipif(ON_TORCH, reason="a promise that only rushlight makes")


def leaf(values, **kwargs):
    """A float leaf that requires grad."""
    kwargs.setdefault("dtype", torch.float32)
    return torch.tensor(values, requires_grad=True, **kwargs)


def assert_values(t, expected, rel=1e-6):
    """The tensor has these values, nan equal to nan, in nested lists of its shape."""

    def compare(got, want, where):
        if isinstance(want, list | tuple):
            assert isinstance(got, list | tuple) and len(got) == len(want), f"shape at {where}"
            for i, (g, w) in enumerate(zip(got, want)):
                compare(g, w, (*where, i))
        else:
            assert got == pytest.approx(want, rel=rel, abs=1e-12, nan_ok=True), f"at {where}"

    compare(t.tolist(), expected, ())


@contextlib.contextmanager
def recorded_warnings():
    """Collect the warnings of a block; each counts, however often it was given before."""
    # A warning that is given once a process would be missed in the second test that expects it.
    always = getattr(torch, "set_warn_always", lambda on: None)
    always(True)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield caught
    finally:
        always(False)


def run_script(name, *arguments, timeout=300, expect=0):
    """Run tests/isolated/<name>.py in a fresh process; return what it printed."""
    script = pathlib.Path(__file__).parent / "isolated" / f"{name}.py"
    result = subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env={**os.environ, "RUSHLIGHT_TEST_MODULE": MODULE},
    )
    assert result.returncode == expect, (
        f"{name}.py ended with {result.returncode}\n{result.stdout}\n{result.stderr}"
    )
    return result.stdout

"""Children of ``rushlight run`` through multiprocessing see rushlight as torch, however started."""

import pytest

pytestmark = pytest.mark.python_versions

METHODS = ["fork", "spawn", "forkserver"]

POOL = """
import multiprocessing, sys
import torch
from torch.autograd import Variable

def child(x):
    import rushlight
    assert torch is rushlight is sys.modules["torch"] and not hasattr(torch, "REAL")
    return x + 1, torch.__name__, torch.tensor, Variable

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    with context.Pool(1) as pool:
        value, name, function, kind = pool.apply(child, (1,))
    assert function is torch.tensor and kind is Variable
    print(value, name)
"""


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("real", [False, True], ids=["without torch", "with torch installed"])
def test_child_sees_rushlight_as_torch(programs, method, real):
    if real:
        programs.with_real_torch()
    programs.write("script.py", POOL)
    assert programs.printed("script.py", method) == "2 rushlight\n"


@pytest.mark.parametrize("method", METHODS)
def test_child_of_a_module_sees_rushlight_as_torch(programs, method):
    programs.with_real_torch()
    programs.write("package/__init__.py", "import torch\nassert torch.__name__ == 'rushlight'\n")
    programs.write("package/work.py", POOL)
    assert programs.printed("-m", "package.work", method) == "2 rushlight\n"


@pytest.mark.parametrize("method", METHODS)
def test_child_of_a_child_sees_rushlight_as_torch(programs, method):
    programs.with_real_torch()
    programs.write(
        "script.py",
        """
import multiprocessing, sys
import torch

def descend(depth, method):
    assert torch is sys.modules["rushlight"]
    if depth:
        context = multiprocessing.get_context(method)
        child = context.Process(target=descend, args=(depth - 1, method))
        child.start()
        child.join()
        sys.exit(child.exitcode)
    sys.exit(7)

if __name__ == "__main__":
    descend(2, sys.argv[1])
""",
    )
    result = programs.run("script.py", method)
    assert result.returncode == 7, result.stderr


def test_forkserver_preloads_rushlight_as_torch(programs):
    programs.with_real_torch()
    programs.write(
        "script.py",
        """
import multiprocessing, sys

def loaded():
    return sys.modules["torch"].__name__

if __name__ == "__main__":
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch"])
    with context.Pool(1) as pool:
        print(pool.apply(loaded))
""",
    )
    assert programs.printed("script.py") == "rushlight\n"


def test_spawned_child_shows_its_own_traceback_alone(programs):
    script = """
import multiprocessing

def child():
    raise ValueError("in the child")

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(target=child)
    process.start()
    process.join()
    print(process.exitcode)
"""
    programs.write("script.py", script)
    plain, under = programs.python("script.py"), programs.run("script.py")
    assert (under.stdout, under.stderr) == (plain.stdout, plain.stderr)


def test_program_started_by_a_spawned_child_sees_the_real_torch(programs):
    programs.with_real_torch()
    programs.write(
        "script.py",
        """
import multiprocessing, subprocess, sys
import torch

def child():
    code = "import torch; print(torch.REAL)"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(child), end="")
""",
    )
    assert programs.printed("script.py") == "True\n"

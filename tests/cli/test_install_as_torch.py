"""``rushlight.install_as_torch()``: the alias in a session that runs already."""


def test_import_torch_means_rushlight_afterwards(programs):
    programs.with_real_torch()
    code = """
import rushlight
rushlight.install_as_torch()
rushlight.install_as_torch()
import sys, torch, torch.autograd
assert torch is rushlight and torch.autograd is rushlight.autograd
rushlight.install_as_torch()
assert sum(type(f).__module__ == "rushlight._alias" for f in sys.meta_path) == 1
print("one module")
"""
    result = programs.python("-c", code)
    assert result.stdout == "one module\n", result.stderr


def test_real_torch_in_the_session_is_refused(programs):
    programs.with_real_torch()
    code = """
import torch, rushlight
try:
    rushlight.install_as_torch()
except RuntimeError as error:
    print(error)
assert torch.REAL
"""
    printed = programs.python("-c", code).stdout
    assert "a real torch is already loaded" in printed and "torch/__init__.py" in printed
    assert "restart" in printed and "before `import torch`" in printed


def test_children_of_the_session_see_rushlight_as_torch(programs):
    programs.with_real_torch()
    programs.write(
        "work.py",
        "import sys, torch\n"
        "def name():\n"
        "    return torch.__name__, sys.modules['torch'] is sys.modules['rushlight']\n",
    )
    code = """
import multiprocessing, multiprocessing.spawn
import rushlight
rushlight.install_as_torch()
import work
for method in ("fork", "spawn", "forkserver"):
    with multiprocessing.get_context(method).Pool(1) as pool:
        print(pool.apply(work.name))
"""
    result = programs.python("-c", code)
    assert result.stdout == "('rushlight', True)\n" * 3, result.stderr


def test_program_under_run_may_call_it_too(programs):
    code = "import torch; torch.install_as_torch(); import rushlight; print(torch is rushlight)"
    assert programs.printed("-c", code) == "True\n"

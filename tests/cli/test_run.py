"""``rushlight run``: the program sees plain Python in which torch is rushlight."""

import importlib.util
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.python_versions

SCRIPTS = {
    "main": """
import sys
print(sys.argv, __name__, __file__, __package__, __spec__, sys.path, sorted(globals()))
""",
    "flags": "import sys; print(sys.flags, sys.warnoptions, sys._xoptions, sys.orig_argv[1:])",
    "environment": "import os; print(sorted(os.environ.items()))",
    "sitecustomize": "import sys; print([m for m in sys.modules if 'custom' in m])",
    "stack": """
import sys, traceback
traceback.print_stack()
print(sys._getframe().f_back)
""",
    "raises": """
def f(x):
    return 1 / x
try:
    f(0)
except ZeroDivisionError as error:
    raise ValueError("no") from error
""",
    "raises group": "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
    "syntax error": "def f(:\n    pass\n",
    "exit 3": "import sys; sys.exit(3)",
    "exit message": "import sys; sys.exit('sorry')",
    "exit in a thread": """
import atexit, threading, time
atexit.register(print, "bye")
threading.Thread(target=lambda: (time.sleep(0.05), print("late"))).start()
""",
    "excepthook": """
import sys
sys.excepthook = lambda kind, error, tb: print(kind, error, tb.tb_frame.f_code.co_name, tb.tb_next)
raise ValueError(1)
""",
    "warnings": """
import warnings
def f(level):
    warnings.warn(f"level {level}", stacklevel=level)
for level in range(1, 6):
    f(level)
warnings.warn("old", DeprecationWarning)
""",
    "keyboard interrupt": "raise KeyboardInterrupt",
    "signal": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "recursion": "def f(n):\n    return n + f(n + 1)\nf(0)\n",
}


def outcome(result):
    return result.returncode, result.stdout, result.stderr


def assert_as_plain_python(programs, *arguments, **options):
    plain = programs.python(*arguments, **options)
    assert outcome(programs.run(*arguments, **options)) == outcome(plain)
    return plain


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_behaves_as_under_plain_python(programs, name):
    programs.write("script.py", SCRIPTS[name])
    assert_as_plain_python(programs, "script.py", "a", "--b", "-c", "")


@pytest.mark.parametrize("name", SCRIPTS)
def test_code_behaves_as_under_plain_python(programs, name):
    code = SCRIPTS[name].replace("__file__", "'-c'")
    assert_as_plain_python(programs, "-c", code, "a", "-m")


def test_standard_input_behaves_as_under_plain_python(programs):
    code = "import sys; print(sys.argv, __name__, sys.path[0]); f"
    assert assert_as_plain_python(programs, "-", "x", stdin=code).returncode == 1


@pytest.mark.parametrize("name", ["package", "package.module", "package.broken", "missing"])
def test_module_behaves_as_under_plain_python(programs, name):
    show = "import sys; print(sys.argv, __name__, __package__, __spec__.name, sys.path[0])\n"
    programs.write("package/__init__.py", "print('package', __name__)\n")
    programs.write("package/__main__.py", show)
    programs.write("package/module.py", f"from . import __main__\n{show}")
    programs.write("package/broken.py", "1 / 0\n")
    assert_as_plain_python(programs, "-m", name, "x")


@pytest.mark.parametrize("arguments", [["missing.py"], ["-m"], ["-c"], ["folder"]])
def test_program_that_cannot_start_fails_as_under_plain_python(programs, arguments):
    (programs.folder / "folder").mkdir()
    assert assert_as_plain_python(programs, *arguments).returncode != 0


def test_folder_with_main_runs_as_under_plain_python(programs):
    programs.write("app/__main__.py", "import sys, helper; print(sys.argv, sys.path[0])\n")
    programs.write("app/helper.py", "")
    assert assert_as_plain_python(programs, "app", "x").returncode == 0


def test_options_of_python_reach_the_program(programs):
    programs.write("script.py", SCRIPTS["flags"])
    options = ["-X", "dev", "-W", "error::UserWarning", "-Ou"]
    plain = programs.python(*options, "script.py")
    for start in (["-m", "rushlight"], ["-mrushlight"], ["-bm", "rushlight"]):
        under = programs.python(*options, *start, "run", "script.py")
        if start[0] == "-bm":
            plain = programs.python(*options, "-b", "script.py")
        assert outcome(under) == outcome(plain)


@pytest.mark.parametrize("option", ["-E", "-I", "-S"])
def test_options_that_hide_the_alias_are_refused(programs, option):
    # Run by its path: these options may also hide where the package is installed.
    path = pathlib.Path(importlib.util.find_spec("rushlight").origin).with_name("_run.py")
    call = f"run_path({str(path)!r})['run'](['-c', 'print(1)'], [{option!r}])"
    code = f"from runpy import run_path; {call}"
    result = programs.python(option, "-c", code)
    assert result.returncode == 1 and result.stdout == ""
    assert "does not work under Python's options -E, -I and -S" in result.stderr


def test_users_sitecustomize_still_runs(programs):
    programs.write("extra/sitecustomize.py", "import sys; sys.customized = __file__\n")
    programs.write("script.py", "import sys, sitecustomize; print(sys.customized, sitecustomize)\n")
    path = os.pathsep.join(
        filter(None, [str(programs.folder / "extra"), os.environ.get("PYTHONPATH")])
    )
    assert assert_as_plain_python(programs, "script.py", PYTHONPATH=path).returncode == 0


def test_pythonpath_of_the_user_is_kept(programs):
    programs.write("extra/module_of_the_user.py", "")
    code = "import os, sys, module_of_the_user; print(os.environ['PYTHONPATH'], sys.path)"
    path = os.pathsep.join(filter(None, ["extra", "other", os.environ.get("PYTHONPATH")]))
    assert assert_as_plain_python(programs, "-c", code, PYTHONPATH=path).returncode == 0


@pytest.mark.parametrize("locale", ["C", "C.UTF-8", "LC_ALL=C", "LC_CTYPE=C", "PYTHONUTF8=1"])
def test_locale_and_encodings_are_as_under_plain_python(programs, locale):
    for name in ("LC_ALL", "LC_CTYPE", "PYTHONUTF8", "PYTHONCOERCECLOCALE"):
        programs.environment.pop(name, None)
    name, _, value = locale.rpartition("=")
    code = """
import locale, os, sys
print(sys.flags, sys.stdout.encoding, sys.stdout.errors, locale.getpreferredencoding())
print(sorted(os.environ.items()))
"""
    assert_as_plain_python(programs, "-c", code, **{name or "LANG": value})


def test_keyboard_interrupt_exits_130_in_the_shell(programs):
    programs.write("script.py", "raise KeyboardInterrupt\n")
    command = [sys.executable, "-m", "rushlight", "run", "script.py"]
    shell = ["sh", "-c", '"$@"; exit $?', "sh", *command]
    result = subprocess.run(shell, cwd=programs.folder, capture_output=True, timeout=60)
    assert result.returncode == 130


def test_ctrl_c_shows_the_scripts_traceback_alone(programs):
    source = "import time\nprint('ready', flush=True)\ntime.sleep(60)\n"
    script = programs.write("script.py", source)
    process = subprocess.Popen(
        [sys.executable, "-m", "rushlight", "run", str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert error.count("File ") == 1 and f'File "{script}", line 3' in error


ALIAS = """
import sys
import torch
import torch.cuda, torch.backends.cudnn as cudnn
import torch.autograd as autograd
from torch.autograd import Variable
import rushlight
assert torch is rushlight is sys.modules["torch"] is sys.modules["rushlight"]
assert cudnn is torch.backends.cudnn is rushlight.backends.cudnn
assert cudnn is sys.modules["torch.backends.cudnn"] is sys.modules["rushlight.backends.cudnn"]
assert autograd is torch.autograd is sys.modules["rushlight.autograd"]
assert autograd.Variable is Variable
assert torch.__name__ == torch.__spec__.name == "rushlight"
assert autograd.__spec__.name == "rushlight.autograd"
assert not hasattr(torch, "REAL")
print("one module")
"""


@pytest.mark.parametrize("real", [False, True], ids=["without torch", "with torch installed"])
def test_torch_is_rushlight_and_one_module(programs, real):
    if real:
        programs.with_real_torch()
    assert programs.printed("-c", ALIAS) == "one module\n"


def test_console_script_runs_a_program(programs):
    start = "import sys; from rushlight.cli import main; sys.exit(main())"
    result = programs.python("-c", start, "run", "-c", "import torch; print(torch.__name__)")
    assert outcome(result) == (0, "rushlight\n", "")


def test_torch_beside_the_script_is_not_taken(programs):
    programs.write("torch.py", "REAL = True\n")
    programs.write("script.py", "import torch; print(hasattr(torch, 'REAL'))\n")
    assert programs.printed("script.py") == "False\n"


def test_rushlight_beside_the_script_is_not_taken(programs):
    programs.write("rushlight/__init__.py", "raise ImportError('not this one')\n")
    script = programs.write("script.py", "import torch, rushlight; print(torch is rushlight)\n")
    start = "import sys; from rushlight.cli import main; sys.exit(main())"
    outside = programs.folder / "outside"
    outside.mkdir()
    result = programs.python("-P", "-c", start, "run", script)
    assert outcome(result) == (0, "True\n", "")


def test_torch_is_not_loaded_before_it_is_imported(programs):
    code = "import sys; print([m for m in ('torch', 'rushlight') if m in sys.modules])"
    assert programs.printed("-c", code) == "[]\n"


def test_programs_started_by_the_program_see_the_real_torch(programs):
    programs.with_real_torch()
    programs.write(
        "script.py",
        "import subprocess, sys, torch\n"
        "subprocess.run([sys.executable, '-c', 'import torch; print(torch.REAL)'], check=True)\n",
    )
    assert programs.printed("script.py") == "True\n"


def test_find_spec_finds_the_alias(programs):
    programs.with_real_torch()
    code = """
from importlib.util import find_spec
before = find_spec("torch")
assert before.name == "torch" and before.submodule_search_locations
import torch
assert before.origin == find_spec("torch").origin == torch.__file__
assert find_spec("torch.autograd").origin == torch.autograd.__file__
assert find_spec("torch.distributed") is None and find_spec("torch.autograd.nothing") is None
"""
    programs.printed("-c", code)


def test_metadata_reports_rushlights_version_as_torchs(programs):
    code = """
import importlib.metadata
print(importlib.metadata.version("torch"))
import torch
print(torch.__version__, torch.version.__version__)
print(importlib.metadata.metadata("torch")["Name"])
"""
    version, both, name = programs.printed("-c", code).splitlines()
    assert both == f"{version} {version}" and name == "torch"
    programs.with_real_torch()
    assert programs.printed("-c", code).splitlines()[0] == version


def test_threads_importing_torch_at_once_get_one_module(programs):
    code = """
import sys, threading
sys.setswitchinterval(1e-6)
found, gate = [], threading.Barrier(8)
def load():
    gate.wait()
    import torch.backends.cudnn
    found.append((torch, torch.manual_seed, torch.backends.cudnn))
threads = [threading.Thread(target=load) for _ in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
assert len(found) == 8 and len(set(found)) == 1, found
"""
    programs.printed("-c", code)

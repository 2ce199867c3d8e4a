"""Names that rushlight lacks: the right error, who asked, and the nearest thing that exists."""

import pickle
import sys

import pytest

import rushlight
from rushlight._missing import module_getattr

pytestmark = pytest.mark.python_versions

PROGRAM = """
import torch
def attempt(statement):
    try:
        exec(statement, {"torch": torch, "__name__": "customer"})
    except Exception as error:
        print(type(error).__name__, error, sep=": ")
"""

ATTRIBUTE = "AttributeError: module '{}' has no attribute '{}'"
FROM_IMPORT = "ImportError: cannot import name '{1}' from '{0}' ("
MODULE = "ModuleNotFoundError: No module named '{}.{}'"

# statement, first line, module that was asked, name, nearest
CASES = [
    ("torch.manual_sed", ATTRIBUTE, "torch", "manual_sed", "manual_seed"),
    ("torch.Manual_Seed", ATTRIBUTE, "torch", "Manual_Seed", "manual_seed"),
    ("torch.cuda.is_avail", ATTRIBUTE, "torch.cuda", "is_avail", "is_available"),
    ("torch.backends.cudn", ATTRIBUTE, "torch.backends", "cudn", "cudnn"),
    ("from torch import manual_sed", FROM_IMPORT, "torch", "manual_sed", "manual_seed"),
    ("from torch.cuda import is_avail", FROM_IMPORT, "torch.cuda", "is_avail", "is_available"),
    ("from torch.cuda import seed, ini", FROM_IMPORT, "torch.cuda", "ini", "init"),
    ("import torch.cudo", MODULE, "torch", "cudo", "cuda"),
    ("import torch.cudo.amp", MODULE, "torch", "cudo", "cuda"),
    ("from torch.cudo import amp", MODULE, "torch", "cudo", "cuda"),
    ("import torch.backends.cudn", MODULE, "torch.backends", "cudn", "cudnn"),
]


@pytest.mark.parametrize(
    ("statement", "first", "module", "name", "nearest"), CASES, ids=[case[0] for case in CASES]
)
def test_missing_name_is_named_with_who_asked_and_what_is_near(
    programs, statement, first, module, name, nearest
):
    code = f"{PROGRAM}import torch.cuda, torch.backends\nattempt({statement!r})"
    lines = programs.printed("-c", code).splitlines()
    assert lines[0].startswith(first.format(module, name))
    assert lines[1] == "  asked for by  customer (<string>:1)"
    assert lines[2].startswith("  nearest       ")
    assert f"{module}.{nearest}" in lines[2].split("nearest")[1].replace(",", " ").split()


def test_name_like_no_other_says_so(programs):
    code = f"{PROGRAM}attempt('torch.zzzzqqqq')"
    last = programs.printed("-c", code).splitlines()[-1]
    assert last == "  nearest       nothing like it in torch"


def test_name_of_another_module_is_found_there(programs):
    code = f"{PROGRAM}import torch.cuda\nattempt('torch.is_bf16_supported')"
    assert "torch.cuda.is_bf16_supported" in programs.printed("-c", code)


@pytest.mark.parametrize(
    "statement", ["import torch.distributed", "from torch.cudo import amp", "import torch.cudo.amp"]
)
def test_missing_module_shows_the_scripts_frames_alone(programs, statement):
    script = programs.write("script.py", f"def load():\n    {statement}\nload()\n")
    error = programs.run("script.py").stderr
    assert error.count('  File "') == 2 and error.count(f'  File "{script.name}"') <= 2
    assert "_alias" not in error and "importlib" not in error


def test_error_is_shown_once_without_a_second_suggestion(programs):
    error = programs.run("-c", "import torch; torch.manual_sed").stderr
    assert error.count("torch.manual_seed") == 1 and "Did you mean" not in error


def test_guarded_imports_fall_back(programs):
    code = """
import importlib, torch
try:
    from torch import not_there
except ImportError:
    print("ImportError")
try:
    import torch.not_there
except ModuleNotFoundError as error:
    print(error.name)
try:
    importlib.import_module("torch.not_there")
except ImportError as error:
    print(error.name)
print(hasattr(torch, "not_there"), getattr(torch, "not_there", None))
"""
    expected = ["ImportError", "torch.not_there", "torch.not_there", "False None"]
    assert programs.printed("-c", code).splitlines() == expected


def test_probe_by_hasattr_searches_nothing():
    assert not hasattr(rushlight, "no_such_name")
    error = module_getattr("rushlight", "no_such_name")
    assert type(error) is AttributeError and error.name == "no_such_name"
    assert str.__str__(error.args[0]) == "module 'rushlight' has no attribute 'no_such_name'"


def test_without_the_alias_the_module_keeps_its_own_name():
    assert "torch" not in sys.modules
    with pytest.raises(AttributeError, match="^module 'rushlight' has no attribute 'manual_sed'\n"):
        rushlight.manual_sed  # noqa: B018
    with pytest.raises(ImportError, match="^cannot import name 'manual_sed' from 'rushlight' "):
        from rushlight import manual_sed  # noqa: F401


def test_error_survives_pickling_with_its_whole_message():
    error = module_getattr("rushlight.cuda", "is_avail")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error) and str(copy) == str(error)


def test_code_without_a_module_name_is_named_by_its_file():
    with pytest.raises(AttributeError) as caught:
        exec("torch.no_such_name", {"torch": rushlight})
    assert "\n  asked for by  <string>:1\n" in str(caught.value)


def test_printing_module_is_there_before_anything_was_printed(programs):
    code = "import rushlight as torch; print(torch._tensor_str.PRINT_OPTS.precision)"
    assert programs.printed("-c", code) == "4\n"

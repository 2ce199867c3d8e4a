"""``rushlight check``: unknown torch names of one script, by its text alone."""

import pytest

from rushlight._check import check

UNKNOWN = {
    "import torch\ntorch.no_such(1)": ["2:7 torch.no_such"],
    "import torch as t\nt.no_such": ["2:3 torch.no_such"],
    "import torch.cuda as c\nc.no_such": ["2:3 torch.cuda.no_such"],
    "import torch.cuda\ntorch.cuda.no_such.deeper": ["2:12 torch.cuda.no_such"],
    "from torch import cuda, no_such": ["1:25 torch.no_such"],
    "from torch import cuda as gpu\ngpu.no_such": ["2:5 torch.cuda.no_such"],
    "from torch.cuda import (\n    seed,\n    no_such as x,\n)": ["3:5 torch.cuda.no_such"],
    "import os, torch.no_such": ["1:18 torch.no_such"],
    "from torch.no_such import x, y": ["1:12 torch.no_such"],
    "from torch.backends.no_such import x": ["1:21 torch.backends.no_such"],
    "import torch\nc = torch.cuda\nc.no_such": ["3:3 torch.cuda.no_such"],
    "import torch\nclass A(torch.NoSuch):\n    pass": ["2:15 torch.NoSuch"],
    "import torch\ntorch.Tensor.no_such": ["2:14 torch.Tensor.no_such"],
    "import torch\ntorch.tensor([1.0]).no_such()": ["2:21 torch.Tensor.no_such"],
    "import torch\nx = torch.zeros(3)\nx.no_such()": ["3:3 torch.Tensor.no_such"],
    "from torch import tensor\nx = tensor(3)\nx.no_such": ["3:3 torch.Tensor.no_such"],
    "import torch\ndef f(x=torch.no_a):\n    return x + torch.no_b": [
        "2:15 torch.no_a",
        "3:22 torch.no_b",
    ],
    "def f():\n    import torch\n    return lambda y: torch.no_such": ["3:28 torch.no_such"],
    "import torch\nx = (torch.no_a.b, [torch.no_c for _ in y])": [
        "2:12 torch.no_a",
        "2:27 torch.no_c",
    ],
    "import torch\ns = 'é'; torch.no_such": ["2:16 torch.no_such"],
    "try:\n    import torch\nexcept ImportError:\n    torch = None\ntorch.no_such": [
        "5:7 torch.no_such"
    ],
    "import torch\n(torch\n  .no_such)": ["3:4 torch.no_such"],
    "import torch\ntorch.no_such.x = 1": ["2:7 torch.no_such"],
    "import torch\nclass A:\n    torch = 1\n    def f(self):\n        return torch.no_such": [
        "5:22 torch.no_such"
    ],
}

KNOWN = [
    "import torch\ntorch.manual_seed(0)\ntorch.cuda.is_available()",
    "import torch\ntorch.tensor(1.0).sum()\nx = torch.zeros(2)\nx.backward()",
    # What cannot be known: other libraries, results of functions, arguments, rebound names.
    "import numpy as torch_like\ntorch_like.no_such",
    "import torch\ntorch.manual_seed(0).no_such",
    "import torch\nx = torch.zeros(3).sum()\nx.no_such",
    "import torch\nx = torch.zeros(3)\nx = other()\nx.no_such",
    "import torch\ndef f(torch):\n    return torch.no_such",
    "import torch\nfor torch in y:\n    pass\ntorch.no_such",
    "import torch\n[torch.no_such for torch in y]",
    "import torch\nlambda torch: torch.no_such",
    "import torch\ndef f():\n    torch = g()\n    return torch.no_such",
    "from . import torch\ntorch.no_such",
    "import torch\nclass torch: pass\ntorch.no_such",
    "a = b\nb = a\na.x\nc = c.d\nc.x",
    # What the script guards or sets itself.
    "import torch\nif hasattr(torch, 'no_such'):\n    torch.no_such",
    "import torch\nok = hasattr(torch, 'no_such') and torch.no_such",
    "try:\n    from torch import no_such\nexcept ImportError:\n    no_such = None",
    "import torch\ntry:\n    torch.no_such\nexcept (ValueError, AttributeError):\n    pass",
    "try:\n    import torch.no_such\nexcept:\n    pass",
    "import torch\ntorch.backends.cudnn.benchmark = True\ntorch.cuda.mine = 1\ntorch.cuda.mine",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import no_such",
    "import torch.backends.cudnn as cudnn\ncudnn.benchmark = True\nprint(cudnn.benchmark)",
    "from torch import *\nno_such",
    "",
]


def found(path, capsys):
    """The exit code, and line:column name of each finding."""
    code = check(str(path))
    lines = capsys.readouterr().out.splitlines()
    prefix = f"{path}:"
    assert all(line.startswith(prefix) for line in lines)
    findings = [line.removeprefix(prefix).split(" is not in rushlight")[0] for line in lines]
    return code, [f.replace(": ", " ") for f in findings]


@pytest.mark.parametrize(("source", "expected"), UNKNOWN.items())
def test_unknown_name_is_listed_with_its_place(tmp_path, capsys, source, expected):
    script = tmp_path / "script.py"
    script.write_text(source)
    assert found(script, capsys) == (1, expected)


@pytest.mark.parametrize("source", KNOWN)
def test_known_or_unknowable_name_is_not_listed(tmp_path, capsys, source):
    script = tmp_path / "script.py"
    script.write_text(source)
    assert check(str(script)) == 0, capsys.readouterr().out


def test_finding_names_the_nearest(tmp_path, capsys):
    script = tmp_path / "script.py"
    script.write_text("import torch\ntorch.manual_sed\ntorch.Tensor.bakward\n")
    assert check(str(script)) == 1
    first, second = capsys.readouterr().out.splitlines()
    expected = f"{script}:2:7: torch.manual_sed is not in rushlight; nearest: torch.manual_seed"
    assert first.startswith(expected)
    assert "torch.Tensor.backward" in second


def test_script_is_not_run(tmp_path, capsys):
    script = tmp_path / "script.py"
    script.write_text("import torch\nopen('made', 'w')\nraise SystemExit(5)\n")
    assert check(str(script)) == 0 and not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "content",
    [b"def f(:\n", b"# coding: no-such\n", b"x = '\xff'\n", b"x\0y\n", b"(" * 3000],
    ids=["syntax", "coding", "utf-8", "null byte", "nesting"],
)
def test_file_that_cannot_be_parsed_exits_2_with_one_line(tmp_path, capsys, content):
    script = tmp_path / "script.py"
    script.write_bytes(content)
    assert check(str(script)) == 2
    output = capsys.readouterr()
    assert output.out == "" and output.err.count("\n") == 1 and str(script) in output.err


@pytest.mark.parametrize("name", ["missing.py", "."])
def test_file_that_cannot_be_read_exits_2_with_one_line(tmp_path, capsys, name):
    assert check(str(tmp_path / name)) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_long_chains_of_operators_are_walked(tmp_path, capsys):
    script = tmp_path / "script.py"
    names = "\n".join(f"a{i + 1} = a{i}" for i in range(3000))
    script.write_text(f"import torch\na0 = torch.cuda\n{names}\na3000.x\n{'.x'.join('y' * 90)}\n")
    assert check(str(script)) == 0, capsys.readouterr()


def test_command_exits_with_the_finding(programs):
    programs.write("script.py", "import torch\ntorch.no_such\n")
    result = programs.rushlight("check", "script.py")
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.startswith("script.py:2:7: torch.no_such is not in rushlight")

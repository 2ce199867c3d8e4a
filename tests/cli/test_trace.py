"""``rushlight trace``: a script runs as __main__, and its last backward pass is written down."""

import json

import pytest

from rushlight import Graph

TRAINING = """
import sys
import torch
print(sys.argv, __name__, __file__)
w = torch.tensor([1.0, 2.0], requires_grad=True)
optimizer = torch.optim.SGD([w], lr=0.1)
def step():
    optimizer.zero_grad()
    loss = (w * w).sum()
    loss.backward()
    optimizer.step()
for _ in range(4):
    step()
"""


@pytest.fixture
def trained(programs):
    programs.write("train.py", TRAINING)
    return programs


def read(programs, name):
    return Graph.from_json((programs.folder / name).read_text())


def test_the_graph_of_the_last_pass_as_json(trained):
    done = trained.rushlight("trace", "train.py", "-o", "report.json", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['train.py'] __main__ train.py\n"
    assert done.stderr.startswith("rushlight trace: <Graph of loss: 2 operations, 1 leaf> ->")
    made = read(trained, "report.json")
    assert [node.op for node in made.nodes] == ["AccumulateGrad", "MulBackward0", "SumBackward0"]
    assert made["w"].value.data == pytest.approx((0.512, 1.024))
    assert [step for step, _ in made.steps["w"]] == [0, 1, 2, 3]
    assert made["loss"].scope == ("step",) and made["loss"].file.endswith("train.py")
    assert made.lines[0].file.endswith("train.py") and made.lines[0].us > 0


def test_the_page_has_the_name_of_the_script(trained):
    done = trained.rushlight("trace", "./train.py", "-o", "report.html")
    assert done.returncode == 0, done.stderr
    assert "<title>train.py</title>" in (trained.folder / "report.html").read_text()


def test_the_name_of_the_file_follows_from_the_script(trained):
    assert trained.rushlight("trace", "--json", "train.py").returncode == 0
    assert json.loads((trained.folder / "train.json").read_text())["kind"] == "rushlight-graph"


def test_arguments_are_the_scripts(trained):
    done = trained.rushlight(
        "trace", "train.py", "--fast", "-o", "r.json", "--json", "--", "-o", "x"
    )
    assert done.stdout.startswith("['train.py', '--fast', '-o', 'x']")
    assert (trained.folder / "r.json").exists()


def test_a_script_that_raises_is_shown_as_far_as_it_came(trained):
    trained.write("broken.py", TRAINING + "raise ValueError('after training')\n")
    done = trained.rushlight("trace", "broken.py", "-o", "r.json", "--json")
    assert done.returncode == 1 and "_trace" not in done.stderr
    assert done.stderr.startswith('Traceback (most recent call last):\n  File "')
    assert "ValueError: after training" in done.stderr
    assert len(read(trained, "r.json")) == 3


@pytest.mark.parametrize(("code", "expected"), [("3", 3), ("0", 0), ("None", 0), ("'sorry'", 1)])
def test_the_exit_code_is_the_scripts(trained, code, expected):
    trained.write("exits.py", TRAINING + f"sys.exit({code})\n")
    done = trained.rushlight("trace", "exits.py", "-o", "r.json", "--json")
    assert done.returncode == expected and ("sorry" in done.stderr) == (code == "'sorry'")
    assert (trained.folder / "r.json").exists()


def test_a_syntax_error(programs):
    programs.write("wrong.py", "def f(:\n")
    done = programs.rushlight("trace", "wrong.py", "-o", "r.json", "--json")
    assert done.returncode == 1 and "SyntaxError" in done.stderr
    assert not (programs.folder / "r.json").exists()


def test_a_script_without_a_backward_pass(programs):
    programs.write("none.py", "import torch; torch.ones(2) * 3\n")
    done = programs.rushlight("trace", "none.py", "-o", "r.json", "--json")
    assert done.returncode == 1
    assert done.stderr == ("rushlight trace: no backward pass ran in none.py; nothing is written\n")
    assert not (programs.folder / "r.json").exists()


def test_a_script_that_changes_its_folder(trained):
    trained.write("moves.py", "import os; os.mkdir('sub'); os.chdir('sub')\n" + TRAINING)
    assert trained.rushlight("trace", "moves.py", "-o", "r.json", "--json").returncode == 0
    made = read(trained, "r.json")
    assert made["loss"].expression == "(w * w).sum()"
    assert not (trained.folder / "sub" / "r.json").exists()


def test_modules_beside_the_script_are_found(programs):
    programs.write("lib/helper.py", "def twice(x):\n    return x * 2\n")
    programs.write(
        "lib/main.py",
        "import torch, helper\nhelper.twice(torch.ones(2, requires_grad=True)).sum().backward()\n",
    )
    assert programs.rushlight("trace", "lib/main.py", "-o", "r.json", "--json").returncode == 0
    (node,) = read(programs, "r.json").find(op="mul")
    assert node.file.endswith("helper.py") and node.scope == ("twice",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to run; name a script"),
        (("nope.py",), "cannot read 'nope.py': No such file"),
        (("--fast", "train.py"), "unknown option --fast"),
        (("train.py", "-o"), "-o needs the name of a file"),
        (("train.py", "-o", "no/r.html"), "cannot write '"),
    ],
)
def test_what_cannot_be_obeyed_is_said_before_anything_runs(trained, arguments, message):
    done = trained.rushlight("trace", *arguments)
    assert done.returncode == 2 and message in done.stderr and done.stdout == ""
    assert sorted(p.name for p in trained.folder.iterdir()) == ["train.py"]

"""``import torchviz``: ours under ``rushlight run``, and the real package on our tensors."""

import importlib.machinery
import importlib.util
import re
import subprocess
import sys
import textwrap

import pytest
from dot_programs import PROGRAMS
from golden import golden_calls
from support import leaf, torch

import rushlight

PROGRAM = """
import sys
import torch
import torchviz, torchviz.dot
from torchviz import make_dot, make_dot_from_trace
from torchviz.dot import SAVED_PREFIX, Node, resize_graph

w = torch.ones(2, requires_grad=True)
dot = make_dot(w * 2, params={"w": w})
print(torchviz.__name__, make_dot is torch.make_dot, torchviz.dot is sys.modules["torchviz.dot"])
print(SAVED_PREFIX, Node._fields)
resize_graph(dot, size_per_element=2, min_size=1)
print(dot.graph_attr)
try:
    make_dot_from_trace(None)
except NotImplementedError as error:
    print(error)
try:
    import torchviz.nothing
except ImportError as error:
    print(str(error).splitlines()[0])
print(dot, end="")
"""


def run(program, *options):
    result = subprocess.run(
        [sys.executable, *options, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_under_rushlight_run_torchviz_is_ours():
    lines = run(PROGRAM, "-m", "rushlight", "run").splitlines()
    assert lines[:5] == [
        "rushlight.viz.torchviz True True",
        "_saved_ ('name', 'inputs', 'attr', 'op')",
        "{'size': '14,14'}",
        "This function has been moved to pytorch core and can be found here: "
        "https://pytorch.org/docs/stable/tensorboard.html",
        "No module named 'torchviz.nothing'",
    ]
    assert lines[5] == "digraph {" and lines[-1].startswith("// to see it: ")


def test_torchviz_is_left_alone_elsewhere():
    program = "import rushlight, importlib.util; print(importlib.util.find_spec('torchviz'))"
    assert "rushlight" not in run(program)


def test_another_torchviz_that_is_loaded_keeps_its_submodules(tmp_path):
    (tmp_path / "torchviz").mkdir()
    (tmp_path / "torchviz" / "__init__.py").write_text("from .dot import word")
    (tmp_path / "torchviz" / "dot.py").write_text("word = 'theirs'")
    program = f"""
    import sys
    sys.path.insert(0, {str(tmp_path)!r})
    import torchviz
    import rushlight
    rushlight.install_as_torch()
    del sys.modules["torchviz.dot"]
    import torchviz.dot
    print(torchviz.dot.word, torchviz.__file__)
    """
    assert run(program) == f"theirs {tmp_path}/torchviz/__init__.py\n"


# What torchviz's own code asks of tensors and nodes.


def test_nodes_have_what_torchviz_looks_at():
    w = leaf([1.0, 2.0])
    y = w.exp() * w
    node = y.grad_fn
    assert node is y.grad_fn and node.next_functions[0][0] is node.next_functions[0][0]
    assert type(node).__name__ == "MulBackward0" and bool(node) and {node: 1}[y.grad_fn] == 1
    assert not hasattr(node, "variable") and not hasattr(node, "saved_tensors")
    accumulate = node.next_functions[1][0]
    assert type(accumulate).__name__ == "AccumulateGrad" and accumulate.variable is w
    assert node._saved_other is w
    assert {hash(getattr(node, name)) for name in dir(node) if name.startswith("_saved_")}


def test_tensors_have_what_torchviz_looks_at():
    w = leaf([[1.0, 2.0]])
    view = (w * 2)[0][:1]
    assert view._is_view() and view._base is view._base and not view._base._is_view()
    assert isinstance(view, torch.autograd.Variable) and torch.is_tensor(view)
    assert [int(n) for n in view.size()] == [1]


@pytest.fixture
def real_make_dot(monkeypatch):
    """make_dot of the installed torchviz, on rushlight."""
    spec = importlib.machinery.PathFinder.find_spec("torchviz")
    if spec is None:
        pytest.skip("torchviz is not installed: pip install --no-deps torchviz==0.0.3")
    pytest.importorskip("distutils", reason="torchviz needs distutils, as setuptools has it")
    for name, module in (("torch", rushlight), ("torch.autograd", rushlight.autograd)):
        monkeypatch.setitem(sys.modules, name, module)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "torchviz", module)
    monkeypatch.delitem(sys.modules, "torchviz.dot", raising=False)
    spec.loader.exec_module(module)
    yield module.make_dot
    sys.modules.pop("torchviz.dot", None)


def renumbered(source):
    """With ids in the order in which they appear."""
    numbers = {}

    def number(match):
        return f"\t{_of(match[1])} -> {_of(match[2])}" if match[2] else f"\t{_of(match[1])}"

    def _of(address):
        return numbers.setdefault(address, len(numbers) + 1)

    return re.sub(r"^\t(\d+)(?: -> (\d+))?", number, source, flags=re.MULTILINE)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:make_dot. showing grad_fn attributes")
def test_the_real_torchviz_draws_our_graphs_as_pytorchs(real_make_dot):
    compared = 0
    for name, classic, options, source in golden_calls():
        # A saved output is the output itself here, and a copy with another id in PyTorch.
        copies = "show_saved" in options or name == "own_function_saving_its_output"
        if classic or copies or source.startswith("//"):
            continue
        var, params = PROGRAMS[name](torch)
        options = dict(options)
        if options.pop("params", False):
            options["params"] = params
        assert renumbered(real_make_dot(var, **options).source).strip() == source, name
        compared += 1
    assert compared > 150

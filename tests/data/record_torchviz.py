"""Record what torchviz draws: writes torchviz/NAME.dot for each program of tests/viz/dot_programs.py.

    python tests/data/record_torchviz.py [--classic FOLDER] [NAME ...]

Wants torch and graphviz, and torchviz 0.0.3 installed with --no-deps (it asks for nothing but
these). FOLDER holds an unpacked torchviz 0.0.1, whose graphs are recorded too as style="classic".
Node ids are numbered in the order in which they appear.
"""

import argparse
import importlib.util
import re
import sys
from pathlib import Path

import graphviz
import torch
import torchviz

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "viz"))
from dot_programs import PROGRAMS  # noqa: E402

CALLS = {
    "make_dot(var)": {},
    "make_dot(var, params)": {"params": True},
    "make_dot(var, params, show_attrs=True)": {"params": True, "show_attrs": True},
    "make_dot(var, params, show_saved=True)": {"params": True, "show_saved": True},
    "make_dot(var, show_attrs=True, show_saved=True, max_attr_chars=6)": {
        "show_attrs": True,
        "show_saved": True,
        "max_attr_chars": 6,
    },
}
ID = re.compile(r"^\t(\d+)( -> (\d+))?", re.MULTILINE)


def renumbered(source):
    """The source with its addresses replaced by 1, 2, ... in order of appearance."""
    numbers = {}

    def number(address):
        return str(numbers.setdefault(address, len(numbers) + 1))

    def statement(match):
        if match[3] is None:
            return f"\t{number(match[1])}"
        return f"\t{number(match[1])} -> {number(match[3])}"

    return ID.sub(statement, source)


def drawn(make_dot, program, options):
    """The source, or the error's type and first line; the graph is built anew for each call."""
    torch.manual_seed(0)
    var, params = program(torch)
    options = dict(options)
    if options.pop("params", False):
        options["params"] = params
    try:
        source = make_dot(var, **options).source
        # What torchviz 0.0.1 makes of a tensor without a node is nobody's model.
        return "// draws NoneType\n" if "NoneType" in source else renumbered(source)
    except Exception as error:
        words = "" if isinstance(error, KeyError) else str(error).splitlines()[0]  # no address
        return f"// raises {type(error).__name__} {words}".rstrip() + "\n"


def classic_make_dot(folder):
    path = Path(folder) / "torchviz" / "dot.py"
    spec = importlib.util.spec_from_file_location("torchviz_classic", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.make_dot


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classic", required=True, metavar="FOLDER")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    classic = classic_make_dot(arguments.classic)
    versions = f"torch {torch.__version__}, torchviz 0.0.3, graphviz {graphviz.__version__}"
    for name in arguments.names or PROGRAMS:
        program = PROGRAMS[name]
        text = f"// {versions}; classic: torchviz 0.0.1\n"
        for call, options in CALLS.items():
            text += f"\n// {call}\n{drawn(torchviz.make_dot, program, options)}"
        for call in ("make_dot(var)", "make_dot(var, params)"):
            options = CALLS[call]
            text += f"\n// classic {call}\n{drawn(classic, program, options)}"
        (HERE / "torchviz" / f"{name}.dot").write_text(text)
        print(name)


main()

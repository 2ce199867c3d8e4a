"""Record tests/data/indexing_cases.json anew from PyTorch: ``python record_indexing.py``.

The expressions are those of the file; what PyTorch answers to them is replaced.
"""

import json
import os
import pathlib
import sys

os.environ["RUSHLIGHT_TEST_MODULE"] = "torch"
TESTS = pathlib.Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "ops")]

import test_indexing_ops as cases  # noqa: E402 - the path comes first


def lines(items):
    return ",\n".join(f"  {json.dumps(item)}" for item in items)


def gradient_case(expression):
    name, first, second = cases.gradients(expression)
    return [expression, name, cases.texts(first), cases.texts(second)]


def main():
    recorded = cases.CASES
    parts = []
    for group, items in recorded["values"].items():
        answers = [[expression, cases.answer(expression)] for expression, _ in items]
        parts.append(f" {json.dumps(group)}: [\n{lines(answers)}\n ]")
    results = [
        f" {json.dumps(dtype)}: [\n{lines(cases.answers_of(dtype))}\n ]"
        for dtype in recorded["dtypes"]["results"]
    ]
    gradients = [gradient_case(item[0]) for item in recorded["gradients"]]
    calls = recorded["dtypes"]["calls"]
    text = (
        f'{{"values": {{\n{",\n".join(parts)}\n}},\n'
        f'"dtypes": {{"calls": [\n{lines(calls)}\n],\n"results": {{\n{",\n".join(results)}\n}}}},\n'
        f'"leaves": {json.dumps(recorded["leaves"])},\n'
        f'"gradients": [\n{lines(gradients)}\n]}}\n'
    )
    (TESTS / "data/indexing_cases.json").write_text(text)


if __name__ == "__main__":
    main()

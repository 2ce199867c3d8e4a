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


def block(items):
    """A JSON list with a line for each item."""
    return "[\n" + ",\n".join(json.dumps(item) for item in items) + "\n]"


def table(named):
    return "{" + ",\n".join(f"{json.dumps(k)}: {block(v)}" for k, v in named.items()) + "}"


def gradient_case(expression):
    name, first, second = cases.gradients(expression)
    return [expression, name, cases.texts(first), cases.texts(second)]


def main():
    old = cases.CASES
    values = {
        group: [[expression, cases.answer(expression)] for expression, _ in items]
        for group, items in old["values"].items()
    }
    calls = block(old["dtypes"]["calls"])
    results = table({dtype: cases.answers_of(dtype) for dtype in old["dtypes"]["results"]})
    gradients = block([gradient_case(item[0]) for item in old["gradients"]])
    text = (
        f'{{"values": {table(values)},\n"dtypes": {{"calls": {calls},\n"results": {results}}},\n'
        f'"leaves": {json.dumps(old["leaves"])},\n"gradients": {gradients}}}\n'
    )
    (TESTS / "data/indexing_cases.json").write_text(text)


if __name__ == "__main__":
    main()

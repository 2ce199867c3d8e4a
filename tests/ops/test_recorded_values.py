"""Factories, sequences, random numbers and types: PyTorch's answers, bit for bit."""

import json

import pytest
from recorded_values import evaluate
from support import DATA, torch

CASES = json.loads((DATA / "recorded_values.json").read_text())


@pytest.mark.parametrize(("line", "answer"), CASES.items(), ids=list(CASES))
def test_line_gives_what_pytorch_gave(line, answer):
    assert evaluate(line, torch) == answer

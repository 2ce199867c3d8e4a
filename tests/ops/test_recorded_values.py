"""Factories, sequences, random numbers, types, arguments: PyTorch's answers, bit for bit."""

import json

import pytest
from recorded_values import evaluate
from support import DATA, torch

CASES = {}
for file in sorted(DATA.glob("recorded_values*.json")):
    CASES |= json.loads(file.read_text())


@pytest.mark.parametrize(("line", "answer"), CASES.items(), ids=list(CASES))
def test_line_gives_what_pytorch_gave(line, answer):
    assert evaluate(line, torch) == answer

"""Error messages against their rules: other shapes, dims and dtypes than the recorded ones."""

import json
import random
import warnings

import error_rules
import pytest
import spec_cases
from error_rules import RULES, Draw
from spec_cases import essence
from support import DATA, torch

TURNS = 5
RECORDED = {case["snippet"] for case in json.loads((DATA / "error_cases.json").read_text())}


def check(case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(case.kind) as caught:
            case.call()
    assert type(caught.value).__name__ == case.kind.__name__
    said = essence(str(caught.value))
    assert said.startswith(case.message), f"expected {case.message!r}\ngot      {said!r}"


@pytest.mark.parametrize("name", sorted(RULES))
def test_message_follows_its_rule(name):
    for turn in range(TURNS):
        check(RULES[name][1](Draw(name, turn)))


def test_each_rule_is_of_a_recorded_case():
    of = [snippet for snippet, _ in RULES.values()]
    assert set(of) <= RECORDED and len(set(of)) == len(of)
    assert len(RULES) >= 70


def test_random_half_of_the_cases_that_hold_follows_rules(spec_summary):
    """Every second case at least has a rule, also in a random half of them."""
    held = json.loads((DATA / "spec_passing.json").read_text())
    cases = spec_cases.all_cases()
    held = [cases[name][1]["snippet"] for name in held if name.startswith("error: ")]
    ruled = {snippet for snippet, _ in RULES.values()}
    half = random.Random(0).sample(held, len(held) // 2)
    count = sum(snippet in ruled for snippet in held)
    line = f"error rules: {count} of {len(held)} cases, {sum(s in ruled for s in half)} of a half"
    spec_summary.append(line)
    assert count >= len(held) / 2, line


def test_a_wrong_sentence_and_a_wrong_type_are_found():
    def call():
        raise ValueError("size 3")

    check(error_rules.Case(call, ValueError, "size 3"))
    for kind, message in ((ValueError, "size 4"), (Exception, "size 3")):
        with pytest.raises(AssertionError):
            check(error_rules.Case(call, kind, message))


def test_parameters_are_drawn_the_same_way_each_time():
    first, again = (Draw("a", 1).shape(4, 4) for _ in range(2))
    assert first == again != Draw("a", 2).shape(4, 4)
    assert torch.is_grad_enabled()

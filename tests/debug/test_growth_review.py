"""The warning about graphs that pile up in containers of containers, and its advice."""

import ast
import re
from collections import deque

import pytest
from support import leaf, recorded_warnings, rushlight_only, torch

pytestmark = rushlight_only
if hasattr(torch, "debug"):
    from rushlight.debug import growth


@pytest.fixture(autouse=True)
def fresh_watch():
    torch.debug.warn_growth(False)
    torch.debug.warn_growth(True)
    growth._warned.clear()  # these programs share their lines


class Result:
    def __init__(self, loss):
        self.loss = loss


def failing(w):
    loss = (w * 3).exp().sum()
    loss.backward()
    raise ValueError("after the pass")


def warnings_of(kept, keep, passes=400):
    """Those of a loop that puts every loss into `kept`."""
    w = leaf([0.1, 0.2])
    with recorded_warnings() as caught:
        for i in range(passes):
            loss = (w * 2).exp().sum()
            loss.backward()
            keep(kept, i, loss)
    return [str(x.message) for x in caught if "are still alive" in str(x.message)]


WAYS = {
    "tuples in a list": ([], lambda kept, i, loss: kept.append((i, loss))),
    "dicts in a dict": ({}, lambda kept, i, loss: kept.update({i: {"loss": loss}})),
    "objects in a list": ([], lambda kept, i, loss: kept.append(Result(loss))),
    "lists of tuples": ([], lambda kept, i, loss: kept.append([("loss", loss)])),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_container_of_containers_is_named(way):
    kept, keep = WAYS[way]
    (text,) = warnings_of(kept, keep)
    assert "kept by kept[" in text and "more there" in text
    assert "put a number into `kept`, as `loss.item()`, or" in text
    kept.clear()


def test_exceptions_that_are_kept():
    w, errors = leaf([0.1, 0.2]), []
    with recorded_warnings() as caught:
        for _ in range(400):
            try:
                failing(w)
            except ValueError as error:
                errors.append(error)
    (text,) = [str(x.message) for x in caught if "are still alive" in str(x.message)]
    assert "kept by errors[" in text
    errors.clear()


def test_a_bounded_deque_of_tuples_and_a_cleared_list_are_no_growth():
    assert not warnings_of(deque(maxlen=300), lambda kept, i, loss: kept.append((i, loss)))

    def until_cleared(kept, i, loss):
        kept.append((i, loss))
        if len(kept) == 90:
            kept.clear()

    assert not warnings_of([], until_cleared)


def test_the_advice_for_a_value_without_a_name_is_code():
    w, kept = leaf([0.1, 0.2]), []
    with recorded_warnings() as caught:
        for _ in range(400):
            kept.append((w * 5).exp().sum())
            kept[-1].backward()
    (text,) = [str(x.message) for x in caught if "are still alive" in str(x.message)]
    codes = re.findall("`([^`]*)`", text)
    assert "(w * 5).exp().sum().detach()" in codes
    for code in codes:
        ast.parse(code)

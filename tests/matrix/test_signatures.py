"""The public surface against PyTorch's recorded signatures: forms, keywords and defaults."""

import inspect
import re

import pytest
from support import rushlight_only, torch

from .calls import SIGNATURES
from .cases import keyword_overloads
from .tables import OPERATORS
from .without import ANOTHER_DEFAULT, OTHER_FORMS, OTHER_PARAMETERS, PARAMETERS_OF_PYTORCH

pytestmark = rushlight_only
F = torch.nn.functional
# Where a tensor is put, and how: tests/tensor tests it.
PLACE_OF_MEMORY = {"device", "layout", "pin_memory", "memory_format", "generator", "requires_grad"}


def split_parameters(text):
    """The parameters of a line of the signature language, as {name: default or ...}."""
    inside = text[text.index("(") + 1 : text.rindex(") ->")]
    found = {}
    for part in re.split(r",\s*(?![^(\[]*[)\]])", inside):
        if part in ("*", ""):
            continue
        names, _, rest = part.partition(":")
        default = rest.partition("=")[2].strip() or ...
        for name in names.split("|"):
            found[name.strip()] = default
    return found


def overloads(function):
    """What a public function or method takes: a {name: default} for each of its overloads."""
    if inspect.isfunction(function):
        parameters = inspect.signature(function).parameters.values()
        if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in parameters):
            return None  # takes what it is given: the matrix calls it with every keyword
        return [{p.name: ... if p.default is p.empty else p.default for p in parameters}]
    lines = (function.__doc__ or "").splitlines()
    found = [line.removeprefix("In-place form: ") for line in lines if ") -> " in line]
    return [split_parameters(line) for line in found] or None


def as_value(default):
    """A default as Python sees it; the signature language writes it as text."""
    if default is ... or not isinstance(default, str):
        return default
    if default.startswith("_C."):
        return None
    words = {"None": None, "True": True, "False": False}
    if default in words:
        return words[default]
    if default.startswith('"'):
        return default[1:-1]
    try:
        return float(default)
    except ValueError:
        return default


def spelled(default):
    """A default without its spelling: no dims are all dims, and no dtype is the usual one."""
    return None if default in ("[]", "4") or default is ... else default


def forms(name):
    """The callables under a name, where PyTorch has them."""
    entry = SIGNATURES[name]
    for form, space, called in (
        ("function", torch, name),
        ("method", torch.Tensor, name),
        ("inplace", torch.Tensor, name + "_"),
        ("functional", F, name),
    ):
        if entry[form]:
            yield form, called, getattr(space, called, None)


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_operator_exists_in_every_form(name):
    missing = [
        form
        for form, called, function in forms(name)
        if function is None and (form, called) not in OTHER_FORMS
    ]
    assert not missing, f"{name} is missing as {' and as '.join(missing)}"


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_operator_takes_every_keyword_with_its_default(name):
    wrong = []
    for form, called, function in forms(name):
        if function is None or name in OTHER_PARAMETERS:
            continue
        ours = overloads(function)
        if ours is None:
            continue
        for overload in SIGNATURES[name]["overloads"]:
            if form not in overload["forms"]:
                continue
            wrong += [f"{form} {called}: {w}" for w in missing_in(ours, overload, form, name)]
    assert not wrong, "\n".join(sorted(set(wrong)))


def missing_in(ours, overload, form, name):
    """The parameters of one of PyTorch's overloads that no overload of ours has."""
    if any(p.get("out") or p.get("variadic") for p in overload["parameters"]):
        return  # out= is tested by calling
    for p in overload["parameters"]:
        parameter = p["name"]
        if parameter in PARAMETERS_OF_PYTORCH or (name, parameter) in ANOTHER_DEFAULT:
            continue
        if parameter == "input" and form in ("method", "inplace"):
            continue
        defaults = [as_value(o[parameter]) for o in ours if parameter in o]
        if not defaults:
            yield f"no parameter {parameter}"
        elif "default" in p and spelled(p["default"]) not in map(spelled, defaults):
            yield f"{parameter} defaults to {defaults}, PyTorch's to {p['default']!r}"


def called_with(name):
    """The parameters that the matrix's calls of an operator give, by name or by place."""
    found = set()
    for call in OPERATORS[name].calls:
        found |= call.kwargs.keys()
        if call.run:
            return None  # written out in Python
        for names in keyword_overloads(name, call):
            found |= set(names)
    return found


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_matrix_calls_the_operator_with_every_keyword(name):
    given = called_with(name)
    if given is None or name in OTHER_PARAMETERS:
        return
    parameters = {
        p["name"]
        for overload in SIGNATURES[name]["overloads"]
        for p in overload["parameters"]
        if not p.get("out") and not p.get("variadic") and p["name"] != "out"
    }
    left = {p for p in parameters - given if (name, p) not in ANOTHER_DEFAULT}
    assert not left - PARAMETERS_OF_PYTORCH.keys() - PLACE_OF_MEMORY

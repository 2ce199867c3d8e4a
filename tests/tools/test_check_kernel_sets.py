"""The check that kernel sets differ in the registers they use."""

import importlib.util

from support import DATA

path = DATA.parent.parent / "tools" / "check_kernel_sets.py"
spec = importlib.util.spec_from_file_location("check_kernel_sets", path)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

SOUND = {
    "isa_v2_a": {"xmm"},
    "isa_v3_a": {"xmm", "ymm", "fma"},
    "isa_v4_a": {"xmm", "zmm", "fma"},
}


def problems(monkeypatch, **changed):
    listing = {**SOUND, **changed}
    monkeypatch.setattr(tool, "used", listing.get)
    return list(tool.problems(list(listing)))


def test_sets_of_their_own_width_pass(monkeypatch):
    assert problems(monkeypatch) == []


def test_registers_beyond_the_set_are_found(monkeypatch):
    assert problems(monkeypatch, isa_v2_a={"xmm", "ymm"}) == ["isa_v2_a: v2 has no ymm"]
    assert problems(monkeypatch, isa_v2_a={"xmm", "fma"}) == ["isa_v2_a: v2 has no fma"]
    assert problems(monkeypatch, isa_v3_a={"ymm", "zmm"}) == ["isa_v3_a: v3 has no zmm"]


def test_sets_that_are_alike_are_found(monkeypatch):
    assert problems(monkeypatch, isa_v4_a={"xmm"}) == ["v4: 0 of 1 objects use zmm"]

"""Scripts that need a process of their own: depth, memory, interruption, the end of the process."""

import sys

import pytest
from support import run_script, rushlight_only

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_chain_of_a_million_nodes():
    assert run_script("deep_chain", 1_000_000).splitlines()[-1] == "small stack"


@linux
def test_memory_of_training_is_flat_over_a_short_run():
    assert float(run_script("training_memory", 50_000)) < 1.0


@linux
@pytest.mark.slow
def test_memory_of_a_million_training_steps_is_flat():
    assert float(run_script("training_memory", 1_000_000)) < 1.0


@rushlight_only
def test_backward_nested_without_end_is_refused():
    assert run_script("nested_backward").startswith("refused at depth")


@rushlight_only
def test_seed_trains_where_numpy_is_blocked():
    assert run_script("seed_without_numpy").split() == ["1.0235", "1.9690"]


@rushlight_only
def test_interrupt_stops_backward_between_nodes():
    assert run_script("interrupt").strip() == "interrupted"


def test_interpreter_ends_cleanly_with_everything_alive():
    assert run_script("alive_at_exit").strip() == "alive"


@rushlight_only
def test_import_is_light():
    lines = run_script("import_cost").splitlines()
    assert lines == ["loaded:", "after repr:"]


def test_everything_works_under_a_recursion_limit_of_100():
    assert run_script("low_recursion_limit").strip() == "fine"

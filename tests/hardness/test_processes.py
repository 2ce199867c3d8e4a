"""What needs a process of its own: memory limits, fork, the end of the interpreter, fuzzing."""

import os
import sys

import pytest
from support import run_script, rushlight_only, torch

under_asan = "libasan" in os.environ.get("LD_PRELOAD", "")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_allocation_that_cannot_succeed_says_what_was_asked_for():
    for call in (lambda: torch.empty(2**50), lambda: torch.ones(1).expand(2**50).clone()):
        with pytest.raises((MemoryError, RuntimeError), match=str(4 * 2**50)):
            call()
    assert torch.ones(3).sum().item() == 3.0


@rushlight_only
def test_lack_of_memory_is_caught_as_pytorchs_error_and_as_pythons():
    for kind in (RuntimeError, MemoryError, torch.OutOfMemoryError):
        with pytest.raises(kind, match="DefaultCPUAllocator: can't allocate memory: you tried to"):
            torch.zeros(2**50)


@rushlight_only
def test_refused_allocation_does_not_count():
    before = torch.cpu.max_memory_allocated()
    with pytest.raises(MemoryError):
        torch.empty(2**44)  # the peak was raised before the memory was there
    assert torch.cpu.max_memory_allocated() == before


@rushlight_only
@linux
@pytest.mark.skipif(under_asan, reason="AddressSanitizer reserves more than the limit")
def test_refused_allocations_leave_the_process_whole():
    assert run_script("address_space").strip() == "goes on"


@linux
@rushlight_only  # the parent's threads of PyTorch hang in the child
def test_child_of_a_process_that_computed():
    assert run_script("fork_after_use", timeout=100).split() == ["0"] * 4


@linux
def test_many_outputs_of_a_shared_chain():
    assert run_script("shared_outputs", 1_000_000, 1_000).strip() == "freed"


@rushlight_only
def test_interpreter_ends_while_threads_stand_in_hooks():
    for _ in range(5):
        assert run_script("exit_with_threads", timeout=60).strip() == "ending"


@rushlight_only
def test_signals_at_odd_moments_lose_no_gradient():
    assert run_script("interrupted_hooks", timeout=60).strip() == "whole"

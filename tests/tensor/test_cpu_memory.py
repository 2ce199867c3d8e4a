"""rushlight.cpu: torch.cpu's names, and torch.cuda's figures of memory told of the CPU."""

import collections
import gc
import os
import sys

import pytest
from support import run_script, rushlight_only, torch

KIB, MIB = 2**10, 2**20
under_asan = "libasan" in os.environ.get("LD_PRELOAD", "")
keeps_blocks = pytest.mark.skipif(under_asan, reason="nothing is cached under AddressSanitizer")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def test_there_is_one_cpu_which_never_waits():
    cpu = torch.cpu
    assert cpu.is_available() is True and cpu.is_initialized() is True
    assert cpu.device_count() == 1 and cpu.current_device() == "cpu"
    assert cpu.set_device("cpu") is None and cpu.synchronize() is None
    assert cpu.synchronize("cpu") is None


def test_streams_can_be_chosen_and_the_earlier_one_comes_back():
    outer, stream = torch.cpu.current_stream(), torch.cpu.Stream()
    with torch.cpu.stream(stream):
        assert torch.cpu.current_stream() is stream
        with torch.cpu.StreamContext(None):
            assert torch.cpu.current_stream("cpu") is stream
        with pytest.raises(KeyError), torch.cpu.stream(torch.cpu.Stream(priority=0)):
            raise KeyError
        assert torch.cpu.current_stream() is stream
    assert torch.cpu.current_stream() is outer
    assert stream.wait_stream(outer) is None and stream.record_event() is None


def test_event_has_always_been_passed():
    event = torch.cpu.Event()
    assert event.record() is None and event.query() is True
    assert event.wait() is None and event.synchronize() is None


@linux
def test_capabilities_are_an_immutable_mapping():
    capabilities = torch.cpu.get_capabilities()
    assert capabilities["architecture"] in ("x86_64", "aarch64")
    names = [name for name in capabilities if name in ("sse2", "avx2", "avx512_f", "neon")]
    assert names and all(type(capabilities[name]) is bool for name in names)
    with pytest.raises(TypeError):
        capabilities["avx2"] = True


@rushlight_only
def test_allocated_bytes_follow_the_tensors():
    gc.collect()
    before = torch.cpu.memory_allocated()
    torch.cpu.reset_peak_memory_stats()
    t = torch.empty(MIB, dtype=torch.uint8)
    assert torch.cpu.memory_allocated() == before + MIB
    view, scalar = t[5:], torch.tensor(1.0)  # neither has a block of its own
    del t
    assert torch.cpu.memory_allocated() == before + MIB
    del view, scalar
    assert torch.cpu.memory_allocated() == before
    assert torch.cpu.max_memory_allocated() == before + MIB
    torch.cpu.reset_peak_memory_stats()
    assert torch.cpu.max_memory_allocated() == before


@rushlight_only
@keeps_blocks
def test_freed_memory_is_kept_until_the_cache_is_emptied():
    torch.cpu.empty_cache()
    before = torch.cpu.memory_reserved()
    torch.empty(3 * MIB, dtype=torch.uint8)
    assert torch.cpu.memory_reserved() == before + 3 * MIB
    calls = torch.cpu.memory_stats()["num_device_alloc"]
    torch.empty(3 * MIB - 100, dtype=torch.uint8)
    assert torch.cpu.memory_stats()["num_device_alloc"] == calls
    assert torch.cpu.max_memory_reserved() >= before + 3 * MIB
    assert torch.cpu.empty_cache() is None
    assert torch.cpu.memory_reserved() == before == torch.cpu.memory_allocated()


@rushlight_only
def test_stats_have_pytorchs_names_in_order():
    stats = torch.cpu.memory_stats()
    assert type(stats) is collections.OrderedDict and list(stats) == sorted(stats)
    whats = ("allocated_bytes", "allocation", "active_bytes", "active", "reserved_bytes", "segment")
    for what in (*whats, "inactive_split_bytes", "inactive_split"):
        current, peak, up, down = (
            stats[f"{what}.all.{when}"] for when in ("current", "peak", "allocated", "freed")
        )
        assert 0 <= current <= peak
        assert down >= 0 and up >= 0
    assert all(type(value) is int for value in stats.values())
    assert stats["num_alloc_retries"] >= 0 and stats["num_device_free"] >= 0
    assert stats["object_slab_bytes"] == stats["object_slabs"] * 64 * KIB


@rushlight_only
def test_failed_allocation_is_counted_and_says_what_is_held():
    before = torch.cpu.memory_stats()["num_ooms"]
    kept = torch.ones(MIB)
    with pytest.raises(MemoryError) as raised:
        torch.empty(2**44)
    first, held, cached, available, fix = str(raised.value).splitlines()
    assert f"DefaultCPUAllocator: can't allocate memory: you tried to allocate {2**46} b" in first
    assert int(held.split()[1]) >= kept.numel() * 4 and "tensors, at most" in held
    assert cached.split()[0] == "cached" and available.split()[0] == "available"
    assert fix.startswith("  fix: ")
    assert torch.cpu.memory_stats()["num_ooms"] == before + 1


@rushlight_only
def test_accumulated_figures_start_again():
    torch.empty(MIB)
    torch.cpu.reset_accumulated_memory_stats()
    stats = torch.cpu.memory_stats()
    assert stats["allocated_bytes.all.allocated"] == stats["num_ooms"] == 0
    torch.empty(MIB)
    assert torch.cpu.memory_stats()["allocated_bytes.all.freed"] == 4 * MIB


@rushlight_only
@pytest.mark.parametrize("device", [None, 0, "cpu", "cpu:0", torch.device("cpu")])
def test_every_name_of_the_cpu_is_taken(device):
    cpu = torch.cpu
    figures = (cpu.memory_allocated, cpu.max_memory_allocated, cpu.memory_reserved)
    assert all(figure(device) >= 0 for figure in (*figures, cpu.max_memory_reserved))
    assert cpu.reset_peak_memory_stats(device) is None and cpu.memory_stats(device=device)


@rushlight_only
@pytest.mark.parametrize("device", [1, True, "meta", 1.5, object()])
def test_another_device_is_refused(device):
    for call in (torch.cpu.memory_allocated, torch.cpu.memory_stats, torch.cpu.memory_summary):
        with pytest.raises(ValueError, match="Expected a cpu device, but got: "):
            call(device)


@rushlight_only
def test_summary_is_a_table_for_people():
    text = torch.cpu.memory_summary()
    heads = ["Metric", "Cur Usage", "Peak Usage", "Tot Alloc", "Tot Freed"]
    assert [cell.strip() for cell in text.splitlines()[2].strip("|").split("|")] == heads
    assert "Reserved blocks" in text
    assert "Reserved blocks" not in torch.cpu.memory_summary(abbreviated=True)


@rushlight_only
def test_missing_name_says_so():
    with pytest.raises(AttributeError, match="has no attribute 'memory_alocated'"):
        torch.cpu.memory_alocated()


@rushlight_only
@keeps_blocks
@pytest.mark.parametrize("program", ["layers", "regression", "recurrent"])
def test_training_in_steady_state_asks_the_system_for_nothing(program):
    calls, slabs, faults = map(int, run_script("steady_training", program).split())
    assert (calls, slabs) == (0, 0)
    assert faults < 100  # a page fault for each 4 KiB would be 10,000 of them


@rushlight_only
@pytest.mark.parametrize("where", ["behind", "before"])
def test_debug_mode_ends_the_process_where_a_guard_was_written_over(where):
    told = rf"-6(.|\n)*written {where} a block of 400 bytes of tensor data"
    with pytest.raises(AssertionError, match=told):
        run_script("guarded_memory", where)


@rushlight_only
def test_debug_mode_computes_and_fills_fresh_memory_with_nan():
    assert run_script("guarded_memory", "compute").split() == ["nan", "-1", "0", "fine"]

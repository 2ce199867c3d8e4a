"""A profile by source line: the backward of a statement counts for the statement."""

import pytest

import rushlight as torch
from rushlight.autograd.profiler import profile, record_function
from rushlight.utils.checkpoint import checkpoint


def lines_of(prof):
    """The Lines by their source."""
    return {line.source: line for line in prof.by_line()}


def test_forward_and_backward_of_each_statement():
    x = torch.ones(1000, requires_grad=True)
    with profile() as prof:
        y = x.exp()
        z = y.sin()
        z.sum().backward()
    lines = lines_of(prof)
    assert set(lines) == {"y = x.exp()", "z = y.sin()", "z.sum().backward()"}
    for line in lines.values():
        assert line.forward > 0
        assert line.backward > 0
        assert line.total == line.forward + line.backward
        assert line.calls == 1
        assert line.file == __file__
    assert lines["y = x.exp()"].ops == ["aten::exp"]
    assert lines["z = y.sin()"].lineno == lines["y = x.exp()"].lineno + 1


def test_lines_add_up_to_the_time_of_all_operations():
    x = torch.ones(50, 50, requires_grad=True)
    with profile() as prof:
        with record_function("label"):
            y = torch.nn.functional.linear(x, x)
        y = y.reshape(-1).var()
        y.backward()
    total = sum(line.total for line in prof.by_line())
    inside = [e for e in prof.function_events if not e.is_user_annotation]
    assert total == pytest.approx(sum(e.self_cpu_time_total for e in inside))


def test_a_loop_counts_its_statement_once_per_round():
    x = torch.ones(10, requires_grad=True)
    with profile() as prof:
        y = x
        for _ in range(5):
            y = y * 2
        y.sum().backward()
    line = lines_of(prof)["y = y * 2"]
    assert line.calls == 5
    assert line.backward > 0


def test_lines_are_sorted_by_their_time():
    x = torch.ones(200_000)
    with profile() as prof:
        x[:10].exp()
        x.exp()
    lines = prof.by_line()
    assert [line.total for line in lines] == sorted((line.total for line in lines), reverse=True)
    assert lines[0].source == "x.exp()"


def test_what_a_checkpoint_computes_anew_is_backward_of_the_checkpoint():
    x = torch.ones(100, requires_grad=True)

    def block(t):
        return t.exp().sin()

    with profile() as prof:
        y = checkpoint(block, x, use_reentrant=False)
        y.sum().backward()
    line = lines_of(prof)["return t.exp().sin()"]
    assert line.calls == 2
    assert line.backward > 0


def test_table_shows_source_and_times():
    x = torch.ones(10, requires_grad=True)
    with profile() as prof:
        y = x.exp()
        y.sum().backward()
    table = prof.table(group_by="line")
    head, *rows = [line for line in table.splitlines() if not line.startswith("--")]
    for title in ("Line", "Source", "Forward", "Backward", "Total", "Total %", "# of Calls"):
        assert title in head
    assert any("y = x.exp()" in row and "test_profiler_lines.py:" in row for row in rows)
    assert rows[-1].startswith("CPU time of all lines: ")
    assert str(prof.by_line()) == table
    assert prof.table(row_limit=1, group_by="line").count("test_profiler_lines.py:") == 1


def test_table_by_line_refuses_what_it_has_not():
    prof = profile()
    with pytest.raises(ValueError, match='group_by must be None or "line"'):
        prof.table(group_by="file")
    with pytest.raises(ValueError, match="takes no sort_by"):
        prof.table(group_by="line", sort_by="count")
    assert prof.table(group_by="line") == ""


def test_the_step_of_an_optimizer_is_a_line():
    x = torch.ones(10, requires_grad=True)
    optimizer = torch.optim.SGD([x], lr=0.1)
    with profile() as prof:
        x.exp().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    lines = lines_of(prof)
    assert lines["optimizer.step()"].forward > 0
    assert lines["optimizer.step()"].ops == ["Optimizer.step#SGD.step"]
    assert lines["optimizer.zero_grad()"].calls == 1


def test_a_label_counts_for_no_line():
    with profile() as prof, record_function("label"):
        sum(range(1000))
    assert prof.by_line() == []

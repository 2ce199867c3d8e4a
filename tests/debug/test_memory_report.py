"""What memory_report() counts, and the names that it finds."""

import gc
import json
import threading
import weakref

import pytest
from support import leaf, rushlight_only, torch

pytestmark = [pytest.mark.python_versions, rushlight_only]


def report():
    return torch.debug.memory_report()


def row_of(line_text):
    """The row of the line with this text, in the report of now."""
    rows = [row for row in report().rows if line_text in row.source]
    assert len(rows) == 1, report()
    return rows[0]


def test_line_counts_its_nodes_and_saved_bytes_once():
    w = leaf([2.0])
    x = torch.ones(1000)
    kept = [(w * x).exp() + 0 for _ in range(5)]  # counted
    row = row_of("# counted")
    assert row.nodes == 15 and set(row.ops) == {"Add", "Exp", "Mul"}
    # exp saves five results, mul one x, and w is a parameter.
    assert row.saved_bytes == 6 * 4000
    assert 15 * 60 < row.node_bytes < 15 * 400
    assert row.names == ("kept",) or row.names == ()
    assert len(kept) == 5


def test_storage_that_two_lines_save_belongs_to_the_first():
    w = leaf([1.0] * 256)
    y = (w + 1).exp()  # saves it first
    z = y * y * w  # saves it again
    assert row_of("# saves it first").saved_bytes == 1024
    assert row_of("# saves it again").saved_bytes == 1024  # of y * y alone
    assert z.shape == y.shape


def test_parameters_are_told_apart():
    w = leaf([1.0] * 1000)
    y = w * w  # a square
    found = report()
    assert row_of("# a square").saved_bytes == 0
    assert found.leaf_bytes >= 4000
    assert y.requires_grad


def test_released_graph_is_not_reported():
    y = leaf([1.0]).exp()  # gone soon
    assert row_of("# gone soon").nodes == 1
    del y
    assert not [row for row in report().rows if "# gone soon" in row.source]


def test_freed_values_are_not_counted_though_the_nodes_live():
    y = leaf([1.0] * 500).exp().sum()  # run backwards
    assert row_of("# run backwards").saved_bytes == 2000
    y.backward()
    row = row_of("# run backwards")
    assert row.nodes == 2 and row.saved_bytes == 0


def holders_of(line_text):
    return row_of(line_text).holders


def test_local_variable_is_named_with_its_function():
    def step():
        total = leaf([1.0]) * 3  # a local
        return holders_of("# a local"), total

    (name,), _ = step()
    assert name.startswith("total in ") and name.endswith("step()")


module_global = None


def test_global_variable_is_named():
    global module_global
    module_global = leaf([1.0]) * 3  # a global
    try:
        (name,) = holders_of("# a global")
        assert name.endswith("module_global")
    finally:
        module_global = None


class Box:
    pass


class Slotted:
    __slots__ = ("held",)


def test_attribute_of_self_is_named():
    class Trainer:
        def step(self):
            self.hidden = leaf([1.0]).tanh()  # an attribute
            return holders_of("# an attribute")

    (name,) = Trainer().step()
    assert "self.hidden" in name


def test_attribute_in_a_materialised_dict_is_named():
    box = Box()
    members = box.__dict__
    box.held = leaf([1.0]).tanh()  # in a dict
    (name,) = holders_of("# in a dict")
    # From 3.13 on the dict does not hold the values itself.
    assert name.startswith(("members['held'] in ", "box.held in "))
    del members
    (name,) = holders_of("# in a dict")
    assert name.startswith("box.held in ")


def test_slot_is_named():
    box = Slotted()
    box.held = leaf([1.0]).tanh()  # in a slot
    (name,) = holders_of("# in a slot")
    assert name.startswith("box.held in ")


def test_places_in_containers_are_named():
    nested = {"a": [None, (0, leaf([1.0]).sin())]}  # nested
    (name,) = holders_of("# nested")
    assert nested["a"][0] is None
    assert name.startswith("nested['a'][1][1] in ")


def test_long_list_is_one_holder():
    w = leaf([1.0])
    losses = [w * i for i in range(100)]  # long list
    (name,) = holders_of("# long list")
    assert name.startswith("losses[99] in ") and name.endswith(" and 99 more there")
    assert row_of("# long list").nodes == len(losses)


def test_list_that_is_an_attribute_is_named():
    class Trainer:
        def __init__(self):
            self.history = []

        def step(self):
            self.history.append(leaf([1.0]).tanh())  # into a history

    trainer = Trainer()
    trainer.step()
    (name,) = holders_of("# into a history")
    assert name.startswith("trainer.history[0] in ")


def test_attribute_of_a_tensor_is_named():
    x = torch.ones(2)
    x.partner = leaf([1.0]).tanh()  # a partner
    (name,) = holders_of("# a partner")
    assert name.startswith("x.partner in ")


def test_variable_of_another_thread_is_named():
    ready, done = threading.Event(), threading.Event()

    def work():
        y = leaf([1.0]).tanh()  # on a thread
        ready.set()
        done.wait(60)
        return y

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert ready.wait(60)
        (name,) = holders_of("# on a thread")
    finally:
        done.set()
        thread.join()
    assert name.startswith("y in ") and name.endswith("work()")


def test_write_into_a_view_counts_what_the_write_saved():
    w, x = leaf([1.0] * 4), torch.ones(4)
    y = torch.zeros(8)
    y[:4] *= 2
    part = y[:4]
    part.copy_(w * x)
    part.mul_(w)  # into a view
    assert row_of("# into a view").saved_bytes > 0
    assert y.grad_fn is not None


def test_packed_tensor_counts_and_its_history_is_walked():
    w = leaf([1.0] * 100)

    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = (w * 2).exp()  # packed
    row = row_of("# packed")
    assert row.nodes == 2 and row.saved_bytes >= 400
    assert y.requires_grad


def test_second_holder_of_one_item_of_a_list_is_not_said_to_hold_all():
    losses = [leaf([1.0]) * i for i in range(20)]  # all of them
    last = losses[-1]
    assert row_of("# all of them").nodes == 20
    names = holders_of("# all of them")
    assert any(
        name.startswith("losses[19] in ") and name.endswith("19 more there") for name in names
    )
    assert any(name.startswith("last in ") and "more" not in name for name in names)
    assert last.requires_grad


def test_closure_is_named():
    def make():
        seen = leaf([1.0]).cos()  # closed over

        def hook(g):
            return g * seen

        return hook

    hook = make()
    (name,) = holders_of("# closed over")
    assert name.startswith("seen in the closure of ") and "hook()" in name
    del hook


def test_hook_that_only_the_graph_holds_is_named():
    w = leaf([1.0])
    seen = leaf([2.0]).cos()  # seen by a hook
    y = w * 2
    y.register_hook(lambda g, seen=seen: g * seen)
    del seen
    (name,) = holders_of("# seen by a hook")
    assert "<lambda>" in name or "function" in name
    assert y.requires_grad


def test_suspended_generator_is_named():
    def steps():
        y = leaf([1.0]).exp()  # in a generator
        yield 1
        yield y

    generator = steps()
    next(generator)
    (name,) = holders_of("# in a generator")
    assert name.startswith("y in the suspended ") and name.endswith("steps()")


def test_frame_of_a_traceback_is_named():
    def fail():
        y = leaf([1.0]).exp()  # before it fails
        raise ValueError(y.shape)

    try:
        fail()
    except ValueError as error:
        kept = error
    (name,) = holders_of("# before it fails")
    assert name.startswith("y in ") and "traceback" in name
    assert kept.__traceback__ is not None


@pytest.mark.filterwarnings("ignore:Using backward")
def test_gradient_with_a_graph_is_named():
    x = leaf([1.0, 2.0])
    (x**3).sum().backward(create_graph=True)  # twice
    names = holders_of("# twice")
    assert any(name.startswith("x.grad in ") for name in names)
    x.grad = None


def test_grad_fn_and_context_hold_graphs():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.kept = torch.ones(1000)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    node = Double.apply(leaf([1.0])).grad_fn  # by its context
    row = row_of("# by its context")
    assert row.holders[0].startswith("node in ")
    assert row.saved_bytes == 4000
    assert node is not None


def test_saved_tensor_holds_its_node():
    saved = leaf([1.0]).exp().grad_fn._raw_saved_result  # by a saved tensor
    (name,) = holders_of("# by a saved tensor")
    assert name.startswith("saved in ")
    assert type(saved).__name__ == "SavedTensor"


def test_view_without_history_holds_that_of_its_base():
    base = leaf([1.0, 2.0]) * 2  # a base
    with torch.no_grad():
        part = base[0:1]
    del base
    (name,) = holders_of("# a base")
    assert part.grad_fn is None
    assert name.startswith("part._base in ")


def test_hidden_state_is_named_before_what_was_computed_from_it():
    hidden = leaf([1.0]).tanh()  # hidden
    loss = hidden.sum() * 2
    assert holders_of("# hidden")[0].startswith("hidden in ")
    assert loss.requires_grad


class OddType(type):
    """A class that refuses to be compared, hashed or asked."""

    def _refuse(cls, *_):
        raise RuntimeError("asked")

    __eq__ = __hash__ = __getattribute__ = __instancecheck__ = __subclasscheck__ = _refuse


class Odd(metaclass=OddType):
    """An object that refuses everything."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def _refuse(self, *_):
        raise RuntimeError("asked")

    __eq__ = __hash__ = __bool__ = __len__ = __iter__ = __repr__ = __str__ = __getitem__ = _refuse
    __class__ = property(_refuse)


def test_odd_objects_are_not_asked():
    odd = Odd()
    object.__setattr__(odd, "held", leaf([1.0]).exp())  # by an odd object
    mapping = {1: odd}
    proxy = weakref.proxy(odd)
    (name,) = holders_of("# by an odd object")
    assert name.startswith("odd.held in ")
    assert len(mapping) == 1 and type(proxy).__name__ == "ProxyType"


def test_odd_key_is_shown_by_its_type():
    class Key(metaclass=OddType):
        def __repr__(self):
            raise RuntimeError("asked")

    mapping = {Key(): leaf([1.0]).exp()}  # by an odd key
    (name,) = holders_of("# by an odd key")
    assert name.startswith("mapping[<Key>] in ")
    del mapping


def test_list_in_itself_is_no_trouble():
    held = []

    def fill():
        loop = [leaf([1.0]).exp()]  # in a loop
        loop.append(loop)
        held.append(weakref.ref(loop[0]))

    fill()
    assert row_of("# in a loop").nodes == 1
    gc.collect()
    assert held[0]() is None


def test_report_holds_nothing_alive():
    gc.collect()
    gc.disable()
    try:
        box = Box()
        y = leaf([1.0]).exp()
        box.held = y
        losses = [y * i for i in range(20)]
        refs = [weakref.ref(box), weakref.ref(y), weakref.ref(losses[3])]
        found = report()
        str(found)
        del box, y, losses
        assert [ref() for ref in refs] == [None, None, None]
    finally:
        gc.enable()
    assert found.nodes >= 21


def test_report_of_a_function_keeps_no_snapshot_of_its_locals():
    def inner():
        y = leaf([1.0]).exp()
        ref = weakref.ref(y)
        report()
        del y
        return ref()

    assert inner() is None


def test_report_counts_the_same_twice():
    kept = leaf([1.0]).exp() * 2
    first, second = report(), report()
    assert first.to_dict() == second.to_dict()
    assert kept.requires_grad


def test_table_and_dict_say_the_same():
    kept = leaf([1.0] * 300).exp()  # a row
    found = report()
    data = json.loads(json.dumps(found.to_dict()))
    assert data["nodes"] == found.nodes == sum(row["nodes"] for row in data["rows"])
    assert data["bytes"] == found.node_bytes + found.saved_bytes
    sizes = [row["bytes"] for row in data["rows"]]
    assert sizes == sorted(sizes, reverse=True)
    line = next(line for line in str(found).splitlines() if "# a row" in line)
    assert "1.2 KB" in line and "test_memory_report.py:" in line and "kept in " in line
    assert any(line.split()[-1] == "total" for line in str(found).splitlines())
    assert kept.requires_grad


def test_million_nodes_are_walked_without_recursion():
    w = leaf([1.0])
    y = w
    for _ in range(10**6):
        y = y * w  # a long chain
    assert row_of("# a long chain").nodes == 10**6

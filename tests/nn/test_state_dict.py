"""state_dict and load_state_dict: names, what is refused and in which words, hooks."""

from collections import OrderedDict

import pytest
from support import recorded_warnings, torch

nn = torch.nn


class Scale(nn.Module):
    def __init__(self, size=2):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("cache", torch.zeros(1), persistent=False)
        self.register_buffer("absent", None)


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Scale()
        self.second = Scale()


class Counting(Scale):
    def __init__(self):
        super().__init__()
        self.count = 3

    def get_extra_state(self):
        return {"count": self.count}

    def set_extra_state(self, state):
        self.count = state["count"]


def test_state_dict_holds_parameters_and_persistent_buffers_by_path():
    state = Pair().state_dict()
    assert type(state) is OrderedDict
    assert list(state) == ["first.weight", "first.calls", "second.weight", "second.calls"]
    assert list(state._metadata) == ["", "first", "second"]
    assert state._metadata["first"] == {"version": 1}


def test_state_dict_shares_memory_and_has_no_history():
    m = Scale()
    state = m.state_dict()
    assert type(state["weight"]) is torch.Tensor and not state["weight"].requires_grad
    assert state["weight"].data_ptr() == m.weight.data_ptr()
    assert m.state_dict(keep_vars=True)["weight"] is m.weight


def test_state_dict_adds_to_a_destination_under_a_prefix():
    destination = {"x": 1}
    assert Scale().state_dict(destination=destination, prefix="net.") is destination
    assert list(destination) == ["x", "net.weight", "net.calls"]


def test_state_dict_with_positional_arguments_warns():
    destination = OrderedDict()
    with recorded_warnings() as caught:
        Scale().state_dict(destination, "a.", True)
    assert [w.category for w in caught] == [FutureWarning]
    assert str(caught[0].message).startswith("Positional args are being deprecated, use kwargs")
    assert list(destination) == ["a.weight", "a.calls"] and destination["a.weight"].requires_grad


def test_state_dict_prints_as_a_dict_of_tensors():
    text = str(nn.Module().state_dict()), str(Scale().state_dict())
    assert text == (
        "OrderedDict()",
        "OrderedDict([('weight', tensor([1., 1.])), ('calls', tensor(0.))])",
    ) or text == (
        "OrderedDict()",
        "OrderedDict({'weight': tensor([1., 1.]), 'calls': tensor(0.)})",
    )


def test_load_copies_into_the_tensors_there_are():
    source, target = Pair(), Pair()
    with torch.no_grad():
        source.second.weight.copy_(torch.tensor([3.0, 4.0]))
    weight = target.second.weight
    result = target.load_state_dict(source.state_dict())
    assert target.second.weight is weight and weight.tolist() == [3, 4] and weight.requires_grad
    assert str(result) == "<All keys matched successfully>"
    assert result == ([], []) and result.missing_keys == []


def test_load_converts_dtype_and_old_scalars():
    m = Scale()
    m.load_state_dict(
        {"weight": torch.tensor([2, 3], dtype=torch.int64), "calls": torch.tensor([5.0])}
    )
    assert m.weight.tolist() == [2, 3] and m.weight.dtype == torch.float32 and m.calls.item() == 5


def test_load_with_assign_puts_the_given_tensors_in_place():
    m = Scale()
    given = {"weight": torch.zeros(2, dtype=torch.float64), "calls": torch.ones(())}
    m.load_state_dict(given, assign=True)
    assert type(m.weight) is nn.Parameter and m.weight.dtype == torch.float64
    assert m.weight.requires_grad and m.weight.data_ptr() == given["weight"].data_ptr()
    assert m.calls is given["calls"]
    other = nn.Parameter(torch.ones(2), requires_grad=False)
    m.load_state_dict({"weight": other, "calls": given["calls"]}, assign=True)
    assert m.weight is other and other.requires_grad


def test_load_that_does_not_fit_lists_everything():
    m = Pair()
    state = m.state_dict()
    del state["first.weight"], state["second.calls"]
    state["first.calls"] = torch.ones(3)
    state["second.weight"] = 3
    state["third.x"] = state["second.y"] = state["z"] = torch.ones(1)
    with pytest.raises(RuntimeError) as caught:
        m.load_state_dict(state)
    lines = str(caught.value).split("\n\t")
    assert lines[0] == "Error(s) in loading state_dict for Pair:"
    assert lines[1] == 'Missing key(s) in state_dict: "first.weight", "second.calls". '
    assert lines[2] == 'Unexpected key(s) in state_dict: "third.x", "z", "second.y". '
    assert lines[3] == (
        "size mismatch for first.calls: copying a param with shape torch.Size([3]) from "
        "checkpoint, the shape in current model is torch.Size([])."
    )
    assert lines[4] == (
        'While copying the parameter named "second.weight", expected torch.Tensor or Tensor-like '
        "object from checkpoint but received <class 'int'>"
    )


def test_load_without_strict_returns_the_keys():
    m = Scale()
    result = m.load_state_dict({"weight": torch.zeros(2), "other": torch.ones(1)}, strict=False)
    assert result.missing_keys == ["calls"] and result.unexpected_keys == ["other"]
    text = "_IncompatibleKeys(missing_keys=['calls'], unexpected_keys=['other'])"
    assert repr(result) == str(result) == text
    assert m.weight.tolist() == [0, 0]


def test_load_of_no_mapping_raises():
    with pytest.raises(TypeError, match="Expected state_dict to be dict-like, got <class 'list'>."):
        Scale().load_state_dict([])


def test_extra_state_is_saved_and_loaded():
    source, target = Counting(), Counting()
    source.count = 7
    state = source.state_dict()
    assert state["_extra_state"] == {"count": 7}
    target.load_state_dict(state)
    assert target.count == 7
    del state["_extra_state"]
    with pytest.raises(RuntimeError, match='Missing key.s. in state_dict: "_extra_state"'):
        target.load_state_dict(state)
    with pytest.raises(RuntimeError, match='Unexpected key.s. in state_dict: "_extra_state"'):
        Scale().load_state_dict(source.state_dict())


def test_state_dict_hooks_run_around_the_collection():
    m, seen = Scale(), []
    m.register_state_dict_pre_hook(lambda mod, prefix, keep: seen.append(("pre", prefix, keep)))

    def after(module, state, prefix, metadata):
        seen.append((list(state), prefix, metadata["version"]))
        state["added"] = torch.ones(1)

    handle = m.register_state_dict_post_hook(after)
    assert list(m.state_dict()) == ["weight", "calls", "added"]
    assert seen == [("pre", "", False), (["weight", "calls"], "", 1)]
    handle.remove()
    assert list(m.state_dict()) == ["weight", "calls"]


def test_state_dict_post_hook_that_returns_something_raises():
    m = Scale()
    m.register_state_dict_post_hook(lambda *args: 3)
    with pytest.raises(RuntimeError, match="state_dict post-hook must return None"):
        m.state_dict()


def test_load_hooks_run_before_and_after():
    m, seen = Scale(), []

    def rename(module, state, prefix, metadata, strict, missing, unexpected, errors):
        assert module is m and strict is True
        state[prefix + "weight"] = state.pop("old")

    m.register_load_state_dict_pre_hook(rename)
    m.register_load_state_dict_post_hook(lambda mod, keys: keys.missing_keys.clear())
    m.register_load_state_dict_post_hook(lambda mod, keys: seen.append(keys.unexpected_keys))
    m.load_state_dict({"old": torch.zeros(2)})
    assert m.weight.tolist() == [0, 0] and seen == [[]]
    m.register_load_state_dict_post_hook(lambda mod, keys: 1)
    with pytest.raises(AssertionError, match="are not expected to return new values"):
        m.load_state_dict({"old": torch.zeros(2)})


def test_failure_inside_loading_is_reported_by_name():
    m = Scale()
    m.calls = torch.zeros(3)[:1].expand(2)
    with pytest.raises(RuntimeError) as caught:
        m.load_state_dict({"weight": torch.ones(2), "calls": torch.ones(2)})
    expected = 'While copying the parameter named "calls", whose dimensions in the model are torch'
    assert expected in str(caught.value)

"""Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""

import copy
from collections import OrderedDict

import pytest
from support import torch

nn = torch.nn


def layers(n):
    return [nn.Linear(2, 2) for _ in range(n)]


def keys(module):
    return list(module._modules)


# --- Sequential ---------------------------------------------------------------------------------


def test_sequential_calls_one_after_the_other():
    a, b = layers(2)
    x = torch.ones(1, 2)
    assert nn.Sequential(a, b)(x).tolist() == b(a(x)).tolist()
    assert nn.Sequential()(x) is x


def test_sequential_takes_names_from_an_ordered_dict():
    a, b = layers(2)
    s = nn.Sequential(OrderedDict([("in", a), ("out", b)]))
    assert keys(s) == ["in", "out"] and s.out is b and s[-1] is b
    s[0] = b
    assert getattr(s, "in") is b


def test_sequential_indices_and_slices():
    mods = layers(4)
    s = nn.Sequential(*mods)
    assert len(s) == 4 and s[1] is mods[1] and s[-1] is mods[3] and list(s) == mods
    assert type(s[1:3]) is nn.Sequential and keys(s[1:3]) == ["1", "2"]
    for index in (4, -5):
        with pytest.raises(IndexError, match=f"index {index} is out of range"):
            s[index]
    with pytest.raises(TypeError):
        s["0"]


def test_sequential_deletes_and_renumbers():
    mods = layers(5)
    s = nn.Sequential(*mods)
    del s[1]
    assert keys(s) == ["0", "1", "2", "3"] and s[1] is mods[2]
    del s[::2]
    assert keys(s) == ["0", "1"] and list(s) == [mods[2], mods[4]]
    assert s.pop(0) is mods[2] and keys(s) == ["0"]


def test_sequential_append_insert_extend():
    mods = layers(4)
    s = nn.Sequential()
    assert s.append(mods[0]) is s and s.extend(mods[2:]) is s and s.insert(1, mods[1]) is s
    assert list(s) == mods and keys(s) == ["0", "1", "2", "3"]
    s.insert(-1, mods[0])
    assert list(s) == [*mods[:3], mods[0], mods[3]]
    with pytest.raises(IndexError, match="Index out of range: 9"):
        s.insert(9, mods[0])
    with pytest.raises(AssertionError, match="module should be of type"):
        s.insert(0, 3)


def test_sequential_joins_and_repeats():
    a, b = layers(2)
    s = nn.Sequential(a) + nn.Sequential(b)
    assert list(s) == [a, b]
    s += nn.Sequential(a)
    assert list(s) == [a, b, a] and keys(s) == ["0", "1", "2"]
    assert list(nn.Sequential(a, b) * 2) == [a, b, a, b] == list(2 * nn.Sequential(a, b))
    t = nn.Sequential(a, b)
    t *= 3
    assert list(t) == [a, b] * 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s + [1], ValueError, "add operator supports only objects of Sequential class,"),
        (lambda s: s * 1.5, TypeError, "unsupported operand type(s) for *: <class"),
        (lambda s: s * 0, ValueError, "Non-positive multiplication factor 0 for <class"),
        (lambda s: s.append(3), TypeError, "int is not a Module subclass"),
        (lambda s: nn.Sequential(3), TypeError, "int is not a Module subclass"),
    ],
)
def test_sequential_refuses(call, error, message):
    with pytest.raises(error) as caught:
        call(nn.Sequential(*layers(1)))
    assert str(caught.value).startswith(message)


def test_sequential_prints_names_and_modules():
    s = nn.Sequential(nn.Linear(1, 2), nn.ReLU(inplace=True), nn.Linear(2, 1, bias=False))
    assert repr(s) == (
        "Sequential(\n"
        "  (0): Linear(in_features=1, out_features=2, bias=True)\n"
        "  (1): ReLU(inplace=True)\n"
        "  (2): Linear(in_features=2, out_features=1, bias=False)\n"
        ")"
    )
    assert repr(nn.Sequential()) == "Sequential()"


def test_sequential_state_dict_names_positions():
    assert list(nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1)).state_dict()) == [
        "0.weight",
        "0.bias",
        "2.weight",
        "2.bias",
    ]


# --- ModuleList, ModuleDict ---------------------------------------------------------------------


def test_module_list_is_a_list_of_registered_modules():
    mods = layers(4)
    m = nn.ModuleList(mods[:2])
    m.extend(mods[2:3]).append(mods[3])
    assert list(m) == mods and len(m) == 4 and m[-1] is mods[3] and m[1:3][0] is mods[1]
    assert type(m[1:]) is nn.ModuleList and keys(m[1:]) == ["0", "1", "2"]
    m.insert(1, mods[3])
    assert list(m) == [mods[0], mods[3], *mods[1:]]
    del m[1], m[2:]
    assert list(m) == mods[:2] and m.pop(0) is mods[0] and keys(m) == ["0"]
    m[0] = mods[2]
    assert list(m + [mods[3]]) == mods[2:] and len(list(m.parameters())) == 2
    m += mods[:1]
    assert len(m) == 2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m[2], IndexError, "index 2 is out of range"),
        (lambda m: m["0"], TypeError, "'str' object cannot be interpreted as an integer"),
        (lambda m: m.extend(3), TypeError, "ModuleList.extend should be called with an iterable,"),
        (lambda m: m(1), NotImplementedError, 'Module [ModuleList] is missing the required "forwa'),
    ],
)
def test_module_list_refuses(call, error, message):
    with pytest.raises(error) as caught:
        call(nn.ModuleList(layers(1)))
    assert str(caught.value).startswith(message)


def test_module_list_prints_runs_once():
    m = nn.ModuleList([nn.ReLU(), nn.ReLU(), nn.Sequential(nn.Tanh()), nn.ReLU()])
    assert repr(m) == (
        "ModuleList(\n"
        "  (0-1): 2 x ReLU()\n"
        "  (2): Sequential(\n"
        "    (0): Tanh()\n"
        "  )\n"
        "  (3): ReLU()\n"
        ")"
    )
    assert repr(nn.ModuleList()) == "ModuleList()"


def test_module_dict_is_a_dict_of_registered_modules():
    a, b = layers(2)
    m = nn.ModuleDict({"a": a})
    m["b"] = b
    assert list(m) == ["a", "b"] == list(m.keys()) and list(m.values()) == [a, b]
    assert list(m.items()) == [("a", a), ("b", b)] and "a" in m and "c" not in m and len(m) == 2
    assert m.a is a and m.pop("a") is a and len(m) == 1
    m.update([("c", a), ("d", b)])
    del m["c"]
    assert list(m) == ["b", "d"]
    m.clear()
    assert len(m) == 0
    assert list(nn.ModuleDict(nn.ModuleDict({"z": a, "a": b}))) == ["z", "a"]


@pytest.mark.parametrize(
    ("update", "error", "message"),
    [
        (3, TypeError, "ModuleDict.update should be called with an iterable of key/value pairs, b"),
        ([3], TypeError, "ModuleDict update sequence element #0 should be Iterable; isint"),
        ([(1, 2, 3)], ValueError, "ModuleDict update sequence element #0 has length 3; 2 is requi"),
        ({"a": 3}, TypeError, "int is not a Module subclass"),
    ],
)
def test_module_dict_refuses(update, error, message):
    with pytest.raises(error) as caught:
        nn.ModuleDict(update)
    assert str(caught.value).startswith(message)


# --- ParameterList, ParameterDict ---------------------------------------------------------------


def test_parameter_list_registers_and_converts():
    p = nn.ParameterList([torch.ones(1), nn.Parameter(torch.ones(2))])
    p.append(torch.ones(3)).extend([4])
    assert len(p) == 4 and [type(v) for v in p][:3] == [nn.Parameter] * 3 and p[3] == 4
    assert [t.shape[0] for t in p.parameters()] == [1, 2, 3]
    p[0] = torch.zeros(5)
    assert p[0].shape == (5,) and isinstance(p[0], nn.Parameter)
    assert type(p[1:]) is nn.ParameterList and len(p[::2]) == 2 and p[-1] == 4
    p += [torch.ones(1)]
    assert len(p) == 5 and list(p.state_dict()) == ["0", "1", "2", "4"]


def test_parameter_list_prints_kinds_and_sizes():
    p = nn.ParameterList([torch.ones(2, 3), "x"])
    assert repr(p) == (
        "ParameterList(\n"
        "    (0): Parameter containing: [torch.float32 of size 2x3]\n"
        "    (1): Object of type: str\n"
        ")"
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: p[1], IndexError, "index 1 is out of range"),
        (lambda p: p.extend(torch.ones(2)), TypeError, "ParameterList.extend should be called wit"),
        (lambda p: p(1), RuntimeError, "ParameterList should not be called."),
    ],
)
def test_parameter_list_refuses(call, error, message):
    with pytest.raises(error) as caught:
        call(nn.ParameterList([torch.ones(1)]))
    assert str(caught.value).startswith(message)


def test_parameter_dict_registers_and_converts():
    p = nn.ParameterDict({"b": torch.ones(1), "a": torch.ones(2)})
    assert list(p) == ["a", "b"] and isinstance(p["a"], nn.Parameter) and len(p) == 2
    p["c"] = torch.ones(3)
    assert [t.shape[0] for t in p.parameters()] == [2, 1, 3] and p.c is p["c"]
    assert "c" in p and p.get("z", 7) == 7 and list(reversed(p)) == ["c", "b", "a"]
    assert p.popitem()[0] == "c" and p.pop("a").shape == (2,) and list(p.keys()) == ["b"]
    assert p.setdefault("d", 3) == 3 and [k for k, _ in p.items()] == ["b", "d"]
    assert len(list(p.values())) == 2 and list(p.fromkeys(["x"], 1)) == ["x"]
    q = p.copy()
    assert q is not p and q["b"] is p["b"]
    assert list(p | nn.ParameterDict({"e": torch.ones(1)})) == ["b", "d", "e"]
    q |= nn.ParameterDict({"e": torch.ones(1)})
    del q["b"]
    assert list(q) == ["d", "e"]
    p.clear()
    assert len(p) == 0 and not p._parameters
    assert list(copy.deepcopy(q)) == ["d", "e"]


def test_parameter_dict_prints_kinds_and_sizes():
    p = nn.ParameterDict(OrderedDict([("w", torch.ones(2, 3)), ("s", "x")]))
    assert repr(p) == (
        "ParameterDict(\n"
        "    (w): Parameter containing: [torch.FloatTensor of size 2x3]\n"
        "    (s): Object of type: str\n"
        ")"
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda p: p.update(3), TypeError, "ParametersDict.update should be called with an iterab"),
        (lambda p: p[3], TypeError, "Index given to ParameterDict cannot be used as a key as it i"),
        (lambda p: p(1), RuntimeError, "ParameterDict should not be called."),
        (lambda p: p["x"], AttributeError, "'ParameterDict' object has no attribute 'x'"),
    ],
)
def test_parameter_dict_refuses(call, error, message):
    with pytest.raises(error) as caught:
        call(nn.ParameterDict())
    assert str(caught.value).startswith(message)

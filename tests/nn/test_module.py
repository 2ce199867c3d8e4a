"""Module: what it registers and when it refuses, what it consists of, modes, conversions, text."""

import copy
import gc
import pickle
import subprocess
import sys
import weakref

import pytest
from support import rushlight_only, torch

nn = torch.nn


class Scale(nn.Module):
    def __init__(self, size=2):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.register_buffer("calls", torch.zeros(1))
        self.note = "plain"

    def forward(self, x):
        return x * self.weight


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Scale()
        self.second = Scale()

    def forward(self, x):
        return self.second(self.first(x))


def names(pairs):
    return [name for name, _ in pairs]


# --- registering --------------------------------------------------------------------------------


def test_assigned_parameter_module_and_buffer_are_registered():
    pair = Pair()
    assert list(pair._modules) == ["first", "second"]
    assert list(pair.first._parameters) == ["weight"] and list(pair.first._buffers) == ["calls"]
    assert "weight" not in pair.first.__dict__ and pair.first.__dict__["note"] == "plain"
    assert pair.first.weight is pair.first._parameters["weight"]


def test_members_follow_what_is_done_to_their_dicts():
    m = Scale()
    other = nn.Parameter(torch.zeros(2))
    m._parameters["weight"] = other
    m._parameters["extra"] = None
    assert m.weight is other and m.extra is None
    del m._parameters["weight"]
    assert not hasattr(m, "weight")


def test_assigned_tensor_is_a_plain_attribute():
    m = nn.Module()
    m.t = torch.ones(2)
    assert not m._buffers and not m._parameters and m.__dict__["t"].tolist() == [1, 1]


def test_assigned_buffer_object_is_registered():
    m = nn.Module()
    m.mean = nn.Buffer(torch.ones(1))
    m.cache = nn.Buffer(torch.ones(1), persistent=False)
    assert list(m._buffers) == ["mean", "cache"] and list(m.state_dict()) == ["mean"]


def test_tensor_assigned_to_a_buffer_takes_its_place():
    m = nn.Module()
    m.register_buffer("mean", torch.zeros(1), persistent=False)
    m.mean = torch.ones(1)
    assert m._buffers["mean"].item() == 1 and "mean" in m._non_persistent_buffers_set
    m.mean = None
    assert m.mean is None and list(m._buffers) == ["mean"]


def test_parameter_takes_the_place_of_attribute_buffer_and_module():
    m = nn.Module()
    m.a = 3
    m.register_buffer("b", torch.ones(1), persistent=False)
    m.c = nn.Module()
    for name in "abc":
        setattr(m, name, nn.Parameter(torch.ones(1)))
    assert list(m._parameters) == ["a", "b", "c"]
    assert not m._buffers and not m._modules and not m._non_persistent_buffers_set
    assert "a" not in m.__dict__


def test_module_takes_the_place_of_attribute_and_buffer_but_of_no_parameter():
    m = Scale()
    m.note = nn.Module()
    m.calls = nn.Module()
    assert list(m._modules) == ["note", "calls"] and not m._buffers and "note" not in m.__dict__
    with pytest.raises(TypeError, match="as parameter 'weight' .torch.nn.Parameter or None"):
        m.weight = nn.Module()


def test_none_may_be_assigned_to_what_is_registered():
    pair = Pair()
    pair.first.weight = None
    pair.second = None
    assert pair.first._parameters == {"weight": None} and pair._modules["second"] is None
    assert names(pair.named_parameters()) == [] and names(pair.named_modules()) == ["", "first"]


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("weight", 1, TypeError, "cannot assign 'int' as parameter 'weight' (torch.nn.Parameter"),
        ("weight", "t", TypeError, "cannot assign 'torch.FloatTensor' as parameter 'weight'"),
        ("child", 1, TypeError, "cannot assign 'int' as child module 'child' (torch.nn.Module or"),
        ("calls", [], TypeError, "cannot assign 'list' as buffer 'calls' (torch.nn.Buffer, torch."),
    ],
)
def test_assigning_something_else_to_what_is_registered_raises(name, value, error, message):
    m = Scale()
    m.child = nn.Module()
    with pytest.raises(error) as caught:
        setattr(m, name, torch.ones(2) if value == "t" else value)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.register_buffer("a.b", None), KeyError, 'buffer name can\'t contain "."'),
        (lambda m: m.register_buffer("", None), KeyError, 'buffer name can\'t be empty string ""'),
        (lambda m: m.register_buffer(3, None), TypeError, "buffer name should be a string. Got"),
        (lambda m: m.register_buffer("note", None), KeyError, "attribute 'note' already exists"),
        (
            lambda m: m.register_buffer("b", 1),
            TypeError,
            "cannot assign 'int' object to buffer 'b' (torch Tensor or None required)",
        ),
        (lambda m: m.register_parameter("a.b", None), KeyError, "parameter name can't contain"),
        (lambda m: m.register_parameter("", None), KeyError, "parameter name can't be empty"),
        (lambda m: m.register_parameter(None, None), TypeError, "parameter name should be a"),
        (lambda m: m.register_parameter("calls", None), KeyError, "attribute 'calls' already"),
        (
            lambda m: m.register_parameter("p", torch.ones(1)),
            TypeError,
            "cannot assign 'torch.FloatTensor' object to parameter 'p' (torch.nn.Parameter or None",
        ),
        (lambda m: m.add_module("a.b", None), KeyError, 'module name can\'t contain ".", got: a.b'),
        (lambda m: m.add_module("", None), KeyError, 'module name can\'t be empty string ""'),
        (lambda m: m.add_module(1, None), TypeError, "module name should be a string. Got int"),
        (lambda m: m.add_module("weight", None), KeyError, "attribute 'weight' already exists"),
        (lambda m: m.add_module("m", 1), TypeError, "int is not a Module subclass"),
    ],
)
def test_register_refuses_names_and_values(call, error, message):
    with pytest.raises(error) as caught:
        call(Scale())
    assert message in caught.value.args[0]


def test_parameter_with_a_history_is_refused():
    result = nn.Parameter(torch.ones(1)) * 2
    result._is_param = True
    with pytest.raises(ValueError, match="Cannot assign non-leaf Tensor to parameter 'p'"):
        nn.Module().register_parameter("p", result)


@pytest.mark.parametrize(
    ("assign", "message"),
    [
        (lambda m: setattr(m, "p", nn.Parameter(torch.ones(1))), "cannot assign parameters before"),
        (lambda m: setattr(m, "m", nn.Module()), "cannot assign module before Module.__init__()"),
        (lambda m: m.register_buffer("b", None), "cannot assign buffer before Module.__init__()"),
        (lambda m: m.register_parameter("p", None), "cannot assign parameter before Module.__init"),
    ],
)
def test_registering_before_init_raises(assign, message):
    class Early(nn.Module):
        def __init__(self):
            assign(self)

    with pytest.raises(AttributeError) as caught:
        Early()
    assert str(caught.value).startswith(message)


def test_plain_attribute_before_init_is_kept():
    class Early(nn.Module):
        def __init__(self):
            self.size = 3
            super().__init__()

    assert Early().size == 3


@pytest.mark.parametrize("name", ["weight", "calls", "note", "child"])
def test_deleted_member_is_gone(name):
    m = Scale()
    m.child = nn.Module()
    delattr(m, name)
    with pytest.raises(AttributeError, match=f"'Scale' object has no attribute '{name}'"):
        getattr(m, name)
    with pytest.raises(AttributeError):
        delattr(m, name)


def test_init_refuses_arguments():
    with pytest.raises(TypeError, match="unexpected keyword argument 'size'"):
        nn.Module(size=3)
    with pytest.raises(TypeError, match="takes 1 positional argument but 3 were"):
        nn.Module(1, 2)


def test_call_super_init_passes_arguments_on():
    class Named:
        def __init__(self, name):
            self.name = name

    class Both(nn.Module, Named):
        call_super_init = True

    assert Both(name="x").name == "x"


def test_registration_hooks_may_replace_the_value():
    replacement = nn.Parameter(torch.zeros(3))
    module = torch.nn.modules.module
    seen = []
    handles = [
        module.register_module_parameter_registration_hook(lambda m, n, p: replacement),
        module.register_module_buffer_registration_hook(lambda m, n, b: seen.append(n)),
        module.register_module_module_registration_hook(lambda m, n, c: seen.append(n)),
    ]
    try:
        pair = Pair()
    finally:
        for handle in handles:
            handle.remove()
    assert pair.first.weight is replacement
    assert seen == ["calls", "first", "calls", "second"]
    assert Scale().weight is not replacement


# --- attributes ---------------------------------------------------------------------------------


def test_missing_attribute_names_class_and_attribute():
    with pytest.raises(AttributeError) as caught:
        Scale().foo  # noqa: B018
    assert str(caught.value) == "'Scale' object has no attribute 'foo'"


def test_super_getattr_finds_members():
    class Wrapper(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(self.module, name)

    inner = Scale()
    wrapper = Wrapper(inner)
    assert wrapper.module is inner and wrapper.weight is inner.weight and wrapper.note == "plain"


def test_getattr_assigned_to_a_class_later_is_used():
    class Late(Scale):
        pass

    class Later(Late):
        pass

    m = Later()
    assert not hasattr(m, "anything")
    Late.__getattr__ = lambda self, name: name.upper()
    assert m.anything == "ANYTHING"
    del Late.__getattr__
    assert not hasattr(m, "anything") and isinstance(m.weight, nn.Parameter)


def test_getattribute_of_a_class_is_used():
    class Watched(Scale):
        def __getattribute__(self, name):
            return "seen" if name == "note" else super().__getattribute__(name)

    m = Watched()
    assert m.note == "seen" and isinstance(m.weight, nn.Parameter)


def test_property_and_class_attribute_come_before_members():
    class Shadow(nn.Module):
        kind = "class"

        @property
        def weight(self):
            return "property"

    m = Shadow()
    m._parameters["kind"] = m._parameters["weight"] = nn.Parameter(torch.ones(1))
    assert m.kind == "class" and m.weight == "property"


def test_property_that_fails_reads_as_a_missing_attribute():
    class Broken(nn.Module):
        @property
        def size(self):
            return self.nothing

    with pytest.raises(AttributeError, match="'Broken' object has no attribute 'size'"):
        Broken().size  # noqa: B018


def test_object_setattr_registers_nothing():
    m, child = nn.Module(), nn.Module()
    object.__setattr__(m, "child", child)
    assert m.child is child and not m._modules


def test_dir_lists_members_and_no_numbers():
    m = Scale()
    m.add_module("0", nn.Module())
    found = dir(m)
    assert {"weight", "calls", "note", "forward", "training"} <= set(found) and "0" not in found


# --- what it consists of ------------------------------------------------------------------------


def test_named_members_are_paths():
    pair = Pair()
    assert names(pair.named_parameters()) == ["first.weight", "second.weight"]
    assert names(pair.named_buffers(prefix="net")) == ["net.first.calls", "net.second.calls"]
    assert names(pair.named_modules()) == ["", "first", "second"]
    assert names(pair.named_children()) == ["first", "second"]
    assert names(pair.named_parameters(recurse=False)) == []
    assert [type(m) for m in pair.modules()] == [Pair, Scale, Scale]
    assert list(pair.children()) == [pair.first, pair.second]
    assert len(list(pair.parameters())) == len(list(pair.buffers())) == 2


def test_shared_members_are_listed_once_unless_asked():
    pair = Pair()
    pair.second.weight = pair.first.weight
    pair.again = pair.first
    assert names(pair.named_parameters()) == ["first.weight"]
    everything = ["first.weight", "second.weight", "again.weight"]
    assert names(pair.named_parameters(remove_duplicate=False)) == everything
    assert names(pair.named_modules()) == ["", "first", "second"]
    assert names(pair.named_modules(remove_duplicate=False)) == ["", "first", "second", "again"]
    assert names(pair.named_children()) == ["first", "second"]


def test_paths_find_submodules_parameters_and_buffers():
    net = nn.Module()
    net.pair = Pair()
    assert net.get_submodule("") is net and net.get_submodule("pair.first") is net.pair.first
    assert net.get_parameter("pair.first.weight") is net.pair.first.weight
    assert net.get_buffer("pair.second.calls") is net.pair.second.calls
    replacement = Scale(3)
    net.set_submodule("pair.first", replacement)
    assert net.pair.first is replacement


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.get_submodule("first.x"), AttributeError, "Scale has no attribute `x`"),
        (lambda m: m.get_submodule("first.note"), AttributeError, "`note` is not an nn.Module"),
        (lambda m: m.get_parameter("first.x"), AttributeError, "Scale has no attribute `x`"),
        (lambda m: m.get_parameter("first.calls"), AttributeError, "`calls` is not an nn.Para"),
        (lambda m: m.get_buffer("first.weight"), AttributeError, "`weight` is not a buffer"),
        (lambda m: m.get_buffer("x"), AttributeError, "Pair has no attribute `x`"),
        (lambda m: m.set_submodule("", m), ValueError, "Cannot set the submodule without a target"),
        (lambda m: m.set_submodule("x", 1), ValueError, "`module` is not an nn.Module, found"),
        (lambda m: m.set_submodule("x", m, True), AttributeError, "Pair has no attribute `x`"),
        (lambda m: m.set_submodule("first.note", m), AttributeError, "`note` is not an nn.Module"),
    ],
)
def test_path_that_leads_nowhere_raises(call, error, message):
    with pytest.raises(error) as caught:
        call(Pair())
    assert message in str(caught.value)


# --- modes and conversions ----------------------------------------------------------------------


def test_train_and_eval_reach_all_submodules():
    pair = Pair()
    assert pair.eval() is pair and not pair.training and not pair.second.training
    assert pair.train().first.training
    with pytest.raises(ValueError, match="training mode is expected to be boolean"):
        pair.train(1)


def test_apply_calls_children_first():
    seen = []
    pair = Pair()
    assert pair.apply(lambda m: seen.append(type(m).__name__)) is pair
    assert seen == ["Scale", "Scale", "Pair"]


def test_requires_grad_reaches_all_parameters():
    pair = Pair()
    assert pair.requires_grad_(False) is pair
    assert not any(p.requires_grad for p in pair.parameters())


@pytest.mark.parametrize("set_to_none", [True, False])
def test_zero_grad_forgets_or_clears(set_to_none):
    pair = Pair()
    pair(torch.ones(2)).sum().backward()
    before = pair.first.weight.grad
    pair.zero_grad(set_to_none)
    if set_to_none:
        assert pair.first.weight.grad is None
    else:
        assert pair.first.weight.grad is before and before.tolist() == [0, 0]


def test_zero_grad_detaches_a_gradient_with_a_history():
    m = Scale()
    m.weight.grad = m.weight * 2
    assert m.weight.grad.grad_fn is not None
    m.zero_grad(set_to_none=False)
    assert m.weight.grad.grad_fn is None and m.weight.grad.tolist() == [0, 0]


@pytest.mark.parametrize(
    "convert",
    [
        lambda m: m.double(),
        lambda m: m.to(torch.float64),
        lambda m: m.to("cpu", torch.float64),
        lambda m: m.to(dtype=torch.float64),
        lambda m: m.to(torch.zeros(1, dtype=torch.float64)),
        lambda m: m.type(torch.float64),
    ],
)
def test_conversion_changes_dtype_in_place(convert):
    m = Scale()
    m.register_buffer("count", torch.zeros(1, dtype=torch.int64))
    weight = m.weight
    m(torch.ones(2)).sum().backward()
    grad = m.weight.grad
    assert convert(m) is m
    assert m.weight is weight and weight.dtype == torch.float64 and m.calls.dtype == torch.float64
    assert weight.grad is grad and grad.dtype == torch.float64
    m(torch.ones(2, dtype=torch.float64)).sum().backward()
    assert weight.grad.tolist() == [2, 2]
    assert m.float().weight.dtype == torch.float32


def test_conversion_leaves_integers_alone():
    m = nn.Module()
    m.register_buffer("count", torch.zeros(1, dtype=torch.int64))
    assert m.double().count.dtype == torch.int64
    assert m.to(torch.float64).count.dtype == torch.int64


def test_to_the_cpu_changes_nothing():
    m = Scale()
    weight, memory = m.weight, m.weight.data_ptr()
    assert m.to("cpu") is m and m.to() is m and m.cpu() is m
    assert m.to(torch.device("cpu")).weight is weight
    assert m.weight.data_ptr() == memory


def test_to_an_integer_dtype_raises():
    with pytest.raises(TypeError, match="nn.Module.to only accepts floating point or complex dtyp"):
        Scale().to(torch.int64)


# --- text, copies, lifetime ---------------------------------------------------------------------


def test_repr_indents_what_it_consists_of():
    class Named(Pair):
        def extra_repr(self):
            return "a=1\nb=2"

    assert repr(Scale()) == "Scale()"
    assert repr(Pair()) == "Pair(\n  (first): Scale()\n  (second): Scale()\n)"
    net = nn.Module()
    net.pair = Pair()
    assert repr(net).splitlines()[1:3] == ["  (pair): Pair(", "    (first): Scale()"]
    expected = ["Named(", "  a=1", "  b=2", "  (first): Scale()", "  (second): Scale()", ")"]
    assert repr(Named()).splitlines() == expected


def test_extra_repr_alone_stays_on_the_line():
    class Sized(nn.Module):
        def extra_repr(self):
            return "size=3"

    assert repr(Sized()) == "Sized(size=3)"


def test_deepcopy_is_independent_and_keeps_sharing():
    pair = Pair()
    pair.second.weight = pair.first.weight
    pair.first.register_forward_hook(print)
    other = copy.deepcopy(pair)
    assert other.first.weight is other.second.weight is not pair.first.weight
    assert len(other.first._forward_hooks) == 1
    with torch.no_grad():
        other.first.weight.zero_()
    assert pair.first.weight.tolist() == [1, 1]


def test_copy_shares_the_parameters():
    m = Scale()
    assert copy.copy(m).weight is m.weight


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_keeps_everything(protocol):
    pair = Pair().eval()
    with torch.no_grad():
        pair.first.weight.fill_(4)
    other = pickle.loads(pickle.dumps(pair, protocol))
    assert type(other) is Pair and not other.training and other.first.note == "plain"
    assert other(torch.ones(2)).tolist() == [4, 4]


def test_module_may_refer_to_its_parent():
    pair = Pair()
    pair.first.parents = [pair]
    gone = weakref.ref(pair)
    del pair
    gc.collect()
    assert gone() is None


def test_modules_are_keys():
    m = Scale()
    assert {m: 1}[m] == 1 and m != Scale()


def test_typename_names_types():
    assert torch.typename(torch.ones(1)) == "torch.FloatTensor"
    assert torch.typename(3) == "int" and torch.typename([]) == "list"
    assert torch.typename(Scale()).endswith(".Scale")


@rushlight_only
@pytest.mark.parametrize("name", ["_parameters", "_modules", "_buffers", "_forward_hooks"])
@pytest.mark.parametrize("value", [3, None, (), "text"])
def test_hostile_state_raises_and_does_not_crash(name, value):
    m = Scale()
    m.__dict__[name] = value
    for act in (lambda: m.other, lambda: m.weight, lambda: m(torch.ones(2)), lambda: repr(m)):
        try:
            act()
        except (AttributeError, TypeError):
            pass


def test_init_subclass_arguments_reach_the_other_bases():
    class Tagged:
        def __init_subclass__(cls, tag=None, **kwargs):
            super().__init_subclass__(**kwargs)
            cls.tag = tag

    class Both(nn.Module, Tagged, tag="x"):
        pass

    assert Both.tag == "x"
    with pytest.raises(TypeError):
        type("Bad", (nn.Module,), {}, tag="x")


@rushlight_only
def test_import_of_the_package_leaves_nn_alone():
    code = "import rushlight, sys; print('rushlight.nn' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize("name", ["half", "bfloat16"])
def test_conversion_to_16_bits(name):
    dtype = torch.float16 if name == "half" else torch.bfloat16
    m = getattr(Scale(), name)()
    assert m.weight.dtype == dtype and m.calls.dtype == dtype and m.weight.requires_grad
    assert Scale().to(dtype).weight.dtype == dtype and m.float().weight.tolist() == [1, 1]

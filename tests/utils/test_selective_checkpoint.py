"""Selective checkpoints: which outputs are kept, and that those are not computed twice."""

import contextlib
import copy
import gc
import importlib
import pickle
import threading
import weakref
from functools import partial

import pytest
from support import MODULE, ON_TORCH, leaf, rushlight_only, torch

F = importlib.import_module(f"{MODULE}.nn.functional")
module = importlib.import_module(f"{MODULE}.utils.checkpoint")
Policy = module.CheckpointPolicy
contexts = module.create_selective_checkpoint_contexts
aten = torch.ops.aten


def selective(function, policy, *args, **options):
    return module.checkpoint(
        function, *args, use_reentrant=False, context_fn=partial(contexts, policy, **options)
    )


@contextlib.contextmanager
def computed():
    """Collect the names of the operations that run in the block; not of those that are given."""
    names = []
    if ON_TORCH:
        from torch.utils._python_dispatch import TorchDispatchMode

        class Mode(TorchDispatchMode):
            def __torch_dispatch__(self, func, types, args=(), kwargs=None):
                names.append(str(func).removeprefix("aten."))
                return func(*args, **(kwargs or {}))

        with Mode():
            yield names
        return

    def after(name, args, kwargs, output):
        op = torch._ops.of_call(name, args, kwargs)
        names.append(str(op).removeprefix("aten."))

    torch._C._push_op_mode(None, after)
    try:
        yield names
    finally:
        torch._C._pop_op_mode()


def asked(function, *args):
    """What a policy is asked about: (operation, arguments, keywords, output)."""
    calls = []

    def policy(ctx, op, *args, **kwargs):
        assert not ctx.is_recompute
        calls.append((op, args, kwargs, ctx.op_output))
        return Policy.PREFER_RECOMPUTE

    selective(function, policy, *args)
    return calls


def matrix():
    return leaf([[0.5, 1.0, -0.5], [0.25, 2.0, 1.5], [1.0, -1.0, 0.75]])


def network(x):
    return torch.sigmoid(torch.matmul(torch.matmul(x, x), x)).exp().sin() * x


def plain_gradient(function, x):
    return torch.autograd.grad(function(x).sum(), x)[0].tolist()


@pytest.mark.parametrize(
    "kept, again",
    [
        ((), {"mm.default": 2, "sigmoid.default": 1, "exp.default": 1}),
        (("mm",), {"mm.default": 0, "sigmoid.default": 1, "exp.default": 1}),
        (("sigmoid",), {"mm.default": 2, "sigmoid.default": 0, "exp.default": 1}),
        (("mm", "exp", "sigmoid"), {"mm.default": 0, "sigmoid.default": 0, "exp.default": 0}),
    ],
)
def test_kept_outputs_are_not_computed_again(kept, again):
    plain = matrix()
    y = network(plain).sum()
    with computed() as of_derivatives:
        y.backward()
    x = matrix()
    y = selective(network, [getattr(aten, name).default for name in kept], x).sum()
    with computed() as names:
        y.backward()
    for name, count in again.items():
        assert names.count(name) - of_derivatives.count(name) == count, name
    assert x.grad.tolist() == plain.grad.tolist()


@pytest.mark.parametrize(
    "answer, again",
    [
        (Policy.MUST_SAVE, 0),
        (Policy.PREFER_SAVE, 0),
        (True, 0),
        (Policy.MUST_RECOMPUTE, 1),
        (Policy.PREFER_RECOMPUTE, 1),
        (Policy.MUST_CPU_OFFLOAD, 1),
        (Policy.PREFER_CPU_OFFLOAD, 1),
        (False, 1),
        (None, 1),
        (1, 1),
    ],
)
def test_answers_of_a_policy(answer, again):
    def policy(ctx, op, *args, **kwargs):
        return answer if op == aten.exp.default else Policy.PREFER_RECOMPUTE

    x = leaf([0.5, 1.0])
    y = selective(lambda t: t.exp().sin().sum(), policy, x)
    with computed() as names:
        y.backward()
    assert names.count("exp.default") == again
    expected = x.exp() * x.exp().cos()
    assert x.grad.tolist() == pytest.approx(expected.tolist())


def test_random_numbers_that_are_kept_are_not_drawn_again():
    seen = []

    def function(x):
        noise = torch.rand(3)
        seen.append(noise.tolist())
        return (x * noise).exp()

    def run(ops):
        seen.clear()
        y = module.checkpoint(
            function,
            leaf([1.0, 2.0, 3.0]),
            use_reentrant=False,
            preserve_rng_state=False,
            context_fn=partial(contexts, ops),
        )
        y.sum().backward()
        return seen[0] == seen[1]

    assert run([aten.rand.default])
    assert not run([])


@pytest.mark.parametrize("name", ["sort", "var_mean"])
def test_operations_with_several_outputs(name):
    op = {"sort": aten.sort.default, "var_mean": aten.var_mean.correction}[name]

    def function(x):
        a, b = getattr(torch, name)(x, 0)
        return a.exp().sum() + (b.exp().sum() if b.is_floating_point() else b.sum())

    plain, x = matrix(), matrix()
    function(plain).backward()
    y = selective(function, [op], x)
    with computed() as names:
        y.backward()
    assert str(op).removeprefix("aten.") not in names
    assert x.grad.tolist() == plain.grad.tolist()


def test_layers_run_as_products():
    layer = torch.nn.Linear(3, 2)
    bare = torch.nn.Linear(3, 2, bias=False)
    x = torch.ones(4, 3)
    names = [str(op) for op, *_ in asked(lambda t: layer(t) + bare(t), x)]
    assert names.count("aten.addmm.default") == 1
    assert names.count("aten.mm.default") == 1
    y = selective(lambda t: (layer(t) + bare(t)).exp(), [aten.addmm.default], x)
    with computed() as names:
        y.sum().backward()
    assert names.count("addmm.default") == 0
    assert layer.bias.grad is not None


CALLS = {
    "x + y": "add.Tensor",
    "x * 2": "mul.Tensor",
    "x - 1": "sub.Tensor",
    "2 - x": "rsub.Scalar",
    "x / 2": "div.Tensor",
    'torch.div(x, y, rounding_mode="floor")': "div.Tensor_mode",
    "x ** 2": "pow.Tensor_Scalar",
    "x ** y": "pow.Tensor_Tensor",
    "2 ** x": "pow.Scalar",
    "x > 0": "gt.Scalar",
    "x > y": "gt.Tensor",
    "x % 2": "remainder.Scalar",
    "x @ y": "mm.default",
    "x @ v": "mv.default",
    "v @ v": "dot.default",
    "x.sum()": "sum.default",
    "x.sum(0)": "sum.dim_IntList",
    "x.mean(0)": "mean.dim",
    "x.std()": "std.correction",
    "x.max()": "max.default",
    "x.max(0)": "max.dim",
    "torch.max(x, y)": "maximum.default",
    "x.prod(0)": "prod.dim_int",
    "x.norm()": "linalg_vector_norm.default",
    "x.softmax(0)": "_softmax.default",
    "x.log_softmax(0)": "_log_softmax.default",
    "F.gelu(x)": "gelu.default",
    "F.silu(x)": "silu.default",
    "F.mse_loss(x, y)": "mse_loss.default",
    "F.layer_norm(x, (3,))": "native_layer_norm.default",
    "F.relu6(x)": "hardtanh.default",
    "torch.where(k, x, y)": "where.self",
    "x.masked_fill(k, 0)": "masked_fill.Scalar",
    "x.clamp(0, 1)": "clamp.default",
    "x.clamp(y)": "clamp.Tensor",
    "x.lerp(y, 0.5)": "lerp.Scalar",
    "x.lerp(y, y)": "lerp.Tensor",
    "x[0]": "select.int",
    "x[0:2]": "slice.Tensor",
    "x[i]": "index.Tensor",
    "x.reshape(9)": "view.default",
    "x.transpose(0, 1)": "transpose.int",
    "x.squeeze(0)": "squeeze.dim",
    "x.split(1)": "split.Tensor",
    "x.split([1, 2])": "split_with_sizes.default",
    "x.unbind()": "unbind.int",
    "torch.cat([x, x])": "cat.default",
    "x.argsort()": "sort.default",
    "x.to(torch.float64)": "_to_copy.default",
    "x.scatter(0, i[None], 1.0)": "scatter.value",
    "x.index_fill(0, i, 0.0)": "index_fill.int_Scalar",
    "x.round(decimals=1)": "round.decimals",
    "y.bernoulli_(0.5)": "bernoulli_.float",
    "y.mul_(2)": "mul_.Tensor",
}


@pytest.mark.parametrize("call", CALLS)
def test_operations_have_the_names_of_pytorch(call):
    names = {"torch": torch, "F": F, "x": matrix(), "y": torch.ones(3, 3), "v": torch.ones(3)}
    names |= {"k": torch.ones(3, 3) > 0, "i": torch.tensor([0, 1])}
    with computed() as seen:
        eval(call, names)
    plumbing = ("detach.default", "unsqueeze.default")
    assert [name for name in seen if name not in plumbing] == [CALLS[call]]
    packet, form = CALLS[call].split(".")
    assert str(getattr(getattr(aten, packet), form)) == f"aten.{CALLS[call]}"


def test_a_policy_gets_the_call():
    x = leaf([1.0, 2.0])
    ((op, args, kwargs, output),) = asked(lambda t: torch.add(t, t, alpha=3), x)
    assert op is aten.add.Tensor
    assert [type(a) for a in args] == [torch.Tensor, torch.Tensor]
    assert kwargs == {"alpha": 3}
    assert output.tolist() == [4.0, 8.0]
    ((_, args, kwargs, _),) = asked(lambda t: t.clamp(min=0.5), x)
    assert (args[1:], kwargs) == ((0.5,), {})


def test_nothing_is_asked_of_a_detach_or_without_grad():
    assert asked(lambda t: t.detach(), leaf([1.0])) == []
    with torch.no_grad():
        assert asked(lambda t: t.exp(), leaf([1.0])) == []


def test_a_kept_output_that_was_changed():
    def function(x):
        return x.sin().mul_(2).cos().exp()

    y = selective(function, [aten.sin.default], leaf([1.0])).sum()
    with pytest.raises(RuntimeError) as error:
        y.backward()
    first = "Tensor cached during selective activation checkpoint has been mutated"
    lines = str(error.value).splitlines()
    assert lines[0] == first
    if not ON_TORCH:
        assert lines[1] == "  kept as       the output of aten.sin.default"
        assert "x.sin().mul_(2)" in lines[2]
    selective(
        function, [aten.sin.default], leaf([1.0]), allow_cache_entry_mutation=True
    ).sum().backward()


@rushlight_only
def test_what_is_written_in_place_is_written_again():
    def function(x):
        return x.sin().mul_(2).exp().sum()

    x, plain = leaf([0.5, 1.0]), leaf([0.5, 1.0])
    function(plain).backward()
    selective(function, [aten.mul_.Tensor], x).backward()
    assert x.grad.tolist() == plain.grad.tolist()


@pytest.mark.parametrize("op", ["view", "t"])
def test_views_may_be_kept(op):
    def function(x):
        y = x.sin()
        return (y.view(9) if op == "view" else y.t()).exp().sum()

    x, plain = matrix(), matrix()
    function(plain).backward()
    selective(function, [getattr(aten, op).default], x).backward()
    assert x.grad.tolist() == plain.grad.tolist()


def test_kept_outputs_serve_one_backward_pass():
    sentence = (
        "Trying to backward an extra time. You are only allowed to backward once on any region "
        "computed under selective activation checkpoint."
    )

    def function(x):
        return x.sin().exp()

    y = selective(function, [aten.sin.default], leaf([1.0]))
    y.backward(retain_graph=True)
    with pytest.raises(RuntimeError) as error:
        y.backward()
    assert str(error.value) == sentence
    x = leaf([1.0])
    y = selective(function, [aten.sin.default], x)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    with pytest.raises(RuntimeError) as error:
        g.backward()
    assert str(error.value) == sentence


def test_several_passes_where_nothing_is_kept():
    x = leaf([0.5])
    y = selective(lambda t: t.sin().exp(), [aten.mm.default], x)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (second,) = torch.autograd.grad(g, x)
    expected = (x.cos() ** 2 - x.sin()) * x.sin().exp()
    assert second.tolist() == pytest.approx(expected.tolist())


def test_a_second_run_that_does_something_else():
    rest = (
        "This can happen if the operations in the checkpointed region are nondeterministic or "
        "depend on global state that changed between forward and backward."
    )

    def changing(first, second):
        runs = []

        def function(x):
            runs.append(None)
            return first(x) if len(runs) == 1 else second(x)

        with pytest.raises(RuntimeError) as error:
            selective(function, [aten.sin.default], leaf([1.0])).backward()
        return str(error.value)

    assert changing(lambda t: t.sin().exp(), lambda t: t.cos().exp()) == (
        f"aten.cos.default encountered during backward but not found in storage. {rest}"
    )
    assert changing(lambda t: t.sin().exp(), lambda t: t.sin().detach().sin().exp()) == (
        "aten.sin.default invocation index 1 encountered during backward but not found in "
        f"storage. {rest}"
    )


def test_errors_of_a_policy_reach_the_program():
    def policy(ctx, op, *args, **kwargs):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        selective(lambda t: t.exp(), policy, leaf([1.0]))
    with computed() as names:  # and the operations go on as before
        leaf([1.0]).exp()
    assert "exp.default" in names


def test_what_is_no_policy():
    with pytest.raises(TypeError) as error:
        contexts(3)
    assert str(error.value) == "policy_fn_or_list must be either a function or a list of ops."
    with pytest.raises(TypeError):
        contexts((aten.mm.default,))
    with pytest.raises(ValueError) as error:
        contexts(["mm"])
    assert str(error.value) == (
        "Expected op in `op_list` to be an OpOverload but got: mm of type <class 'str'>. "
    )
    with pytest.raises(ValueError) as error:
        contexts([aten.mm])
    assert str(error.value).endswith(
        "Please update the OpOverloadPacket to a specific OpOverload.For example, if you have "
        "`torch.ops.aten.mm`, change it to `torch.ops.aten.mm.default`."
    )


@pytest.mark.parametrize("inner_keeps", [False, True])
@pytest.mark.parametrize("outer_keeps", [False, True])
def test_nested(inner_keeps, outer_keeps):
    def inner(x):
        return x.sin().exp()

    def outer(x):
        y = selective(inner, [aten.sin.default] if inner_keeps else [], x)
        return (y.cos() * y).sum()

    plain, x = leaf([0.5, 1.0]), leaf([0.5, 1.0])
    y = inner(plain)
    z = (y.cos() * y).sum()
    with computed() as of_derivatives:
        z.backward()
    z = selective(outer, [aten.sin.default] if outer_keeps else [], x)
    with computed() as names:
        z.backward()
    # Once for the outer region, and once more for the inner one in it.
    again = names.count("sin.default") - of_derivatives.count("sin.default")
    assert again == (not outer_keeps) + (not inner_keeps)
    assert x.grad.tolist() == plain.grad.tolist()


def test_other_threads_are_not_asked():
    asked_by = set()

    def policy(ctx, op, *args, **kwargs):
        asked_by.add(threading.current_thread())
        return Policy.MUST_SAVE

    def function(x):
        other = threading.Thread(target=lambda: torch.ones(2).exp())
        other.start()
        other.join()
        return x.exp().sin().sum()

    x = leaf([1.0])
    selective(function, policy, x).backward()
    assert asked_by == {threading.current_thread()}
    assert x.grad is not None


def test_outputs_are_released():
    class Value:
        pass

    def run(consume):
        value = Value()
        x = leaf([1.0, 2.0])

        def policy(ctx, op, *args, value=value, **kwargs):
            return Policy.MUST_SAVE

        y = selective(lambda t: t.sin().exp().sum(), policy, x)
        if consume:
            y.backward()
        return weakref.ref(value)

    gc.collect()
    gc.disable()
    try:
        assert run(True)() is None
        assert run(False)() is None
    finally:
        gc.enable()


def test_the_names_of_operations():
    mm = aten.mm.default
    assert mm is aten.mm.default and mm != aten.addmm.default
    assert len({mm, aten.mm.default, aten.add.Tensor, aten.add.Scalar}) == 3
    assert (str(mm), str(aten.mm)) == ("aten.mm.default", "aten.mm")
    assert repr(mm) == "<OpOverload(op='aten.mm', overload='default')>"
    assert repr(aten.mm) == "<OpOverloadPacket(op='aten.mm')>"
    assert (mm.__name__, mm.name(), mm.namespace) == ("mm.default", "aten::mm", "aten")
    assert aten.add.Tensor.name() == "aten::add.Tensor"
    assert mm.overloadpacket is aten.mm
    assert copy.deepcopy(mm) is mm and copy.deepcopy(aten.mm) is aten.mm
    assert {"default", "dim_IntList"} <= set(aten.sum.overloads())


def test_torch_ops_can_be_imported():
    assert importlib.import_module(f"{MODULE}.ops") is torch.ops
    assert torch.ops.aten is aten


def test_operations_can_be_called():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    assert aten.mm.default(x, x).tolist() == [[7.0, 10.0], [15.0, 22.0]]
    assert aten.add(x, 1).tolist() == aten.add.Tensor(x, 1).tolist()
    assert aten.sum.dim_IntList(x, [0]).tolist() == [4.0, 6.0]
    y = torch.ones(2)
    assert aten.mul_.Tensor(y, 3) is y
    aten.silu.default(x).sum().backward()
    assert x.grad is not None


@pytest.mark.parametrize(
    "name, sentence",
    [
        ("aten.no_such", "'_OpNamespace' 'aten' object has no attribute 'no_such'"),
        ("mine.op", "'_OpNamespace' 'mine' object has no attribute 'op'"),
        ("aten.mm.no_such", "The underlying op of 'aten.mm' has no overload name 'no_such'"),
    ],
)
def test_unknown_operations(name, sentence):
    at = torch.ops
    *path, last = name.split(".")
    for part in path:
        at = getattr(at, part)
    with pytest.raises(AttributeError) as error:
        getattr(at, last)
    assert str(error.value) == sentence


@rushlight_only
def test_every_operation_has_a_name():
    """Each name of the core leads to one of torch.ops, so that no policy meets an error."""
    x = torch.ones(2, 2)
    for op in torch._C._op_table():
        if op["composite"] or op["name"].startswith("split"):
            continue
        forms = [op["name"]] + [op["name"] + "_"] * op["inplace"]
        for name in forms:
            found = torch._ops.of_call(name, (x, x, x, x), {})
            assert found is None or str(found).startswith("aten."), name


@rushlight_only
def test_operations_are_pickled_by_name():
    for op in (aten.mm, aten.mm.default, aten.sum.dim_IntList):
        assert pickle.loads(pickle.dumps(op)) is op


@rushlight_only
def test_a_part_of_operations_can_be_named_only():
    with pytest.raises(NotImplementedError, match="aten::_unsafe_view is a part of other"):
        aten._unsafe_view.default(torch.ones(2), [2])


GRADIENTS = [call for call in CALLS if "x" in call and ">" not in call and "bernoulli_" not in call]
GRADIENTS += [
    "x.roll(1)",
    "x.cummax(0)",
    "x.kthvalue(2, 0)",
    "torch.block_diag(x, y)",
    "x.median(0)",
]
GRADIENTS += [
    "F.max_pool2d(x[None], 2)",
    "F.pad(x[None], (1, 1), mode='reflect')",
    "x.logsumexp(0)",
]
GRADIENTS += [
    "F.cross_entropy(x, torch.tensor([0, 1, 2]))",
    "F.linear(x, y, v)",
]


@pytest.mark.parametrize("call", GRADIENTS)
def test_keeping_everything_changes_no_gradient(call):
    names = {"torch": torch, "F": F, "y": torch.full((3, 3), 2.0), "v": torch.ones(3)}
    names |= {"k": torch.eye(3) > 0, "i": torch.tensor([0, 1])}

    def function(x):
        outputs = eval(call, names | {"x": x.exp()})
        outputs = outputs if isinstance(outputs, tuple | list) else (outputs,)
        return sum(out.double().sin().sum() for out in outputs)

    def gradient(run):
        torch.manual_seed(0)
        x = matrix()
        y = run(x)
        if y.requires_grad:
            y.backward()
        return x.grad if x.grad is None else x.grad.tolist()

    keep_all = partial(
        module.checkpoint,
        function,
        use_reentrant=False,
        early_stop=False,
        context_fn=partial(contexts, lambda ctx, op, *args, **kwargs: Policy.MUST_SAVE),
    )
    assert gradient(keep_all) == gradient(function)

"""saved_tensors_hooks: what pack is given, when unpack is called, what the tensor it returns is."""

import pytest
from support import assert_values, leaf, rushlight_only, torch

graph = torch.autograd.graph
hooks = graph.saved_tensors_hooks


def same(t):
    return t


class Square(torch.autograd.Function):
    """x * x, from a saved input."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x, None)
        return x * x

    @staticmethod
    def backward(ctx, grad):
        x, _ = ctx.saved_tensors
        return 2 * x * grad


class Exp(torch.autograd.Function):
    """e ** x, from its own result."""

    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        return ctx.saved_tensors[0] * grad


FUNCTIONS = {
    "product": lambda x: x * x,
    "result": lambda x: x.exp(),
    "several": lambda x: x ** x.detach() + x.tanh() * x.softmax(0),
    "indices": lambda x: x.sort()[0] * x[torch.tensor([1, 0])] + x.max(0)[0],
    "list": lambda x: torch.einsum("i,i->i", x, x) + torch.cat([x, x])[1:3],
    "in place": lambda x: (x * 1).exp_(),
    "view": lambda x: write_into_view(x * 2),
    "function": lambda x: Square.apply(x) + Exp.apply(x),
    "matrix": lambda x: x.outer(x) @ x,
}


def write_into_view(x):
    x[0:1].exp_()
    return x * x


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(
    "pack, unpack",
    [(same, same), (torch.Tensor.tolist, torch.tensor), (torch.clone, torch.clone)],
    ids=["same", "list", "clone"],
)
def test_gradients_of_packed_tensors_are_those_of_tensors(name, pack, unpack):
    plain, packed = leaf([0.5, 1.5]), leaf([0.5, 1.5])
    weights = torch.tensor([1.0, -2.0])
    (FUNCTIONS[name](plain) * weights).sum().backward()
    with hooks(pack, unpack):
        out = (FUNCTIONS[name](packed) * weights).sum()
    out.backward()
    assert_values(packed.grad, plain.grad.tolist())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_gradients_of_packed_tensors_are_those_of_tensors(name):
    found = []
    for pair in [(same, same), (torch.Tensor.tolist, torch.tensor), None]:
        x = leaf([0.5, 1.5])
        if pair:
            with hooks(*pair):
                out = FUNCTIONS[name](x).sum()
        else:
            out = FUNCTIONS[name](x).sum()
        (first,) = torch.autograd.grad(out, x, create_graph=True)
        second = torch.autograd.grad((first * first).sum(), x)[0] if first.requires_grad else first
        found.append(second.tolist())
    same_pair, lists, plain = found
    assert same_pair == pytest.approx(plain)
    assert lists == pytest.approx(plain)


def test_pack_is_given_the_tensor_itself_without_grad_mode():
    seen = []
    x = leaf([1.0, 2.0])

    def pack(t):
        seen.append((t, t.grad_fn, torch.is_grad_enabled()))
        return t.detach()

    with hooks(pack, same):
        y = x.exp()
        x * torch.ones(2)
        x * 3
    assert [enabled for _, _, enabled in seen] == [False] * len(seen)
    assert seen[0][0] is y and seen[0][1] is y.grad_fn
    assert len(seen) == 2  # a number is none of them


def test_leaf_is_packed_as_it_is():
    seen = []
    x = torch.nn.Parameter(torch.ones(2))
    with hooks(lambda t: seen.append(t is x), same):
        x * x
    assert seen == [True, True]


def test_unpack_runs_once_for_each_tensor_and_run_of_the_node():
    calls = []
    a, b = leaf([2.0]), leaf([3.0])
    with hooks(lambda t: calls.append("pack") or t, lambda t: calls.append("unpack") or t):
        y = a**b
    assert calls == ["pack"] * 3
    y.backward(retain_graph=True)
    assert calls == ["pack"] * 3 + ["unpack"] * 3
    y.backward()
    assert calls == ["pack"] * 3 + ["unpack"] * 6


def test_unpack_does_not_run_for_a_node_that_is_not_run():
    x, w = leaf([2.0]), leaf([3.0])
    with hooks(same, lambda t: 1 / 0):
        y = x * x
    z = y + w
    assert torch.autograd.grad(z, w)[0].item() == 1


def test_saved_attribute_is_unpacked_at_each_look():
    calls = []
    x = leaf([1.0, 2.0])
    with hooks(lambda t: t.tolist(), lambda v: calls.append(v) or torch.tensor(v)):
        y = x * x
        z = x.exp()
    saved = y.grad_fn._saved_self
    assert calls == [[1.0, 2.0]] and saved is not x and saved.is_leaf and saved.requires_grad
    (saved * 5).sum().backward()
    assert saved.grad is None and x.grad.tolist() == [5, 5]
    assert z.grad_fn._saved_result.grad_fn is z.grad_fn


def test_history_of_an_input_goes_with_the_unpacked_tensor():
    x = leaf([1.0, 2.0])
    y = x * 3
    with hooks(torch.Tensor.tolist, torch.tensor):
        z = y.sin()
    saved = z.grad_fn._saved_self
    assert saved.grad_fn is y.grad_fn and saved is not y
    assert torch.autograd.grad(saved.sum(), x)[0].tolist() == [3, 3]


def test_tensor_without_grad_is_what_unpack_returned():
    returned = torch.zeros(2)
    x = leaf([1.0, 2.0])
    with hooks(same, lambda t: returned):
        y = x * torch.ones(2)
    assert y.grad_fn._saved_other is returned


def test_innermost_pair_counts_and_the_outer_one_returns():
    order = []
    x = leaf([1.0])
    with hooks(lambda t: order.append("outer") or t, same):
        with hooks(lambda t: order.append("inner") or t, same):
            x.sin()
        x.sin()
    x.sin()
    assert order == ["inner", "outer"]


def test_no_hook_is_called_where_nothing_is_recorded():
    with hooks(lambda t: 1 / 0, same), torch.no_grad():
        leaf([1.0]).sin()
    with hooks(lambda t: 1 / 0, same):
        torch.ones(2).sin()


def test_values_that_unpack_changes_are_those_that_backward_uses():
    x = leaf([3.0, 3.0])
    with hooks(same, lambda t: t * 10):
        y = x * x
    y.sum().backward()
    assert x.grad.tolist() == [60, 60]


@pytest.mark.parametrize(
    "value, grad",
    [
        (torch.ones(1), 2.0),
        (torch.ones(2, dtype=torch.float16), 2.0),
        (torch.ones(2, dtype=torch.float64), 2.0),
    ],
)
def test_unpacked_tensor_is_broadcast_and_converted(value, grad):
    x = leaf([3.0, 3.0])
    with hooks(same, lambda t: value):
        y = x * x
    y.sum().backward()
    assert x.grad.dtype == torch.float32 and x.grad.tolist() == [grad, grad]


def test_integers_in_the_place_of_a_leaf_raise():
    x = leaf([3.0, 3.0])
    with hooks(same, torch.Tensor.int):
        y = x * x
    with pytest.raises(RuntimeError, match="Only Tensors of floating point"):
        y.sum().backward()


@rushlight_only  # PyTorch takes some of them, and sums
@pytest.mark.parametrize("op", [lambda x: x * x, lambda x: x @ x, lambda x: x.cumprod(0)])
@pytest.mark.parametrize("shape", [(3,), (2, 2, 2), (0,)])
def test_unpacked_tensor_of_another_shape_raises(op, shape):
    x = leaf([3.0, 3.0])
    with hooks(same, lambda t: torch.ones(shape)):
        y = op(x)
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_write_to_a_packed_tensor_goes_unnoticed():
    x = leaf([1.0, 2.0])
    y = x * 1
    with hooks(torch.clone, same):
        z = y * y
    y.zero_()
    z.sum().backward()
    assert x.grad.tolist() == [2, 4]


def test_second_backward_without_retain_graph_raises():
    x = leaf([1.0])
    with hooks(same, same):
        y = x * x
    y.backward()
    with pytest.raises(RuntimeError, match="Trying to backward through the graph a second time"):
        y.backward()


def test_function_unpacks_at_each_look():
    calls = []
    x = leaf([3.0])

    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, grad):
            return ctx.saved_tensors[0] * grad + ctx.saved_tensors[0] * grad

    with hooks(lambda t: calls.append("pack") or t, lambda t: calls.append("unpack") or t):
        Twice.apply(x).backward()
    assert calls == ["pack", "unpack", "unpack"] and x.grad.item() == 6


def test_pack_that_writes_to_its_input_raises():
    x = leaf([1.0])
    y = x * 1
    with hooks(lambda t: t.add_(1), same):
        with pytest.raises(RuntimeError, match="A saved tensor pack hook is modifying its input"):
            y * y


@pytest.mark.parametrize("value, name", [(None, "NoneType"), (1, "int"), ([1.0], "list")])
def test_unpack_that_returns_no_tensor_raises(value, name):
    with hooks(same, lambda t: value):
        y = leaf([1.0]).sin()
    sentence = "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
    with pytest.raises(TypeError, match=sentence + name):
        y.backward()


@pytest.mark.parametrize("function", [lambda x: x.sin(), lambda x: x.exp(), Square.apply])
def test_exceptions_of_hooks_come_through(function):
    def fails(t):
        raise KeyError("mine")

    x = leaf([1.0])
    with hooks(fails, same), pytest.raises(KeyError, match="mine"):
        function(x)
    with hooks(same, fails):
        y = function(x)
    with pytest.raises(KeyError, match="mine"):
        y.backward()


def test_hooks_that_are_not_callable_raise():
    with pytest.raises(TypeError, match="incompatible function arguments"):
        hooks(1, same).__enter__()


@rushlight_only  # PyTorch hangs
def test_unpack_that_runs_backward_through_its_own_graph():
    x = leaf([3.0])
    ran = []

    def unpack(t):
        if not ran:
            ran.append(True)
            y.backward()
        return t

    with hooks(same, unpack):
        y = x * x
    try:
        y.backward()
    except RuntimeError as error:
        assert "a second time" in str(error)
    assert ran


# --- register_hooks


def test_registered_pair_packs_a_tensor_without_history():
    seen = []
    x = leaf([1.0, 2.0])
    y = x * x
    y.grad_fn._raw_saved_self.register_hooks(
        lambda t: seen.append(t.requires_grad) or t, lambda t: t * 10
    )
    assert seen == [False]
    y.sum().backward()
    assert x.grad.tolist() == [11, 22]


def test_registered_pair_on_a_result():
    x = leaf([0.0])
    y = x.exp()
    y.grad_fn._raw_saved_result.register_hooks(same, lambda t: t * 3)
    y.backward()
    assert x.grad.item() == 3


def test_registered_pair_on_an_item_of_a_list():
    x = leaf([1.0, 2.0])
    y = x[torch.tensor([0, 0])]
    (raw,) = y.grad_fn._raw_saved_indices
    raw.register_hooks(lambda t: None, lambda t: torch.tensor([1, 1]))
    y.sum().backward()
    assert x.grad.tolist() == [0, 2]


def test_registered_pair_on_what_a_function_saved():
    x = leaf([3.0])
    y = Square.apply(x)
    given, none = y.grad_fn._raw_saved_tensors
    given.register_hooks(same, lambda t: t + 1)
    with pytest.raises(RuntimeError, match="saved tensor with value None is forbidden"):
        none.register_hooks(same, same)
    y.backward()
    assert x.grad.item() == 8


def test_register_hooks_refuses_a_second_pair_and_freed_tensors():
    y = leaf([1.0]).sin()
    raw = y.grad_fn._raw_saved_self
    raw.register_hooks(same, same)
    with pytest.raises(RuntimeError, match="whose hooks have already been set"):
        raw.register_hooks(same, same)
    z = leaf([1.0]).sin()
    raw = z.grad_fn._raw_saved_self
    z.backward()
    with pytest.raises(RuntimeError, match="on a saved tensor after it has been freed"):
        raw.register_hooks(same, same)
    with pytest.raises(TypeError, match=r"register_hooks\(\): incompatible function arguments"):
        raw.register_hooks(1, 2)


@rushlight_only  # PyTorch reads freed memory here
def test_register_hooks_on_a_list_that_its_hook_frees():
    x = leaf([1.0, 2.0])
    y = x[torch.tensor([0, 0])].sum()
    raw = y.grad_fn.next_functions[0][0]._raw_saved_indices[0]
    raw.register_hooks(lambda t: y.backward(), same)
    with pytest.raises(RuntimeError, match="after it has been freed"):
        raw.register_hooks(same, same)


# --- disabled


def test_disabled_hooks_raise_the_message():
    with graph.disable_saved_tensors_hooks("nope"):
        with pytest.raises(RuntimeError, match="nope"), hooks(same, same):
            pass
        with graph.disable_saved_tensors_hooks("inner"):
            with pytest.raises(RuntimeError, match="inner"), graph.save_on_cpu():
                pass
        with pytest.raises(RuntimeError, match="nope"), graph.save_on_cpu():
            pass
    with hooks(same, same):
        pass


def test_disabling_inside_hooks_raises_and_changes_nothing():
    with hooks(same, same):
        with pytest.raises(RuntimeError, match="nope"):
            with graph.disable_saved_tensors_hooks("nope"):
                pass
        with hooks(same, same):
            pass
    with pytest.raises(TypeError, match="incompatible function arguments"):
        graph.disable_saved_tensors_hooks(3).__enter__()


def test_disabling_decorates_a_function():
    @graph.disable_saved_tensors_hooks("nope")
    def packs():
        with graph.save_on_cpu():
            pass

    for _ in range(2):
        with pytest.raises(RuntimeError, match="nope"):
            packs()


@pytest.mark.parametrize("pin_memory", [False, True])
def test_save_on_cpu(pin_memory):
    x = leaf([0.0, 1.0])
    with graph.save_on_cpu(pin_memory=pin_memory):
        y = (x.exp() * x).sum()
    y.backward()
    assert_values(x.grad, [1, 2 * 2.718281828459045])


@rushlight_only  # PyTorch hangs
def test_node_that_runs_inside_itself_unpacks_what_fits():
    x = leaf([3.0, 3.0])
    inside = []

    def unpack(t):
        if not inside:
            inside.append(None)
            inside[0] = torch.autograd.grad(y, x, retain_graph=True)[0].tolist()
        return torch.ones(1)

    with hooks(same, unpack):
        y = (x * x).sum()
    y.backward()
    assert inside == [[2, 2]] and x.grad.tolist() == [2, 2]


def test_pass_that_a_hook_ended_leaves_nothing_unpacked():
    x = leaf([3.0])
    calls = []

    def unpack(t):
        calls.append(len(calls))
        return t if len(calls) != 2 else 1 / 0

    with hooks(same, unpack):
        y = x * x
    with pytest.raises(ZeroDivisionError):
        y.backward(retain_graph=True)
    y.backward()
    assert calls == [0, 1, 2, 3] and x.grad.item() == 6

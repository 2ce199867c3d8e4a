"""Full backward hooks of modules: what they see, what they may change, what is refused."""

import copy

import pytest
from support import recorded_warnings, torch

nn = torch.nn
module_functions = torch.nn.modules.module


class Scale(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(3.0))

    def forward(self, x, *rest):
        return x * self.weight


class Two(nn.Module):
    def forward(self, x, y):
        return x * 2, y * 3


def values(grads):
    return [g if g is None else g.tolist() for g in grads]


def leaf():
    return torch.ones(2, requires_grad=True)


def test_hook_sees_the_gradients_of_inputs_and_outputs():
    m, x, seen = Scale(), leaf(), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append((mod, values(gi), values(go))))
    (m(x) * 2).sum().backward()
    assert seen == [(m, [[6, 6]], [[2, 2]])]
    assert x.grad.tolist() == [6, 6] and m.weight.grad.item() == 4


def test_graph_has_a_node_at_each_end():
    m = Scale()
    m.register_full_backward_hook(lambda *a: None)
    y = m(leaf())
    assert type(y) is torch.Tensor
    names = []
    node = y.grad_fn
    while node is not None and len(names) < 4:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    assert names == [
        "BackwardHookFunctionBackward",
        "MulBackward0",
        "BackwardHookFunctionBackward",
        "torch::autograd::AccumulateGrad",
    ]
    assert len(y.grad_fn.next_functions) == 1


def test_hook_may_change_the_gradient_of_the_input():
    m, x = Scale(), leaf()
    m.register_full_backward_hook(lambda mod, gi, go: (gi[0] * 10,))
    m.register_full_backward_hook(lambda mod, gi, go: (gi[0] + 1,))
    m(x).sum().backward()
    assert x.grad.tolist() == [31, 31] and m.weight.grad.item() == 2


def test_pre_hook_may_change_the_gradient_of_the_output():
    m, x, seen = Scale(), leaf(), []
    m.register_full_backward_pre_hook(lambda mod, go: (go[0] * 10,))
    m.register_full_backward_pre_hook(lambda mod, go: seen.append(values(go)), prepend=True)
    m.register_full_backward_hook(lambda mod, gi, go: seen.append((values(gi), values(go))))
    m(x).sum().backward()
    assert seen == [[[1, 1]], ([[30, 30]], [[10, 10]])]
    assert x.grad.tolist() == [30, 30] and m.weight.grad.item() == 20


def test_inputs_that_are_no_tensors_or_need_no_grad():
    m, x, seen = Scale(), leaf(), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append(values(gi)))
    m(x, "text", torch.ones(1)).sum().backward()
    assert seen[0][:2] == [[3, 3], None] and len(seen[0]) == 3


def test_output_that_is_not_used_has_no_gradient():
    m, seen = Two(), []
    x, y = leaf(), leaf()
    m.register_full_backward_hook(lambda mod, gi, go: seen.append((values(gi), values(go))))
    a, b = m(x, y)
    a.sum().backward()
    assert seen == [([[2, 2], [0, 0]], [[1, 1], None])]
    assert x.grad.tolist() == [2, 2]


def test_module_without_inputs_that_require_grad_warns():
    m, seen = Scale(), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append((values(gi), values(go))))
    y = m(torch.ones(2)).sum()
    with recorded_warnings() as caught:
        y.backward()
    assert seen == [([None], [[1, 1]])] and m.weight.grad.item() == 2
    assert [str(w.message) for w in caught] == [
        "Full backward hook is firing when gradients are computed with respect to module outputs "
        "since no inputs require gradients. See https://docs.pytorch.org/docs/main/generated/"
        "torch.nn.Module.html#torch.nn.Module.register_full_backward_hook for more details."
    ]


@pytest.mark.parametrize(
    ("register", "hook", "requires_grad", "message"),
    [
        (
            "register_full_backward_hook",
            lambda m, gi, go: (),
            True,
            "Backward hook returned an invalid number of grad_input, got 0, but expected 1",
        ),
        (
            "register_full_backward_pre_hook",
            lambda m, go: (go[0], go[0]),
            True,
            "Backward pre hook returned an invalid number of grad_output, got 2, but expected 1",
        ),
        (
            "register_full_backward_hook",
            lambda m, gi, go: go,
            False,
            "Backward hook for Modules where no input requires gradient should always return None "
            "or None for all gradients.",
        ),
    ],
)
def test_hook_that_returns_something_else_raises(register, hook, requires_grad, message):
    m = Scale()
    getattr(m, register)(hook)
    with recorded_warnings(), pytest.raises(RuntimeError) as caught:
        m(torch.ones(2, requires_grad=requires_grad)).sum().backward()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("register", "hook", "kind", "message"),
    [
        (
            "register_full_backward_hook",
            lambda m, gi, go: (torch.ones(5),),
            RuntimeError,
            "hook 'hook' has changed the size of value",
        ),
        (
            "register_full_backward_hook",
            lambda m, gi, go: (gi[0].double(),),
            RuntimeError,
            "hook 'hook' has changed the type of value",
        ),
        (
            "register_full_backward_pre_hook",
            lambda m, go: (torch.ones(5),),
            RuntimeError,
            "hook 'hook' has changed the size of value",
        ),
        (
            "register_full_backward_pre_hook",
            lambda m, go: ("a",),
            TypeError,
            "expected Variable, but hook returned 'str'",
        ),
    ],
)
def test_hook_that_returns_another_kind_of_gradient_raises(register, hook, kind, message):
    # They were taken as they came: the input got a gradient of another shape.
    m = Scale()
    getattr(m, register)(hook)
    with pytest.raises(kind) as caught:
        m(leaf()).sum().backward()
    assert str(caught.value).startswith(message)


def test_hooks_of_the_output_and_its_node_run_around_the_hooks_of_the_module():
    m, x, seen = Scale(), leaf(), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append("module"))
    m.register_full_backward_pre_hook(lambda mod, go: seen.append("module pre"))
    x.register_hook(lambda g: seen.append("input"))
    y = m(x)
    y.register_hook(lambda g: seen.append("output"))
    y.grad_fn.register_hook(lambda gi, go: seen.append("node"))
    y.grad_fn.register_prehook(lambda go: seen.append("node pre"))
    y.sum().backward()
    assert seen == ["output", "node pre", "module pre", "node", "module", "input"]


def test_changing_the_output_or_the_input_in_place_is_refused():
    class AddsOne(nn.Module):
        def forward(self, x):
            return x.add_(1)

    for m, change in ((Scale(), lambda y: y.mul_(2)), (AddsOne(), None)):
        m.register_full_backward_hook(lambda *a: None)
        with pytest.raises(RuntimeError, match="Output 0 of BackwardHookFunction is a view and is"):
            change(m(leaf() * 1)) if change else m(leaf() * 1)


def test_backward_hook_has_its_public_name():
    from importlib import import_module

    hooks = import_module(f"{torch.__name__}.utils.hooks")
    seen = []
    hook = hooks.BackwardHook("module", [lambda *got: seen.append((got[0], values(got[1])))], [])
    (x,) = hook.setup_input_hook((leaf(),))
    hook.setup_output_hook(x * 2).sum().backward()
    assert seen == [("module", [[2, 2]])]


def test_output_that_is_no_tensor_warns():
    class Text(nn.Module):
        def forward(self, x):
            return "text"

    m = Text()
    m.register_full_backward_hook(lambda *a: None)
    with recorded_warnings() as caught:
        assert m(leaf()) == "text"
    assert [str(w.message) for w in caught] == [
        "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors "
        "but received <class 'str'>"
    ]


def test_nothing_is_recorded_without_grad():
    m = Scale()
    m.register_full_backward_hook(lambda *a: 1 / 0)
    with torch.no_grad():
        assert m(leaf()).grad_fn is None


def test_removed_hook_is_not_called():
    m = Scale()
    m.register_full_backward_hook(lambda *a: 1 / 0).remove()
    assert m(leaf()).grad_fn.name() == "MulBackward0"


def test_global_hooks_see_every_module():
    net, seen = nn.Sequential(Scale(), Scale()), []
    handles = [
        module_functions.register_module_full_backward_pre_hook(lambda m, go: seen.append("pre")),
        module_functions.register_module_full_backward_hook(lambda m, gi, go: seen.append("post")),
    ]
    net[0].register_full_backward_hook(lambda m, gi, go: seen.append("own"))
    try:
        net(leaf()).sum().backward()
    finally:
        for handle in handles:
            handle.remove()
    assert seen == ["pre", "pre", "post", "pre", "post", "own", "post"]


def test_each_call_has_its_own_gradients():
    m, seen = Scale(), []
    m.register_full_backward_hook(lambda mod, gi, go: seen.append(go[0][0].item()))
    x = leaf()
    (m(x) * 2 + m(x) * 5).sum().backward()
    assert sorted(seen) == [2, 5] and x.grad.tolist() == [21, 21]


def test_exception_in_a_hook_reaches_the_caller():
    m = Scale()
    m.register_full_backward_hook(lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        m(leaf()).sum().backward()


def test_hooks_are_kept_by_copies():
    m, seen = Scale(), []
    m.register_full_backward_hook(print)
    other = copy.deepcopy(m)
    assert len(other._backward_hooks) == 1
    other._backward_hooks.clear()
    other(leaf()).sum().backward()
    assert seen == []

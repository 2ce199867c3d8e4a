"""SGD against its formula in plain Python, and its options."""

import copy
import itertools
import pickle

import pytest
from support import ON_TORCH, assert_values, torch

SGD = torch.optim.SGD


RECORDED_LOSSES = [12.270484, 0.62395561, 11.495106, 4.6504292]


def param(values=(1.0, -2.0), **kwargs):
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64), **kwargs)


def reference(
    p, grads, lr, momentum=0, dampening=0, weight_decay=0, nesterov=False, maximize=False
):
    """One scalar parameter through several steps."""
    buffer = None
    for g in grads:
        g = (-g if maximize else g) + weight_decay * p
        if momentum:
            buffer = g if buffer is None else momentum * buffer + (1 - dampening) * g
            g = g + momentum * buffer if nesterov else buffer
        p -= lr * g
    return p


OPTIONS = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "dampening": 0.5},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "weight_decay": 0.2},
    {"lr": 0.1, "weight_decay": 0.2, "momentum": 0.5, "nesterov": True, "maximize": True},
    {"lr": 0.0},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("extra", [{}, {"foreach": True}, {"fused": True}], ids=str)
def test_steps_follow_the_formula(options, extra):
    p = param()
    optimizer = SGD([p], **options, **extra)
    grads = [(0.5, 1.0), (-1.0, 2.0), (0.25, 0.0)]
    for g in grads:
        p.grad = torch.tensor(g, dtype=torch.float64)
        before = p.grad.tolist()
        assert optimizer.step() is None
        # PyTorch's foreach form writes Nesterov's gradient over p.grad.
        assert p.grad.tolist() == before or ON_TORCH
    expected = [reference(v, g, **options) for v, g in zip((1.0, -2.0), zip(*grads))]
    assert_values(p, expected, rel=1e-12)
    assert p.is_leaf and p.requires_grad


def test_recorded_training():
    """Recorded from PyTorch 2.13."""
    torch.manual_seed(3)
    model = torch.nn.Linear(2, 1)
    optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    x, y = torch.tensor([[1.0, 2.0], [3.0, -1.0]]), torch.tensor([[1.0], [2.0]])
    losses = []
    for _ in range(4):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses == pytest.approx(RECORDED_LOSSES, rel=1e-5)


def test_parameter_without_grad_is_left_alone():
    p, q = param(), param()
    optimizer = SGD([p, q], lr=0.1, momentum=0.9)
    p.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    assert q.tolist() == [1, -2] and list(optimizer.state) == [p]


def test_first_buffer_is_the_gradient_and_no_alias_of_it():
    p = param()
    optimizer = SGD([p], lr=0.1, momentum=0.9)
    p.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    buffer = optimizer.state[p]["momentum_buffer"]
    assert buffer is not p.grad and buffer.data_ptr() != p.grad.data_ptr()
    assert buffer.tolist() == [1, 1] and not buffer.requires_grad
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"] is buffer and buffer.tolist() == [1.9, 1.9]


def test_closure_is_called_with_grad_and_its_value_returned():
    p = param()
    optimizer = SGD([p], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with torch.no_grad():
        loss = optimizer.step(closure)
    assert loss.item() == 5 and loss.requires_grad and p.tolist() == [0.5, -1]
    assert torch.is_grad_enabled()


def test_step_that_fails_leaves_grad_mode_alone():
    p = param()
    optimizer = SGD([p], lr=0.1)
    with pytest.raises(ZeroDivisionError):
        optimizer.step(lambda: 1 / 0)
    assert torch.is_grad_enabled()


def test_learning_rate_may_be_a_tensor_of_one_element():
    for lr in (torch.tensor(0.5), torch.tensor(0.5, requires_grad=True)):
        p = param()
        p.grad = torch.ones(2, dtype=torch.float64)
        SGD([p], lr=lr).step()
        assert p.tolist() == [0.5, -2.5]
    with pytest.raises(ValueError, match="Tensor lr must be 1-element"):
        SGD([param()], lr=torch.ones(2))


def test_groups_have_options_of_their_own():
    p, q = param(), param()
    optimizer = SGD([{"params": [p]}, {"params": q, "lr": 1.0}], lr=0.1)
    for t in (p, q):
        t.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    assert_values(p, [0.9, -2.1])
    assert q.tolist() == [0, -3]
    optimizer.param_groups[0]["lr"] = 0.0
    optimizer.step()
    assert_values(p, [0.9, -2.1])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lr": -1}, ValueError, "Invalid learning rate: -1"),
        ({"momentum": -0.1}, ValueError, "Invalid momentum value: -0.1"),
        ({"weight_decay": -1}, ValueError, "Invalid weight_decay value: -1"),
        ({"nesterov": True}, ValueError, "Nesterov momentum requires a momentum and zero dampeni"),
        (
            {"nesterov": True, "momentum": 0.9, "dampening": 0.1},
            ValueError,
            "Nesterov momentum requires a momentum and zero dampening",
        ),
        (
            {"fused": True, "differentiable": True},
            RuntimeError,
            "`fused` does not support `differentiable`",
        ),
        (
            {"fused": True, "foreach": True},
            RuntimeError,
            "`fused` and `foreach` cannot be `True` together.",
        ),
    ],
)
def test_options_that_make_no_sense_raise(options, error, message):
    with pytest.raises(error) as caught:
        SGD([param()], **options)
    assert str(caught.value).startswith(message)


def test_repr_lists_groups_and_options():
    assert repr(SGD([param()], lr=0.1)) == (
        "SGD (\n"
        "Parameter Group 0\n"
        "    dampening: 0\n"
        "    differentiable: False\n"
        "    foreach: None\n"
        "    fused: None\n"
        "    lr: 0.1\n"
        "    maximize: False\n"
        "    momentum: 0\n"
        "    nesterov: False\n"
        "    weight_decay: 0\n"
        ")"
    )
    two = SGD([{"params": [param()]}, {"params": [param()]}])
    assert "    weight_decay: 0\n\nParameter Group 1\n    dampening: 0\n" in repr(two)


def test_differentiable_step_is_recorded():
    start = param()
    rate = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    p = start.clone()
    p.retain_grad()
    optimizer = SGD([p], lr=rate, differentiable=True)
    p.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    p.sum().backward()
    assert rate.grad.item() == -2 and start.grad.tolist() == [1, 1]


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copies_of_an_optimizer_keep_their_state(clone):
    p = param()
    optimizer = SGD([p], lr=0.1, momentum=0.9)
    p.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    other = clone(optimizer)
    q = other.param_groups[0]["params"][0]
    assert q is not p and other.state[q]["momentum_buffer"].tolist() == [1, 1]
    q.grad = torch.ones(2, dtype=torch.float64)
    other.step()
    assert_values(q, [1 - 0.1 - 0.19, -2 - 0.1 - 0.19])
    assert_values(p, [0.9, -2.1])


def test_state_dict_round_trip_continues_the_same_way():
    def train(optimizer, p, n):
        for _ in range(n):
            p.grad = p.detach() * 2
            optimizer.step()

    p, q = param(), param()
    whole, first = SGD([p], lr=0.1, momentum=0.9), SGD([q], lr=0.1, momentum=0.9)
    train(whole, p, 4)
    train(first, q, 2)
    second = SGD([q], lr=7.0)
    second.load_state_dict(first.state_dict())
    train(second, q, 2)
    assert q.tolist() == p.tolist()


def test_fresh_state_is_empty():
    assert SGD([param()], lr=0.1).state_dict()["state"] == {}
    assert list(itertools.islice(SGD([param()]).state, 1)) == []

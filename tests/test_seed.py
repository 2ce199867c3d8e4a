"""The walk-through that the project grew from: linear regression, step by step, by autograd."""

import json
import re

import pytest
from support import DATA, assert_values, rushlight_only, torch

LR = 0.1


@pytest.fixture(scope="module")
def points():
    data = json.loads((DATA / "seed_points.json").read_text())
    return torch.tensor(data["x"]).view(80, 1), torch.tensor(data["y"]).view(80, 1)


@pytest.fixture
def parameters():
    """Step 0: random parameters, the numbers of the book."""
    device = "cpu"
    torch.manual_seed(42)
    b = torch.randn(1, requires_grad=True, dtype=torch.float, device=device)
    w = torch.randn(1, requires_grad=True, dtype=torch.float, device=device)
    return b, w


def loss_of(b, w, points):
    """Steps 1 and 2: prediction, error, mean squared error."""
    x_train, y_train = points
    yhat = b + w * x_train
    error = y_train - yhat
    return (error**2).mean()


def train(b, w, points, epochs):
    for _ in range(epochs):
        loss = loss_of(b, w, points)
        loss.backward()
        with torch.no_grad():
            b -= LR * b.grad
            w -= LR * w.grad
        b.grad.zero_(), w.grad.zero_()
    return loss


def test_parameters_start_at_the_books_numbers(parameters):
    b, w = parameters
    assert repr(b) == "tensor([0.3367], requires_grad=True)"
    assert repr(w) == "tensor([0.1288], requires_grad=True)"


def test_first_gradients(parameters, points):
    b, w = parameters
    loss_of(b, w, points).backward()
    assert repr((b.grad, w.grad)) == "(tensor([-3.1125]), tensor([-1.8156]))"


def test_gradients_are_those_by_hand(parameters, points):
    b, w = parameters
    x_train, y_train = points
    loss_of(b, w, points).backward()
    error = (y_train - (b + w * x_train)).detach()
    assert_values(b.grad, [-2 * error.mean().item()], rel=1e-5)
    assert_values(w.grad, [-2 * (x_train * error).mean().item()], rel=1e-5)


def test_first_attempt_at_step_4_fails_as_in_pytorch(parameters, points):
    b, w = parameters
    loss_of(b, w, points).backward()
    with pytest.raises(
        RuntimeError,
        match="^a leaf Variable that requires grad is being used in an in-place operation.",
    ):
        b -= LR * b.grad
    assert repr(b) == "tensor([0.3367], requires_grad=True)"


def test_training_ends_at_the_books_numbers(parameters, points):
    b, w = parameters
    loss = train(b, w, points, epochs=1000)
    assert (f"{b.item():.4f}", f"{w.item():.4f}") == ("1.0235", "1.9690")
    assert repr(b) == "tensor([1.0235], requires_grad=True)"
    assert f"{loss.item():.4f}" == "0.0080"
    assert b.is_leaf and b.requires_grad and b._version == 1000


def test_without_zero_the_gradients_pile_up(parameters, points):
    b, w = parameters
    loss_of(b, w, points).backward()
    once = b.grad.item()
    loss_of(b, w, points).backward()
    assert b.grad.item() == pytest.approx(2 * once)


def test_graph_of_the_prediction(parameters, points):
    b, w = parameters
    x_train, _ = points
    yhat = b + w * x_train
    assert yhat.grad_fn.name() == "AddBackward0"
    (leaf_b, _), (product, _) = yhat.grad_fn.next_functions
    assert leaf_b.variable is b and product.name() == "MulBackward0"
    (leaf_w, _), (data, _) = product.next_functions
    assert leaf_w.variable is w and data is None


def test_parameter_without_grad_leaves_the_graph(parameters, points):
    _, w = parameters
    yhat = torch.randn(1) + w * points[0]
    assert yhat.grad_fn.next_functions[0][0] is None


def test_control_flow_of_the_book(parameters, points):
    b, w = parameters
    x_train, y_train = points
    loss = loss_of(b, w, points)
    nodes_before = loss.grad_fn.name()
    if loss > 0:
        yhat2 = w * x_train
        error2 = y_train - yhat2
        loss += error2.mean()
    assert (nodes_before, loss.grad_fn.name()) == ("MeanBackward0", "AddBackward0")
    loss.backward()
    assert b.grad is not None and w.grad is not None


# The figures: boxes as (label, colour), arrows as (from, to), in order of appearance.

FIRST, LEAF, NODE = "darkolivegreen1", "lightblue", None


def figure(dot):
    boxes, arrows = {}, []
    for line in dot.body:
        statement = re.fullmatch(
            r'\t(\d+) \[label="?(.*?)"?(?: fillcolor=(\w+))?\]\n', line, re.DOTALL
        )
        if statement:
            boxes[statement[1]] = statement[2].strip(), statement[3]
        else:
            arrows.append(tuple(line.split()[::2]))
    return list(boxes.values()), [(boxes[a][0], boxes[b][0]) for a, b in arrows]


@rushlight_only
def test_picture_of_the_prediction(parameters, points):
    b, w = parameters
    yhat = b + w * points[0]
    assert figure(torch.make_dot(yhat, style="classic")) == (
        [("AddBackward0", FIRST), ("(1)", LEAF), ("MulBackward0", NODE), ("(1)", LEAF)],
        [("(1)", "AddBackward0"), ("MulBackward0", "AddBackward0"), ("(1)", "MulBackward0")],
    )
    boxes, arrows = figure(torch.make_dot(yhat))
    assert boxes.count(("AccumulateGrad", NODE)) == 2
    assert boxes[0] == ("(80, 1)", FIRST) and arrows[-1] == ("AddBackward0", "(80, 1)")


@rushlight_only
def test_picture_without_the_box_of_a_parameter_without_grad(parameters, points):
    _, w = parameters
    b_nograd = torch.randn(1, requires_grad=False, dtype=torch.float)
    yhat = b_nograd + w * points[0]
    assert figure(torch.make_dot(yhat, style="classic")) == (
        [("AddBackward0", FIRST), ("MulBackward0", NODE), ("(1)", LEAF)],
        [("MulBackward0", "AddBackward0"), ("(1)", "MulBackward0")],
    )


@rushlight_only
def test_picture_of_control_flow(parameters, points):
    b, w = parameters
    x_train, y_train = points
    loss = loss_of(b, w, points)
    if loss > 0:
        yhat2 = w * x_train
        error2 = y_train - yhat2
        loss += error2.mean()
    boxes, arrows = figure(torch.make_dot(loss, params={"b": b, "w": w}, style="classic"))
    assert boxes[0] == ("AddBackward0", FIRST)
    assert [label for label, colour in boxes if colour == LEAF] == ["b\n (1)", "w\n (1)"]
    one_branch = ["MeanBackward0", "PowBackward0", "SubBackward0", "AddBackward0"]
    other_branch = ["MeanBackward0", "SubBackward0", "MulBackward0"]
    names = ["AddBackward0", *one_branch, "MulBackward0", *other_branch]
    assert [label for label, colour in boxes if colour != LEAF] == names
    # w is used on both sides of the `if`.
    assert arrows.count(("w\n (1)", "MulBackward0")) == 2
    assert arrows.count(("MeanBackward0", "AddBackward0")) == 2

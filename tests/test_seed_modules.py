"""The walk-through's second half: the same regression with modules, an optimizer and loaders."""

import importlib
import json

import pytest
from support import DATA, MODULE, ON_TORCH, torch

nn, optim = (importlib.import_module(f"{MODULE}.{name}") for name in ("nn", "optim"))
data = importlib.import_module(f"{MODULE}.utils.data")

RECORDED = [0.4067348, 0.09560374, 0.01279585, 0.1660398, 0.04268587, 1.681917, 1.174634]


class ManualLinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.b = nn.Parameter(torch.randn(1, requires_grad=True, dtype=torch.float))
        self.w = nn.Parameter(torch.randn(1, requires_grad=True, dtype=torch.float))

    def forward(self, x):
        return self.b + self.w * x


class LayerLinearRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(1, 1)

    def forward(self, x):
        return self.linear(x)


def make_train_step(model, loss_fn, optimizer):
    def train_step(x, y):
        model.train()
        yhat = model(x)
        loss = loss_fn(y, yhat)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return train_step


@pytest.fixture(scope="module")
def points():
    values = json.loads((DATA / "seed_points.json").read_text())
    return torch.tensor(values["x"]).view(80, 1), torch.tensor(values["y"]).view(80, 1)


def test_manual_module_prints_the_books_parameters():
    torch.manual_seed(42)
    model = ManualLinearRegression().to("cpu")
    assert repr(list(model.parameters())) == (
        "[Parameter containing:\ntensor([0.3367], requires_grad=True), "
        "Parameter containing:\ntensor([0.1288], requires_grad=True)]"
    )
    assert list(model.state_dict()) == ["b", "w"]


def train_on_all(model, points):
    x, y = points
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    step = make_train_step(model, nn.MSELoss(reduction="mean"), optimizer)
    for _ in range(1000):
        step(x, y)
    return {name: f"{t.item():.4f}" for name, t in model.state_dict().items()}


def test_manual_and_layer_modules_learn_the_books_line(points):
    torch.manual_seed(42)
    assert train_on_all(ManualLinearRegression(), points) == {"b": "1.0235", "w": "1.9690"}
    torch.manual_seed(42)
    layer = LayerLinearRegression()
    assert str(dict(layer.state_dict())) == (
        "{'linear.weight': tensor([[0.7645]]), 'linear.bias': tensor([0.8300])}"
    )
    expected = {"linear.weight": "1.9690", "linear.bias": "1.0235"}
    assert train_on_all(layer, points) == expected


def test_sequential_is_the_same_model(points):
    torch.manual_seed(42)
    model = nn.Sequential(nn.Linear(1, 1)).to("cpu")
    assert repr(model) == "Sequential(\n  (0): Linear(in_features=1, out_features=1, bias=True)\n)"
    assert train_on_all(model, points) == {"0.weight": "1.9690", "0.bias": "1.0235"}


def test_mini_batches_and_validation(points):
    """Recorded from PyTorch 2.13: the rows of each batch, hence every loss, depend on the seed."""
    torch.manual_seed(13)
    dataset = data.TensorDataset(*points)
    train, valid = data.random_split(dataset, [60, 20])
    train_loader = data.DataLoader(dataset=train, batch_size=16, shuffle=True)
    valid_loader = data.DataLoader(dataset=valid, batch_size=16)
    torch.manual_seed(42)
    model = nn.Sequential(nn.Linear(1, 1))
    loss_fn = nn.MSELoss(reduction="mean")
    step = make_train_step(model, loss_fn, optim.SGD(model.parameters(), lr=0.1))
    losses, val_losses = [], []
    for _ in range(20):
        batch_losses = [step(x.to("cpu"), y.to("cpu")) for x, y in train_loader]
        losses.append(sum(batch_losses) / len(batch_losses))
        with torch.no_grad():
            model.eval()
            batch_losses = [loss_fn(y, model(x)).item() for x, y in valid_loader]
            val_losses.append(sum(batch_losses) / len(batch_losses))
    seen = [losses[0], losses[1], losses[-1], val_losses[0], val_losses[-1]]
    seen += [model[0].weight.item(), model[0].bias.item()]
    assert seen == pytest.approx(RECORDED, rel=1e-4)


@pytest.mark.skipif(ON_TORCH, reason="PyTorch's nodes know no site")
def test_parameters_nodes_know_the_line_of_forward(points):
    model = ManualLinearRegression()
    node = model(points[0]).grad_fn
    assert node.site.expression == "self.b + self.w * x"
    assert node.next_functions[1][0].site.expression == "self.w * x"

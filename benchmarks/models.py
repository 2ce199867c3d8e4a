"""Whole networks beside PyTorch: a step of training each."""

from _step import row, submodules


def mlp(torch):
    """784-128-64-10 on a batch of 128: relu, cross entropy, SGD."""
    nn, optim = submodules(torch, "nn", "optim")
    model = nn.Sequential(
        *(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    )
    x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))
    loss_function = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=0.05)

    def step():
        loss = loss_function(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, lambda: list(model.parameters())


def rnn(torch):
    """100 steps of tanh(x @ W + h @ U + b), hidden size 32, batch of 16."""
    xs = torch.randn(100, 16, 8)
    goal = torch.randn(16, 32)
    w = (0.3 * torch.randn(8, 32)).requires_grad_()
    u = (0.15 * torch.randn(32, 32)).requires_grad_()
    b = torch.zeros(32, requires_grad=True)
    params = (w, u, b)

    def step():
        h = torch.zeros(16, 32)
        for x in xs:
            h = torch.tanh(x @ w + h @ u + b)
        loss = ((h - goal) ** 2).mean()
        for p in params:
            p.grad = None
        loss.backward()
        with torch.no_grad():
            for p in params:
                p.sub_(0.1 * p.grad)

    return step, lambda: params


def attention(torch):
    """A block of attention: batch 8, 64 tokens, width 64, 4 heads, layer norms and gelu."""
    nn, optim, functional = submodules(torch, "nn", "optim", "nn.functional")
    batch, tokens, width, heads = 8, 64, 64, 4

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            parts = self.qkv(self.before(x)).view(batch, tokens, 3, heads, width // heads)
            q, k, v = parts.permute(2, 0, 3, 1, 4).unbind(0)
            weights = torch.softmax(q @ k.transpose(-2, -1) * (width // heads) ** -0.5, -1)
            mixed = (weights @ v).transpose(1, 2).reshape(batch, tokens, width)
            x = x + self.out(mixed)
            return x + self.down(functional.gelu(self.up(self.between(x))))

    model = Block()
    x, goal = torch.randn(batch, tokens, width), torch.randn(batch, tokens, width)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step():
        loss = functional.mse_loss(model(x), goal)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, lambda: list(model.parameters())


def pinn(torch):
    """u'' = -sin(x) on 256 points: second derivatives of a tanh network of 3 x 32."""
    nn, optim = submodules(torch, "nn", "optim")
    layers = [nn.Linear(1, 32), nn.Tanh()]
    for _ in range(2):
        layers += [nn.Linear(32, 32), nn.Tanh()]
    model = nn.Sequential(*layers, nn.Linear(32, 1))
    x = torch.linspace(0, 3, 256).reshape(-1, 1).requires_grad_()
    optimizer = optim.SGD(model.parameters(), lr=0.01)

    def derivative(y):
        return torch.autograd.grad(y, x, torch.ones_like(y), create_graph=True)[0]

    def step():
        u = model(x)
        residual = derivative(derivative(u)) + torch.sin(x)
        loss = (residual**2).mean() + u[0, 0] ** 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step, lambda: list(model.parameters())


def rows(modules):
    yield row("MLP 784-128-64-10 on 128 rows", mlp, modules, goal=2)
    yield row("RNN, 100 steps of 16 x 32", rnn, modules, goal=5)
    yield row("attention block, 8 x 64 x 64", attention, modules, goal=2)
    yield row("PINN, second derivatives on 256 points", pinn, modules, goal=3)

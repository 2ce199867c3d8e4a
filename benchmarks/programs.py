"""Whole programs of tensor code beside PyTorch: regression, an ODE, Rosenbrock, a long formula."""

from _step import row


def regression(points):
    """The seed's loop: b + w x on ``points`` points, with the gradients set to zero in place."""

    def build(torch):
        x = torch.rand(points, 1)
        y = 1 + 2 * x + 0.1 * torch.randn(points, 1)
        b = torch.randn(1, requires_grad=True, dtype=torch.float)
        w = torch.randn(1, requires_grad=True, dtype=torch.float)
        lr = 0.1

        def step():
            nonlocal b, w
            yhat = b + w * x
            error = y - yhat
            loss = (error**2).mean()
            loss.backward()
            with torch.no_grad():
                b -= lr * b.grad
                w -= lr * w.grad
            b.grad.zero_(), w.grad.zero_()

        return step, lambda: (b, w)

    return build


def logistic(torch):
    """Logistic regression on 10^5 points of 50 features."""
    x = torch.randn(100_000, 50)
    y = (x[:, :1] + 0.5 * torch.randn(100_000, 1) > 0).float()
    w = torch.zeros(50, 1, requires_grad=True)
    b = torch.zeros(1, requires_grad=True)
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits

    def step():
        loss = loss_of(x @ w + b, y)
        w.grad = b.grad = None
        loss.backward()
        with torch.no_grad():
            w.sub_(0.5 * w.grad)
            b.sub_(0.5 * b.grad)

    return step, lambda: (w, b)


def rosenbrock(torch):
    """Gradient descent on Rosenbrock's function of 10^5 numbers."""
    x = torch.rand(100_000)
    x.requires_grad_()

    def step():
        loss = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        x.grad = None
        loss.backward()
        with torch.no_grad():
            x.sub_(1e-4 * x.grad)

    return step, lambda: (x,)


def ode(torch):
    """200 Runge-Kutta steps of a field of 2 x 16 x 2, and the gradients through all of them."""
    w1 = (0.5 * torch.randn(2, 16)).requires_grad_()
    b1 = torch.zeros(16, requires_grad=True)
    w2 = (0.5 * torch.randn(16, 2)).requires_grad_()
    start, goal = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    params, h = (w1, b1, w2), 0.01

    def field(y):
        return torch.tanh(y @ w1 + b1) @ w2

    def step():
        y = start
        for _ in range(200):
            k1 = field(y)
            k2 = field(y + h / 2 * k1)
            k3 = field(y + h / 2 * k2)
            k4 = field(y + h * k3)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        loss = ((y - goal) ** 2).sum()
        for p in params:
            p.grad = None
        loss.backward()
        with torch.no_grad():
            for p in params:
                p.sub_(0.01 * p.grad)

    return step, lambda: params


def formula(torch):
    """A formula of seven operations on 4 M elements, forwards and backwards."""
    x = torch.randn(4_000_000, requires_grad=True)

    def step():
        y = (torch.sin(x) * torch.exp(-x * x) + torch.tanh(x)).sum()
        x.grad = None
        y.backward()

    return step, lambda: (x.grad[::997],)


def rows(modules):
    yield row("regression, 10^4 points", regression, modules, 10**4, goal=8)
    yield row("regression, 10^6 points", regression, modules, 10**6, goal=5)
    yield row("regression, 10^7 points", regression, modules, 10**7, goal=5, rounds=7)
    yield row("logistic regression, 10^5 x 50", logistic, modules, goal=2)
    yield row("Rosenbrock of 10^5 numbers", rosenbrock, modules, goal=4)
    yield row("ODE, 200 Runge-Kutta steps", ode, modules, goal=15, rounds=9)
    yield row("formula of 4 M elements, forward and backward", formula, modules, goal=3, rounds=7)

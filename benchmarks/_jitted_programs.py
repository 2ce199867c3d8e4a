"""What _jitted.py describes; imports JAX."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

import rushlight


def array(tensor):
    return jnp.asarray(tensor.detach().numpy())


def descent(loss, params, data, lr):
    """``(step, results)`` of gradient descent by ``params - lr * grad``."""

    @jax.jit
    def update(params, data):
        grads = jax.grad(loss)(params, *data)
        return [p - lr * g for p, g in zip(params, grads, strict=True)]

    params = list(params)

    def step():
        params[:] = update(params, data)
        jax.block_until_ready(params)

    return step, lambda: tensors(params)


def tensors(arrays):
    return [rushlight.from_numpy(np.array(a)) for a in arrays]


def regression(points):
    def build(torch):
        x = torch.rand(points, 1)
        y = 1 + 2 * x + 0.1 * torch.randn(points, 1)
        b, w = torch.randn(1), torch.randn(1)

        def loss(params, x, y):
            return ((y - (params[0] + params[1] * x)) ** 2).mean()

        return descent(loss, [array(b), array(w)], (array(x), array(y)), 0.1)

    return build


def logistic(torch):
    x = torch.randn(100_000, 50)
    y = (x[:, :1] + 0.5 * torch.randn(100_000, 1) > 0).float()

    def loss(params, x, y):
        z = x @ params[0] + params[1]
        return ((1 - y) * z + jnp.logaddexp(0, -z)).mean()

    return descent(loss, [jnp.zeros((50, 1)), jnp.zeros(1)], (array(x), array(y)), 0.5)


def rosenbrock(torch):
    def loss(params):
        x = params[0]
        return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()

    return descent(loss, [array(torch.rand(100_000))], (), 1e-4)


def ode(torch):
    w1, w2 = 0.5 * torch.randn(2, 16), 0.5 * torch.randn(16, 2)
    params, h = [array(w1), jnp.zeros(16), array(w2)], 0.01

    def loss(params, start, goal):
        w1, b1, w2 = params

        def field(y):
            return jnp.tanh(y @ w1 + b1) @ w2

        def advance(y, _):
            k1 = field(y)
            k2 = field(y + h / 2 * k1)
            k3 = field(y + h / 2 * k2)
            k4 = field(y + h * k3)
            return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

        y, _ = jax.lax.scan(advance, start, length=200)
        return ((y - goal) ** 2).sum()

    return descent(loss, params, (jnp.array([[2.0, 0.0]]), jnp.array([[0.0, 1.0]])), 0.01)


def formula(torch):
    x = array(torch.randn(4_000_000))

    @jax.jit
    def gradient(x):
        return jax.grad(lambda x: (jnp.sin(x) * jnp.exp(-x * x) + jnp.tanh(x)).sum())(x)

    found = []

    def step():
        found[:] = [gradient(x)]
        jax.block_until_ready(found)

    return step, lambda: tensors([found[0][::997]])


def parameters(model):
    return [array(p) for p in model.parameters()]


def mlp(torch):
    nn = torch.nn
    model = nn.Sequential(
        *(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    )
    x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))

    def loss(params, x, y):
        for weight, bias in zip(params[:4:2], params[1:4:2], strict=True):
            x = jax.nn.relu(x @ weight.T + bias)
        scores = jax.nn.log_softmax(x @ params[4].T + params[5])
        return -jnp.take_along_axis(scores, y[:, None], 1).mean()

    return descent(loss, parameters(model), (array(x), array(y)), 0.05)


def rnn(torch):
    xs, goal = torch.randn(100, 16, 8), torch.randn(16, 32)
    w, u = 0.3 * torch.randn(8, 32), 0.15 * torch.randn(32, 32)

    def loss(params, xs, goal):
        w, u, b = params

        def advance(h, x):
            return jnp.tanh(x @ w + h @ u + b), None

        h, _ = jax.lax.scan(advance, jnp.zeros((16, 32)), xs)
        return ((h - goal) ** 2).mean()

    return descent(loss, [array(w), array(u), jnp.zeros(32)], (array(xs), array(goal)), 0.1)


def attention(torch):
    nn = torch.nn
    batch, tokens, width, heads = 8, 64, 64, 4
    # In the order in which the module of models.py makes them.
    norms = [nn.LayerNorm(width), nn.LayerNorm(width)]
    shapes = ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
    linears = [nn.Linear(*shape) for shape in shapes]
    x, goal = torch.randn(batch, tokens, width), torch.randn(batch, tokens, width)
    params = [p for layer in norms + linears for p in parameters(layer)]

    def normed(x, weight, bias):
        centred = x - x.mean(-1, keepdims=True)
        return centred * jax.lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * weight + bias

    def loss(params, x, goal):
        before, between, qkv, out, up, down = zip(params[::2], params[1::2], strict=True)
        parts = normed(x, *before) @ qkv[0].T + qkv[1]
        parts = parts.reshape(batch, tokens, 3, heads, width // heads)
        q, k, v = parts.transpose(2, 0, 3, 1, 4)
        weights = jax.nn.softmax(q @ k.swapaxes(-2, -1) * (width // heads) ** -0.5)
        mixed = (weights @ v).swapaxes(1, 2).reshape(batch, tokens, width)
        x = x + mixed @ out[0].T + out[1]
        hidden = jax.nn.gelu(normed(x, *between) @ up[0].T + up[1], approximate=False)
        return ((x + hidden @ down[0].T + down[1] - goal) ** 2).mean()

    return descent(loss, params, (array(x), array(goal)), 0.1)


def pinn(torch):
    nn = torch.nn
    sizes = (1, 32, 32, 32, 1)
    linears = [nn.Linear(*pair) for pair in zip(sizes, sizes[1:], strict=False)]
    params = [p for layer in linears for p in parameters(layer)]
    x = array(torch.linspace(0, 3, 256))

    def u(params, x):
        y = x[None]
        for weight, bias in zip(params[:6:2], params[1:6:2], strict=True):
            y = jnp.tanh(weight @ y + bias)
        return (params[6] @ y + params[7])[0]

    def loss(params, x):
        second = jax.vmap(jax.grad(jax.grad(partial(u, params))))(x)
        return ((second + jnp.sin(x)) ** 2).mean() + u(params, x[0]) ** 2

    return descent(loss, params, (x,), 0.01)

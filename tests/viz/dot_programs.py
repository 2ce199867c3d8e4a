"""Programs whose graphs are drawn: the same source runs on PyTorch, for the record, and here.

Each takes the module ``torch`` and returns what is drawn and the names of leaves, or None. The
numbers are small and exact, for ``show_attrs`` prints some of them.
"""

PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def leaf(torch, *shape):
    """Quarters around 1, a different row of them for each shape."""
    count = 1
    for size in shape:
        count *= size
    values = torch.arange(1, count + 1, dtype=torch.float32) / 4
    return values.reshape(shape).requires_grad_()


def data(torch, *shape):
    return leaf(torch, *shape).detach()


def named(**tensors):
    return tensors


# The seed's programs.


@program
def seed_prediction(torch):
    b, w = leaf(torch, 1), leaf(torch, 1)
    return b + w * data(torch, 80, 1), named(b=b, w=w)


@program
def seed_without_b(torch):
    b_nograd, w = data(torch, 1), leaf(torch, 1)
    return b_nograd + w * data(torch, 80, 1), None


@program
def seed_loss(torch):
    b, w = leaf(torch, 1), leaf(torch, 1)
    error = data(torch, 80, 1) - (b + w * data(torch, 80, 1))
    return (error**2).mean(), named(b=b, w=w)


@program
def seed_branch(torch):
    b, w = leaf(torch, 1), leaf(torch, 1)
    x, y = data(torch, 80, 1), data(torch, 80, 1) * 3
    loss = ((y - (b + w * x)) ** 2).mean()
    if loss > 0:
        error2 = y - w * x
        loss += error2.mean()
    return loss, None


# Outputs of every kind.


@program
def output_is_a_leaf(torch):
    w = leaf(torch, 2, 3)
    return w, named(w=w)


@program
def output_without_graph(torch):
    return data(torch, 4), None


@program
def output_is_a_scalar(torch):
    w = leaf(torch)
    return w.exp(), named(w=w)


@program
def outputs_apart(torch):
    u, v = leaf(torch, 2), leaf(torch, 3)
    return (u.sin(), v.cos()), named(u=u, v=v)


@program
def outputs_of_one_graph(torch):
    w = leaf(torch, 2)
    h = w * 2
    return (h.exp(), h.sum()), named(w=w)


@program
def output_given_twice(torch):
    y = leaf(torch, 2) * 2
    return (y, y), None


@program
def output_and_its_input(torch):
    w = leaf(torch, 2)
    h = w.exp()
    y = h.log()
    return (y, h, w), named(w=w)


@program
def input_and_its_output(torch):
    w = leaf(torch, 2)
    h = w * w
    return (w, h, h * h), named(w=w)


@program
def outputs_with_and_without_graph(torch):
    w = leaf(torch, 2)
    return (w * 2, data(torch, 3), w), None


# Views as outputs and inside.


@program
def view_of_a_result(torch):
    w = leaf(torch, 2, 3)
    return (w * 2).view(3, 2), named(w=w)


@program
def view_of_a_leaf(torch):
    w = leaf(torch, 2, 3)
    return w[0], named(w=w)


@program
def view_of_a_view(torch):
    w = leaf(torch, 2, 3)
    return (w * 2).t()[1].unsqueeze(0), named(w=w)


@program
def view_of_data(torch):
    return data(torch, 2, 3).view(6), None


@program
def view_inside(torch):
    w = leaf(torch, 2, 3)
    return w.t().sum() + w[1].sum() + w[:, 1].sum(), named(w=w)


@program
def views_of_one_base(torch):
    w = leaf(torch, 4)
    h = w * 2
    return (h[0], h[1:3], h), named(w=w)


@program
def views_of_unbind(torch):
    w = leaf(torch, 2, 3)
    a, b = (w * 2).unbind(0)
    return (a, b), named(w=w)


# Edges that are double, cut, shared or written in place.


@program
def squared_by_hand(torch):
    w = leaf(torch, 1)
    return w * w, named(w=w)


@program
def shared_weights(torch):
    w, h = leaf(torch, 2, 2), data(torch, 1, 2)
    for _ in range(3):
        h = (h @ w).tanh()
    return h.sum(), named(w=w)


@program
def cut_by_detach(torch):
    u, v = leaf(torch, 2), leaf(torch, 2)
    return u * v.exp().detach(), named(u=u, v=v)


@program
def cut_by_no_grad(torch):
    u, v = leaf(torch, 2), leaf(torch, 2)
    with torch.no_grad():
        h = v * 2
    return u * h + u, named(u=u)


@program
def kept_gradient(torch):
    w = leaf(torch, 2)
    h = w * 2
    h.retain_grad()
    return h.exp(), named(w=w, h=h)


@program
def in_place(torch):
    w = leaf(torch, 2)
    y = w * 2
    y.add_(1).mul_(w)
    y += 3
    return y, named(w=w)


@program
def in_place_on_a_view(torch):
    w = leaf(torch, 2, 3)
    y = w * 2
    y[0].mul_(3)
    return y, named(w=w)


@program
def in_place_by_index(torch):
    w, v = leaf(torch, 4), leaf(torch, 2)
    y = w * 2
    y[1:3] = v
    y[0] = 5.0
    return y, named(w=w, v=v)


@program
def in_place_output_view(torch):
    w = leaf(torch, 4)
    y = (w * 2)[1:]
    y.exp_()
    return y, named(w=w)


# Functions of one's own.


def square_function(torch):
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.factor = 2
            return x * x

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            return grad * x * ctx.factor

    return Square


@program
def own_function(torch):
    w = leaf(torch, 2)
    return square_function(torch).apply(w), named(w=w)


@program
def own_function_of_a_result(torch):
    w = leaf(torch, 2)
    return square_function(torch).apply(w.exp()).sum(), named(w=w)


@program
def own_function_saving_its_output(torch):
    class Exp(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0]

    w = leaf(torch, 3)
    y = Exp.apply(w)
    return y, named(w=w)


@program
def own_function_with_two_outputs(torch):
    class Both(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, y):
            ctx.save_for_backward(x, y)
            return x * y, x + y

        @staticmethod
        def backward(ctx, product, total):
            x, y = ctx.saved_tensors
            return product * y + total, product * x + total

    u, v = leaf(torch, 2), leaf(torch, 2)
    return Both.apply(u, v), named(u=u, v=v)


@program
def own_function_saving_nothing(torch):
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            return grad * 2

    return Twice.apply(Twice.apply(leaf(torch, 2))), None


# Operations by family.


@program
def arithmetic(torch):
    u, v = leaf(torch, 2), leaf(torch, 2)
    y = torch.add(u, v, alpha=2) - torch.sub(u, v, alpha=3) * v / u
    return -(1 - y) / 2 + 3 * v - 1 / u, named(u=u, v=v)


@program
def arithmetic_with_data(torch):
    w = leaf(torch, 2, 1)
    x = data(torch, 1, 3)
    return (x * w / (x + 1) - x) * x, named(w=w)


@program
def powers(torch):
    u, v = leaf(torch, 2), leaf(torch, 2)
    return u**2 + u**v + 2**v + u**0.5 + u.square() + u.rsqrt() + u.reciprocal(), named(u=u, v=v)


@program
def of_one_element(torch):
    w = leaf(torch, 2)
    y = w.exp() + w.log() + w.sqrt() + w.abs() + w.sin() + w.cos() + w.tanh()
    y = y + w.sigmoid() + w.relu() + w.atan() + w.erf() + w.log1p() + w.expm1() + w.sign()
    return y + w.floor() + w.sinh() + w.cosh() + w.log2() + w.exp2(), named(w=w)


@program
def activations(torch):
    nn = torch.nn.functional
    w = leaf(torch, 2)
    y = nn.gelu(w) + nn.silu(w) + nn.elu(w, 0.5) + nn.leaky_relu(w, 0.25) + nn.softplus(w)
    y = y + nn.hardtanh(w) + nn.relu6(w) + nn.selu(w) + nn.hardswish(w) + nn.logsigmoid(w)
    return y + nn.mish(w) + nn.celu(w, 2.0) + nn.hardsigmoid(w) + nn.threshold(w, 0.5, 1.5), None


@program
def products(torch):
    a, b, v = leaf(torch, 2, 3), leaf(torch, 3, 2), leaf(torch, 3)
    y = a @ b + torch.mm(a, b) + torch.addmm(a @ b, a, b, beta=2, alpha=3)
    return y.sum() + (a @ v).sum() + torch.dot(v, v) + torch.outer(v, v).sum(), named(a=a, b=b)


@program
def batched_products(torch):
    a, b = leaf(torch, 2, 2, 3), leaf(torch, 2, 3, 2)
    y = torch.bmm(a, b) + torch.baddbmm(torch.bmm(a, b), a, b)
    return y + a @ leaf(torch, 3, 2) + torch.einsum("bij,bjk->bik", a, b), None


@program
def sums(torch):
    w = leaf(torch, 2, 3)
    y = w.sum() + w.sum(0).sum() + w.sum((0, 1), keepdim=True).sum() + w.mean()
    y = y + w.mean(1).sum() + w.prod() + w.prod(0).sum() + w.cumsum(0).sum() + w.cumprod(1).sum()
    return y + w.logsumexp(0).sum() + w.norm() + w.norm(dim=1).sum() + w.var() + w.std(
        0
    ).sum(), None


@program
def extremes(torch):
    w = leaf(torch, 2, 3)
    y = w.max() + w.min(0).values.sum() + w.max(1, keepdim=True)[0].sum() + w.amax(0).sum()
    y = y + torch.maximum(w, w * 2).sum() + w.topk(2).values.sum() + w.sort(1)[0].sum()
    return y + w.median() + w.clamp(0.5, 1).sum() + w.clamp(min=0.5).sum(), None


@program
def shapes(torch):
    w = leaf(torch, 2, 3)
    y = w.view(6).sum() + w.reshape(3, 2).sum() + w.t().contiguous().view(6).sum()
    y = y + w.t().reshape(6).sum() + w.permute(1, 0).sum() + w.transpose(0, 1).sum()
    y = y + w.unsqueeze(0).squeeze().sum() + w.unsqueeze(0).squeeze(0).sum() + w.flatten().sum()
    y = y + w[None].expand(4, 2, 3).sum() + w.repeat(2, 1).sum() + w.flip(0).sum() + w.roll(1).sum()
    return y + w.tril().sum() + w.diagonal().sum() + w.unfold(1, 2, 1).sum(), None


@program
def selections(torch):
    w = leaf(torch, 3, 4)
    i = torch.tensor([0, 2])
    y = w[1].sum() + w[:, 1:3].sum() + w[i].sum() + w[i, i].sum() + w[w > 1].sum()
    y = y + w.index_select(0, i).sum() + w.gather(0, torch.tensor([[0, 1, 2, 0]])).sum()
    y = y + w.masked_fill(w > 1, 0.0).sum() + w.masked_select(w > 1).sum() + w.narrow(1, 1, 2).sum()
    return y + w[::2, -1].sum() + w.take(i).sum(), named(w=w)


@program
def joined(torch):
    u, v = leaf(torch, 2), leaf(torch, 2)
    parts = torch.cat([u, v, u * 2]).split(2)
    y = torch.stack([u, v]).sum() + parts[0].sum() + torch.stack(parts[1:], 1).sum()
    a, b = torch.stack([u, v]).chunk(2, 1)
    return y + a.sum() + b.sum() + torch.stack([u, v]).unbind(0)[1].sum(), named(u=u, v=v)


@program
def chosen(torch):
    u, v = leaf(torch, 3), leaf(torch, 3)
    y = torch.where(u > 0.3, u, v) + torch.where(u > 0.3, u, 0.0) + torch.lerp(u, v, 0.5)
    return y + torch.addcmul(u, u, v, value=2) + torch.addcdiv(u, u, v), named(u=u, v=v)


@program
def classes(torch):
    nn = torch.nn.functional
    w = leaf(torch, 2, 3)
    target = torch.tensor([0, 2])
    y = nn.cross_entropy(w, target) + nn.nll_loss(w.log_softmax(1), target)
    return y + w.softmax(0).sum() + nn.nll_loss(w.log_softmax(1), target, ignore_index=1), None


@program
def losses(torch):
    nn = torch.nn.functional
    w, t = leaf(torch, 3), data(torch, 3)
    y = nn.mse_loss(w, t) + nn.l1_loss(w, t) + nn.smooth_l1_loss(w, t) + nn.huber_loss(w, t)
    y = y + nn.binary_cross_entropy(w, t) + nn.binary_cross_entropy_with_logits(w, t)
    return y + nn.kl_div(w, t, reduction="sum") + nn.mse_loss(w, t, reduction="none").sum(), None


@program
def composed(torch):
    nn = torch.nn.functional
    w = leaf(torch, 2, 3)
    y = torch.corrcoef(w).sum() + torch.cov(w).sum() + torch.linalg.norm(w)
    y = y + nn.rms_norm(w, (3,)).sum() + nn.layer_norm(w, (3,)).sum() + nn.normalize(w).sum()
    return y + nn.pairwise_distance(w, w * 2).sum() + nn.pad(w, (1, 1)).sum(), named(w=w)


@program
def types_and_copies(torch):
    w = leaf(torch, 2)
    y = w.double().sum().float() + w.to(torch.float16).float().sum() + w.clone().sum()
    return y + (w.double() * w).sum() + w.t().contiguous().sum(), None


@program
def linear_layer(torch):
    nn = torch.nn.functional
    weight, bias = leaf(torch, 2, 3), leaf(torch, 2)
    y = nn.linear(data(torch, 4, 3), weight, bias)
    return y + nn.linear(data(torch, 4, 3), weight), named(weight=weight, bias=bias)


@program
def modules(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 4), nn.LayerNorm(4), nn.Tanh())
    return model(data(torch, 5, 3)).mean(), dict(model.named_parameters())


@program
def module_without_gradient(torch):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 1, bias=False))
    model[0].weight.requires_grad_(False)
    return model(data(torch, 5, 3)), dict(model.named_parameters())


# Names.


@program
def some_leaves_unnamed(torch):
    u, v = leaf(torch, 2), leaf(torch, 3)
    return u.sum() * v.sum(), named(v=v)


@program
def names_to_quote(torch):
    u, v, w = leaf(torch, 2), leaf(torch), leaf(torch, 1)
    names = {'fc.0."weight"': u, "node": v, "β\\n": w}
    return (u * v * w, u + w), names


@program
def names_of_outputs(torch):
    u = leaf(torch, 2)
    y = u * 2
    return y, named(u=u, y=y)


# After the backward pass.


@program
def after_backward(torch):
    w = leaf(torch, 2)
    loss = (w.exp() * w).sum()
    loss.backward()
    return loss, named(w=w)


@program
def after_backward_kept(torch):
    w = leaf(torch, 2)
    loss = (w.exp() * w).sum()
    loss.backward(retain_graph=True)
    return loss, named(w=w)


@program
def own_function_after_backward(torch):
    w = leaf(torch, 2)
    loss = square_function(torch).apply(w).sum()
    loss.backward()
    return loss, named(w=w)


@program
def second_order(torch):
    w = leaf(torch, 2)
    (grad,) = torch.autograd.grad((w.exp() * w.sin()).sum(), w, create_graph=True)
    return grad, named(w=w)


@program
def gradient_penalty(torch):
    w, x = leaf(torch, 2), leaf(torch, 2)
    loss = (w * x).sin().sum()
    (grad,) = torch.autograd.grad(loss, x, create_graph=True)
    return (loss + grad.pow(2).sum(), grad), named(w=w, x=x)

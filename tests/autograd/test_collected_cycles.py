"""Cycles through the graph and Python objects are found by garbage collection; cycles at random."""

import gc
import random
import warnings

import pytest
from cycles import memory_left_by, vector
from support import assert_values, rushlight_only, torch

pytestmark = [
    rushlight_only,
    pytest.mark.filterwarnings("ignore:Using backward\\(\\) with create_graph=True"),
]


def hook_on_itself():
    y = vector() * 2
    y.register_hook(lambda grad: y)


def hook_of_a_leaf_on_itself():
    x = vector()
    x.register_hook(lambda grad: x)
    (x * x).sum().backward()


def hook_on_the_leaf():
    x = vector()
    y = x * x
    y.register_hook(lambda grad: x)
    x.register_hook(lambda grad: x)


def hook_on_the_node():
    y = vector() * 2
    node = y.grad_fn
    y.register_hook(lambda grad: node)


def hook_on_a_descendant():
    y = vector().exp()
    z = (y * y).exp()
    y.register_hook(lambda grad: z)


def hook_on_a_far_descendant():
    y = z = vector().exp()
    for _ in range(500):
        z = z * y
    y.register_hook(lambda grad: z)


def hook_on_itself_with_recorded_gradient():
    x = vector()
    y = x * x
    y.retain_grad()
    y.register_hook(lambda grad: y if grad is None else None)
    (y * y * y).sum().backward(create_graph=True)


def hook_on_a_descendant_with_recorded_gradient():
    x = vector()
    y = x.exp()
    z = (y * y * x).exp()
    y.register_hook(lambda grad: z if grad is None else None)
    z.sum().backward(create_graph=True)


def post_hook_on_its_leaf():
    x = vector()
    x.register_post_accumulate_grad_hook(lambda t: None if x is t else 1)
    (x**3).sum().backward(create_graph=True)


def bound_method_as_hook():
    y = vector() * 2
    y.register_hook(y.mul)


def attribute_with_a_gradient():
    x = vector()
    (x.slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)


def attribute_of_a_parameter():
    x = torch.nn.Parameter(torch.rand(64))
    x.history = [(x * x).exp()]


class Attributes(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.y = x.exp()
        return ctx.y

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.y


def context_with_its_output():
    x = vector()
    y = Attributes.apply(x * 1)
    y.grad_fn.more = [x, y]


def context_with_recorded_gradient():
    x = vector()
    Attributes.apply(x * x).sum().backward(create_graph=True)


def metadata_of_a_node():
    y = vector() * 2
    y.grad_fn.metadata["tensor"] = y


def packed_by_itself():
    x = vector()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x.exp() * x
    y.sum().backward(create_graph=True)


def packed_with_a_list():
    held = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: (held, t.detach()), lambda packed: packed[1]
    ):
        y = vector().exp() ** 2
    held.append(y)


def frame_of_a_checkpoint():
    x = vector()
    made = []

    def run(t):
        made.append((t * t).exp() * x)
        return made[-1]

    made.append(torch.utils.checkpoint.checkpoint(run, x * 1, use_reentrant=False))


def object_in_a_cycle_with_parameters():
    class Trainer:
        pass

    trainer = Trainer()
    trainer.itself = trainer
    trainer.weight = torch.nn.Parameter(torch.rand(64))
    trainer.bias = torch.nn.Parameter(torch.rand(64))
    trainer.bias.note = 1  # its object is handed from Python to the tensor and back
    (trainer.weight * trainer.bias).pow(3).sum().backward(create_graph=True)


COLLECTED = [
    hook_on_itself,
    hook_of_a_leaf_on_itself,
    hook_on_the_leaf,
    hook_on_the_node,
    hook_on_a_descendant,
    hook_on_a_far_descendant,
    hook_on_itself_with_recorded_gradient,
    hook_on_a_descendant_with_recorded_gradient,
    post_hook_on_its_leaf,
    bound_method_as_hook,
    attribute_with_a_gradient,
    attribute_of_a_parameter,
    context_with_its_output,
    context_with_recorded_gradient,
    metadata_of_a_node,
    packed_by_itself,
    packed_with_a_list,
    frame_of_a_checkpoint,
    object_in_a_cycle_with_parameters,
]


@pytest.mark.parametrize("body", COLLECTED, ids=lambda body: body.__name__)
def test_cycle_with_python_objects_is_collected(body):
    assert memory_left_by(body, collect=True) == 0


@pytest.mark.parametrize("body", COLLECTED, ids=lambda body: body.__name__)
def test_collection_takes_nothing_that_is_in_use(body):
    """A graph that is held keeps its hooks, attributes and values."""
    x = torch.tensor([2.0], requires_grad=True)
    x.note = "mine"
    calls = []
    y = x * x
    y.register_hook(lambda grad: calls.append(grad.item()))
    z = y * x
    z.backward(create_graph=True)
    grad = x.grad
    del x, y
    body()
    gc.collect()
    z.backward(torch.tensor([1.0]), retain_graph=True)
    assert calls == [2.0, 2.0]
    leaf = z.grad_fn.next_functions[1][0].variable
    assert leaf.note == "mine"
    assert_values(leaf.grad, [24.0])
    assert_values(torch.autograd.grad(grad, leaf)[0], [12.0])


# --- at random


OPERATIONS = [
    lambda a, b: a * b,
    lambda a, b: a + b,
    lambda a, b: a.tanh(),
    lambda a, b: a.exp().sin(),
]


def random_graph(rng, names, handles):
    """Make leaves, results, hooks and recorded gradients under names."""
    leaves = [torch.rand(3, requires_grad=True) for _ in range(rng.randint(1, 4))]
    tensors = list(leaves)
    for _ in range(rng.randint(2, 12)):
        a, b = rng.choice(tensors), rng.choice(tensors)
        made = rng.choice(OPERATIONS)(a, b)
        if rng.random() < 0.2:
            made.retain_grad()
        if rng.random() < 0.2:
            made.note = "kept"
        if rng.random() < 0.3:
            held = rng.choice([*tensors, made])
            handles.append(made.register_hook(lambda grad, held=held: None))
        tensors.append(made)
    root = tensors[-1]
    root.sum().backward(create_graph=True)
    for leaf in leaves:
        if leaf.grad is not None and rng.random() < 0.5:
            names[len(names), "grad"] = leaf.grad
    for t in rng.sample(tensors, rng.randint(1, len(tensors))):
        names[len(names), "tensor"] = t
    if root.grad_fn is not None and rng.random() < 0.5:
        names[len(names), "node"] = root.grad_fn
    if rng.random() < 0.3:
        names[len(names), "view"] = tensors[0][:2]


def slopes(t):
    """Of a held tensor, by every leaf that it leads to: what only an intact graph can tell."""
    leaves, queue, seen = [], [t.grad_fn], set()
    while queue:
        node = queue.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            leaves.append(node.variable)
        queue += [edge[0] for edge in node.next_functions]
    leaves.sort(key=lambda leaf: leaf.tolist())
    grads = torch.autograd.grad(t.sum(), leaves, retain_graph=True)
    return [t.tolist(), *[g.tolist() for g in grads]]


@pytest.mark.parametrize("seed", range(24))
def test_random_graphs_stay_whole_while_held_and_go_when_not(seed):
    def body():
        rng = random.Random(seed)
        torch.manual_seed(seed)
        names, handles = {}, []
        for _ in range(3):
            random_graph(rng, names, handles)
        expected = {k: slopes(t) for k, t in names.items() if k[1] != "node" and t.grad_fn}
        order = list(names)
        rng.shuffle(order)
        for name in order:
            del names[name]
            expected.pop(name, None)
            if rng.random() < 0.3:
                gc.collect()
            if rng.random() < 0.3:
                assert {k: slopes(names[k]) for k in expected} == expected
        for handle in handles:  # what hooks hold of each other's graphs
            handle.remove()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        left = memory_left_by(body)
    assert left == 0

"""Cycles through the graph: broken at once where they are C++'s own, else by garbage collection."""

import gc
import random
import warnings
import weakref

import pytest
from support import assert_values, rushlight_only, torch

pytestmark = [
    rushlight_only,
    pytest.mark.filterwarnings("ignore:Using backward\\(\\) with create_graph=True"),
]


def vector(n=64):
    return torch.rand(n, requires_grad=True)


def memory_left_by(body, collect=False):
    """Bytes that are still allocated after ``body()``; the collector is off but for the end."""
    body()  # what is made once
    gc.collect()
    gc.freeze()  # what pytest holds need not be searched
    gc.disable()
    try:
        before = torch.cpu.memory_allocated()
        body()
        if collect:
            gc.collect()
        return torch.cpu.memory_allocated() - before
    finally:
        gc.enable()
        gc.unfreeze()


# --- broken when the last reference from Python goes, without garbage collection


def leaf_first():
    x = vector()
    y = (x * x * x).sum()
    y.backward(create_graph=True)
    del x
    del y


def loss_first():
    x = vector()
    y = (x * x * x).sum()
    y.backward(create_graph=True)
    del y
    del x


def gradient_last():
    x = vector()
    y = (x * x * x).sum()
    y.backward(create_graph=True)
    grad = x.grad
    del x, y
    del grad


def node_last():
    x = vector()
    y = (x * x * x).sum()
    y.backward(create_graph=True)
    node = y.grad_fn
    del x, y
    assert node.next_functions[0][0] is not None
    del node


def leaf_without_a_name():
    (vector().exp() ** 3).sum().backward(create_graph=True)


def several_leaves():
    leaves = [vector() for _ in range(10)]
    product = 1
    for x in leaves:
        product = product * x.tanh()
    product.sum().backward(create_graph=True)
    del product
    while leaves:
        leaves.pop(len(leaves) // 2)


def modules():
    nn = torch.nn
    model = nn.Sequential(nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
    model(torch.rand(7, 16)).sum().backward(create_graph=True)


def retained_gradient():
    x = vector()
    y = x * 2
    y.retain_grad()
    (y * y * y).sum().backward(create_graph=True)


def assigned_gradient():
    x = vector()
    x.grad = x * x


def gradients_of_each_other():
    a, b = vector(), vector()
    a.grad, b.grad = b, a


def view_as_gradient():
    x = vector()
    with torch.no_grad():
        x.grad = x[:]


def with_attributes():
    x = vector()
    x.note = "kept"
    x.sum().backward()
    (x * x * x).sum().backward(create_graph=True)


def accumulated_twice():
    x = vector()
    y = (x * x * x).sum()
    y.backward(create_graph=True)
    y.backward(create_graph=True)


def gradient_of_gradient():
    x = vector()
    (x**4).sum().backward(create_graph=True)
    grad = x.grad
    x.grad = None
    (grad * x).sum().backward(create_graph=True)


def written_views():
    x, base = vector(), vector() * 1
    base[:32].mul_(x[:32])
    base.sum().backward(create_graph=True)
    x.grad.sum().backward()


class Exp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[1]


def custom_function():
    x = vector()
    Exp.apply(x * x).sum().backward(create_graph=True)


def checkpointed():
    x = vector()
    y = torch.utils.checkpoint.checkpoint(lambda t: (t * t).exp() * x, x, use_reentrant=False)
    y.sum().backward()


AT_ONCE = [
    leaf_first,
    loss_first,
    gradient_last,
    node_last,
    leaf_without_a_name,
    several_leaves,
    modules,
    retained_gradient,
    assigned_gradient,
    gradients_of_each_other,
    view_as_gradient,
    with_attributes,
    accumulated_twice,
    gradient_of_gradient,
    written_views,
    custom_function,
    checkpointed,
]


@pytest.mark.parametrize("body", AT_ONCE, ids=lambda body: body.__name__)
def test_cycle_without_python_objects_goes_at_once(body):
    assert memory_left_by(body) == 0


@pytest.mark.parametrize("body", AT_ONCE, ids=lambda body: body.__name__)
def test_thousand_cycles_leave_nothing(body):
    assert memory_left_by(lambda: [body() for _ in range(1000)]) == 0


def test_cycle_of_any_depth_goes_without_recursion():
    def body():
        x = y = vector(1)
        for _ in range(50000):
            y = y * x
        y.backward(create_graph=True)

    assert memory_left_by(body) == 0


def test_weak_references_die_with_the_cycle():
    gc.disable()
    try:
        x = vector()
        y = (x * x).exp().sum()
        y.backward(create_graph=True)
        dead = [weakref.ref(t) for t in (x, x.grad, y, y.grad_fn)]
        del x
        assert dead[0]() is not None  # y leads to it
        del y
        assert [r() for r in dead] == [None] * 4
    finally:
        gc.enable()


def test_parameter_with_a_destructor_sees_itself_whole():
    seen = []

    class Named(torch.nn.Parameter):
        def __del__(self):
            seen.append((self.name_given, self.shape[0]))

    def body():
        x = Named(torch.rand(5))
        x.name_given = "weight"
        (x**3).sum().backward(create_graph=True)

    assert memory_left_by(body) == 0
    assert seen == [("weight", 5)] * 2


def test_gradient_taken_away_elsewhere_ends_the_cycle():
    weight = vector()

    def body():
        def step():
            x = vector()
            (x * weight).pow(3).sum().backward(create_graph=True)

        step()  # x is reachable from weight.grad
        weight.grad = None

    assert memory_left_by(body) == 0


def test_zeroed_gradients_of_an_optimizer_end_the_cycle():
    weight = vector()
    optimizer = torch.optim.SGD([weight], lr=0.1)

    def body():
        x = vector()
        (x * weight).pow(3).sum().backward(create_graph=True)
        del x
        optimizer.zero_grad()

    assert memory_left_by(body) == 0


def test_hook_that_drops_the_last_name_during_backward_is_safe():
    names = {}

    def body():
        names["x"] = x = vector()
        y = x * x * x
        y.register_hook(lambda grad: names.clear())
        del x
        y.sum().backward(create_graph=True)

    assert memory_left_by(body) == 0


# --- what somebody still refers to


def test_leaf_held_by_a_node_keeps_its_gradient():
    x = torch.tensor([2.0], requires_grad=True)
    y = x * x * x
    y.backward(create_graph=True)
    node = y.grad_fn
    del x, y
    leaves = []
    queue = [node]
    while queue:
        at = queue.pop()
        if hasattr(at, "variable"):
            leaves.append(at.variable)
        queue += [edge[0] for edge in at.next_functions if edge[0] is not None]
    assert_values(leaves[0].grad, [12.0])
    (second,) = torch.autograd.grad(leaves[0].grad, leaves[0])
    assert_values(second, [12.0])


def test_gradient_outlives_its_leaf_and_can_be_differentiated():
    x = torch.tensor([2.0], requires_grad=True)
    (x**3).backward(create_graph=True)
    grad = x.grad
    del x
    leaf = grad.grad_fn
    while not hasattr(leaf, "variable"):
        leaf = next(n for n, _ in leaf.next_functions if n is not None)
    assert_values(torch.autograd.grad(grad, leaf.variable)[0], [12.0])


def test_one_of_two_leaves_keeps_both():
    a, b = torch.tensor(2.0, requires_grad=True), torch.tensor(3.0, requires_grad=True)
    (a * a * b).backward(create_graph=True)
    del a
    assert b.grad.item() == 4
    (db,) = torch.autograd.grad(b.grad, b, allow_unused=True, retain_graph=True)
    assert db is None
    b.grad.backward()
    assert b.grad.item() == 4


def test_object_of_a_leaf_comes_back_from_a_node_with_its_attributes():
    x = vector()
    x.note = "mine"
    y = (x * x * x).sum()
    y.backward(create_graph=True)
    node = y.grad_fn.next_functions[0][0]
    del x, y
    while not hasattr(node, "variable"):
        node = node.next_functions[-1][0]
    assert node.variable.note == "mine"


def test_view_of_the_data_keeps_only_the_data():
    def body():
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        (x**3).sum().backward(create_graph=True)
        data = x.detach()
        grad = x.grad.detach()
        del x
        assert_values(data, [1.0, 2.0])
        assert_values(grad, [3.0, 12.0])

    assert memory_left_by(body) == 0


def test_wrapper_remade_in_a_loop_is_not_searched_each_time():
    x = vector(1)
    y = x
    for _ in range(3000):
        y = y * x
    y.backward(create_graph=True)
    node = y.grad_fn
    del y, x
    while not hasattr(node, "variable"):
        node = node.next_functions[-1][0]
    for _ in range(20000):  # 20,000 walks over 20,000 objects would take a minute
        assert node.variable.grad.shape == (1,)


# --- found by garbage collection


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

"""Cycles through the graph that are C++'s own are broken when the last reference goes."""

import gc
import weakref

import pytest
from cycles import memory_left_by, vector
from support import assert_values, rushlight_only, torch

pytestmark = [
    rushlight_only,
    pytest.mark.filterwarnings("ignore:Using backward\\(\\) with create_graph=True"),
]


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

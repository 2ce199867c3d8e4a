"""SGD's step over plain tensors in the core: the bits and side effects of the ops one by one."""

import itertools

import pytest
from support import rushlight_only, torch

pytestmark = rushlight_only

SGD, Parameter = torch.optim.SGD, torch.nn.Parameter


class StepByStep(Parameter):
    """A class with an add_ of its own: the optimizer must call it, so the core leaves it alone."""

    calls = 0

    def add_(self, *args, **kwargs):
        StepByStep.calls += 1
        return super().add_(*args, **kwargs)


SHAPES = [(3,), (), (0,), (5, 7), (2000,)]
OPTIONS = [
    dict(momentum=m, dampening=d, weight_decay=w, nesterov=n, maximize=x)
    for m, d, w, n, x in itertools.product(
        (0, 0.9), (0, 0.3), (0, 0.01), (False, True), (False, True)
    )
    if not n or (m and not d)
]


def trained(cls, options, dtype, shapes=SHAPES, steps=3):
    """Values, versions and buffers after some steps."""
    torch.manual_seed(0)
    params = [cls(torch.randn(shape, dtype=dtype)) for shape in shapes]
    optimizer = SGD(params, lr=0.1, **options)
    for _ in range(steps):
        for p in params:
            p.grad = torch.randn(p.shape, dtype=dtype)
        optimizer.step()
    buffers = [optimizer.state[p].get("momentum_buffer") for p in params]
    return params + [b for b in buffers if b is not None]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_step_has_the_bits_and_versions_of_the_ops(options, dtype):
    before = StepByStep.calls
    by_ops = trained(StepByStep, options, dtype)
    assert StepByStep.calls == before + 3 * len(SHAPES)
    in_core = trained(Parameter, options, dtype)
    assert len(by_ops) == len(in_core)
    for a, b in zip(in_core, by_ops, strict=True):
        assert torch.equal(a, b) and a._version == b._version


def test_step_has_the_same_bits_on_any_number_of_threads():
    options = dict(momentum=0.9, weight_decay=0.1, nesterov=True, maximize=True)
    threads = torch.get_num_threads()
    results = []
    try:
        for n in (1, 2, 3):
            torch.set_num_threads(n)
            jobs = torch._C._parallel_jobs()
            results.append(trained(Parameter, options, torch.float32, [(100_003,)]))
            assert n == 1 or torch._C._parallel_jobs() > jobs
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(results[0], other, strict=True))


def test_step_takes_tensors_of_one_dense_layout():
    p = torch.arange(6.0).reshape(2, 3).t().requires_grad_()
    p.grad = torch.ones(2, 3).t()
    at = torch._C._sgd_step([p], 0, {}, 0.5, 0, 0, 0, False, False)
    assert at == 1 and p.tolist() == [[-0.5, 2.5], [0.5, 3.5], [1.5, 4.5]]
    p.grad = torch.ones(3, 2)  # another layout: by the ops
    assert torch._C._sgd_step([p], 0, {}, 0.5, 0, 0, 0, False, False) == 0
    SGD([p], lr=0.5).step()
    assert p.tolist() == [[-1.0, 2.0], [0.0, 3.0], [1.0, 4.0]]


def test_step_goes_on_behind_a_parameter_that_is_left_to_the_ops():
    params = [Parameter(torch.ones(2)), StepByStep(torch.ones(2)), Parameter(torch.ones(2))]
    params.insert(1, Parameter(torch.ones(2)))
    for p in (params[0], *params[2:]):
        p.grad = torch.ones(2)
    SGD(params, lr=0.5).step()
    assert [p.tolist() for p in params] == [[0.5, 0.5], [1, 1], [0.5, 0.5], [0.5, 0.5]]


def test_step_on_a_view_reaches_its_base_and_spoils_what_was_saved():
    base = torch.zeros(4)
    p = base[:2].requires_grad_()
    square = (p * p).sum()
    p.grad = torch.ones(2)
    version = base._version
    SGD([p], lr=0.5).step()
    assert base.tolist() == [-0.5, -0.5, 0, 0] and base._version == version + 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        square.backward()


def test_gradient_in_the_memory_of_the_parameter_is_left_to_the_ops():
    memory = torch.arange(1.0, 6.0)
    p = memory[:4].requires_grad_()
    p.grad = memory.detach()[:4]
    SGD([p], lr=2.0).step()
    assert memory.tolist() == [-1, -2, -3, -4, 5]
    p.grad = memory.detach()[1:]
    with pytest.raises(RuntimeError, match="refer to a single memory location"):
        SGD([p], lr=1.0).step()
    assert memory.tolist() == [-1, -2, -3, -4, 5]


def test_modes_see_the_ops_of_the_step():
    from rushlight.overrides import TorchFunctionMode

    class Names(TorchFunctionMode):
        def __init__(self):
            super().__init__()
            self.names = []

        def __torch_function__(self, func, types, args=(), kwargs=None):
            self.names.append(func.__name__)
            return func(*args, **(kwargs or {}))

    p = Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    with Names() as mode:
        SGD([p], lr=0.5).step()
    assert "add_" in mode.names and p.tolist() == [0.5, 0.5]


def test_errors_are_those_of_the_ops():
    with torch.inference_mode():
        p = torch.ones(2)
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside"):
        p.requires_grad_(False)
        with torch.inference_mode():
            p.grad = torch.ones(2)
        SGD([p], lr=0.5).step()
    q = Parameter(torch.ones(2))
    q.grad = torch.ones(2)
    with pytest.raises(RuntimeError, match="value cannot be converted to type float without"):
        SGD([q], lr=1e300).step()
    assert q.tolist() == [1, 1] and q._version == 0


@pytest.mark.parametrize("lr", [1, True, torch.tensor(1.0), 2**60], ids=repr)
def test_learning_rate_of_any_kind_of_number_is_taken(lr):
    p = Parameter(torch.ones(2))
    p.grad = torch.ones(2)
    SGD([p], lr=lr).step()
    assert p.tolist() == [1 - float(lr)] * 2


def test_zero_grad_in_place_writes_and_counts_as_the_op_does():
    grads = [torch.ones(3), torch.ones(2, 2).t(), torch.ones(1).expand(3), torch.ones(3)[1:]]
    grads += [torch.ones(100_000), torch.ones(3, requires_grad=True) * 2]
    params = [torch.zeros(g.shape, requires_grad=True) for g in grads]
    optimizer = SGD([*params, Parameter(torch.ones(2))], lr=0.1)
    for p, g in zip(params, grads):
        p.grad = g
    try:
        optimizer.zero_grad(set_to_none=False)
    except RuntimeError as error:  # the expanded one
        assert "more than one element of the written-to tensor" in str(error)
    params.pop(2).grad = None
    grads.pop(2)
    optimizer.zero_grad(set_to_none=False)
    for p, g in zip(params, grads):
        assert p.grad is g and g._version > 0 and g.count_nonzero() == 0
        assert g.grad_fn is None and not g.requires_grad
    optimizer.zero_grad()
    assert all(p.grad is None for p in params)


def test_state_whose_keys_drop_the_gradient_is_stepped_over_safely():
    # The gradient was freed while the buffer was looked up.
    p = Parameter(torch.ones(1000))
    optimizer = SGD([p], lr=0.5, momentum=0.5)
    p.grad = torch.ones(1000)
    optimizer.step()
    entry = optimizer.state.pop(p)

    class Drops:
        def __hash__(self):
            return hash(p)

        def __eq__(self, other):
            p.grad = None
            return False

    optimizer.state[Drops()] = {}
    optimizer.state[p] = entry
    p.grad = torch.ones(1000)
    optimizer.step()
    assert p.tolist() == [1 - 0.5 - 0.75] * 1000


def test_step_asks_who_keeps_saved_tensors_from_changes():
    # The step was taken without asking.
    w = Parameter(torch.tensor([3.0]))
    w.grad = torch.ones(1)
    with torch.autograd.graph.allow_mutation_on_saved_tensors():
        y = (w * w).sum()
        SGD([w], lr=1.0).step()
        assert w.tolist() == [2]
        w.grad = None
        y.backward()
    assert w.grad.tolist() == [6]

"""Every operation, computed again from what its node has kept, gives what it gave."""

import pytest
from op_samples import bind, samples
from support import rushlight_only, torch

if torch.__name__ == "rushlight":
    from rushlight.debug import watch_nonfinite
    from rushlight.debug._values import Values

    from .plants import refused
    from .test_plants import OPS

pytestmark = rushlight_only


def same(a, b):
    return (
        a.shape == b.shape
        and a.dtype == b.dtype
        and torch.equal(a.detach().nan_to_num(7.25), b.detach().nan_to_num(7.25))
    )


def recomputed(result):
    """The result once more, by nodes that know nothing but what they kept."""
    values = Values([result.grad_fn])
    values._known.clear()  # what others saved
    with torch.no_grad():
        value = values.value(result.grad_fn, result.output_nr)
    return value, values.lost


@pytest.mark.parametrize("name", sorted(OPS) if torch.__name__ == "rushlight" else [])
def test_an_operation_computed_again_gives_the_same(name):
    count = 0
    for sample in samples(OPS[name]):
        function, tensors = bind(OPS[name], sample, dtype=torch.float32)
        leaves = [t.clone().requires_grad_() if t.is_floating_point() else t for t in tensors]
        with watch_nonfinite():
            torch.manual_seed(0)
            result = refused(function, *(t * 1 if t.is_floating_point() else t for t in leaves))
        if result is None or not result.requires_grad:
            continue
        value, lost = recomputed(result)
        if not any("random" in why for why in lost.values()):
            assert value is not None, list(lost.values())
            assert same(value, result)
        count += 1
    assert count or not samples(OPS[name])


def written_rows(x):
    y = x * 1
    y[0] = x[1] * 3
    y[:, 1].mul_(2)
    return y * x


def written_transposed(x):
    y = (x * 1).t()
    y[2].add_(x[:, 0].sum())
    return y + 1


def written_buffer(x):
    out = torch.zeros(2, 3)
    out[1] = x[0].exp()
    out[0, 1] = x[1, 1]
    return out.cumsum(1)


def written_step(x):
    y = x * 1
    y[:, ::2] = 5.0
    y[1].fill_(2.0)
    return y.sin()


def base_seen_through_its_view(x):
    y = x * 1
    view = y.view(3, 2)[1]
    view.exp_()
    return y.t() * 2, view + 1


def masked_write(x):
    y = x * 1
    y[y > 0.5] = 0.25
    return y.reshape(-1)[2:]


def geometry_in_place(x):
    y = x * 1
    y.t_()
    y.unsqueeze_(0)
    return y * torch.ones(3, 2)


def chunks(x):
    a, b, c = x.mul(2).unbind(1)
    first, second = x.chunk(2)
    return torch.stack([a * b, c]) + torch.cat([first, second])[:, :2].t()


def casts(x):
    return (x.half() * 2).to(torch.float64).float() + x.double().sum().float()


def in_place_chain(x):
    y = x.clone()
    y += x
    y *= torch.tensor([1.0, 2.0, 3.0])
    y.clamp_(min=0.2).sqrt_()
    return y


def attention(x):
    q, k = x @ torch.ones(3, 4), x @ torch.full((3, 4), 0.5)
    scores = (q @ k.transpose(-2, -1) / 2.0).masked_fill(torch.eye(2, dtype=torch.bool), -9.0)
    return torch.nn.functional.layer_norm(scores.softmax(-1) @ x, (3,))


def networks(x):
    torch.manual_seed(0)
    hidden = torch.nn.functional.dropout(torch.nn.Linear(3, 4)(x).tanh(), 0.5)
    return torch.nn.functional.cross_entropy(hidden, torch.tensor([1, 3]))


def indexing(x):
    rows = torch.tensor([1, 0, 1])
    return x[rows][:, [2, 0]].index_select(0, rows[:2]).gather(1, torch.tensor([[1], [0]]))


PROGRAMS = (
    *(written_rows, written_transposed, written_buffer, written_step, base_seen_through_its_view),
    *(masked_write, geometry_in_place, chunks, casts, in_place_chain, attention, networks),
    indexing,
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_a_program_computed_again_gives_the_same(program):
    x = torch.tensor([[0.1, 0.9, 0.4], [0.7, 0.2, 0.6]], requires_grad=True)
    with watch_nonfinite():
        results = program(x)
    for result in results if isinstance(results, tuple) else (results,):
        value, lost = recomputed(result)
        assert value is not None, list(lost.values())
        assert same(value, result)


def test_what_is_no_argument_is_refused():
    x = torch.ones(2, requires_grad=True)
    with watch_nonfinite():
        y = torch.clamp(x, 0.0, 2.0)
        chosen = x.select(0, 1).grad_fn
    node = y.grad_fn
    with pytest.raises(TypeError, match="takes no tensors"):
        torch._C._recompute(node, ((x,), None, None, None))
    with pytest.raises(TypeError, match="takes no tensor"):
        torch._C._recompute(chosen, (x,) * len(torch._C._node_arguments(chosen)))
    with pytest.raises(ValueError, match="one value for each argument"):
        torch._C._recompute(node, (x,))
    with pytest.raises(TypeError, match="expected a node"):
        torch._C._node_kind(x)
    with pytest.raises(ValueError, match="one gradient for each output"):
        torch._C._node_backward(node, (x, x))
    with pytest.raises(TypeError, match="no accumulation"):
        torch._C._node_backward(node.next_functions[0][0], (x,))


def test_what_a_pass_has_freed_is_gone_and_numbers_stay():
    # A tensor that was kept for this alone was given as None after the pass, and not as lost.
    with watch_nonfinite():
        x, y = torch.ones(2, requires_grad=True), torch.full((2,), 4.0)
        z = torch.add(x, y, alpha=3)
        states = []
        for _ in range(2):
            arguments = {name: (state, value) for name, state, value, *_ in _arguments(z)}
            states.append((arguments["other"][0], arguments["alpha"]))
            if len(states) == 1:
                z.sum().backward()
    assert states == [("known", ("known", 3)), ("gone", ("known", 3))]


def _arguments(result):
    from rushlight import _C

    return _C._node_arguments(result.grad_fn)

"""allow_mutation_on_saved_tensors: backward uses the values that were saved."""

import pytest
from support import leaf, torch

graph = torch.autograd.graph


def test_saved_tensor_is_copied_before_the_first_write():
    with graph.allow_mutation_on_saved_tensors() as kept:
        x = leaf([1.0, 2.0])
        b = x.clone()
        out = (b**2).sum()
        assert (len(kept.original), len(kept.cloned)) == (1, 0)
        b.mul_(2)
        b.zero_()
        assert (len(kept.original), len(kept.cloned)) == (0, 1)
        out.backward()
        assert (len(kept.original), len(kept.cloned)) == (0, 0)
    assert x.grad.tolist() == [2, 4]


@pytest.mark.parametrize(
    "write",
    [
        lambda b: b.zero_(),
        lambda b: b[:1].mul_(5),
        lambda b: b.__setitem__(0, 7.0),
        lambda b: b.__iadd__(1),
        lambda b: torch.add(b.detach(), 1, out=b.detach()),
        lambda b: b.detach().copy_(torch.zeros(2)),
        lambda b: torch.nn.functional.relu(b, inplace=True),
        lambda b: torch.nn.init.zeros_(b.detach()),
        lambda b: b.detach().uniform_(),
    ],
)
def test_every_kind_of_write_is_seen(write):
    with graph.allow_mutation_on_saved_tensors():
        x = leaf([1.0, 2.0])
        b = x * 1
        view = b[:]
        out = (b * b).sum() + (view * view).sum() + b.exp().sum() * 0
        write(b)
        out.backward()
    assert x.grad.tolist() == [4, 8]


def test_result_that_is_written_to_keeps_its_saved_value():
    with graph.allow_mutation_on_saved_tensors():
        x = leaf([0.0])
        x.exp().mul_(2).backward()
    assert x.grad.item() == 2


def test_backward_outside_and_nesting_raise():
    with graph.allow_mutation_on_saved_tensors():
        out = leaf([1.0]).sin()
        with pytest.raises(RuntimeError, match="contexts cannot be nested"):
            with graph.allow_mutation_on_saved_tensors():
                pass
    with pytest.raises(AssertionError, match="Trying to backward outside"):
        out.backward()
    x = leaf([1.0])
    y = x * 1
    z = y * y
    y.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()

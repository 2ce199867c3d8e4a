"""Products that take their operands as they lie: no memory but the result's, and right values."""

import itertools

import pytest
from support import rushlight_only, torch

pytestmark = rushlight_only
F = torch.nn.functional


def allocations(function):
    """The blocks of memory that a call takes."""
    before = torch.cpu.memory_stats()["allocation.all.allocated"]
    result = function()
    return torch.cpu.memory_stats()["allocation.all.allocated"] - before, result


def by_matrix(a, b):
    """a @ b, one product of two matrices after another."""
    batch = torch.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    out = torch.empty(*batch, a.shape[-2], b.shape[-1], dtype=a.dtype)
    a, b = a.expand(*batch, *a.shape[-2:]), b.expand(*batch, *b.shape[-2:])
    for at in itertools.product(*map(range, batch)):
        out[at] = a[at].contiguous() @ b[at].contiguous()
    return out


PERMUTED = torch.randn(6, 20, 3, 4, 16).permute(2, 0, 3, 1, 4)
PAIRS = {
    "one of outer batches": (torch.randn(6, 4, 20, 16), torch.randn(1, 4, 16, 20)),
    "one of inner batches": (torch.randn(6, 4, 20, 16), torch.randn(6, 1, 16, 20)),
    "one of each": (torch.randn(6, 1, 20, 16), torch.randn(1, 4, 16, 20)),
    "fewer dimensions": (torch.randn(4, 20, 16), torch.randn(6, 4, 16, 20)),
    "expanded": (torch.randn(6, 1, 20, 16).expand(6, 4, 20, 16), torch.randn(6, 4, 16, 20)),
    "permuted": (PERMUTED[0], PERMUTED[1].transpose(-1, -2)),
    "every second": (torch.randn(12, 4, 20, 16)[::2], torch.randn(6, 8, 16, 20)[:, ::2]),
    "large": (torch.randn(2, 1, 70, 90), torch.randn(3, 90, 80)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_batches_are_broadcast_without_copies(name):
    a, b = PAIRS[name]
    expected = by_matrix(a, b)
    blocks, product = allocations(lambda: a @ b)
    assert blocks == 1 and product.is_contiguous() and not product._is_view()
    assert torch.allclose(product, expected, 1e-5, 1e-5)
    assert product.shape == expected.shape
    with torch.inference_mode():
        assert (a @ b).is_inference()


@pytest.mark.parametrize(
    "dtype", [torch.int64, torch.int16, torch.float64, torch.bfloat16], ids=str
)
def test_batches_of_other_dtypes(dtype):
    a = torch.randint(-4, 5, (3, 1, 5, 7)).to(dtype)
    b = torch.randint(-4, 5, (2, 7, 6)).to(dtype)
    assert torch.equal(a @ b, by_matrix(a, b))


def test_empty_batches_and_empty_sums():
    assert (torch.ones(0, 1, 2, 3) @ torch.ones(4, 3, 5)).shape == (0, 4, 2, 5)
    assert (torch.ones(2, 1, 2, 0) @ torch.ones(4, 0, 5)).tolist() == [[[[0.0] * 5] * 2] * 4] * 2


def test_a_vector_among_batches_loses_its_dimension():
    a, v = torch.randn(3, 4, 5, 6)[:, ::2], torch.randn(6)
    blocks, product = allocations(lambda: a @ v)
    assert blocks == 1 and product.shape == (3, 2, 5)
    assert torch.allclose(product, (a * v).sum(-1), 1e-5, 1e-5)
    w = torch.randn(5)
    assert torch.allclose(w @ a, (w[:, None] * a).sum(-2), 1e-5, 1e-5)


def test_batches_that_do_not_fit_are_refused_as_by_bmm():
    with pytest.raises(RuntimeError, match="Expected size for first two dimensions of batch2"):
        torch.ones(3, 1, 2, 3) @ torch.ones(4, 5, 6)
    with pytest.raises(RuntimeError, match="expected scalar type Float but found Double"):
        torch.ones(3, 1, 2, 3) @ torch.ones(4, 3, 6, dtype=torch.float64)
    with pytest.raises(NotImplementedError, match='"bmm" not implemented for'):
        torch.ones(3, 1, 2, 3).bool() @ torch.ones(4, 3, 6).bool()


def test_recorded_batches_have_the_graph_and_the_gradients_of_bmm():
    a, b = torch.randn(3, 1, 2, 5, requires_grad=True), torch.randn(4, 5, 6, requires_grad=True)
    product = a @ b
    assert product.grad_fn.next_functions[0][0].name() == "BmmBackward0"
    with torch.no_grad():
        assert torch.equal(a @ b, product) and not (a @ b).requires_grad
    g = torch.randn(3, 4, 2, 6)
    product.backward(g)
    assert torch.allclose(a.grad, (g @ b.detach().mT).sum(1, keepdim=True), 1e-5, 1e-5)
    assert torch.allclose(b.grad, (a.detach().mT @ g).sum(0), 1e-5, 1e-5)
    base = torch.randn(3, 2, 2, 5)
    view = base[:, :1]
    base.requires_grad_()
    assert (view @ b.detach()).requires_grad == view.requires_grad


def test_einsum_over_batches_of_several_dimensions_copies_nothing():
    q, k = PERMUTED[0], PERMUTED[1]
    blocks, product = allocations(lambda: torch.einsum("bhik,bhjk->bhij", q, k))
    assert blocks == 1 and torch.allclose(product, q @ k.mT, 1e-5, 1e-5)
    blocks, product = allocations(
        lambda: torch.einsum("bhik,bjhk->bijh", q, k.mT.permute(0, 3, 1, 2))
    )
    assert blocks == 1 and torch.allclose(product, (q @ k.mT).permute(0, 2, 3, 1), 1e-5, 1e-5)
    q = q.detach().requires_grad_()
    assert torch.allclose(torch.einsum("bhik,bhjk->bhij", q, k), q @ k.mT, 1e-5, 1e-5)


@pytest.mark.parametrize("shape", [(32, 64), (4, 8, 64), (2, 2, 8, 64)], ids=str)
def test_linear_takes_memory_for_its_results_only(shape):
    x = torch.randn(shape, requires_grad=True)
    weight, bias = torch.randn(48, 64, requires_grad=True), torch.randn(48, requires_grad=True)
    blocks, y = allocations(lambda: F.linear(x, weight, bias))
    assert blocks == 1 and torch.allclose(y, x @ weight.t() + bias, 1e-4, 1e-4)
    g = torch.randn(y.shape)
    blocks, (gx, gw, gb) = allocations(lambda: torch.autograd.grad(y, (x, weight, bias), g))
    assert blocks == 3
    rows, g = x.detach().reshape(32, 64), g.reshape(32, 48)
    assert torch.allclose(gw, g.t() @ rows, 1e-4, 1e-4) and gw.is_contiguous()
    assert torch.allclose(gx.reshape(32, 64), g @ weight.detach(), 1e-4, 1e-4)
    assert torch.allclose(gb, g.sum(0), 1e-4, 1e-4)
    turned = torch.randn(64, 32).t()
    blocks, y = allocations(lambda: F.linear(turned, weight, bias))
    assert blocks == 1 and torch.allclose(y, turned @ weight.t() + bias, 1e-4, 1e-4)

"""Random samples: gradients, generators, layouts. Their values are in test_recorded_values.py."""

import pytest
from support import leaf, nan, recorded_warnings, torch


def seeded(function, seed=7):
    torch.manual_seed(seed)
    return function()


def test_normal_has_nodes_for_each_form_and_gradients_of_zero():
    mean, std = leaf([1.0, 2.0, 3.0]), leaf([[0.5], [2.0]])
    forms = {
        "NormalBackward1": lambda: torch.normal(mean, 2.0),
        "NormalBackward2": lambda: torch.normal(2.0, std),
        "NormalBackward3": lambda: torch.normal(mean, std),
    }
    for name, form in forms.items():
        result = form()
        assert result.grad_fn.name() == name
        found = torch.autograd.grad(result.sum(), [mean, std], allow_unused=True)
        assert all(g is None or g.abs().sum().item() == 0 for g in found)
    assert torch.normal(mean, std).shape == (2, 3)


def test_bernoulli_has_gradients_of_zero_and_with_a_number_none():
    p = leaf([0.5, 0.5])
    (grad,) = torch.autograd.grad(torch.bernoulli(p).sum(), p)
    assert grad.tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="derivative for aten::bernoulli is not implemented"):
        torch.bernoulli(p, 0.5).sum().backward()


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("bernoulli_", "BernoulliBackward2"),
        ("exponential_", "ExponentialBackward0"),
        ("cauchy_", "CauchyBackward0"),
        ("log_normal_", "LogNormalBackward0"),
    ],
)
def test_filling_forgets_what_was_there(name, node):
    x = leaf([1.0, 2.0])
    filled = getattr(x * 1, name)()
    assert filled.grad_fn.name() == node
    filled.sum().backward()
    assert x.grad.tolist() == [0, 0]


def test_probabilities_that_are_a_tensor_get_a_gradient_too():
    x, p = leaf([[1.0, 2.0]]), leaf([0.5, 0.25])
    filled = (x * 1).bernoulli_(p)
    assert filled.grad_fn.name() == "BernoulliBackward1"
    filled.sum().backward()
    assert p.grad.tolist() == [0, 0]


CALLS = [
    lambda **g: torch.bernoulli(torch.full((5,), 0.5), **g),
    lambda **g: torch.empty(5).bernoulli_(0.3, **g),
    lambda **g: torch.empty(5).exponential_(**g),
    lambda **g: torch.empty(5).geometric_(0.1, **g),
    lambda **g: torch.empty(5).cauchy_(**g),
    lambda **g: torch.empty(5).log_normal_(**g),
    lambda **g: torch.poisson(torch.full((5,), 30.0), **g),
    lambda **g: torch.multinomial(torch.ones(50), 5, **g),
    lambda **g: torch.normal(0.0, 1.0, (5,), **g),
    lambda **g: torch.normal(torch.zeros(5), torch.ones(5), **g),
]


@pytest.mark.parametrize("call", CALLS)
def test_generator_draws_in_the_place_of_the_default_one(call):
    expected = seeded(call).tolist()
    torch.manual_seed(1)
    untouched = torch.rand(1).item()
    torch.manual_seed(1)
    generator = torch.Generator().manual_seed(7)
    assert call(generator=generator).tolist() == expected
    assert torch.rand(1).item() == untouched
    assert call(generator=generator).tolist() != expected


def test_strided_memory_is_filled_in_its_own_order():
    for fill in (
        lambda t: t.bernoulli_(0.3),
        lambda t: t.exponential_(),
        lambda t: t.geometric_(0.1),
        lambda t: t.cauchy_(),
    ):
        plain = seeded(lambda fill=fill: fill(torch.empty(2, 3)))
        turned = seeded(lambda fill=fill: fill(torch.empty(2, 3).t()))
        gaps = seeded(lambda fill=fill: fill(torch.empty(2, 6)[:, ::2]))
        assert turned.t().tolist() == plain.tolist() == gaps.tolist()


def test_waiting_times_of_transposed_weights_are_drawn_in_the_order_of_memory():
    result = seeded(lambda: torch.ones(2, 3).t().multinomial(2))
    assert result.tolist() == [[0, 1], [0, 1], [1, 0]]


def test_samples_have_their_distributions_means():
    n = 20000
    torch.manual_seed(0)

    def mean(t):
        return t.double().mean().item()

    assert abs(mean(torch.bernoulli(torch.full((n,), 0.3))) - 0.3) < 0.02
    assert abs(mean(torch.empty(n).exponential_(2.0)) - 0.5) < 0.02
    assert abs(mean(torch.empty(n).geometric_(0.25)) - 4) < 0.1
    assert abs(torch.empty(n).cauchy_(3.0).sort().values[n // 2].item() - 3) < 0.1
    assert abs(mean(torch.empty(n).log_normal_(0.0, 0.5)) - 1.1331) < 0.03
    for rate in (0.5, 5.0, 50.0):
        assert abs(mean(torch.poisson(torch.full((n,), rate))) - rate) < 0.05 * rate
    drawn = torch.multinomial(torch.tensor([1.0, 3.0]), n, True)
    assert abs(mean(drawn) - 0.75) < 0.02


def test_what_cannot_be_drawn_is_refused():
    refused = [
        lambda: torch.multinomial(torch.ones(2**24 + 1, dtype=torch.float16), 1),
        lambda: torch.normal(torch.zeros(2), torch.tensor([1.0, nan])),
        lambda: torch.poisson(torch.tensor([nan])),
        lambda: torch.empty(1).expand(3).bernoulli_(),
        lambda: torch.bernoulli(torch.tensor([nan])),
    ]
    for call in refused:
        with pytest.raises(RuntimeError):
            call()


def test_default_tensor_type_warns_and_sets_the_default_dtype():
    try:
        with recorded_warnings() as caught:
            torch.set_default_tensor_type("torch.DoubleTensor")
        assert len(caught) <= 1
        assert torch.get_default_dtype() == torch.float64
        assert torch.linspace(0, 1, 3).dtype == torch.eye(2).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    with recorded_warnings(), pytest.raises(TypeError):
        torch.set_default_tensor_type("torch.LongTensor")
    assert torch.get_default_device() == torch.device("cpu")

"""``torch.autograd.functional``: values, forms, options, and what it refuses."""

import gc
import weakref

import pytest
from support import assert_values, leaf, rushlight_only, torch

F = torch.autograd.functional
grad = torch.autograd.grad


def cubes(x):
    return (x**3).sum()


def pair(a, b):
    return (a * a).sum() * b.sum()


@pytest.fixture
def x():
    return leaf([1.0, 2.0])


@pytest.fixture
def b():
    return torch.tensor([1.0, 1.0, 2.0])


ones = torch.ones


def test_vjp_is_output_and_gradient(x):
    y, g = F.vjp(lambda x: x * x, x, ones(2))
    assert_values(y, [1.0, 4.0])
    assert_values(g, [2.0, 4.0])
    assert not y.requires_grad and not g.requires_grad and x.grad is None


def test_jvp_is_output_and_directional_derivative(x):
    y, t = F.jvp(lambda x: (x.prod(), x * 3), x, torch.tensor([1.0, 10.0]))
    assert_values(y[0], 2.0)
    assert_values(t[0], 12.0)
    assert_values(t[1], [3.0, 30.0])


def test_jacobian_of_tuples_is_a_matrix_of_tensors(x, b):
    found = F.jacobian(lambda x, b: (x * b[2], x.sum()), (x, b))
    assert_values(found[0][0], [[2.0, 0.0], [0.0, 2.0]])
    assert_values(found[0][1], [[0.0, 0.0, 1.0], [0.0, 0.0, 2.0]])
    assert_values(found[1][0], [1.0, 1.0])
    assert_values(found[1][1], [0.0, 0.0, 0.0])


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobian_has_the_shape_of_output_and_input(vectorize):
    w = torch.arange(6.0).reshape(2, 3)
    j = F.jacobian(lambda w: w.t().exp(), w, vectorize=vectorize)
    assert j.shape == (3, 2, 2, 3)
    for i in range(3):
        for k in range(2):
            wanted = torch.zeros(2, 3)
            wanted[k, i] = w[k, i].exp()
            assert torch.equal(j[i, k], wanted)


@pytest.mark.parametrize("vectorize", [False, True])
def test_hessian_of_two_inputs(x, b, vectorize):
    (xx, xb), (bx, bb) = F.hessian(pair, (x, b), vectorize=vectorize)
    assert_values(xx, [[8.0, 0.0], [0.0, 8.0]])
    assert_values(xb, [[2.0] * 3, [4.0] * 3])
    assert torch.equal(bx, xb.t())
    assert_values(bb, [[0.0] * 3] * 3)


@pytest.mark.parametrize("product", [F.vhp, F.hvp])
def test_hessian_products_agree_with_the_hessian(x, b, product):
    v = (torch.tensor([1.0, -2.0]), torch.tensor([3.0, 0.5, 0.0]))
    y, (px, pb) = product(pair, (x, b), v)
    assert_values(y, 20.0)
    assert_values(px, [8.0 + 7.0, -16.0 + 14.0])
    assert_values(pb, [2.0 - 8.0] * 3)


def test_inputs_need_not_require_grad_and_are_not_changed():
    x = torch.tensor([1.0, 2.0])
    seen = []
    F.vjp(lambda t: (seen.append(t), t.sum())[1], x)
    assert not x.requires_grad and seen[0] is not x and seen[0].requires_grad and seen[0].is_leaf


def test_create_graph_leads_back_to_the_callers_tensors(x):
    v = leaf([1.0, 1.0])
    _, g = F.vjp(lambda x: x**3, x, v, create_graph=True)
    gx, gv = grad(g.sum(), (x, v))
    assert_values(gx, [6.0, 12.0])
    assert_values(gv, [3.0, 12.0])
    _, t = F.jvp(lambda x: x**3, x, v, create_graph=True)
    assert_values(grad(t.sum(), x)[0], [6.0, 12.0])
    assert_values(grad(F.jacobian(cubes, x, create_graph=True).sum(), x)[0], [6.0, 12.0])
    assert_values(grad(F.hessian(cubes, x, create_graph=True).sum(), x)[0], [6.0, 6.0])
    for product in (F.vhp, F.hvp):
        assert_values(grad(product(cubes, x, v, create_graph=True)[1].sum(), x)[0], [6.0, 6.0])


def test_create_graph_takes_inputs_that_do_not_require_grad(x, b):
    (_, (gx, gb)) = F.vjp(pair, (x, b), create_graph=True)
    assert_values(gb, [5.0] * 3)
    assert gx.requires_grad


def test_grad_mode_of_the_caller_does_not_matter_and_comes_back(x):
    with torch.no_grad():
        assert F.jacobian(cubes, x, create_graph=True).requires_grad
        assert_values(F.hvp(cubes, x, ones(2))[1], [6.0, 12.0])
        with pytest.raises(ZeroDivisionError):
            F.jacobian(lambda x: 1 / 0, x)
        assert not torch.is_grad_enabled()


def test_output_without_a_path_gives_zeros(x, b):
    assert_values(F.vjp(lambda x: x.detach().sum(), x)[1], [0.0, 0.0])
    assert_values(F.jvp(lambda x: x.detach(), x, ones(2))[1], [0.0, 0.0])
    assert_values(F.hessian(lambda x: x.sum(), x), [[0.0, 0.0], [0.0, 0.0]])
    assert_values(F.hvp(lambda x, b: cubes(x), (x, b), (ones(2), ones(3)))[1][1], [0.0] * 3)


def test_v_may_be_none_for_one_number():
    x = leaf([3.0])
    for product in (F.vjp, F.jvp):
        assert_values(product(lambda x: x**2, x)[1], [6.0])
    for product in (F.vhp, F.hvp):
        assert_values(product(cubes, x)[1], [18.0])


_INDEPENDENT = "The output of the user-provided function is independent of input 1. This is not"
_NOT_RECORDED = "Output 0 of the user-provided function does not require gradients. The outputs"
_LINEAR = (
    "While computing the hessian, found that the jacobian of the user-provided function with "
    "respect to input 0 is independent of the input. This is not allowed in strict mode. You should"
)
_CONSTANT = (
    "The jacobian of the user-provided function is independent of input 0. This is not allowed in "
    "strict mode when create_graph=True."
)
STRICT = [
    (lambda x, b: F.vjp(lambda x, b: x.sum(), (x, b), strict=True), _INDEPENDENT),
    (lambda x, b: F.jvp(lambda x, b: x, (x, b), (x, b), strict=True), _INDEPENDENT),
    (lambda x, b: F.vjp(lambda x: x.detach().sum(), x, strict=True), _NOT_RECORDED),
    (lambda x, b: F.jacobian(lambda x: ones(2), x, strict=True), _NOT_RECORDED),
    (
        lambda x, b: F.jacobian(lambda x, b: x, (x, b), strict=True),
        "Output 0 of the user-provided function is independent of input 1. This is not allowed",
    ),
    (lambda x, b: F.vjp(lambda x: x.sum(), x, create_graph=True, strict=True), _CONSTANT),
    (lambda x, b: F.jacobian(lambda x: x * 2, x, create_graph=True, strict=True), _CONSTANT),
    (lambda x, b: F.hessian(lambda x: x.sum(), x, strict=True), _LINEAR),
    (lambda x, b: F.vhp(lambda x: x.sum(), x, ones(2), strict=True), _LINEAR),
    (lambda x, b: F.hvp(lambda x: x.sum(), x, ones(2), strict=True), _LINEAR),
]


@pytest.mark.parametrize("case", range(len(STRICT)))
def test_strict_refuses_what_does_not_depend_on_the_input(x, b, case):
    call, message = STRICT[case]
    with pytest.raises(RuntimeError) as error:
        call(x, b)
    assert str(error.value).startswith(message)


def test_strict_lets_pass_what_depends_on_the_input(x):
    for product in (F.vhp, F.hvp):
        assert_values(product(lambda x: (x * x).sum(), x, ones(2), strict=True)[1], [2.0, 2.0])
    assert_values(F.jacobian(cubes, x, create_graph=True, strict=True), [3.0, 12.0])


REFUSED = [
    (
        lambda x, b: F.vjp(lambda x: x * 2, x),
        RuntimeError,
        "The vector v can only be None if the user-provided function returns a single Tensor with "
        "a single element.",
    ),
    (
        lambda x, b: F.hvp(cubes, x),
        RuntimeError,
        "The vector v can only be None if the input to the user-provided function is a single "
        "Tensor with a single element.",
    ),
    (
        lambda x, b: F.vjp(lambda x: x, x, b),
        RuntimeError,
        "v has invalid size: should be torch.Size([2]) but got torch.Size([3]).",
    ),
    (
        lambda x, b: F.jvp(pair, (x, b), (x, x)),
        RuntimeError,
        "Entry 1 in v has invalid size: should be torch.Size([3]) but got torch.Size([2]).",
    ),
    (
        lambda x, b: F.jvp(pair, (x, b), x),
        RuntimeError,
        "v is a tuple of invalid length: should be 2 but got 1.",
    ),
    (
        lambda x, b: F.jvp(cubes, x, (x, x)),
        RuntimeError,
        "The given v should contain a single Tensor.",
    ),
    (
        lambda x, b: F.hessian(lambda x: x, x),
        RuntimeError,
        "The Tensor returned by the function given to hessian should contain a single element",
    ),
    (
        lambda x, b: F.vhp(lambda x: (cubes(x),), x, x),
        RuntimeError,
        "The function given to vhp should return a single Tensor",
    ),
    (
        lambda x, b: F.jacobian(lambda x: 1, x),
        TypeError,
        "The outputs of the user-provided function given to jacobian must be either a Tensor or a "
        "tuple of Tensors but the given outputs of the user-provided function has type "
        "<class 'int'>.",
    ),
    (
        lambda x, b: F.vjp(pair, (x, 3)),
        TypeError,
        "The inputs given to vjp must be either a Tensor or a tuple of Tensors but the value at "
        "index 1 has type <class 'int'>.",
    ),
    (
        lambda x, b: F.jacobian(cubes, x, strategy="sideways"),
        AssertionError,
        'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function ',
    ),
    (
        lambda x, b: F.jacobian(cubes, x, strategy="forward-mode"),
        NotImplementedError,
        "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented",
    ),
    (
        lambda x, b: F.jacobian(cubes, x, strict=True, strategy="forward-mode"),
        RuntimeError,
        'torch.autograd.functional.jacobian: `strict=True` and `strategy="forward-mode"` are not ',
    ),
    (
        lambda x, b: F.jacobian(cubes, x, strict=True, vectorize=True),
        RuntimeError,
        "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported",
    ),
    (
        lambda x, b: F.hessian(cubes, x, outer_jacobian_strategy="sideways"),
        AssertionError,
        'Expected strategy to be either "forward-mode" or "reverse-mode".',
    ),
]


@pytest.mark.parametrize("case", range(len(REFUSED)))
def test_refusals_have_pytorchs_words(x, b, case):
    call, kind, message = REFUSED[case]
    with pytest.raises(kind) as error:
        call(x, b)
    assert str(error.value).startswith(message)


@rushlight_only
def test_nothing_of_a_call_outlives_it(x):
    # Without the collector: neither results nor errors may hold a cycle.
    seen = []

    def function(x):
        y = (x**3).sum()
        seen.append(weakref.ref(y))
        return y

    def fails(x):
        function(x)
        return x

    gc.collect()
    gc.disable()
    try:
        for call in (F.jacobian, F.hessian, lambda f, x: F.hvp(f, x, ones(2)), F.vjp):
            call(function, x)
        for options in ({}, {"fast_mode": True}):
            torch.autograd.gradcheck(function, x.double().detach().requires_grad_(), **options)
            torch.autograd.gradgradcheck(function, x.double().detach().requires_grad_(), **options)
        with pytest.raises(RuntimeError):
            F.hessian(fails, x)
        alive = [ref for ref in seen if ref() is not None]
    finally:
        gc.enable()
    assert len(seen) > 20 and not alive

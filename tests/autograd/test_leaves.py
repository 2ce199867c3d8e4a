"""Leaves: what requires grad, what may change it, and what ``grad`` accepts."""

import pytest
from support import assert_values, leaf, recorded_warnings, torch

FACTORIES = {
    "tensor": lambda **k: torch.tensor([1.0, 2.0], **k),
    "zeros": lambda **k: torch.zeros(2, **k),
    "ones": lambda **k: torch.ones(2, 3, **k),
    "full": lambda **k: torch.full((2,), 0.5, **k),
    "empty": lambda **k: torch.empty(2, **k),
    "arange": lambda **k: torch.arange(3.0, **k),
    "rand": lambda **k: torch.rand(2, **k),
    "randn": lambda **k: torch.randn(2, **k),
    "zeros_like": lambda **k: torch.zeros_like(torch.ones(2), **k),
    "ones_like": lambda **k: torch.ones_like(torch.ones(2), **k),
    "full_like": lambda **k: torch.full_like(torch.ones(2), 2.0, **k),
    "empty_like": lambda **k: torch.empty_like(torch.ones(2), **k),
    "rand_like": lambda **k: torch.rand_like(torch.ones(2), **k),
    "randn_like": lambda **k: torch.randn_like(torch.ones(2), **k),
    "zero_dim": lambda **k: torch.tensor(1.0, **k),
    "no_elements": lambda **k: torch.zeros(0, 3, **k),
}


@pytest.mark.parametrize("make", FACTORIES.values(), ids=FACTORIES)
def test_factory_with_requires_grad_makes_a_leaf(make):
    x = make(requires_grad=True)
    assert x.requires_grad and x.is_leaf and x.grad_fn is None and x.grad is None
    assert not make().requires_grad and make().is_leaf


@pytest.mark.parametrize("make", FACTORIES.values(), ids=FACTORIES)
def test_factory_under_no_grad_still_makes_a_leaf(make):
    with torch.no_grad():
        assert make(requires_grad=True).requires_grad


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_integer_and_bool_cannot_require_grad(dtype):
    with pytest.raises(RuntimeError, match="^Only Tensors of floating point and complex dtype can"):
        torch.ones(2, dtype=dtype, requires_grad=True)
    x = torch.ones(2, dtype=dtype)
    with pytest.raises(RuntimeError, match="^only Tensors of floating point dtype can require"):
        x.requires_grad_()
    with pytest.raises(RuntimeError, match="^only Tensors of floating point and complex dtype can"):
        x.requires_grad = True
    x.requires_grad = False
    assert x.requires_grad_(False) is x and not x.requires_grad


def test_tensor_of_ints_cannot_require_grad():
    with pytest.raises(RuntimeError, match="^Only Tensors of floating point and complex dtype can"):
        torch.tensor([1, 2], requires_grad=True)


def test_requires_grad_switches_on_and_off_on_a_leaf():
    x = torch.ones(2)
    assert x.requires_grad_() is x and x.requires_grad
    x.requires_grad = False
    assert not x.requires_grad
    x.requires_grad = True
    assert x.requires_grad and x.is_leaf
    assert not x.requires_grad_(requires_grad=False).requires_grad


def test_requires_grad_of_a_computed_tensor_stays():
    y = leaf([1.0]) * 2
    assert y.requires_grad_() is y and y.grad_fn is not None
    text = (
        "you can only change requires_grad flags of leaf variables. If you want to use a computed "
        "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()"
    )
    with pytest.raises(RuntimeError) as off:
        y.requires_grad_(False)
    assert str(off.value).startswith(text)
    with pytest.raises(RuntimeError) as assigned:
        y.requires_grad = False
    assert str(assigned.value).startswith(text)
    assert y.requires_grad


@pytest.mark.parametrize("value", [1, "True", None, 0.0])
def test_requires_grad_takes_a_bool_only(value):
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="^requires_grad must be a bool"):
        x.requires_grad = value
    assert not x.requires_grad


@pytest.mark.parametrize("name", ["is_leaf", "grad_fn", "shape", "dtype"])
def test_read_only_attributes_refuse_assignment(name):
    x = torch.ones(2)
    with pytest.raises((AttributeError, RuntimeError), match="not writable|readonly|read-only"):
        setattr(x, name, None)


def test_result_requires_grad_if_any_floating_input_does():
    x, c = leaf([1.0, 2.0]), torch.ones(2)
    for y in (x + c, c + x, c * x, x / 2, 2 / x, x.exp(), x @ c, x.sum()):
        assert y.requires_grad and not y.is_leaf and y.grad_fn is not None
    for y in (c + c, c.exp(), x.detach() * 2):
        assert not y.requires_grad and y.is_leaf and y.grad_fn is None


def test_integer_and_bool_results_never_require_grad():
    x = leaf([1.0, -2.0])
    for y in (x > 0, x == x, x.bool(), x.long(), x <= 1):
        assert not y.requires_grad and y.grad_fn is None


def test_conversion_makes_a_new_tensor_that_is_no_leaf():
    x = leaf([1.0])
    y = x.double()
    assert y.dtype == torch.float64 and not y.is_leaf and y.grad_fn.name() == "ToCopyBackward0"
    assert x.float() is x and x.to(torch.float32) is x and x.to("cpu") is x and x.contiguous() is x


def test_grad_fn_is_one_object_while_alive():
    y = leaf([1.0]) + 1
    assert y.grad_fn is y.grad_fn
    assert type(y.grad_fn).__name__ == y.grad_fn.name() == "AddBackward0"
    assert repr(y.grad_fn).startswith("<AddBackward0 object at 0x")


def test_detach_shares_memory_and_version_but_not_the_graph():
    x = leaf([1.0, 2.0])
    d = x.detach()
    assert d.data_ptr() == x.data_ptr() and not d.requires_grad and d.is_leaf
    d.add_(1)
    assert_values(x, [2.0, 3.0])
    assert x._version == d._version == 1


def test_detach_of_a_computed_tensor_cuts_the_graph():
    x = leaf([3.0])
    y = x * 2
    (y.detach() * x).backward()
    assert_values(x.grad, [6.0])


def test_detach_in_place_makes_a_leaf():
    y = leaf([1.0]) * 2
    assert y.detach_() is y
    assert y.is_leaf and not y.requires_grad and y.grad_fn is None


def test_detach_in_place_of_a_view_is_refused():
    x = leaf([1.0, 2.0])
    with pytest.raises(RuntimeError, match="^Can't detach views in-place. Use detach"):
        x.view(2).detach_()


def test_data_shares_memory_with_a_version_of_its_own():
    x = leaf([1.0, 2.0])
    x.data.mul_(3)
    assert x._version == 0 and not x.data.requires_grad
    assert_values(x, [3.0, 6.0])


def test_assigning_data_keeps_the_leaf():
    x = leaf([1.0, 2.0])
    x.data = torch.zeros(4)
    assert x.shape == (4,) and x.requires_grad and x.is_leaf
    with pytest.raises(TypeError, match="Variable data has to be a tensor, but got int"):
        x.data = 1


def test_grad_accepts_a_tensor_of_the_same_kind_or_none():
    x = leaf([1.0, 2.0])
    g = torch.ones(2)
    x.grad = g
    assert x.grad is g
    x.grad = None
    assert x.grad is None


@pytest.mark.parametrize(
    "grad, error, text",
    [
        (
            lambda x: torch.ones(3),
            RuntimeError,
            "attempting to assign a gradient of size '[3]' to a tensor of size '[2]'. Please "
            "ensure that the gradient and the tensor are the same size",
        ),
        (
            lambda x: torch.ones(2, 1),
            RuntimeError,
            "attempting to assign a gradient of size '[2, 1]' to a tensor of size '[2]'.",
        ),
        (
            lambda x: 1.0,
            TypeError,
            "assigned grad expected to be a Tensor or None but got grad of type float",
        ),
        (lambda x: x, RuntimeError, "can't assign Variable as its own grad"),
        (
            lambda x: torch.ones(2, dtype=torch.float64),
            RuntimeError,
            "attempting to assign a gradient with dtype 'double' to a tensor with grad_dtype",
        ),
    ],
    ids=["size", "dimensions", "number", "itself", "dtype"],
)
def test_grad_refuses(grad, error, text):
    x = leaf([1.0, 2.0])
    with pytest.raises(error) as refused:
        x.grad = grad(x)
    assert str(refused.value).startswith(text)
    assert x.grad is None


def test_deleting_grad_resets_it():
    x = leaf([1.0])
    x.sum().backward()
    del x.grad
    assert x.grad is None


def test_grad_of_a_computed_tensor_warns():
    y = leaf([1.0]) * 2
    with recorded_warnings() as caught:
        assert y.grad is None
    assert len(caught) == 1 and caught[0].category is UserWarning
    assert str(caught[0].message).startswith(
        "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. "
        "Its .grad attribute won't be populated during autograd.backward()."
    )


def test_grad_of_a_leaf_does_not_warn():
    with recorded_warnings() as caught:
        assert leaf([1.0]).grad is None and torch.ones(2).grad is None
        y = leaf([1.0]) * 2
        y.retain_grad()
        assert y.grad is None
    assert not caught


def test_scalar_operand_has_an_empty_edge():
    x = leaf([1.0, 2.0])
    assert (x + 1).grad_fn.next_functions[1] == (None, 0)
    assert (x * torch.ones(2)).grad_fn.next_functions[1] == (None, 0)
    assert (1 / x).grad_fn.next_functions[0][0].name() == "ReciprocalBackward0"


def test_leaf_has_one_accumulate_node_while_used():
    x = leaf([1.0])
    y = x * x
    (first, _), (second, _) = y.grad_fn.next_functions
    assert first is second and first.variable is x
    assert type(first).__name__ == "AccumulateGrad" and "AccumulateGrad" in first.name()
    assert first.next_functions == ()
    assert (x + 1).grad_fn.next_functions[0][0] is first


def test_tensor_of_a_tensor_copies_and_warns():
    x = leaf([1.0, 2.0])
    with recorded_warnings() as caught:
        y = torch.tensor(x)
    assert not y.requires_grad and y.data_ptr() != x.data_ptr()
    assert any("To copy construct from a tensor" in str(w.message) for w in caught)


def test_clone_is_recorded_and_detached_clone_is_not():
    x = leaf([1.0, 2.0])
    y = x.clone()
    assert y.grad_fn.name() == "CloneBackward0" and y.data_ptr() != x.data_ptr()
    assert x.detach().clone().is_leaf


def test_data_may_take_another_dtype_and_shape():
    x = leaf([1.0, 2.0, 3.0])
    x.data = torch.ones(2, dtype=torch.float64)
    assert x.dtype == torch.float64 and x.shape == (2,) and x.is_leaf and x.requires_grad
    (x * 3).sum().backward()
    assert x.grad.dtype == torch.float64 and x.grad.tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="^data set to a tensor that requires gradients must be"):
        x.data = torch.ones(2, dtype=torch.int64)
    t = torch.ones(3)
    t.data = torch.tensor([1, 2])
    assert t.tolist() == [1, 2] and t.dtype == torch.int64


def test_assigning_requires_grad_to_what_is_no_leaf_is_refused_both_ways():
    y = torch.ones(2, requires_grad=True) * 1
    assert y.requires_grad_() is y
    for on in (True, False):
        with pytest.raises(RuntimeError, match="you can only change requires_grad flags of leaf"):
            y.requires_grad = on

"""masked_fill, masked_select, index_select, gather, take, nonzero."""

import math

import pytest
from gradcheck import assert_gradients_match, assert_second_gradients_match
from support import leaf, torch

MASK = torch.tensor([[True, False, True], [False, False, True]])
VALUES = torch.arange(6, dtype=torch.float64).reshape(2, 3) * 0.3 + 0.2
PICK = torch.tensor([[2, 2], [0, 1]])

CALLS = {
    "masked_fill": (lambda x: x.masked_fill(MASK, 2.0), "MaskedFillBackward0"),
    "masked_fill of a row": (lambda x: x[0].masked_fill(MASK, 2.0), "MaskedFillBackward0"),
    "masked_fill strided": (lambda x: x.t().masked_fill(MASK.t(), 2.0), "MaskedFillBackward0"),
    "masked_fill_": (lambda x: (x * 1).masked_fill_(MASK[0], 2.0), "MaskedFillBackward0"),
    "masked_fill, tensor": (lambda x: x.masked_fill(MASK, x[0, 1]), "MaskedFillBackward1"),
    "masked_select": (lambda x: x.masked_select(MASK), "MaskedSelectBackward0"),
    "masked_select, wide": (lambda x: x.masked_select(MASK[0]), "MaskedSelectBackward0"),
    "masked_select of a row": (lambda x: x[0].masked_select(MASK), "MaskedSelectBackward0"),
    "masked_select of one": (lambda x: x[0, 0].masked_select(MASK), "MaskedSelectBackward0"),
    "masked_select 0-d": (
        lambda x: x[0, 0].masked_select(torch.tensor(True)),
        "MaskedSelectBackward0",
    ),
    "index_select": (
        lambda x: x.index_select(-1, torch.tensor([2, 0, 2])),
        "IndexSelectBackward0",
    ),
    "index_select 0-d": (
        lambda x: x[0, 0].index_select(0, torch.tensor([0])),
        "IndexSelectBackward0",
    ),
    "gather": (lambda x: x.gather(1, PICK), "GatherBackward0"),
    "gather rows": (lambda x: x.gather(0, torch.tensor([[0, 1, 1]])), "GatherBackward0"),
    "gather strided": (lambda x: x.t().gather(0, PICK.t()), "GatherBackward0"),
    "gather 0-d": (lambda x: x[0, 0].gather(0, torch.tensor([0, 0])), "GatherBackward0"),
    "take": (lambda x: x.t().take(torch.tensor([[0, -1], [3, 3]])), "TakeBackward0"),
}


@pytest.mark.parametrize("call, node", CALLS.values(), ids=CALLS)
def test_gradients(call, node):
    assert call(VALUES.clone().requires_grad_()).grad_fn.name() == node
    assert_gradients_match(lambda x: call(x) ** 2, [VALUES])
    assert_second_gradients_match(lambda x: call(x) ** 2, [VALUES], rtol=1e-4, atol=1e-6)


def test_values():
    x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert x.masked_fill(MASK, 0.0).tolist() == [[0.0, 2.0, 0.0], [4.0, 5.0, 0.0]]
    assert x.masked_fill(MASK[0], torch.tensor(9)).tolist() == [[9.0, 2.0, 9.0], [9.0, 5.0, 9.0]]
    assert torch.arange(3).masked_fill(MASK[0], 1.5).tolist() == [1, 1, 1]
    assert x[0].masked_fill(MASK, 7.0).shape == (2, 3)
    assert torch.masked_select(x, MASK).tolist() == [1.0, 3.0, 6.0]
    assert torch.index_select(x, 1, torch.tensor(2)).tolist() == [[3.0], [6.0]]
    assert torch.gather(x, dim=1, index=PICK).tolist() == [[3.0, 3.0], [4.0, 5.0]]
    assert torch.take(x, torch.tensor([[0, -1]])).tolist() == [[1.0, 6.0]]
    assert torch.nonzero(MASK).tolist() == [[0, 0], [0, 2], [1, 2]]
    assert torch.tensor(3.0).nonzero().shape == (1, 0)
    assert torch.tensor(0.0).nonzero().shape == (0, 0)
    assert torch.zeros(0, 3).nonzero().shape == (0, 2)
    assert x.gather(0, torch.zeros(0, 3, dtype=torch.int64)).shape == (0, 3)


def test_gradient_of_a_filled_value():
    x, v = leaf([[1.0, 2.0, 3.0]] * 2), leaf(5.0)
    y = x * 1
    y.masked_fill_(MASK, v)
    y.sum().backward()
    assert v.grad.item() == 3.0
    assert x.grad.tolist() == [[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]


def test_nan_does_not_pass_a_filled_place():
    x = leaf([float("nan"), 1.0])
    (x.log().masked_fill(torch.tensor([True, False]), 0.0)).sum().backward()
    assert x.grad[1].item() == 1.0


ONES = torch.ones(3)
FLAGS = torch.tensor([True, False, True])
REFUSED = [
    (
        lambda: ONES.masked_fill(torch.tensor([1, 0, 1]), 0.0),
        RuntimeError,
        "masked_fill_ only supports boolean masks, but got mask with dtype long int",
    ),
    (
        lambda: ONES.masked_fill(torch.tensor([True, False]), 0.0),
        RuntimeError,
        r"The size of tensor a \(2\) must match the size of tensor b \(3\)",
    ),
    (
        lambda: ONES.masked_fill(FLAGS, torch.ones(2)),
        RuntimeError,
        "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with 1 dimension",
    ),
    (
        lambda: torch.ones(3).masked_fill_(MASK, 0.0),
        RuntimeError,
        r"output with shape \[3\] doesn't match the broadcast shape \[2, 3\]",
    ),
    (
        lambda: ONES.masked_fill(FLAGS, 1e300),
        RuntimeError,
        "value cannot be converted to type float without overflow",
    ),
    (
        lambda: ONES.masked_select(torch.tensor([1, 0, 1])),
        RuntimeError,
        "masked_select: expected BoolTensor for mask",
    ),
    (lambda: ONES.index_select(0, torch.tensor([3])), IndexError, "index out of range in self"),
    (lambda: ONES.index_select(0, torch.tensor([-1])), IndexError, "index out of range in self"),
    (
        lambda: ONES.reshape(-1, 1).index_select(1, torch.tensor([0, 3])),
        RuntimeError,
        "INDICES element is out of DATA bounds, id=3 axis_dim=1",
    ),
    (
        lambda: ONES.reshape(-1, 1).index_select(-1, torch.tensor([-1])),
        RuntimeError,
        "INDICES element is out of DATA bounds, id=-1 axis_dim=1",
    ),
    (
        lambda: ONES.index_select(0, torch.tensor([0.0])),
        RuntimeError,
        r"index_select\(\): Expected dtype int32 or int64 for index",
    ),
    (
        lambda: ONES.index_select(0, torch.tensor([[0]])),
        IndexError,
        r"index_select\(\): Index is supposed to be a vector",
    ),
    (
        lambda: torch.tensor(1.0).index_select(0, torch.tensor([0, 0])),
        RuntimeError,
        r"index_select\(\): Index to scalar can have only 1 value, got 2 value\(s\)",
    ),
    (
        lambda: torch.zeros(0, 3).index_select(0, torch.tensor([0])),
        RuntimeError,
        r"index_select\(\): self indexing axis dim should be positive",
    ),
    (
        lambda: ONES.gather(0, torch.tensor([5])),
        RuntimeError,
        "index 5 is out of bounds for dimension 0 with size 3",
    ),
    (
        lambda: ONES.gather(0, torch.tensor([0.0])),
        RuntimeError,
        r"gather\(\): Expected dtype int32/int64 for index",
    ),
    (
        lambda: torch.ones(3, 3).gather(0, torch.tensor([0])),
        RuntimeError,
        "Index tensor must have the same number of dimensions as input tensor",
    ),
    (
        lambda: torch.ones(2, 3).gather(1, torch.tensor([[0], [0], [0]])),
        RuntimeError,
        r"Size does not match at dimension 0 expected index \[3, 1\] to be no larger than self",
    ),
    (
        lambda: ONES.take(torch.tensor([4])),
        IndexError,
        "out of range: tried to access index 4 on a tensor of 3 elements.",
    ),
    (
        lambda: torch.zeros(0).take(torch.tensor([0])),
        IndexError,
        r"take\(\): tried to take from an empty tensor",
    ),
]


@pytest.mark.parametrize("call, kind, sentence", REFUSED)
def test_refused(call, kind, sentence):
    with pytest.raises(kind, match=sentence):
        call()


@pytest.mark.parametrize("shape", [(2, 3), (4,), (2, 0, 3), (1, 2, 3)])
def test_nonzero_as_a_tuple_holds_the_columns(shape):
    x = torch.tensor([i % 2 for i in range(math.prod(shape))], dtype=torch.int64).reshape(shape)
    rows, columns = torch.nonzero(x, as_tuple=False), x.nonzero(as_tuple=True)
    assert type(columns) is tuple and len(columns) == len(shape)
    assert torch.equal(torch.stack(columns, 1), rows)
    assert torch.equal(x[columns], torch.ones(len(rows), dtype=torch.int64))


@pytest.mark.parametrize(("value", "expected"), [(3.0, [0]), (0.0, [])])
def test_nonzero_of_a_scalar_as_a_tuple_counts_it_as_one_element(value, expected):
    (index,) = torch.nonzero(torch.tensor(value), as_tuple=True)
    assert index.tolist() == expected and index.dtype == torch.int64


def test_nonzero_takes_only_a_bool():
    with pytest.raises(TypeError, match="argument 'as_tuple' must be bool, not int"):
        torch.nonzero(torch.ones(2), as_tuple=1)


@pytest.mark.parametrize(
    ("call", "element", "argument", "kind"),
    [
        (lambda x, i: x.index_put((None, i), x), 0, 0, "NoneType"),
        (lambda x, i: torch.index_put(x, [i, None], x), 1, 1, "NoneType"),
        (lambda x, i: torch.cat([x, "a"]), 1, 0, "str"),
        (lambda x, i: torch.concatenate([x, x, 2.5]), 2, 0, "float"),
    ],
)
def test_what_is_no_tensor_in_a_list_is_named_by_its_place(call, element, argument, kind):
    message = f"expected Tensor as element {element} in argument {argument}, but got {kind}"
    with pytest.raises(TypeError, match=message):
        call(torch.ones(2, 3), torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("name", "same", "args"),
    [
        ("concat", "cat", ([torch.ones(2), torch.zeros(3)],)),
        ("concatenate", "cat", ([torch.ones(2, 1), torch.zeros(2, 2)], 1)),
        ("moveaxis", "movedim", (torch.arange(24).reshape(2, 3, 4), 0, -1)),
        ("multiply", "mul", (torch.arange(3), torch.arange(3))),
        ("subtract", "sub", (torch.arange(3), 2)),
        ("divide", "div", (torch.arange(3), 2)),
        ("divide", "div", (torch.arange(3), torch.arange(2, 5))),
        ("negative", "neg", (torch.arange(3),)),
        ("absolute", "abs", (torch.arange(-2, 2),)),
        ("less", "lt", (torch.arange(3), 1)),
        ("less_equal", "le", (torch.arange(3), 1)),
        ("greater", "gt", (torch.arange(3), 1)),
        ("greater_equal", "ge", (torch.arange(3), 1)),
        ("not_equal", "ne", (torch.arange(3), 1)),
        ("clip", "clamp", (torch.arange(3), 1)),
        ("clip", "clamp", (torch.arange(3), torch.tensor(1), torch.tensor(1))),
    ],
)
def test_second_name_computes_the_same_and_is_told_in_errors(name, same, args):
    assert torch.equal(getattr(torch, name)(*args), getattr(torch, same)(*args))
    assert getattr(torch, name).__name__ == name
    with pytest.raises(TypeError, match=rf"^{name}\(\)"):
        getattr(torch, name)(3)

"""Parameter and Buffer: Tensors that a module registers, and that compute as Tensors do."""

import copy
import gc
import pickle
import weakref

import pytest
from support import assert_values, rushlight_only, torch

nn = torch.nn


def test_parameter_is_a_leaf_that_requires_grad():
    p = nn.Parameter(torch.ones(2))
    assert type(p) is nn.Parameter and isinstance(p, torch.Tensor)
    assert p.is_leaf and p.requires_grad and p.grad_fn is None


def test_parameter_under_no_grad_still_requires_grad():
    with torch.no_grad():
        assert nn.Parameter(torch.ones(2)).requires_grad
        assert not nn.Parameter(torch.ones(2), requires_grad=False).requires_grad


def test_parameter_shares_memory_and_version_with_its_data():
    data = torch.zeros(2)
    p = nn.Parameter(data)
    data.fill_(3)
    assert p.tolist() == [3, 3] and p._version == data._version == 1


def test_parameter_without_data_is_empty():
    assert nn.Parameter().shape == (0,)


def test_parameter_of_integers_raises():
    with pytest.raises(RuntimeError, match="Only Tensors of floating point and complex dtype can"):
        nn.Parameter(torch.ones(2, dtype=torch.int64))
    assert not nn.Parameter(torch.ones(2, dtype=torch.int64), requires_grad=False).requires_grad


@pytest.mark.parametrize("data", [[1.0], 3])
def test_parameter_of_no_tensor_raises(data):
    with pytest.raises(AttributeError, match="object has no attribute 'detach'"):
        nn.Parameter(data)


def test_parameter_requires_grad_of_another_type_raises():
    with pytest.raises(TypeError, match="must be bool, not int"):
        nn.Parameter(torch.ones(1), 1)


def test_operations_on_parameters_give_plain_tensors():
    p = nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    results = (p + 1, 1 - p, p * p, p @ p, -p, p.sum(), p[0], p.t(), torch.exp(p), p.detach())
    results += (p.data, p.clone(), p.view(4), torch.cat([p, p]), p.tanh())
    assert {type(r) for r in results} == {torch.Tensor}


def test_inplace_operation_returns_the_parameter_itself():
    p = nn.Parameter(torch.ones(2))
    before = p
    with torch.no_grad():
        assert p.mul_(2) is p
        p -= 0.5
    assert p is before and type(p) is nn.Parameter and p.tolist() == [1.5, 1.5]


def test_backward_reaches_parameters():
    w = nn.Parameter(torch.tensor([1.0, 2.0]))
    (w * torch.tensor([3.0, 4.0])).sum().backward()
    assert_values(w.grad, [3.0, 4.0])
    assert type(w.grad) is torch.Tensor


def test_parameter_in_the_graph_is_the_same_object():
    w = nn.Parameter(torch.ones(2))
    y = w * w
    node = y.grad_fn.next_functions[0][0]
    assert node.variable is w
    name = id(w)
    w.note = "kept"
    del w
    gc.collect()
    assert id(node.variable) == name and node.variable.note == "kept"
    assert type(node.variable) is nn.Parameter


def test_parameter_dies_with_its_last_reference():
    p = nn.Parameter(torch.ones(2))
    (p * 2).sum().backward()
    gone = weakref.ref(p)
    del p
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_repr_puts_a_heading_above_the_tensor(dtype):
    p = nn.Parameter(torch.tensor([1.0, 2.0], dtype=getattr(torch, dtype)))
    suffix = ", dtype=torch.float64" if dtype == "float64" else ""
    assert repr(p) == f"Parameter containing:\ntensor([1., 2.]{suffix}, requires_grad=True)"


def test_deepcopy_copies_values_and_leaves_the_grad():
    p = nn.Parameter(torch.ones(2))
    p.sum().backward()
    both = copy.deepcopy([p, p])
    assert both[0] is both[1] and both[0] is not p
    assert type(both[0]) is nn.Parameter and both[0].requires_grad and both[0].grad is None
    with torch.no_grad():
        both[0].zero_()
    assert p.tolist() == [1, 1]


@pytest.mark.parametrize("requires_grad", [True, False])
def test_pickle_keeps_class_values_and_attributes(requires_grad):
    p = nn.Parameter(torch.tensor([1.5, 2.5]), requires_grad)
    p.note = "kept"
    q = pickle.loads(pickle.dumps(p))
    assert type(q) is nn.Parameter and q.requires_grad is requires_grad
    assert q.tolist() == [1.5, 2.5] and q.note == "kept"


def test_subclass_of_parameter_is_kept_by_deepcopy():
    class Scale(nn.Parameter):
        pass

    s = Scale(torch.ones(1))
    assert type(s) is Scale and isinstance(s, nn.Parameter)
    assert type(copy.deepcopy(s)) is Scale


def test_tensor_marked_as_parameter_is_an_instance():
    t = torch.ones(2)
    assert not isinstance(t, nn.Parameter)
    t._is_param = True
    assert isinstance(t, nn.Parameter) and not issubclass(type(t), nn.Parameter)


def test_parameter_of_a_foreign_tensor_class_keeps_the_class():
    class Tagged(torch.Tensor):
        def detach(self):
            return super().detach().as_subclass(Tagged)

    p = nn.Parameter(torch.ones(2).as_subclass(Tagged))
    assert type(p) is Tagged and isinstance(p, nn.Parameter) and p.requires_grad


@rushlight_only
def test_parameter_of_a_class_that_detach_loses_raises():
    class Lost(torch.Tensor):
        def detach(self):
            return torch.ones(2)

    with pytest.raises(RuntimeError, match="Creating a Parameter from an instance of type Lost"):
        nn.Parameter(torch.ones(2).as_subclass(Lost))


def test_buffer_is_a_marked_tensor():
    b = nn.Buffer(torch.ones(2), persistent=False)
    assert type(b) is torch.Tensor and isinstance(b, nn.Buffer)
    assert not b.persistent and not isinstance(torch.ones(2), nn.Buffer)
    assert nn.Buffer().shape == (0,)

"""Views that keep the operations that made them, and take them again when their base is written."""

import gc

import pytest
from support import torch

replay = torch.autograd._force_original_view_tracking


def chain(node):
    names = []
    while node is not None:
        names.append(node.name())
        node = node.next_functions[0][0] if node.next_functions else None
    return names[:3]


def written(make, on):
    """The view's grad_fn names and the leaf's gradient, after a write into the base."""
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    base = x * 1
    with replay(on):
        view = make(base)
    base.mul_(2)
    names = chain(view.grad_fn)
    (view * view).sum().backward()
    return names, x.grad.tolist()


VIEWS = {
    "slice of view": (lambda b: b.view(-1)[1:], ["SliceBackward0", "ViewBackward0"]),
    "t": (lambda b: b.t(), ["TBackward0"]),
    "select": (lambda b: b[1], ["SelectBackward0"]),
    "expand": (lambda b: b[:, :1].expand(2, 3), ["ExpandBackward0", "SliceBackward0"]),
}


@pytest.mark.parametrize("name", VIEWS)
def test_history_is_replayed_while_it_is_on(name):
    make, expected = VIEWS[name]
    names, grad = written(make, True)
    plain_names, plain_grad = written(make, False)
    assert names[: len(expected)] == expected
    assert plain_names[0] == "AsStridedBackward0"
    assert grad == plain_grad


def test_write_through_the_view_replays_it():
    x = torch.ones(2, 3, requires_grad=True)
    base = x * 1
    with replay(True):
        view = base.view(-1)[1:]
    view.mul_(3)
    assert chain(base.grad_fn)[0].endswith("CopySlices")
    assert chain(view.grad_fn)[:2] == ["SliceBackward0", "ViewBackward0"]
    base.sum().backward()
    assert x.grad.tolist() == [[1, 3, 3], [3, 3, 3]]


def test_view_from_before_is_as_strided_beneath():
    base = torch.ones(2, 3, requires_grad=True) * 1
    before = base.view(-1)
    with replay(True):
        view = before[1:]
    base.mul_(2)
    assert chain(view.grad_fn)[:2] == ["SliceBackward0", "AsStridedBackward0"]
    assert before.grad_fn.name() == "AsStridedBackward0"


def test_base_that_requires_grad_only_later():
    base = torch.ones(2, 3)
    with replay(True):
        view = base[1]
    base.mul_(torch.ones(3, requires_grad=True))
    assert chain(view.grad_fn)[0] == "SelectBackward0"


def test_mode_as_function_block_and_decorator():
    enabled = torch.autograd.is_view_replay_enabled
    assert enabled() is False
    mode = replay(True)
    assert enabled() is True and mode.mode is True and mode.prev is False
    replay(False)
    with replay(True):
        assert enabled() is True
    assert enabled() is False

    @replay(True)
    def inside():
        return enabled()

    assert inside() is True and enabled() is False
    with pytest.raises(TypeError, match=r"argument 'enabled' \(position 1\) must be bool, not int"):
        replay(1)
    assert enabled() is False


def test_chains_are_freed_with_their_views():
    with replay(True):
        for _ in range(100):
            base = torch.ones(2, 3, requires_grad=True) * 1
            views = [base.view(3, 2)]
            for _ in range(20):
                views.append(views[-1].t())
            base.mul_(2)
            assert views[-1].grad_fn.name() == "TBackward0"
    gc.collect()

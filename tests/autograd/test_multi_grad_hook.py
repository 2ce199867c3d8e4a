"""``register_multi_grad_hook``: one hook on the gradients of several tensors."""

import gc
import threading
import weakref

import pytest
from support import leaf, rushlight_only, torch

if torch.__name__ == "torch":
    from torch.autograd.graph import register_multi_grad_hook
else:
    from rushlight.autograd.graph import register_multi_grad_hook


def present(seen):
    return lambda grads: seen.append([g is not None for g in grads])


def test_all_gets_the_gradients_in_the_order_of_the_tensors():
    a, b = leaf([1.0]), leaf([1.0])
    seen = []
    register_multi_grad_hook([a, b], lambda gs: seen.append([g and g.item() for g in gs]))
    (a * 2 + b * 3).backward()
    (a * 5).backward()
    assert seen == [[2.0, 3.0], [5.0, None]]


def test_all_waits_for_what_the_pass_computes():
    a, b = leaf([1.0, 2.0]), leaf([1.0, 2.0])
    c, d = a * b, a * b
    seen = []
    register_multi_grad_hook((a, b, c, d), present(seen))
    c.sum().backward(retain_graph=True)
    c.sum().backward(inputs=(a,), retain_graph=True)
    torch.autograd.grad(c.sum(), c)
    assert seen == [
        [True, True, True, False],
        [True, False, True, False],
        [False, False, True, False],
    ]


@rushlight_only  # PyTorch refuses leaves here
def test_all_under_grad_with_respect_to_leaves():
    a, b = leaf([1.0]), leaf([1.0])
    c = a * b
    seen = []
    register_multi_grad_hook((a, b, c), present(seen))
    torch.autograd.grad(c * 2, (a, b), retain_graph=True)
    torch.autograd.grad(c * 2, a)
    assert seen == [[True, True, True], [True, False, True]]


@rushlight_only  # PyTorch does not count the node that it starts from
def test_all_counts_the_root():
    a = leaf([1.0])
    root = a * 2
    seen = []
    register_multi_grad_hook((root, a), present(seen))
    root.backward()
    assert seen == [[True, True]]


def test_all_with_one_tensor_twice():
    a = leaf([1.0])
    seen = []
    register_multi_grad_hook((a, a), present(seen))
    (a * 2).backward()
    assert seen == [[True, True]]


def test_all_waits_for_every_output_of_a_node():
    a, b = (leaf([1.0, 2.0]) * 1).unbind()
    seen = []
    register_multi_grad_hook((a, b), lambda gs: seen.append([g and g.item() for g in gs]))
    (a * 1).backward()
    assert seen == [[1.0, None]]


def test_any_gets_the_first_gradient_of_each_pass():
    a = leaf([1.0])
    b = torch.ones(1)
    c = a * b
    d = c * 3
    seen = []
    register_multi_grad_hook((a, b, c, d), lambda g: seen.append(g.item()), mode="any")
    (d * 2).backward(retain_graph=True)
    torch.autograd.grad(d * 2, a)
    assert seen == [2.0, 2.0]


def test_results_are_ignored():
    a = leaf([1.0])
    register_multi_grad_hook((a,), lambda gs: 5)
    register_multi_grad_hook((a,), lambda g: g * 100, mode="any")
    (a * 2).backward()
    assert a.grad.item() == 2.0


def test_handle_removes_it_from_all_tensors():
    a, b = leaf([1.0]), leaf([1.0])
    seen = []
    with register_multi_grad_hook((a, b), present(seen)) as handle:
        (a * b).backward()
    handle.remove()
    (a * b).backward()
    assert len(seen) == 1
    assert len(handle.__getstate__()) == 2


def test_no_tensors_are_allowed():
    register_multi_grad_hook((), lambda gs: None).remove()
    register_multi_grad_hook((torch.ones(1),), lambda g: None, mode="any").remove()


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"Expects mode to be one of \('all', 'any'\) but got x"):
        register_multi_grad_hook([leaf([1.0])], lambda gs: None, mode="x")
    with pytest.raises(AssertionError, match="Expected gradient function to be set"):
        register_multi_grad_hook([torch.ones(2)], lambda gs: None)


def test_error_in_the_hook_comes_out_and_the_next_pass_counts_anew():
    a, b = leaf([1.0]), leaf([1.0])
    seen = []

    def hook(grads):
        seen.append(len(grads))
        if len(seen) == 1:
            raise KeyError("no")

    register_multi_grad_hook((a, b), hook)
    with pytest.raises(KeyError):
        (a * b).backward()
    (a * b).backward()
    assert seen == [2, 2]


def test_pass_that_fails_half_way_leaves_nothing():
    a, b = leaf([1.0]), leaf([1.0])
    grads = []

    def stop(g):
        if len(grads) == 1:
            raise KeyError("no")

    a.register_hook(lambda g: grads.append(weakref.ref(g * 1)))
    b.register_hook(stop)
    seen = []
    register_multi_grad_hook((a, b), present(seen))
    with pytest.raises(KeyError):
        (a * b).backward()
    (a * b).backward()
    assert seen == [[True, True]]


def test_passes_of_two_threads_are_counted_apart():
    a, b = leaf([1.0]), leaf([1.0])
    seen = []
    register_multi_grad_hook((a, b), lambda gs: seen.append([g.item() for g in gs]))
    barrier = threading.Barrier(2)

    def work(factor):
        y = a * factor
        z = b * factor

        def meet(g):
            barrier.wait(timeout=60)

        z.register_hook(meet)  # the later node runs first: both passes are half-way there
        (y + z).backward()

    threads = [threading.Thread(target=work, args=(k,)) for k in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [[2.0, 2.0], [3.0, 3.0]]


def test_pass_inside_a_hook_is_counted_by_itself():
    a, b = leaf([1.0]), leaf([1.0])
    seen = []
    depth = []
    register_multi_grad_hook((a, b), lambda gs: seen.append([g.item() for g in gs]))

    def nested(g):
        if depth:
            return
        depth.append(1)
        with torch.enable_grad():
            (a * 5 + b * 7).backward()

    y = a * 2 + b * 3
    y.register_hook(nested)
    y.backward()
    assert seen == [[5.0, 7.0], [2.0, 3.0]]


def test_tensor_that_is_gone_is_not_waited_for():
    a = leaf([1.0])
    y, z = a * 2, a * 3
    seen = []
    register_multi_grad_hook((a, y, z), present(seen))
    del z
    (y * 1).backward()
    (a * 5).backward()
    assert seen == [[True, True, False], [True, False, False]]


def test_tensor_whose_name_is_gone_still_counts():
    a = leaf([1.0])
    y = a * 2
    z = y * 3
    w = z * 1
    seen = []
    register_multi_grad_hook((a, y, z), present(seen))
    del y, z
    w.backward()
    assert seen == [[True, True, True]]


def test_leaf_whose_name_is_gone_still_counts():
    a, b = leaf([1.0]), leaf([1.0])
    y = a * b
    seen = []
    register_multi_grad_hook((a, b), present(seen))
    del b
    y.backward()
    assert seen == [[True, True]]


@rushlight_only  # PyTorch waits in both for as many as the last that began computes
def test_pass_inside_a_hook_of_a_computed_tensor_is_counted_by_itself():
    a = leaf([1.0])
    y = a * 2
    z = y * 3
    seen, depth = [], []

    def nested(g):
        if not depth:
            depth.append(1)
            with torch.enable_grad():
                (y * 1).backward(retain_graph=True)

    register_multi_grad_hook((y, a, z), present(seen))
    y.register_hook(nested)
    (z * 1).backward()
    assert seen == [[True, True, False], [True, True, True]]


class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, g):
        return g * 2


def no_tensor_but_the_output():
    return (leaf([1.0]) * 2,)


def leaves():
    return leaf([1.0]), leaf([2.0])


def a_leaf_and_its_output():
    a = leaf([1.0])
    return a, a * 2


def a_chain():
    a = leaf([1.0])
    y = a * 2
    return y, a, y * 3


def two_branches():
    a = leaf([1.0])
    return a * 2, a * 3


def a_custom_function():
    a = leaf([1.0])
    y = Double.apply(a)
    return a, y, y * 3


def a_write():
    y = leaf([1.0, 2.0]) * 2
    y[0].mul_(3)
    return y, y[0]


@rushlight_only  # PyTorch leaks most of them
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize(
    "make",
    [
        no_tensor_but_the_output,
        leaves,
        a_leaf_and_its_output,
        a_chain,
        two_branches,
        a_custom_function,
        a_write,
    ],
)
def test_hook_dies_with_the_tensors_without_the_collector(make, backward):
    # It held the nodes of all tensors, and each of these its hooks.
    class Thing:
        pass

    def register():
        thing = Thing()
        tensors = make()
        register_multi_grad_hook(tensors, lambda gs, thing=thing: None)
        if backward:
            sum(t.sum() for t in tensors).backward()
        return weakref.ref(thing)

    gc.collect()
    gc.disable()
    try:
        assert register()() is None
    finally:
        gc.enable()


@rushlight_only
def test_handle_that_outlives_the_tensors_keeps_nothing():
    class Thing:
        pass

    thing = Thing()
    alive = weakref.ref(thing)
    y = leaf([1.0]) * 2
    gc.collect()
    gc.disable()
    try:
        handle = register_multi_grad_hook((y, y * 2), lambda gs, thing=thing: None)
        del thing, y
        assert alive() is None
    finally:
        gc.enable()
    handle.remove()


def test_handles_can_be_bound_together():
    graph = torch.autograd.graph
    a, b = leaf([1.0]), leaf([1.0])
    seen = []
    assert type(register_multi_grad_hook([a], seen.append)) is graph._MultiHandle
    hooks = [t.register_hook(lambda g: seen.append(g.item())) for t in (a, b)]
    with graph._MultiHandle(tuple(hooks)) as both:
        (b * 2).backward()
    assert seen == [2.0] and both.handles == tuple(hooks)
    (b * 2).backward()
    assert seen == [2.0]

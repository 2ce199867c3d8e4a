"""autograd.Function and memory: reference cycles, deep graphs, objects that outlive the graph."""

import gc
import threading
import weakref

import pytest
from support import assert_values, leaf, run_script, rushlight_only, torch

Function = torch.autograd.Function


class Witness:
    """Tells by a weak reference whether what holds it has been collected."""


class Keep(Function):
    """Doubles; its context can hold anything."""

    @staticmethod
    def forward(ctx, x, witness=None, save=None):
        ctx.witness = witness
        y = x * 2
        if save:
            save(ctx, x, y)
        return y

    @staticmethod
    def backward(ctx, grad):
        return grad * 2, None, None


def is_collected(build, by_counting=False):
    """Whether what ``build(witness)`` made and dropped is gone, without or with the collector."""
    gc.collect()
    gc.disable()
    try:
        witness = Witness()
        alive = weakref.ref(witness)
        build(witness)
        del witness
        if not by_counting:
            assert alive() is not None, "freed by counting: the cycle does not exist"
            for _ in range(3):  # an object that the graph handed back takes one more turn
                gc.collect()
        return alive() is None
    finally:
        gc.enable()


@rushlight_only
@pytest.mark.parametrize(
    "save",
    [
        None,
        lambda ctx, x, y: ctx.save_for_backward(x),
        lambda ctx, x, y: ctx.save_for_backward(y),
        lambda ctx, x, y: ctx.save_for_backward(y, y, x * 3, None),
        lambda ctx, x, y: setattr(ctx, "x", x),
    ],
    ids=["nothing", "input", "output", "everything", "attribute"],
)
def test_graph_without_a_cycle_is_freed_by_counting(save):
    assert is_collected(lambda w: Keep.apply(leaf([1.0]), w, save), by_counting=True)
    assert is_collected(lambda w: Keep.apply(leaf([1.0]), w, save).grad_fn, by_counting=True)
    assert is_collected(lambda w: Keep.apply(leaf([1.0]), w, save).backward(), by_counting=True)


def output_on_ctx(w):
    Keep.apply(leaf([1.0]), w, lambda ctx, x, y: setattr(ctx, "y", y))


def ctx_on_itself(w):
    Keep.apply(leaf([1.0]), w, lambda ctx, x, y: setattr(ctx, "ctx", ctx))


def output_and_itself(w):
    y = Keep.apply(leaf([1.0]), w)
    y.grad_fn.ctx, y.grad_fn.y = y.grad_fn, y


def metadata(w):
    y = Keep.apply(leaf([1.0]), w)
    y.grad_fn.metadata["y"] = y


def hook(w):
    y = Keep.apply(leaf([1.0]), w)
    y.register_hook(lambda grad: y)


def result_on_ctx(w):
    y = Keep.apply(leaf([1.0]), w)
    y.grad_fn.loss = (y * 2 + 1).sum()


def later_function_on_ctx(w):
    y = Keep.apply(leaf([1.0]), w)
    y.grad_fn.later = Keep.apply(y)


def output_on_the_leaf(w):
    x = leaf([1.0])
    x.y = Keep.apply(x, w)


def ctx_on_a_saved_tensor(w):
    def save(ctx, x, y):
        middle = x * 3
        middle.ctx = ctx
        ctx.save_for_backward(middle)

    Keep.apply(leaf([1.0]), w, save)


def saved_tensor_on_itself(w):
    def save(ctx, x, y):
        middle = x * 3
        middle.middle, middle.witness = middle, w
        ctx.save_for_backward(middle)

    Keep.apply(leaf([1.0]), None, save)


def declared_on_a_kept_ctx(w):
    ctx = Keep._backward_cls()
    ctx.witness = w
    ctx.to_save = ctx.dirty_tensors = ctx.needs_input_grad = (ctx,)


@pytest.mark.parametrize(
    "build", [output_on_ctx, ctx_on_itself, saved_tensor_on_itself, declared_on_a_kept_ctx]
)
def test_cycle_is_collected(build):
    assert is_collected(build)


@rushlight_only
@pytest.mark.parametrize(
    "build",
    [
        output_and_itself,
        metadata,
        hook,
        result_on_ctx,
        later_function_on_ctx,
        output_on_the_leaf,
        ctx_on_a_saved_tensor,
    ],
)
def test_cycle_that_pytorch_leaks_is_collected(build):
    assert is_collected(build)


def test_failed_forward_leaves_nothing_behind():
    class Fails(Function):
        @staticmethod
        def forward(ctx, x, witness):
            ctx.save_for_backward(x)
            ctx.witness = witness
            raise ValueError

    def build(witness):
        with pytest.raises(ValueError):
            Fails.apply(leaf([1.0]), witness)

    is_collected(build, by_counting=True)  # the traceback may hold it
    assert is_collected(lambda w: (build(w), setattr(w, "me", w)))


def test_ctx_kept_from_forward_answers_while_and_after_the_graph_lives():
    kept = []
    x = leaf([1.0])
    y = Keep.apply(x, None, lambda ctx, x, y: (kept.append(ctx), ctx.save_for_backward(x)))
    ctx = kept.pop()
    assert ctx is y.grad_fn
    del y
    gc.collect()
    assert ctx.next_functions[0][0].variable is x
    assert ctx.saved_tensors[0] is x and ctx.needs_input_grad == (True, False, False)
    assert ctx.name() == "KeepBackward" and ctx.metadata == {}


def test_ctx_kept_from_backward_survives_the_graph():
    kept = []

    class Keeps(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.text = "kept"
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            kept.append(ctx)
            return grad * 2

    x = leaf([1.0])
    Keeps.apply(x).backward()
    gc.collect()
    assert kept[0].text == "kept" and kept[0].next_functions[0][0].variable is x
    kept.clear()
    assert_values(x.grad, [2])


def test_output_deleted_inside_backward():
    holder = {}

    class Deletes(Function):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, grad):
            holder.clear()
            gc.collect()
            return grad * ctx.saved_tensors[0]

    x = leaf([0.0])
    holder["y"] = Deletes.apply(x)
    holder["y"].sum().backward()
    assert_values(x.grad, [1])


def test_finalizer_that_builds_and_drops_graphs():
    made = []

    class Builds:
        def __del__(self):
            made.append(Keep.apply(Keep.apply(leaf([1.0])), None).item())

    y = leaf([1.0])
    for _ in range(5):
        y = Keep.apply(y, Builds())
    del y
    gc.collect()
    assert made == [4.0] * 5


def test_backward_inside_backward():
    class Inner(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x.detach() ** 3

        @staticmethod
        def backward(ctx, grad):
            (x,) = ctx.saved_tensors
            with torch.enable_grad():
                y = x.detach().requires_grad_()
                (y**3).backward(grad)
            assert not torch.is_grad_enabled()
            return y.grad

    x = leaf([2.0])
    (Inner.apply(Inner.apply(x)) * 1).backward()
    assert_values(x.grad, [3 * 64 * 12])


def test_backward_through_its_own_graph_from_backward():
    x = leaf([1.0])
    depth = []

    class Again(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            if len(depth) < 5:
                depth.append(1)
                with torch.enable_grad():
                    again = Again.apply(x)
                again.backward()
            return grad * 2

    Again.apply(x).backward()
    assert_values(x.grad, [12])


@rushlight_only
def test_backward_inside_itself_without_end_is_refused():
    class Endless(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, grad):
            with torch.enable_grad():
                y = Endless.apply(leaf([1.0]))
            y.backward()

    with pytest.raises((RecursionError, RuntimeError), match="recursion depth exceeded"):
        Endless.apply(leaf([1.0])).backward()
    assert torch.is_grad_enabled()


def test_threads_run_backward_at_the_same_time():
    def work():
        for _ in range(50):
            x = leaf([1.0])
            for _ in range(3):
                Keep.apply(Keep.apply(x)).backward()
            results.append(x.grad.item())

    results = []
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [12.0] * 200


def test_graph_is_freed_on_another_thread():
    y = leaf([1.0])
    for _ in range(1000):
        y = Keep.apply(y)
    holder = [y]
    del y
    thread = threading.Thread(target=holder.clear)
    thread.start()
    thread.join()
    assert not holder


def test_a_leaf_used_by_what_runs_as_its_graph_dies():
    # It took the AccumulateGrad that was to be destroyed next, which was destroyed twice.
    w, kept = leaf(2.0), []

    class Told:
        def __del__(self):
            kept.append(w * 3)

    for _ in range(3):
        y = Keep.apply(w, None, lambda ctx, x, y: setattr(ctx, "told", Told()))
        del y
        gc.collect()
        kept[-1].backward()
    assert_values(w.grad, 9.0)


def test_deep_chain_runs_and_is_released_without_recursion():
    assert "ok" in run_script("deep_functions")


@rushlight_only
def test_repeated_use_does_not_grow():
    def use():
        x = leaf([1.0])
        y = Keep.apply(x, None, lambda ctx, x, y: ctx.save_for_backward(x, y))
        y.grad_fn.metadata["a"] = y.grad_fn.needs_input_grad
        y.sum().backward()

    for _ in range(10):
        use()
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(1000):
        use()
    gc.collect()
    assert len(gc.get_objects()) - before < 50

"""``register_multi_grad_hook``: one hook on the gradients of several tensors."""

import weakref

from rushlight import _C
from rushlight.utils.hooks import RemovableHandle

_C._add_package_globals(globals())


class _MultiHandle(RemovableHandle):
    """Removes a hook from several tensors."""

    def __init__(self, handles):
        self.handles = tuple(handles)

    def remove(self):
        """Remove the hook from all of them; does nothing the second time."""
        for handle in self.handles:
            handle.remove()

    def __getstate__(self):
        return self.handles

    def __setstate__(self, state):
        self.handles = state


def _source(tensor):
    """What tells of a tensor whether a pass brings its gradient, and keeps nothing alive.

    A leaf has a node only while a graph leads to it, and another one for the next graph.
    """
    if tensor.is_leaf:
        return weakref.ref(tensor)
    return _C._weak_node(_C._gradient_edge(tensor)[0])


def _runs(source):
    """Whether the pass that is under way runs the node at ``source``, or captures there."""
    if isinstance(source, weakref.ref):
        leaf = source()
        edge = None if leaf is None else _C._gradient_edge(leaf)
        return edge is not None and _C._will_engine_execute_node(edge[0])
    return _C._will_engine_execute_node(source)


class _Waiting:
    """What one backward pass has still to bring, and has brought."""

    __slots__ = ("missing", "grads")

    def __init__(self, sources):
        self.missing = sum(map(_runs, sources))
        self.grads = [None] * len(sources)


class _All:
    """Calls ``fn`` with all gradients, once the last that the pass computes is there."""

    def __init__(self, fn, sources):
        self.fn = fn
        self.sources = sources

    def on(self, index):
        """The hook of one of the tensors."""

        def hook(grad):
            # Kept by the pass itself: passes of several threads do not meet, and one that fails
            # leaves nothing behind.
            passes = _C._current_graph_task_dict()
            waiting = passes.get(self)
            if waiting is None:
                waiting = passes[self] = _Waiting(self.sources)
            waiting.grads[index] = grad
            waiting.missing -= 1
            if waiting.missing == 0:
                del passes[self]
                self.fn(waiting.grads)

        return hook


class _Any:
    """Calls ``fn`` with the first gradient of each pass."""

    def __init__(self, fn):
        self.fn = fn

    def __call__(self, grad):
        passes = _C._current_graph_task_dict()
        if self not in passes:
            passes[self] = True
            self.fn(grad)


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """Call a hook once in each backward pass that computes gradients of these tensors.

    tensors: a sequence of tensors. fn: with mode "all" gets a list of their gradients when the last
    is there, None for those that the pass does not compute; with mode "any" the first gradient.
    What it returns is ignored. Returns: a handle that removes it from all the tensors.
    Raises: ValueError for another mode; with "all", AssertionError for a tensor that does not
        require grad, which "any" passes over.
    With "all" PyTorch refuses leaves that autograd.grad was asked for, and does not wait for the
    tensor that the pass starts from.
    """
    if mode == "any":
        hook = _Any(fn)
        return _MultiHandle(t.register_hook(hook) for t in tensors if t.requires_grad)
    if mode != "all":
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    for i, t in enumerate(tensors):
        if _C._gradient_edge(t) is None:
            raise AssertionError(
                "Expected gradient function to be set\n"
                f"  tensors[{i}] does not require grad\n"
                "  fix: leave it out, or make it require grad before anything is computed from it."
            )
    hooks = _All(fn, [_source(t) for t in tensors])
    return _MultiHandle(t.register_hook(hooks.on(i)) for i, t in enumerate(tensors))

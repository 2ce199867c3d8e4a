"""Checkpoints: compute a part of the program again in the backward pass instead of saving it."""

from contextlib import contextmanager, nullcontext
from weakref import WeakKeyDictionary, ref

import rushlight
from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr
from rushlight.autograd import backward, enable_grad
from rushlight.autograd.function import Function
from rushlight.autograd.graph import saved_tensors_hooks
from rushlight.random import fork_rng, get_rng_state, set_rng_state

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "CheckpointPolicy",
    "SelectiveCheckpointContext",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]

_C._add_package_globals(globals())

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._selective import (
        CheckpointPolicy,
        SelectiveCheckpointContext,
        create_selective_checkpoint_contexts,
    )

# What the contexts below set; None leaves the choice to each call.
_early_stop = None
_debug = None

_TIP = (
    "\nTip: To see a more detailed error message, either pass `debug=True` to\n"
    "`torch.utils.checkpoint.checkpoint(...)` or wrap the code block\n"
    "with `with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):` to\n"
    "enable checkpoint\u2011debug mode globally.\n"
)


class CheckpointError(RuntimeError):
    """The function did something else when it was run again."""


@contextmanager
def set_checkpoint_debug_enabled(enabled):
    """Context that overrides ``debug`` of the checkpoints made in it; None overrides nothing."""
    global _debug
    before, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = before


@contextmanager
def set_checkpoint_early_stop(enable):
    """Context that overrides ``early_stop`` of the checkpoints made in it."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


def noop_context_fn():
    """Return two contexts that do nothing: the default of ``context_fn``."""
    return nullcontext(), nullcontext()


def checkpoint(
    function,
    *args,
    use_reentrant=None,
    context_fn=noop_context_fn,
    determinism_check="default",
    debug=False,
    early_stop=True,
    **kwargs,
):
    """Return ``function(*args, **kwargs)``, saving the arguments instead of what lies between.

    The backward pass runs the function again, once for each pass that needs what it saved; so it
    has to do the same each time. Memory for time: at most one more forward pass.

    use_reentrant: False: recorded as usual, each saved tensor is a place that the second run fills.
        True: run in no_grad, and in the backward pass by a backward() of its own; an argument and
        an output have to require grad, only ``backward()`` without ``inputs`` works, keywords do
        not. None: True, with a warning. The next four are for False only.
    context_fn: returns two contexts, for the first run and for the second.
    determinism_check: "default" compares shape, dtype and device of what both runs save, "none"
        nothing. debug: an error lists the operations of both runs. early_stop: the second run ends
        as soon as all saved tensors are there.
    preserve_rng_state (a keyword, True): the second run draws the same random numbers.
    Raises: CheckpointError in the backward pass where the second run saves other tensors;
        ValueError for options that do not go together.
    """
    use_reentrant = _chosen(
        use_reentrant,
        "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. Starting "
        "in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception.",
    )
    preserve = kwargs.pop("preserve_rng_state", True)
    if not use_reentrant:
        return _run(
            function, args, kwargs, preserve, context_fn, determinism_check, debug, early_stop
        )
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug is not False:
        raise ValueError(
            "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
        )
    return CheckpointFunction.apply(function, preserve, *args)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """Return the input sent through the functions one by one, in checkpoints of equal length.

    functions: a Sequential, or a list of callables of one tensor. segments: how many parts; the
    last one, which takes the rest, is not checkpointed. preserve_rng_state: as of ``checkpoint``.
    """
    use_reentrant = _chosen(
        use_reentrant,
        "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be "
        "passed explicitly. In version 2.9 we will raise an exception if use_reentrant is not "
        "passed.",
    )
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    functions = list(functions.children() if hasattr(functions, "children") else functions)
    length = len(functions) // segments
    last = length * (segments - 1)

    def through(part):
        def forward(value):
            for function in part:
                value = function(value)
            return value

        return forward

    for start in range(0, last, length):
        input = checkpoint(
            through(functions[start : start + length]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )
    return through(functions[last:])(input)


def check_backward_validity(inputs):
    """Warn where none of the inputs is a tensor that requires grad."""
    if not any(i.requires_grad for i in inputs if isinstance(i, _C.Tensor)):
        _warn("None of the inputs have requires_grad=True. Gradients will be None")


def detach_variable(inputs):
    """Return a tuple of leaves with the values of these tensors; what is no tensor stays."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    return tuple(
        i.detach().requires_grad_(i.requires_grad) if isinstance(i, _C.Tensor) else i
        for i in inputs
    )


def get_device_states(*args):
    """Return the indices and the random states of the devices, the CPU apart, of these tensors.

    Both lists are empty: every tensor lies on the CPU, whose state ``get_rng_state()`` gives.
    """
    return [], []


def set_device_states(devices, states, *, device_type=None):
    """Set the random state of each of these devices.

    device_type: the name of the devices' module; the CPU's where it is None.
    Raises: AttributeError where the module knows no single devices, as that of the CPU.
    """
    if device_type == "meta":
        return
    module = getattr(rushlight, device_type or "cpu")
    for device, state in zip(devices, states):
        with module.device(device):
            module.set_rng_state(state)


def _chosen(use_reentrant, sentence):
    if use_reentrant is not None:
        return use_reentrant
    _warn(
        f"{sentence} use_reentrant=False is recommended, but if you need to preserve the current "
        "default behavior, you can pass use_reentrant=True. Refer to docs for more details on the "
        "differences between the two variants."
    )
    return True


def _warn(message):
    import warnings

    warnings.warn(message, UserWarning, stacklevel=4)


@contextmanager
def _rng(state):
    """Draw from this state; None changes nothing."""
    with fork_rng(devices=[], enabled=state is not None):
        if state is not None:
            set_rng_state(state)
        yield


# --- use_reentrant=True


class CheckpointFunction(Function):
    """Runs a function without recording it, and again, recorded, in the backward pass."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        """Run it for the first time."""
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.rng_state = get_rng_state() if preserve_rng_state else None
        _save(ctx, args)
        return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        """Run it again and play that part of the graph backwards."""
        if not _C._is_checkpoint_valid():
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the "
                "`inputs` argument."
            )
        leaves = detach_variable(tuple(_saved(ctx)))
        with _rng(ctx.rng_state), enable_grad():
            outputs = ctx.run_function(*leaves)
        if isinstance(outputs, _C.Tensor):
            outputs = (outputs,)
        roots = [
            (out, grad)
            for out, grad in zip(outputs, grads, strict=False)
            if isinstance(out, _C.Tensor) and out.requires_grad
        ]
        if not roots:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        backward(*map(list, zip(*roots, strict=True)))
        return None, None, *(i.grad if isinstance(i, _C.Tensor) else None for i in leaves)


def _save(ctx, args):
    """Save the tensors among them in the graph, the others in the context."""
    ctx.others = [None if isinstance(arg, _C.Tensor) else arg for arg in args]
    ctx.places = [i for i, arg in enumerate(args) if isinstance(arg, _C.Tensor)]
    ctx.save_for_backward(*(args[i] for i in ctx.places))


def _saved(ctx):
    """Return the arguments, the tensors as they were saved."""
    args = list(ctx.others)
    for i, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
        args[i] = tensor
    return args


# --- use_reentrant=False


class _Arguments(Function):
    """Makes a node that saves the arguments, as that of an operation would."""

    @staticmethod
    def forward(ctx, wanted, *args):
        _save(ctx, args)
        return wanted.detach()


class _Place:
    """Stands in the graph for a saved tensor."""

    __slots__ = ("__weakref__",)


class _Done(Exception):
    """Every place is filled: leave the function."""


class _Region:
    """One call of checkpoint(). Lives as long as a place of it is in the graph."""

    def __init__(self, again, args, describe, early_stop):
        self.again = again  # runs the function on these arguments
        self.arguments = _Arguments.apply(_C.zeros(0, requires_grad=True), *args).grad_fn
        self.describe = describe
        self.early_stop = early_stop
        self.places = []  # weak: in the order in which the tensors were saved
        self.descriptions = []
        self.complete = False  # the first run has come to its end
        self.runs = {}  # by the backward pass that needed them

    def pack(self, tensor):
        """Leave a place in the graph."""
        place = _Place()
        self.places.append(ref(place))
        self.descriptions.append(self.describe(tensor))
        return place

    def unpack(self, place):
        """Return the tensor for this place, once in each backward pass."""
        task = _C._current_graph_task_id()
        run = self.runs.get(task)
        if run is None:
            run = _Again(self)
            run.fill()
            # What other passes have used up is of no use any more.
            self.runs = {id: r for id, r in self.runs.items() if any(r.tensors.values())}
            if task >= 0:
                self.runs[task] = run
        if place not in run.tensors:
            raise CheckpointError("the function, run again, did not save what backward needs")
        tensor = run.tensors[place]
        if tensor is None:
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already "
                "unpacked once. If you are calling ctx.saved_tensors in backward, make sure to do "
                "so only once. Otherwise please open an issue with details on your use case."
            )
        run.tensors[place] = None
        return tensor[0]


class _Again:
    """The second run of a region."""

    def __init__(self, region):
        self.region = region
        self.count = 0
        self.compares = True
        self.tensors = WeakKeyDictionary()  # (tensor,) by its place; None once it was used

    def fill(self):
        """Run the function until all places are filled; raise where it saves other tensors."""
        args = _saved(self.region.arguments)
        try:
            with saved_tensors_hooks(self.pack, lambda t: t), enable_grad():
                self.region.again(args)
        except _Done:
            pass
        if self.compares:
            self.compare()
        del self.region  # which keeps this run

    def pack(self, tensor):
        region = self.region
        tensor = tensor.detach() if tensor.requires_grad else tensor
        i = self.count
        self.count += 1
        if i >= len(region.places):
            if region.complete:
                raise CheckpointError(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation "
                    f"than during the original forward pass.\n{_TIP}"
                )
            self.compares = False  # a backward pass inside the first run needed no more
            return tensor
        place = region.places[i]()
        if place is not None:
            self.tensors[place] = (tensor,)
        if region.early_stop and self.count == len(region.places):
            raise _Done
        return tensor

    def compare(self):
        region = self.region
        if self.count != len(region.places):
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\nNumber of tensors saved during forward: "
                f"{len(region.places)}\nNumber of tensors saved during recomputation: "
                f"{self.count}.\n{_TIP}"
            )
        differences = ""
        for i, (place, saved) in enumerate(zip(region.places, region.descriptions, strict=True)):
            place = place()
            if place is None or saved == (found := region.describe(self.tensors[place][0])):
                continue
            differences += (
                f"tensor at position {i}:\nsaved metadata: {saved}\nrecomputed metadata: {found}\n"
            )
        if differences:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                f"different metadata than during the forward pass.\n{differences}.\n{_TIP}"
            )


_CHECKS = {
    "default": lambda t: {"shape": t.shape, "dtype": t.dtype, "device": t.device},
    "none": lambda t: None,
}


def _run(function, args, kwargs, preserve, context_fn, determinism_check, debug, early_stop):
    debug = debug if _debug is None else _debug
    if debug:
        if context_fn is not noop_context_fn:
            raise ValueError("debug=True is incompatible with non-default context_fn")
        from ._checkpoint_debug import Logs

        context_fn = logs = Logs()
    if determinism_check not in _CHECKS:
        raise ValueError(
            f"determinism_check should be one of {list(_CHECKS)}, but got {determinism_check}"
        )
    first, second = context_fn()
    state = get_rng_state() if preserve else None
    if not _C.is_grad_enabled():
        return function(*args, **kwargs)

    def again(args):
        with _rng(state), second:
            function(*args, **kwargs)

    early_stop = early_stop if _early_stop is None else _early_stop
    region = _Region(again, args, _CHECKS[determinism_check], early_stop)
    unpack = logs.explaining(region.unpack) if debug else region.unpack
    with saved_tensors_hooks(region.pack, unpack), first:
        result = function(*args, **kwargs)
        region.complete = True
    if not region.complete:
        raise RuntimeError(
            "torch.utils.checkpoint: the forward context provided by context_fn suppressed an "
            "exception raised during the checkpointed forward. This is not supported because "
            "checkpoint cannot return a value for a failed forward."
        )
    return result


_SELECTIVE = (
    "CheckpointPolicy",
    "SelectiveCheckpointContext",
    "create_selective_checkpoint_contexts",
)


def __getattr__(name):
    if name in _SELECTIVE:
        from . import _selective

        value = globals()[name] = getattr(_selective, name)
        return value
    raise _module_getattr(__name__, name)

"""Selective checkpoints: which outputs to keep instead of computing them again."""

import enum

from rushlight import _C, _ops
from rushlight._site import line_of

_C._add_package_globals(globals())


class CheckpointPolicy(enum.Enum):
    """What becomes of an operation's output.

    ``*_SAVE``: it is kept, and the second run takes it. All others: it is computed again, those
    for offloading, too, since memory of the CPU is all there is. ``MUST_*`` is ``PREFER_*``.
    """

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


class SelectiveCheckpointContext:
    """What a policy is told: ``op_output``, and ``is_recompute``, False whenever it is asked."""

    def __init__(self, *, is_recompute, op_output=None):
        self.is_recompute = is_recompute
        self.op_output = op_output


_SAVES = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE, True)
_RECOMPUTED, _CONSUMED = object(), object()
_MISMATCH = (
    "This can happen if the operations in the checkpointed region are nondeterministic or depend "
    "on global state that changed between forward and backward."
)


class _Kept:
    """A tensor without its history, at the version it had."""

    def __init__(self, tensor, op):
        self.op = op
        self.tensor = tensor.detach()
        self.version = self.tensor._version

    def get(self, may_have_changed):
        if may_have_changed or self.tensor._version == self.version:
            return self.tensor
        site = _C._last_writer(self.tensor)
        raise RuntimeError(
            "Tensor cached during selective activation checkpoint has been mutated\n"
            f"  kept as       the output of {self.op}\n"
            + (f"  changed in    {line_of(site)}\n" if site else "")
            + "  fix: change a clone() of it, or leave its operation out of those to keep."
        )


class _Mode:
    """A scope in which this thread's operations are seen."""

    before = after = None

    def __init__(self, outputs):
        self.outputs = outputs  # by operation, in the order of its calls
        self.counts = {}

    def __enter__(self):
        self.counts.clear()
        _C._push_op_mode(self.before, self.after)
        return self

    def __exit__(self, *error):
        _C._pop_op_mode()

    def next_index(self, op):
        """Count this call of the operation."""
        index = self.counts.get(op, 0)
        self.counts[op] = index + 1
        return index


class _Keeping(_Mode):
    """The first run: asks the policy after each operation."""

    def __init__(self, outputs, policy):
        super().__init__(outputs)
        self.policy = policy

    def after(self, name, args, kwargs, output):
        op = _seen(name, args, kwargs)
        if op is None:
            return
        context = SelectiveCheckpointContext(is_recompute=False, op_output=output)
        entry = _RECOMPUTED
        answer = self.policy(context, op, *args, **kwargs)
        if any(answer is saves for saves in _SAVES):
            several = isinstance(output, tuple)
            entry = tuple(_Kept(t, op) for t in output) if several else _Kept(output, op)
        self.outputs.setdefault(op, {})[self.next_index(op)] = entry


class _Using(_Mode):
    """The second run: has the outputs that were kept."""

    def __init__(self, outputs, may_have_changed):
        super().__init__(outputs)
        self.may_have_changed = may_have_changed

    def before(self, name, args, kwargs):
        op = _seen(name, args, kwargs)
        if op is None:
            return None
        index = self.next_index(op)
        if op not in self.outputs:
            raise RuntimeError(
                f"{op} encountered during backward but not found in storage. {_MISMATCH}"
            )
        entry = self.outputs[op].get(index)
        if entry is None:
            raise RuntimeError(
                f"{op} invocation index {index} encountered during backward but not found in "
                f"storage. {_MISMATCH}"
            )
        if entry is _CONSUMED:
            raise RuntimeError(
                "Trying to backward an extra time. You are only allowed to backward once on any "
                "region computed under selective activation checkpoint."
            )
        if entry is _RECOMPUTED:
            return None
        self.outputs[op][index] = _CONSUMED
        if isinstance(entry, tuple):
            return tuple(kept.get(self.may_have_changed) for kept in entry)
        return entry.get(self.may_have_changed)


def _seen(name, args, kwargs):
    """Return the operation in PyTorch's words; None where no policy is asked about it."""
    # The runs of a checkpoint detach a different number of tensors.
    return None if name == "detach" else _ops.of_call(name, args, kwargs)


def create_selective_checkpoint_contexts(policy_fn_or_list, allow_cache_entry_mutation=False):
    """Return the two contexts of a checkpoint that keeps some outputs; give it as ``context_fn``.

    policy_fn_or_list: a list of operations, ``[torch.ops.aten.mm.default]``, of which to keep the
        outputs; or a function called after each operation of the first run, as
        ``policy(ctx, op, *args, **kwargs)``, whose answer is a CheckpointPolicy, or True to keep
        the output. Views and what is written in place run again whatever the answer.
    allow_cache_entry_mutation: what was kept may have been written since.
    Raises: TypeError, ValueError for what is no policy; RuntimeError in the backward pass where a
        kept output has changed, the second run has other operations, or kept outputs were used up
        by an earlier pass.
    """
    policy = policy_fn_or_list
    if isinstance(policy, list):
        for op in policy:
            _check_operation(op)
        kept = frozenset(policy)

        def policy(ctx, op, *args, **kwargs):
            return op in kept

    elif not callable(policy):
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    outputs = {}
    return _Keeping(outputs, policy), _Using(outputs, allow_cache_entry_mutation)


def _check_operation(op):
    if isinstance(op, _ops.OpOverload):
        return
    more = ""
    if isinstance(op, _ops.OpOverloadPacket):
        more = (
            "Please update the OpOverloadPacket to a specific OpOverload."
            "For example, if you have `torch.ops.aten.mm`, change it to "
            "`torch.ops.aten.mm.default`."
        )
    raise ValueError(
        f"Expected op in `op_list` to be an OpOverload but got: {op} of type {type(op)}. {more}"
    )

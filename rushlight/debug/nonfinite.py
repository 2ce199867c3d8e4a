"""Where an infinity or nan was born: watch_nonfinite() looks on, explain_nonfinite() tells."""

import os
import sys
import warnings
import weakref

from rushlight import _C, Tensor, no_grad

from ._report import NonfiniteReport

_C._add_package_globals(globals())

__all__ = ["NonfiniteError", "NonfiniteReport", "explain_nonfinite", "watch_nonfinite"]

_MODES = ("record", "warn", "raise")
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep

_UNSAID = object()

_mode = None
_each = False  # every operation is looked at
_token = None  # of the newest watch: [whether it was not stopped]
_reports = {}  # id(gradient) -> (weak reference, report)
_last = None
_warned = set()


class NonfiniteError(RuntimeError):
    """A value or gradient is not finite. `report` is the NonfiniteReport."""

    def __init__(self, report):
        super().__init__(str(report))
        self.report = report


def _is_ours(frame):
    return frame.f_code.co_filename.startswith(_PACKAGE)


def _name_of(tensor):
    """What the user's program calls a tensor, from the frames above; None where nothing is."""
    if tensor is None:
        return None
    from ._holders import name_in

    frame = sys._getframe(1)
    while frame is not None:
        name = None if _is_ours(frame) else name_in(frame, tensor)
        if name is not None:
            return name
        frame = frame.f_back
    return None


def _unseen(function):
    """Run without telling subclasses of Tensor."""

    def run(*args):
        with _C.DisableTorchFunction():
            return function(*args)

    return run


def _private(function):
    """Run without recording, and unseen by watchers."""

    @_unseen
    def run(*args):
        before = _C._pause_nonfinite(True)
        try:
            with no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the user has had them
                return function(*args)
        finally:
            _C._pause_nonfinite(before)

    return run


def _searched(search, *found):
    """The report of a search, or where that fails, None and the note that says so."""
    try:
        return search(*found), None
    except Exception as error:  # of ours: it is not to end the user's pass
        first = str(error).split("\n")[0]
        return None, f"the search for it failed: {type(error).__name__}: {first}"


@_private
def _unknown(subject, tensor, note):
    from ._births import Birth
    from ._values import first_bad

    index = first_bad(tensor)
    return NonfiniteReport(
        subject, index, _entry(tensor, index), Birth("unknown", [], None, (note,))
    )


def _entry(tensor, index):
    return tensor.detach()[index].item()


def _tell(report):
    """What the mode asks for. Raises: NonfiniteError in mode "raise"."""
    global _last
    _last = report
    if _mode == "raise":
        raise NonfiniteError(report)
    if _mode == "warn":
        site = report.site
        birth = (report.kind, report.node, site and (site.filename, site.lineno, site.column))
        if birth not in _warned:
            _warned.add(birth)
            warnings.warn(str(report), RuntimeWarning, stacklevel=_C._user_stack_level())


def _remember(gradient, report):
    key = id(gradient)
    _reports[key] = (weakref.ref(gradient, lambda _: _reports.pop(key, None)), report)


@_private
def _explain_value(node, nr, value, subject):
    from ._births import forward_birth
    from ._values import Values, first_bad

    values = Values([node])
    values.give(node, nr, value)
    index = first_bad(value)
    birth = forward_birth(values, node, nr, index)
    return NonfiniteReport(subject, index, _entry(value, index), birth, _name_of(birth.source))


def _explain_root(node, nr, value, name):
    return _explain_value(node, nr, value, _name_of(value) or name)


@_unseen
def _begun(roots):
    """A pass begins with a value that is not finite. Returns: the report of it."""
    bad = (r for r in roots if r[2] is not None and _C._first_nonfinite(r[2]) >= 0)
    node, nr, value, _ = next(bad)
    name = "the value that backward() starts from"
    report, why = _searched(_explain_root, node, nr, value, name)
    if report is None:
        report = _unknown(name, value, why)
    _tell(report)
    return report


def _source_of(node):
    """What a gradient that belongs to a node is the gradient of."""
    if hasattr(node, "variable"):
        return _name_of(node.variable) or "a leaf"
    from ._values import title

    return (node.site and node.site.name) or f"what {title(node)} gave"


@_private
def _ended_reports(roots, leaves, captured, seen):
    from ._replay import Pass, captured_birth, leaf_birth

    played = Pass(roots, seen)
    found = []
    for node in leaves:
        grad = node.variable.grad
        birth, index = leaf_birth(played, node, grad)
        found.append((grad, f"{_name_of(node.variable) or 'a leaf'}.grad", index, birth))
    for node, nr, grad in captured:
        birth, index = captured_birth(played, node, nr, grad)
        found.append((grad, f"the gradient of {_source_of(node)}", index, birth))
    reports = []
    for grad, subject, index, birth in found:
        value, name = _entry(grad, index), _name_of(birth.source)
        reports.append((grad, NonfiniteReport(subject, index, value, birth, name)))
    for _, report in reports:
        _adopt_inner(report)
    return reports


def _adopt_inner(report):
    """Of a Function whose backward() ran a pass of its own, as checkpoints do, that knows more."""
    inner = _last
    if inner is None or report.kind != "backward" or inner.thread != report.thread:
        return
    if inner.run > report.run >= 0 and report.by_function:
        report.begin_with(inner)


@_unseen
def _ended(known, roots, leaves, captured, seen):
    """A pass leaves gradients that are not finite, or began with such a value: `known`."""
    if known is not None:
        for node in leaves:
            _remember(node.variable.grad, known)
        for _, _, grad in captured:
            _remember(grad, known)
        return
    reports, why = _searched(_ended_reports, roots, leaves, captured, seen)
    if reports is None:
        grads = [node.variable.grad for node in leaves] + [grad for *_, grad in captured]
        reports = [(grad, _unknown("a gradient", grad, why)) for grad in grads]
    for grad, report in reports:
        _remember(grad, report)
    for _, report in reports[:1]:
        _tell(report)


@_private
def _report_of(*found):
    from ._every_op import report_of

    return report_of(*found)


@_unseen
def _found(*found):
    """An operation has a result that is not finite, and had nothing that was not."""
    report, why = _searched(_report_of, *found)
    _tell(report or _unknown("the result", found[4], why))


class watch_nonfinite:  # a function that is a context manager, too
    """Look on while backward passes run, and find out where an infinity or nan was born.

    mode: "record" keeps a report of each, for explain_nonfinite(); "warn" also warns, once for
        each birth; "raise" raises NonfiniteError from backward(), before it begins where the value
        that it starts from is not finite. "off" or None stops watching.
    every_op: also look at each operation's result, right after the operation, in both passes; the
        mode then is "raise" unless another is given, and NonfiniteError is raised by the very
        statement that made the value. What an operation was given that was not finite is not its
        own doing. Costs 20 to 100 % of light operations' time.
    On from the call on, for all threads; with `with`, until the end of the block, and then as
    before. stop() ends it, too.
    Each pass looks at the values that it starts from and at the gradients that it leaves, keeps the
    graph until then, and graphs keep the arguments that cannot be computed again. Only where
    something is found, the values are computed again, without running custom Functions or hooks.
    Raises: ValueError for another mode; TypeError for an every_op that is no bool.
    """

    def __init__(self, mode=_UNSAID, *, every_op=False):
        if mode is _UNSAID:
            mode = "raise" if every_op else "record"
        if mode is not None and mode not in (*_MODES, "off"):
            raise ValueError(
                f"watch_nonfinite() takes 'record', 'warn', 'raise', 'off' or None, not {mode!r}"
            )
        if not isinstance(every_op, bool):
            raise TypeError(
                "watch_nonfinite(): argument 'every_op' must be bool, not "
                + type(every_op).__name__
            )
        self._before = _mode, _each, _token
        self._token = [True]
        _switch(None if mode == "off" else mode, every_op, self._token)

    def stop(self):
        """Stop watching; a watch that began later goes on."""
        self._token[0] = False
        if _token is self._token:
            _switch(None, False, _token)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        mode, every_op, token = self._before
        on = token is not None and token[0]  # it was not stopped meanwhile
        _switch(mode if on else None, every_op, token)


def _switch(mode, every_op, token):
    global _mode, _each, _token
    _mode, _each, _token = mode, bool(mode and every_op), token
    _C._watch_every_op(_found if _each else None)
    _C._watch_nonfinite(*((_begun, _ended) if mode else (None, None)))


def explain_nonfinite(tensor=None):
    """Tell where the infinity or nan in a gradient or a tensor was born.

    tensor: a gradient, x.grad, that a watched backward() left; a leaf, whose .grad is meant; a
        tensor with a graph, which is looked through now; nothing: the last that was found.
    Returns: NonfiniteReport, which shows as the story.
    Raises: ValueError where all entries are finite, or nothing is known; TypeError for no tensor.
    """
    if tensor is None:
        if _last is None:
            raise ValueError(
                "explain_nonfinite(): nothing has been found\n"
                "  fix: rushlight.debug.watch_nonfinite() before the forward pass."
            )
        return _last
    if not isinstance(tensor, Tensor):
        raise TypeError(f"explain_nonfinite() takes a tensor, not {type(tensor).__name__}")
    entry = _reports.get(id(tensor))
    if entry is not None and entry[0]() is tensor and _C._first_nonfinite(tensor) >= 0:
        return entry[1]
    if _C._first_nonfinite(tensor) >= 0:
        if tensor.grad_fn is not None:
            name = _name_of(tensor) or "the tensor"
            return _explain_value(tensor.grad_fn, tensor.output_nr, tensor, name)
        return _explain_leaf(tensor)
    if tensor.is_leaf and tensor.grad is not None and _C._first_nonfinite(tensor.grad) >= 0:
        return explain_nonfinite(tensor.grad)
    raise ValueError("explain_nonfinite(): every entry of the tensor (and of its .grad) is finite")


@_private
def _explain_leaf(tensor):
    from ._births import Birth, Step
    from ._values import first_bad

    index = first_bad(tensor)
    value = _entry(tensor, index)
    step = Step("forward", "", "", _C._last_writer(tensor), index, value, ())
    note = (
        "no watched backward pass left this gradient\n"
        "  fix: rushlight.debug.watch_nonfinite() before the forward pass."
    )
    name = _name_of(tensor) or "the tensor"
    return NonfiniteReport(name, index, value, Birth("data", [step], notes=(note,)), name)

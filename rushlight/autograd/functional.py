"""Jacobians and Hessians of a function, whole or times a vector, from backward passes alone."""

from rushlight import _C
from rushlight._missing import module_getattr as _module_getattr

from ._jacobians import unit_seeds

__all__ = ["vjp", "jvp", "jacobian", "hessian", "hvp", "vhp"]

_C._add_package_globals(globals())

_OUTPUTS = "outputs of the user-provided function"
_NOT_STRICT = " This is not allowed in strict mode"
_HELP = "\n  fix: strict=False gives zeros instead; detach() and no_grad() cut the graph."

# What strict mode says of a value that must require grad, and does not.
_MUST_REQUIRE_GRAD = {
    "outputs": "Output {} of the user-provided function does not require gradients. The outputs "
    "must be computed in a differentiable manner from the input when running in strict mode.",
    "grad_inputs": "The gradient with respect to input {} is independent of the inputs of the "
    f"user-provided function.{_NOT_STRICT}.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided "
    f"function with respect to input {{}} is independent of the input.{_NOT_STRICT}. You should "
    "ensure that your function is twice differentiable and that the jacobian depends on the "
    "inputs (this would be violated by a linear function for example).",
    "hessian": "The hessian of the user-provided function with respect to input {} is independent "
    f"of the input.{_NOT_STRICT}. You should ensure that your function is thrice differentiable "
    "and that the hessian depends on the inputs.",
}
_NO_PATH = f"The output of the user-provided function is independent of input {{}}.{_NOT_STRICT}."

# And of a gradient that is missing, or that create_graph=True finds constant, by whose it is.
_MUST_DEPEND = {
    "vjp": _NO_PATH,
    "jvp": "The gradient with respect to the input is independent of entry {} in the grad_outputs "
    f"when using the double backward trick to compute forward mode gradients.{_NOT_STRICT}.",
    "vhp": f"The jacobian of the user-provided function is independent of input {{}}."
    f"{_NOT_STRICT}.",
    "hvp": "The hessian of the user-provided function is independent of entry {} in the "
    f"grad_jacobian.{_NOT_STRICT} as it prevents from using the double backward trick to replace "
    "forward mode AD.",
}
_CONSTANT = (
    "The {} of the user-provided function is independent of input {}."
    f"{_NOT_STRICT} when create_graph=True."
)


# --- arguments and results ----------------------------------------------------------------------


def _as_tuple(value, name, caller):
    """Return a tuple of tensors, and whether it was one; TypeError for anything else."""
    given_tuple = isinstance(value, tuple)
    tensors = value if given_tuple else (value,)
    for i, each in enumerate(tensors):
        if not isinstance(each, _C.Tensor):
            which = f"value at index {i}" if given_tuple else f"given {name}"
            raise TypeError(
                f"The {name} given to {caller} must be either a Tensor or a tuple of Tensors "
                f"but the {which} has type {type(each)}."
            )
    return tensors, given_tuple


def _own(tensors, create_graph, requires_grad=True):
    """Tensors to differentiate by: views that the caller's graph reaches, or leaves of our own."""
    return tuple(
        t.view_as(t)
        if create_graph and t.requires_grad
        else t.detach().requires_grad_(requires_grad)
        for t in tensors
    )


def _given(tensors, was_tuple, create_graph):
    """Results in the form of the arguments, outside the graph unless create_graph asks for it."""
    if not create_graph:
        tensors = tuple(t.detach() for t in tensors)
    return tensors if was_tuple else tensors[0]


def _given_matrix(rows, outputs_tuple, inputs_tuple, create_graph):
    rows = tuple(_given(row, inputs_tuple, create_graph) for row in rows)
    return rows if outputs_tuple else rows[0]


def _call(func, inputs, caller, strict, one_element=False):
    """Return func's outputs as a tuple, and whether they were one.

    one_element: refuse what is not a single tensor of one element.
    """
    outputs, was_tuple = _as_tuple(func(*inputs), _OUTPUTS, caller)
    _require_grad(outputs, "outputs", strict)
    if one_element and was_tuple:
        raise RuntimeError(f"The function given to {caller} should return a single Tensor")
    if one_element and outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {caller} should contain a single element"
            f"\n  got {tuple(outputs[0].shape)}\n  fix: let it return its sum(), or take jacobian."
        )
    return outputs, was_tuple


def _vector(v, like, was_tuple, caller, create_graph, source):
    """Return v as tensors with the shapes of ``like``; None, where like is one number."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(
                f"The vector v can only be None if the {source} a single Tensor with a single "
                "element.\n  fix: give v, a tensor of the shape "
                + " and one of ".join(str(tuple(t.shape)) for t in like)
            )
        return None
    v = _own(_as_tuple(v, "v", caller)[0], create_graph, requires_grad=False)
    if len(v) != len(like):
        if was_tuple:
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}."
            )
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (got, wanted) in enumerate(zip(v, like, strict=True)):
        if got.shape != wanted.shape:
            entry = f"Entry {i} in " if was_tuple else ""
            raise RuntimeError(
                f"{entry}v has invalid size: should be {wanted.size()} but got {got.size()}."
            )
    return v


# --- gradients ----------------------------------------------------------------------------------


def _require_grad(tensors, stage, strict):
    """In strict mode, refuse a tensor that is missing or constant."""
    for i, t in enumerate(tensors if strict else ()):
        if t is None:
            raise RuntimeError(_NO_PATH.format(i) + _HELP)
        if not t.requires_grad:
            raise RuntimeError(_MUST_REQUIRE_GRAD[stage].format(i) + _HELP)


def _grad(outputs, inputs, vectors=None, create_graph=False, retain_graph=None):
    """Gradients of the outputs that have any; None for an input that none of them reaches."""
    vectors = vectors or (None,) * len(outputs)
    pairs = [
        (y, v) for y, v in zip(outputs, vectors, strict=True) if y is not None and y.requires_grad
    ]
    if not pairs:
        return (None,) * len(inputs)
    outputs, vectors = zip(*pairs, strict=True)
    return _C._grad(outputs, inputs, vectors, retain_graph, create_graph, True, False)


def _last_grad(outputs, inputs, v, like, caller, create_graph, strict):
    """The gradient that a function returns: zeros where there is none, or strict's error."""
    with _C.set_grad_enabled(create_graph or _C.is_grad_enabled()):
        grads = _grad(outputs, inputs, v, create_graph)
        filled = []
        for i, (g, t) in enumerate(zip(grads, like, strict=True)):
            if g is None and strict:
                raise RuntimeError(_MUST_DEPEND[caller].format(i) + _HELP)
            if strict and create_graph and not g.requires_grad:
                constant = "hessian" if caller in ("vhp", "hvp") else "jacobian"
                raise RuntimeError(_CONSTANT.format(constant, i) + _HELP)
            filled.append(_C.zeros_like(t) if g is None else g)
    return tuple(filled)


# --- the public functions -----------------------------------------------------------------------


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """Return func(*inputs), and v times the Jacobian: one backward pass.

    func: takes tensors, returns a Tensor or a tuple of them. inputs: a Tensor or a tuple.
    v: of the outputs' shapes; None stands for 1 where there is one output of one element.
    create_graph: keep both results in the graph, to differentiate them by inputs and v.
    strict: refuse an output or a gradient that does not depend on the inputs, instead of zeros.
    Returns: (outputs, gradients), a tuple where func's result and the inputs were one.
    Raises: TypeError for what is no tensor; RuntimeError for a v of other shapes, and by strict.
    """
    with _C.enable_grad():
        inputs, inputs_tuple = _as_tuple(inputs, "inputs", "vjp")
        inputs = _own(inputs, create_graph)
        outputs, outputs_tuple = _call(func, inputs, "vjp", strict)
        v = _vector(
            v, outputs, outputs_tuple, "vjp", create_graph, "user-provided function returns"
        )
    grads = _last_grad(outputs, inputs, v, inputs, "vjp", create_graph, strict)
    return (
        _given(outputs, outputs_tuple, create_graph),
        _given(grads, inputs_tuple, create_graph),
    )


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """Return func(*inputs), and the Jacobian times v: two backward passes.

    v: of the inputs' shapes; None stands for 1 where there is one input of one element. The rest is
        as in ``vjp``. The gradient is linear in grad_outputs, so its gradient by these is J v; that
        asks every op on the way for a second derivative.
    Returns: (outputs, J v), both in the form of func's result.
    """
    with _C.enable_grad():
        inputs, inputs_tuple = _as_tuple(inputs, "inputs", "jvp")
        inputs = _own(inputs, create_graph)
        v = _input_vector(v, inputs, inputs_tuple, "jvp", create_graph)
        outputs, outputs_tuple = _call(func, inputs, "jvp", strict)
        seeds = tuple(_C.zeros_like(y, requires_grad=True) for y in outputs)
        grads = _grad(outputs, inputs, seeds, create_graph=True)
        _require_grad(grads, "grad_inputs", strict)
    products = _last_grad(grads, seeds, v, outputs, "jvp", create_graph, strict)
    return (
        _given(outputs, outputs_tuple, create_graph),
        _given(products, outputs_tuple, create_graph),
    )


def _input_vector(v, inputs, inputs_tuple, caller, create_graph):
    source = "input to the user-provided function is"
    return _vector(v, inputs, inputs_tuple, caller, create_graph, source)


def jacobian(
    func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"
):
    """Return the derivative of each output's elements by each input's.

    func, inputs, create_graph, strict: as in ``vjp``. vectorize: not together with strict.
    strategy: "reverse-mode"; "forward-mode" is refused, there being no forward mode yet.
    Returns: for an output of shape S and an input of shape T a Tensor of shape S + T; a tuple over
        inputs where they were a tuple, in a tuple over outputs where those were one.
    Raises: as ``vjp``; RuntimeError where an output has no elements (with vectorize IndexError
        where none has any).
    Cost: one backward pass for each element of the outputs, with vectorize as without it.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        raise _no_forward_mode(create_graph, strict, vectorize)
    with _C.enable_grad():
        inputs, inputs_tuple = _as_tuple(inputs, "inputs", "jacobian")
        inputs = _own(inputs, create_graph)
        outputs, outputs_tuple = _call(func, inputs, "jacobian", strict)
        if vectorize and strict:
            raise RuntimeError(
                "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not "
                "supported together. Please either set `strict=False` or `vectorize=False`."
            )
        if vectorize and not any(y.numel() for y in outputs):
            raise IndexError("index 0 is out of bounds for dimension 0 with size 0")
        options = (create_graph, strict, vectorize)
        rows = [_row(y, i, inputs, *options) for i, y in enumerate(outputs)]
    return _given_matrix(rows, outputs_tuple, inputs_tuple, create_graph)


def _row(output, index, inputs, create_graph, strict, vectorize):
    """The Jacobians of one output by each input, from one backward pass per element."""
    if vectorize and output.numel() == 0:
        return tuple(x.detach().new_zeros(output.shape + x.shape) for x in inputs)
    columns = [[] for _ in inputs]
    for seed in unit_seeds(output):
        grads = _grad((output,), inputs, (seed,), create_graph, True)
        for i, (column, g, x) in enumerate(zip(columns, grads, inputs, strict=True)):
            if g is None and strict:
                raise RuntimeError(
                    f"Output {index} of the user-provided function is independent of input {i}."
                    f"{_NOT_STRICT}.{_HELP}"
                )
            if strict and create_graph and not g.requires_grad:
                raise RuntimeError(_CONSTANT.format("jacobian", index) + _HELP)
            column.append(_C.zeros_like(x) if g is None else g)
    return tuple(
        _C.stack(column).view(output.shape + x.shape)
        for column, x in zip(columns, inputs, strict=True)
    )


def _no_forward_mode(create_graph, strict, vectorize):
    """The error for strategy="forward-mode": PyTorch's, and the plain one where it would work."""
    for option, given, error in (
        ("create_graph", create_graph, NotImplementedError),
        ("strict", strict, RuntimeError),
    ):
        if given:
            return error(
                f"torch.autograd.functional.jacobian: `{option}=True` and "
                '`strategy="forward-mode"` are not supported together (yet). Please either set '
                f'`{option}=False` or `strategy="reverse-mode"`.'
            )
    if not vectorize:
        return NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly "
            "implemented for `vectorize=True`."
        )
    return NotImplementedError(
        'strategy="forward-mode" is not supported: rushlight has no forward mode\n'
        '  fix: strategy="reverse-mode" gives the same values.'
    )


def hessian(
    func,
    inputs,
    create_graph=False,
    strict=False,
    vectorize=False,
    outer_jacobian_strategy="reverse-mode",
):
    """Return the second derivatives of a function to one number.

    The arguments are ``jacobian``'s; func returns a Tensor of one element.
    Returns: for inputs of shapes S and T a Tensor of shape S + T; where the inputs were a tuple, a
        tuple of tuples: ``hessian(...)[i][j]`` is by input i and input j.
    Raises: as ``jacobian``; RuntimeError where func's result is a tuple or has several elements.
    Cost: one backward pass for each element of the inputs, after a recorded one.
    """
    inputs, inputs_tuple = _as_tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def number(*tensors):
        (output,), _ = _call(func, tensors, "hessian", strict, one_element=True)
        return output.squeeze()

    def gradient(*tensors):
        found = jacobian(number, tensors, create_graph=True)
        _require_grad(found, "jacobian", strict)
        return found

    found = jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found if inputs_tuple else found[0][0]


def _gradient(func, inputs, caller, strict):
    """Return func's one output and its recorded gradient by the inputs."""
    outputs, _ = _call(func, inputs, caller, strict, one_element=True)
    grads = _grad(outputs, inputs, create_graph=True)
    _require_grad(grads, "jacobian", strict)
    return outputs, grads


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """Return func(*inputs), and v times the Hessian: a backward pass through a recorded one.

    func returns a Tensor of one element; v has the inputs' shapes, None stands for 1 where that is
    one element. The rest is as in ``vjp``.
    Returns: (output, v H), the second in the form of the inputs.
    """
    with _C.enable_grad():
        inputs, inputs_tuple = _as_tuple(inputs, "inputs", "vhp")
        inputs = _own(inputs, create_graph)
        v = _input_vector(v, inputs, inputs_tuple, "vhp", create_graph)
        outputs, grads = _gradient(func, inputs, "vhp", strict)
    products = _last_grad(grads, inputs, v, inputs, "vhp", create_graph, strict)
    return _given(outputs, False, create_graph), _given(products, inputs_tuple, create_graph)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """Return func(*inputs), and the Hessian times v, by the trick of ``jvp``.

    The arguments and results are ``vhp``'s, and so are the values where second derivatives are
    continuous; ``vhp`` needs one backward pass less.
    """
    with _C.enable_grad():
        inputs, inputs_tuple = _as_tuple(inputs, "inputs", "hvp")
        inputs = _own(inputs, create_graph)
        v = _input_vector(v, inputs, inputs_tuple, "hvp", create_graph)
        outputs, grads = _gradient(func, inputs, "hvp", strict)
        seeds = tuple(_C.zeros_like(x, requires_grad=True) for x in inputs)
        second = _grad(grads, inputs, seeds, create_graph=True)
        _require_grad(second, "hessian", strict)
    products = _last_grad(second, seeds, v, inputs, "hvp", create_graph, strict)
    return _given(outputs, False, create_graph), _given(products, inputs_tuple, create_graph)


def __getattr__(name):
    raise _module_getattr(__name__, name)

"""The two Jacobians that gradcheck compares: from central differences and from backward passes.

A Jacobian has a row for each element of the input and a column for each of the output.
"""

import itertools

from rushlight import _C

_C._add_package_globals(globals())


def as_tuple(value):
    """A tuple of func's inputs or outputs: one object, a list or a tuple."""
    if isinstance(value, list | tuple):
        return tuple(value)
    return (value,)


def differentiable(values):
    """The values that require grad. Raises AttributeError for a value that is no tensor."""
    return tuple(v for v in as_tuple(values) if v.requires_grad)


def checked(inputs):
    """The inputs to differentiate by: tensors that require grad, among arguments of any kind."""
    return tuple(x for x in inputs if isinstance(x, _C.Tensor) and x.requires_grad)


# --- central differences ------------------------------------------------------------------------


def numerical_jacobian(fn, inputs, wanted, outputs, eps):
    """The Jacobians of all outputs by the input ``wanted``, a member of inputs.

    Cost: two calls of fn for each of its elements, which are written in place meanwhile.
    """
    data = wanted.data
    rows = []
    for index in itertools.product(*map(range, data.shape)):
        rows.append(_difference(fn, inputs, data[index], eps, eps, f"on index {index} "))
    if not rows:
        return tuple(y.detach().new_zeros((0, y.numel())) for y in outputs)
    return tuple(_C.stack(row) for row in zip(*rows, strict=True))


def numerical_product(fn, inputs, wanted, direction, eps):
    """The Jacobians' products with a direction of unit length, flat: two calls of fn."""
    data = wanted.data
    return _difference(fn, inputs, data, (direction * eps).reshape(data.shape), eps, "")


def _difference(fn, inputs, part, step, eps, where):
    """(fn at +step minus fn at -step) / 2 eps, each output flat; the part's values come back."""
    values = part.clone()
    try:
        part.copy_(values - step)
        below = _copies(fn(*inputs))
        part.copy_(values + step)
        above = _copies(fn(*inputs))
    finally:
        part.copy_(values)
    for a, b in zip(below, above, strict=True):
        for what, plural in (("shape", "shapes"), ("dtype", "dtypes")):
            got, other = getattr(a, what), getattr(b, what)
            if got != other:
                raise AssertionError(
                    f"Expected `func` to return outputs with the same {what} when inputs are "
                    f"perturbed {where}by {eps}, but got: {plural} {got} and {other}."
                )
    return tuple(((b - a) / (2 * eps)).reshape(-1) for a, b in zip(below, above, strict=True))


def _copies(outputs):
    # An output may be a view of the input, which is about to change.
    return tuple(y.detach().clone() for y in as_tuple(outputs))


# --- backward passes ----------------------------------------------------------------------------


def vjp(output, inputs, seed):
    """v times the Jacobian by each input, None where there is no path; the graph is kept."""
    return _C._grad((output,), inputs, (seed,), True, False, True, False)


def unit_seeds(output):
    """For each element of an output the gradient that picks it: 1 there, 0 elsewhere."""
    for k in range(output.numel()):
        seed = output.detach().new_zeros(output.numel())
        seed[k] = 1
        yield seed.view(output.shape)


def _fit(grads, inputs):
    """Whether gradients have their inputs' dtypes, and their shapes."""
    pairs = [(g, x) for g, x in zip(grads, inputs, strict=True) if g is not None]
    return all(g.dtype == x.dtype for g, x in pairs), all(g.shape == x.shape for g, x in pairs)


def analytical_jacobian(output, inputs):
    """The Jacobians of one output by each input, and the gradients' dtypes and shapes fit.

    Returns: (tuple of Jacobians, dtypes fit, shapes fit), no Jacobians where a shape does not.
    Cost: a pass for each output element.
    """
    columns = [[] for _ in inputs]
    dtypes_fit = shapes_fit = True
    for seed in unit_seeds(output):
        grads = vjp(output, inputs, seed)
        dtypes, shapes = _fit(grads, inputs)
        dtypes_fit, shapes_fit = dtypes_fit and dtypes, shapes_fit and shapes
        for column, g, x in zip(columns, grads, inputs, strict=True):
            column.append(x.detach().new_zeros(x.numel()) if g is None else g.reshape(-1))
    if not shapes_fit:
        return (), dtypes_fit, False
    found = tuple(
        _C.stack(column, 1) if column else x.detach().new_zeros((x.numel(), 0))
        for column, x in zip(columns, inputs, strict=True)
    )
    return found, dtypes_fit, True


def analytical_product(output, inputs, seed, directions):
    """v J u for each input, a 0-d tensor, with the two flags of ``analytical_jacobian``."""
    grads = vjp(output, inputs, seed.reshape(output.shape))
    dtypes_fit, shapes_fit = _fit(grads, inputs)
    if not shapes_fit:
        return (), dtypes_fit, False
    found = tuple(
        u.new_zeros(()) if g is None else (g.reshape(-1) * u).sum()
        for g, u in zip(grads, directions, strict=True)
    )
    return found, dtypes_fit, True


# --- comparisons --------------------------------------------------------------------------------


def close(found, wanted, rtol, atol):
    """Whether they are equal up to atol + rtol * |wanted|, in the wider of their dtypes."""
    dtype = _C.promote_types(found.dtype, wanted.dtype)
    return _C.allclose(found.to(dtype), wanted.to(dtype), rtol=rtol, atol=atol)


def same(first, second, tolerance):
    """Whether two runs gave the same Jacobians, up to a tolerance."""
    return all(
        a.numel() == 0 or not (a - b).abs().max().item() > tolerance
        for a, b in zip(first, second, strict=True)
    )


def unit_vector(tensor, generator):
    """A random direction for a tensor's elements: flat, positive, of length 1."""
    dtype = tensor.dtype if tensor.is_floating_point() else _C.float64
    vector = _C.rand(tensor.numel(), generator=generator).to(dtype)
    return vector / vector.norm()

"""Calls of the operators that take indices or masks."""

from .calls import Fixed, c, index, mask, op, t

ROWS = index([0, 1, 0], [1, 0, 1])
DISTINCT = index([0, 1, 2], [1, 0, 3])
FLAGS = mask([True, False, True], [False, False, True])


def moved(*calls, **options):
    return op(*calls, kinds=options.pop("kinds", ("special",)), **options)


OPERATORS = {
    "index_select": moved(
        c(t(3, 4), 0, index(2, 0, 2)),
        c(t(3, 4), dim=-1, index=index(1)),
        c(t(3, 4), 1, Fixed((3, 0), "int32")),
        c(t(), 0, index(0)),
        c(t(3), 0, Fixed(())),
        c(t(3), 0, index(3)),
        c(t(3), 0, index(-1)),
        c(t(3), 0, ROWS),
        c(t(3), 1, index(0)),
        c(t(3), 0, Fixed((0.0,), "float32")),
    ),
    "index_add": moved(
        c(t(3, 4), 0, index(2, 0), t(2, 4)),
        c(t(3, 4), 1, index(1, 1, 3), t(3, 3), alpha=2),
        c(t(3), dim=0, index=index(0, 0), source=t(2)),
        c(t(), 0, index(0), t()),
        c(t(3), 0, index(3), t(1)),
        c(t(3), 0, index(0, 1), t(1)),
        c(t(3, 2), 0, index(0), t(1, 3)),
        kinds=("ties", "special"),
    ),
    "index_copy": moved(
        c(t(3, 4), 0, index(2, 0), t(2, 4)),
        c(t(3, 4), 1, index(1, 3), t(3, 2)),
        c(t(3), dim=0, index=index(0, 1), source=t(2)),
        c(t(3), 0, index(3), t(1)),
        c(t(3), 0, index(0, 1), t(1)),
    ),
    "index_fill": moved(
        c(t(3, 4), 0, index(2, 0), 2),
        c(t(3, 4), 1, index(1, 3), 1.5),
        c(t(3), dim=0, index=index(0, -1), value=7),
        c(t(3), 0, index(0, 1), t()),
        c(t(3), 0, index(3), 1),
        c(t(3), 0, index(0), t(1)),
        c(t(), 0, index(0), 1),
    ),
    "put_": moved(
        c(t(3, 4), index(0, 5, -1), t(3)),
        c(t(3, 4), ROWS, t(2, 3), True),
        c(t(3), index(0, 2), t(2), accumulate=False),
        c(t(3), index(3), t(1)),
        c(t(3), index(0, 1), t(1)),
    ),
    "put": moved(c(t(3, 4), index(0, 5, -1), t(3)), c(t(3, 4), ROWS, t(2, 3), True)),
    "index_put": moved(
        c(t(3, 4), (index(0, 2), index(1, 3)), t(2)),
        c(t(3, 4), (index(0, 0),), t(2, 4), True),
        c(t(3, 4), (index(1),), t(), accumulate=False),
        c(t(3), (mask(True, False, True),), t(2)),
        c(t(3), (index(3),), t(1)),
        c(t(3), (index(0, 1),), t(3)),
    ),
    "gather": moved(
        c(t(3, 4), 1, ROWS),
        c(t(3, 4), dim=0, index=index([2, 0, 1, 0])),
        c(t(3), 0, index(2, 2, 0, 1)),
        c(t(3), 0, Fixed((1, 0), "int32")),
        c(t(3), 0, Fixed(())),
        c(t(3), 0, index(0), sparse_grad=False),
        c(t(), 0, Fixed(0)),
        c(t(3), 0, index(3)),
        c(t(3), 0, ROWS),
        c(t(2, 3), 1, index([0], [0], [1])),
    ),
    "scatter": moved(
        c(t(3, 4), 1, DISTINCT, t(2, 3)),
        c(t(3, 4), 0, index([2, 0, 1, 0]), 1.5),
        c(t(3), dim=0, index=index(2, 0), src=t(2)),
        c(t(3), 0, index(2, 0), value=2),
        c(t(3), 0, index(2, 2), t(2), reduce="add"),
        c(t(3), 0, index(2, 2), t(2), reduce="multiply"),
        c(t(3), 0, index(2, 2), 2, reduce="multiply"),
        c(t(3), 0, index(3), t(1)),
        c(t(3), 0, index(0, 1), t(1)),
        c(t(3), 0, index(0), t(1), reduce="mean"),
    ),
    "scatter_add": moved(
        c(t(3, 4), 1, ROWS, t(2, 3)),
        c(t(3), dim=0, index=index(2, 2, 0), src=t(3)),
        c(t(), 0, Fixed(0), t()),
        c(t(3), 0, index(3), t(1)),
        c(t(3), 0, index(0, 1), t(1)),
        kinds=("ties", "special"),
    ),
    "scatter_reduce": moved(
        *(
            c(t(3), 0, index(2, 2, 0, 2), t(4), reduce=r, include_self=own)
            for r in ("sum", "prod", "mean", "amax", "amin")
            for own in (True, False)
        ),
        c(t(3, 4), 1, ROWS, t(2, 3), "sum"),
        c(t(3), dim=0, index=index(0), src=t(1), reduce="amax"),
        c(t(3), 0, index(0), t(1), "other"),
        c(t(3), 0, index(3), t(1), "sum"),
        kinds=("ties", "special"),
    ),
    "masked_fill": moved(
        c(t(2, 3), FLAGS, 2),
        c(t(2, 3), FLAGS, 1.5),
        c(t(2, 3), mask(True, False, True), value=True),
        c(t(2, 3), FLAGS, t()),
        c(t(), mask(True), 2),
        c(t(3), FLAGS, 2),
        c(t(2), mask(True, False, True), 2),
        c(t(3), index(1, 0, 1), 2),
        c(t(3), mask(True, False, True), t(1)),
    ),
    "masked_select": moved(
        c(t(2, 3), FLAGS),
        c(t(2, 3), mask(True, False, True)),
        c(t(3), mask=FLAGS),
        c(t(), mask(True, False)),
        c(t(2), mask(True, False, True)),
        c(t(3), index(1, 0, 1)),
    ),
    "masked_scatter": moved(
        c(t(2, 3), FLAGS, t(4)),
        c(t(2, 3), mask(True, False, True), source=t(2, 2)),
        c(t(3), FLAGS, t(3)),
        c(t(3), mask(True, True, True), t(2)),
        c(t(3), index(1, 0, 1), t(3)),
    ),
    "take": moved(
        c(t(2, 3), index(0, 5, -1)),
        c(t(2, 3), index=ROWS),
        c(t(), index(0, 0)),
        c(t(3), Fixed(())),
        c(t(3), index(3)),
        c(t(3), Fixed((0,), "int32")),
    ),
    "take_along_dim": moved(
        c(t(2, 3), ROWS, 1),
        c(t(2, 3), index(5, 0, 3)),
        c(t(2, 3), index([0], [1]), dim=1),
        c(t(2, 3), indices=index([1, 0, 1]), dim=0),
        c(t(2, 3), index(0), 0),
    ),
    "nonzero": moved(
        c(t(3, 4)), c(t()), c(t(0)), c(t(8), as_tuple=True), kinds=("ties", "special")
    ),
    "argwhere": moved(c(t(3, 4)), c(t()), c(t(0)), c(t(8)), kinds=("ties", "special")),
    "one_hot": op(
        c(index(0, 2, 1)),
        c(ROWS, 3),
        c(index(1), num_classes=4),
        c(Fixed(1), 3),
        c(index(2), 2),
        c(index(-1)),
        c(Fixed(())),
        c(t(2)),
        kinds=(),
    ),
}

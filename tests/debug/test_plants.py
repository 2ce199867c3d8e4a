"""What is planted in an op that can make an infinity or nan is found there, both ways."""

import pytest
from support import rushlight_only, torch

if torch.__name__ == "rushlight":
    from rushlight.debug import explain_nonfinite, watch_nonfinite

    from .plants import Plant, finite, leaves_of, plants, refused, through
    from .without_plants import NO_GRADIENT, NO_VALUE

pytestmark = rushlight_only


def named_ops():
    for op in torch._C._op_table() if torch.__name__ == "rushlight" else ():
        if op["form"] != "internal" and op["differentiable"] and not op["composite"]:
            yield op["name"] + (f".{op['overload']}" if op["overload"] else ""), op


OPS = dict(named_ops())


def without(table):
    return {name: reason for reason, names in table.items() for name in names.split()}


def family(node):
    """The node's name without the number of its overload."""
    return node.rstrip("0123456789")


def check_found(op, kind, plant):
    leaves = leaves_of(plant.tensors)
    with watch_nonfinite():
        out = through(plant.function, leaves)
        out.backward(torch.full_like(out, -plant.gradient))
    report = explain_nonfinite()
    assert (report.kind, family(report.node)) == (kind, family(op["node"])), str(report)
    made = out.grad_fn.next_functions[0][0]
    while family(made.name()) != family(op["node"]):
        made = made.next_functions[0][0]
    assert report.site == made.site, str(report)
    assert not any("not known" in note for note in report.notes), str(report)


@pytest.mark.parametrize("name", sorted(OPS))
def test_a_planted_birth_is_found(name):
    op = OPS[name]
    found = plants(name, op)
    for kind, reasons in (("forward", without(NO_VALUE)), ("backward", without(NO_GRADIENT))):
        if kind not in found:
            assert name in reasons, f"no {kind} plant for {name}, and no reason why"
            continue
        assert name not in reasons, f"{name} has a {kind} plant, and a reason why it has none"
        check_found(op, kind, found[kind])


@pytest.mark.parametrize("name", sorted(n for n, op in OPS.items() if op["inplace"]))
def test_a_planted_birth_is_found_in_the_form_in_place(name):
    op = OPS[name]
    found = plants(name, op).get("forward")
    if found is None:
        assert name in without(NO_VALUE)
        return
    floats = [t for t in found.tensors if t.is_floating_point()]
    form = getattr(torch.Tensor, op["name"] + "_", None) or getattr(torch._C, op["name"] + "_")
    plant = Plant(form, found.tensors)
    out = refused(plant.function, *(t.clone() for t in found.tensors))
    if out is None or finite(out) or out.shape != floats[0].shape:
        plant = Plant(found.function, found.tensors)  # as the sample calls it
    check_found(op, "forward", plant)


def test_reasons_are_given_for_ops_that_exist():
    known = set(without(NO_VALUE)) | set(without(NO_GRADIENT))
    assert known <= OPS.keys()

"""Every operator in every form, dtype, layout and kind of value, against PyTorch's record.

``tests/data/record_matrix.py`` runs the same cases on PyTorch. A case without a record fails; one
operator is one test, which tells the first cases that differ and how many there are.
"""

import pytest
from support import rushlight_only, torch

from .cases import function_of, invoke, observe
from .compare import differs
from .differences import DIFFERENT, listed
from .records import read
from .tables import OPERATORS, all_cases
from .without import UNDER_ANOTHER_NAME

pytestmark = rushlight_only
SHOWN = 12


def accepted(name, operator, call, case, want, got):
    """Whether a difference is one of those on purpose: a rule explains it, and it is listed."""
    known = listed(name).get((call.key(), str(case)))
    if known is None or differs(known, got, operator, case):
        return False
    return any(rule.holds(name, call, case, want, got) for rule in DIFFERENT)


def mismatches(name, function=invoke):
    """The cases that differ from the record, as lines, and how many cases there are."""
    recorded, operator = read(name), OPERATORS[name]
    found, count = [], 0
    unused = set(listed(name)) if function is invoke else set()
    for call, case in all_cases(name):
        count += 1
        want = recorded.get((call.key(), str(case)))
        where = f"{name}({call.key()}) [{case}]"
        if want is None:
            found.append(f"{where}: not recorded: run tests/data/record_matrix.py {name}")
            continue
        try:
            got = observe(name, operator, call, case, function)
        except AssertionError as error:
            found.append(f"{where}: {error}")
            continue
        difference = differs(want, got, operator, case)
        if difference and accepted(name, operator, call, case, want, got):
            unused.discard((call.key(), str(case)))
        elif difference:
            found.append(f"{where}: {difference}")
    found += [f"{name}({c}) [{k}]: listed as different, but as recorded" for c, k in sorted(unused)]
    return found, count


@pytest.mark.parametrize("name", sorted(OPERATORS))
def test_values_errors_and_gradients_are_those_recorded(name, case_counts):
    spaces = (torch, torch.Tensor, torch.nn.functional)
    named = any(hasattr(s, n) for s in spaces for n in (name, name + "_"))
    assert named or ("." in name and function_of(name)), f"{name} is missing"
    found, count = mismatches(name)
    case_counts["cases of operators"] += count
    assert count, f"{name} has no calls: its samples are empty"
    assert not found, "\n".join([f"{len(found)} of {count} cases", *found[:SHOWN]])


def test_every_op_of_the_table_is_in_the_matrix():
    names = {op["name"] for op in torch._C._op_table() if op["form"] != "internal"}
    public = {n for n in names if not n.startswith("_")}
    assert not public - OPERATORS.keys() - UNDER_ANOTHER_NAME.keys()

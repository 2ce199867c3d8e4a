"""Every recorded case of PyTorch's behaviour, run on rushlight.

``data/spec_passing.json`` lists the cases that hold. A listed case that fails is a test failure
naming the case, what was expected and what came; an unlisted case that holds is reported.

    python tests/test_spec.py             what holds, by file, and what is missing
    python tests/test_spec.py WORDS       the cases whose name contains WORDS, with their reasons
    python tests/test_spec.py --update    add the cases that hold now to the list
    python tests/test_spec.py --update --allow-shrink    and drop those that no longer do
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import pytest
import spec_cases
from support import DATA, MODULE, ON_TORCH, torch

PASSING = DATA / "spec_passing.json"
CASES = spec_cases.all_cases()


def passing():
    """The listed cases: all of them where PyTorch itself is tested."""
    if ON_TORCH:
        return sorted(CASES)
    return json.loads(PASSING.read_text()) if PASSING.exists() else []


def reason(name):
    """None where the case holds, else why not."""
    try:
        with spec_cases.as_torch(torch):
            spec_cases.check(*CASES[name], torch)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a case may raise anything, SystemExit too
        return f"{type(error).__name__}: {error}"
    return None


def code(name):
    kind, case = CASES[name]
    return case.get("check") or case.get("snippet") or case["expr"]


LISTED = passing()
LOST = set()  # listed cases that failed in this run


@pytest.mark.parametrize("name", LISTED)
def test_case_that_held_still_holds(name):
    assert name in CASES, f"{name!r} is listed in {PASSING.name}, but in no file of cases"
    why = reason(name)
    if why is not None:
        LOST.add(name)
    assert why is None, f"{name}\n{code(name)}\n{why}"


@pytest.mark.parametrize("kind", spec_cases.KINDS)
def test_cases_counted(kind, spec_summary):
    """Runs the cases that are not listed; they may fail, and what passes newly is reported."""
    listed = set(LISTED)
    names = [name for name, (of, _) in CASES.items() if of == kind]
    new = [name for name in names if name not in listed and reason(name) is None]
    held = len((listed - LOST) & set(names))
    line = f"{kind:10} {held:3d} passed, {len(names) - held - len(new):3d} not yet"
    if new:
        line += f", {len(new)} newly passing: run python tests/test_spec.py --update"
    spec_summary.append(line)
    print(line)


def test_listed_cases_are_sorted_and_unique():
    assert sorted(set(LISTED)) == LISTED


def test_planted_difference_is_found():
    """The comparisons object to a wrong type, message, node, text and gradient."""
    wrong = [
        ("error", {"snippet": "raise RuntimeError('a b')", "type": "TypeError", "message": "a"}),
        ("error", {"snippet": "raise RuntimeError('a b')", "type": "RuntimeError", "message": "b"}),
        ("error", {"snippet": "raise RuntimeError('a')", "type": None, "message": None}),
        ("error", {"snippet": "pass", "type": "RuntimeError", "message": "a"}),
        ("repr", {"expr": "torch.tensor(1)", "repr": "tensor(2)", "str": "tensor(2)"}),
        ("behaviour", {"check": "assert torch.tensor(1).item() == 2"}),
        ("gradfn", {"expr": "a + b", "name": "SubBackward0"}),
        ("convention", {"expr": "x * 2", "x": [1.0], "grad": [2.1]}),
    ]
    for kind, case in wrong:
        with pytest.raises(AssertionError):
            spec_cases.check(kind, case, torch)


def test_message_may_go_on_after_pytorchs():
    case = {"snippet": "raise ValueError('a b.\\n  made at x.py:3')", "type": "ValueError"}
    spec_cases.check("error", {**case, "message": "a b. (Triggered internally at x.cpp:1.)"}, torch)


# --- as a command -------------------------------------------------------------------------------


def write_passing(names):
    """One name a line, so that a change of the list reads well."""
    lines = ",\n".join(json.dumps(name, ensure_ascii=False) for name in sorted(names))
    PASSING.write_text(f"[\n{lines}\n]\n")


def main(arguments):
    options = {a for a in arguments if a.startswith("-")}
    unknown = options - {"--update", "--allow-shrink"}
    if unknown or ("--update" in options and ON_TORCH):
        print(__doc__ if unknown else "the list is about rushlight: nothing is recorded from torch")
        return 2
    wanted = [a for a in arguments if not a.startswith("-")]
    reasons = {
        name: reason(name) for name in CASES if all(word.lower() in name.lower() for word in wanted)
    }
    lost = [name for name in LISTED if reasons.get(name, "") is not None and name in reasons]
    for name, why in reasons.items():
        if why is not None and (wanted or name in lost):
            print(f"{'LOST ' if name in lost else ''}{name}\n{code(name)}\n    {why}\n")
    for kind in spec_cases.KINDS:
        results = [why for name, why in reasons.items() if CASES[name][0] == kind]
        print(f"{kind:10} {results.count(None):3d} of {len(results):3d} hold on {MODULE}")
    if "--update" not in options:
        return bool(lost)
    if lost and "--allow-shrink" not in options:
        print(f"{len(lost)} listed cases fail: nothing written (see --allow-shrink)")
        return 1
    held = {name for name, why in reasons.items() if why is None}
    unseen = {name for name in LISTED if name in CASES and name not in reasons}
    write_passing(held | unseen)
    print(f"{len(held | unseen)} cases listed, {len(LISTED)} before")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

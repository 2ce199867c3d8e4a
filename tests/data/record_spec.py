"""Record the cases again from the PyTorch that is installed.

    python tests/data/record_spec.py            every file
    python tests/data/record_spec.py repr       one file; also behaviour, error, gradfn, convention
    python tests/data/record_spec.py --check    write nothing; exit 1 where a record would change

What a case runs is kept as it stands in the file; what came of it is recorded anew. A behaviour is
a check that has to hold: it is stamped with the version it held on.
"""

import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import spec_cases
import torch


def stable(value):
    """A record without what differs from run to run or from build to build."""
    if isinstance(value, dict):
        return {key: stable(v) for key, v in value.items()}
    if isinstance(value, list):
        return [stable(v) for v in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"object at 0x[0-9a-f]+", "object at 0x...", value)
    return re.sub(r" \(Triggered internally at [^)]*\)", "", value)


def write(path, content):
    """One case a line: files stay short, and a change reads well."""
    cases = content["cases"] if isinstance(content, dict) else content
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    text = f"[\n{lines}\n]"
    if isinstance(content, dict):
        head = json.dumps({"prelude": content["prelude"]}, ensure_ascii=False)
        text = f'{head[:-1]}, "cases": {text}}}'
    path.write_text(text + "\n")


def record(kind, case):
    """The case with what PyTorch does now."""
    if kind == "behaviour":
        spec_cases.check(kind, case, torch)
        return {**case, "passed_on": f"torch {torch.__version__}"}
    seen = spec_cases.observe(kind, case, torch)
    if kind != "error":
        return seen
    if "mro" in seen:
        seen["mro"] = seen["mro"][:3]
    kept = {key: case[key] for key in ("group", "snippet")}
    new = {**kept, **seen, **({"note": case["note"]} if "note" in case else {})}
    try:
        # An old text that still says the same stays: only real changes show.
        spec_cases.compare_error(case, {"mro": [], **seen})
    except spec_cases.Mismatch:
        return new
    return case


def main(arguments):
    check = "--check" in arguments
    kinds = [a for a in arguments if a != "--check"] or list(spec_cases.KINDS)
    if not set(kinds) <= set(spec_cases.KINDS):
        print(__doc__)
        return 2
    changes = 0
    for kind in kinds:
        path = spec_cases.DATA / f"{kind}_cases.json"
        content = json.loads(path.read_text())
        cases = content["cases"] if kind == "behaviour" else content
        recorded = [record(kind, case) for case in cases]
        recorded = stable(recorded)
        changed = [new for old, new in zip(cases, recorded) if stable(old) != new]
        changes += len(changed)
        print(f"{kind:10} {len(cases)} cases, {len(changed)} changed")
        for new in changed:
            print("   ", json.dumps(new, ensure_ascii=False)[:200])
        if not check:
            write(path, {**content, "cases": recorded} if kind == "behaviour" else recorded)
    return bool(check and changes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

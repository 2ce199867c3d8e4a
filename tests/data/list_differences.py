"""List every case of tests/matrix in which rushlight differs from PyTorch's record, as a rule allows.

    python tests/data/list_differences.py      prints what no rule explains, and how many each does

Read the change of the counts before the list is committed: what stands in it is no longer tested.
"""

import collections
import json
import lzma
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

from matrix.cases import observe
from matrix.compare import differs
from matrix.differences import DIFFERENT, LIST
from matrix.records import read
from matrix.tables import OPERATORS, all_cases


def reason_for(name, call, case, want, got):
    for rule in DIFFERENT:
        if rule.holds(name, call, case, want, got):
            return rule.reason
    return None


def main():
    listed, counts = {}, collections.Counter()
    for name in sorted(OPERATORS):
        recorded, operator = read(name), OPERATORS[name]
        for call, case in all_cases(name):
            want = recorded.get((call.key(), str(case)), "")
            got = observe(name, operator, call, case)
            if not differs(want, got, operator, case):
                continue
            reason = reason_for(name, call, case, want, got)
            counts[reason] += 1
            if reason is None:
                print(f"{name}({call.key()}) [{case}]: {got[:200]}, recorded {want[:200]}")
            else:
                listed.setdefault(name, []).append((call.key(), str(case), got))
    text = json.dumps(listed, separators=(",", ":"))
    LIST.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))
    for reason, count in counts.most_common():
        print(f"{count:6d}  {reason}")
    unneeded = [rule.reason for rule in DIFFERENT if not counts[rule.reason]]
    print("\n".join(f"no case needs: {reason}" for reason in unneeded))


if __name__ == "__main__":
    main()

"""Record what PyTorch does in every case of tests/matrix, with a Python that has torch and pytest.

    python tests/data/record_matrix.py              every operator, and forget those that are gone
    python tests/data/record_matrix.py exp add      these
"""

import os
import pathlib
import sys
import time

os.environ["RUSHLIGHT_TEST_MODULE"] = "torch"
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))

import torch
from matrix import records
from matrix.cases import observe
from matrix.tables import OPERATORS, all_cases


def main():
    torch.set_num_threads(1)
    names = sys.argv[1:] or sorted(OPERATORS)
    total = size = 0
    for name in names:
        start = time.time()
        found = {}
        for call, case in all_cases(name):
            line = observe(name, OPERATORS[name], call, case)
            if observe(name, OPERATORS[name], call, case) != line:
                print(f"{name}({call.key()}) [{case}] gives something else each time")
            found[call.key(), str(case)] = line
        written = records.write(name, found)
        total, size = total + len(found), size + written
        if time.time() - start > 2 or len(names) < 20:
            print(f"{name}: {len(found)} cases, {written} bytes, {time.time() - start:.1f} s")
    if not sys.argv[1:]:
        for path in records.FOLDER.glob("*.json.xz"):
            if path.name.removesuffix(".json.xz") not in OPERATORS:
                path.unlink()
    print(f"{len(names)} operators, {total} cases, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()

"""Ask PyTorch again for every answer in recorded_values*.json: ``python record_values.py [FILE]``.

A new line is added to a file with null for its answer. Needs torch, and a processor with AVX2:
without it torch itself gives other last bits.
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from recorded_values import evaluate  # noqa: E402

FILES = pathlib.Path(__file__).parent.glob("recorded_values*.json")


def main():
    import torch

    torch.set_num_threads(1)
    for file in map(pathlib.Path, sys.argv[1:] or FILES):
        answers = {line: evaluate(line, torch) for line in json.loads(file.read_text())}
        file.write_text(json.dumps(answers, indent=0) + "\n")


if __name__ == "__main__":
    main()

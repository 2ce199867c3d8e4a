"""Run the benchmarks and print one table: rushlight beside PyTorch.

    make bench                            all of them
    make bench CASES="train_step chain"   some of them
    make bench CASES="chain --threads 0"  with each library's own number of threads

Without PyTorch in the environment the columns about it stay empty. Where JAX is installed there
(``.venv-bench/bin/python -m pip install jax``), whole programs are compared with ``jax.jit``, too.
"""

import argparse
import dataclasses
import importlib
import json

import _harness

CASES = (
    *("train_step", "module_step", "optimizers", "programs", "models"),
    *("op_overhead", "function", "chain", "profiling", "watch"),
    *("gemm", "indexing", "elementwise", "reductions", "latency"),
    *("printing", "layout", "import_time", "memory", "page", "build_time"),
)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="of each library (%(default)s, PyTorch's fastest on work this small; 0: its default)",
    )
    parser.add_argument("--no-torch", action="store_true", help="measure rushlight alone")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    arguments = parser.parse_args()
    unknown = set(arguments.cases) - set(CASES)
    if unknown:
        parser.error(f"no such case: {', '.join(sorted(unknown))}; there are {', '.join(CASES)}")

    modules = _harness.load_modules(with_torch=not arguments.no_torch)
    if arguments.threads:
        for module in filter(None, modules.values()):
            module.set_num_threads(arguments.threads)
    lines = list(_harness.circumstances(modules))
    print(*lines, "", sep="\n")

    table = _harness.Table()
    table.head()
    for case in arguments.cases or CASES:
        for row in importlib.import_module(case).rows(modules):
            table.add(row)
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            rows = [dataclasses.asdict(row) for row in table.rows]
            json.dump({"circumstances": lines, "rows": rows}, file, indent=1)


if __name__ == "__main__":
    main()

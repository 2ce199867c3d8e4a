"""The number of threads follows the affinity mask and the environment of each process."""

import os
import subprocess
import sys

PROGRAM = "import rushlight; print(rushlight.get_num_threads())"


def count(**environment):
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


allowed = os.sched_getaffinity(0)
os.sched_setaffinity(0, {min(allowed)})
print(count(), count(OMP_NUM_THREADS="none"))
print(count(RUSHLIGHT_NUM_THREADS="5", OMP_NUM_THREADS="7"), count(OMP_NUM_THREADS="7,2"))
os.sched_setaffinity(0, allowed)
print("ok" if int(count()) <= len(allowed) else "more threads than processors")

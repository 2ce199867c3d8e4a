"""The programs of programs.py and models.py in JAX, a step compiled by ``jax.jit`` as a whole.

Each ``build(torch)`` draws from the seed what its namesake there draws, so that the results can be
compared, and returns ``(step, results)`` as there. Compiling is no part of what is timed. Installed
by ``pip install jax``; without it the column stays empty.
"""

import importlib.util
import os

# Before JAX is imported. One thread each, as the other libraries have.
ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def load(one_thread):
    """This module where JAX is installed, else None."""
    if importlib.util.find_spec("jax") is None:
        return None
    if one_thread:
        os.environ.setdefault("XLA_FLAGS", ONE_THREAD)
    return importlib.import_module("_jitted_programs")

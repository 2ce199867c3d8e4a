"""The module under test, for scripts that run in a process of their own."""

import importlib
import os

torch = importlib.import_module(os.environ.get("RUSHLIGHT_TEST_MODULE", "rushlight"))


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

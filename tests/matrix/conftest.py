"""Counts what the matrix runs, and shows it at the end of the run."""

import collections

import pytest


@pytest.fixture(scope="session")
def case_counts(spec_summary):
    counts = collections.Counter()
    yield counts
    spec_summary.extend(f"{counts[name]} {name}" for name in sorted(counts))

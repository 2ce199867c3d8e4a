"""examples/see_the_graph.py, whose pictures stand in the README."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    program = subprocess.run(
        [sys.executable, ROOT / "examples" / "see_the_graph.py", folder],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "RUSHLIGHT_DOT": "none"},
    )
    return folder, program.stdout


def test_it_prints_the_graph_from_the_loss_up(made):
    operations = [line.split()[0] for line in made[1].splitlines()]
    assert operations[:2] == ["MeanBackward0", "PowBackward0"]
    assert operations[-1] == "MulBackward0"


@pytest.mark.parametrize("name", ["yhat.svg", "loss.svg"])
def test_the_pictures_of_the_readme_are_its_own(made, name):
    # `make pictures` writes them again.
    assert (made[0] / name).read_bytes() == (IMAGES / name).read_bytes()


def test_the_page_is_one_file_of_its_own(made):
    page = (made[0] / "loss.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "http://" not in page.replace("http://www.w3.org/", "")

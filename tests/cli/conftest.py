"""Runs programs in fresh interpreters: plainly, and through the command line."""

import os
import subprocess
import sys

import pytest


class Programs:
    """Programs in a folder of their own, each run in a fresh interpreter."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}

    def write(self, name, source):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return path

    def python(self, *arguments, stdin=None, **environment):
        return subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env={**self.environment, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def rushlight(self, *arguments, **options):
        return self.python("-m", "rushlight", *arguments, **options)

    def run(self, *arguments, **options):
        return self.rushlight("run", *arguments, **options)

    def printed(self, *arguments, **options):
        """What a program prints that must end well."""
        result = self.run(*arguments, **options)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def with_real_torch(self):
        """Put a package called torch on PYTHONPATH, as if PyTorch were installed."""
        self.write("site/torch/__init__.py", "__version__ = '9.9'\nREAL = True\n")
        self.write("site/torch/distributed.py", "")
        self.write("site/torch-9.9.dist-info/METADATA", "Name: torch\nVersion: 9.9\n")
        paths = [str(self.folder / "site"), self.environment.get("PYTHONPATH")]
        self.environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))


@pytest.fixture
def programs(tmp_path):
    return Programs(tmp_path)

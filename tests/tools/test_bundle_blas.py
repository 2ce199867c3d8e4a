"""The bundled library has a name of its own, and is otherwise the one of the package."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "bundle_blas.py"


@pytest.fixture
def bundle_blas():
    spec = importlib.util.spec_from_file_location("bundle_blas", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_just_the_name_is_replaced_and_no_byte_is_moved(bundle_blas):
    library = b"\x7fELF code\0libscipy_openblas64_.so\0scipy_openblas64_dgemm\0libm.so.6\0"
    assert bundle_blas.renamed(library) == (
        b"\x7fELF code\0librushlight_blas64_.so\0scipy_openblas64_dgemm\0libm.so.6\0"
    )


@pytest.mark.parametrize(
    "library",
    [
        b"MZ\0libscipy_openblas64_.so\0",
        b"\x7fELF\0libopenblas.so\0",
        b"\x7fELF\0libscipy_openblas64_.so\0\0libscipy_openblas64_.so\0",
    ],
)
def test_a_library_without_that_one_name_is_refused(bundle_blas, library):
    with pytest.raises(ValueError, match="not an ELF library with one name libscipy_openblas64_"):
        bundle_blas.renamed(library)


def test_a_missing_package_is_reported_and_leaves_nothing(bundle_blas, tmp_path, capsys):
    bundle_blas.PACKAGE = "no-such-package-here"
    assert bundle_blas.main(tmp_path / "libs") == 2
    assert capsys.readouterr().out == "no-such-package-here is not installed\n"
    assert not (tmp_path / "libs").exists()

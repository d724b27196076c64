"""What the layers of a candidate take in a file: each its own bytes, and tables and shapes that several share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from lightweight_cli.search.layer import Layer
from lightweight_cli.search.loading import Room
from lightweight_cli.search.rounding import Rounded
from lightweight_cli.weights import naming
from lightweight_cli.weights.load_budget import Form, relieved
from lightweight_cli.weights.plan import Plan

LONGER = 3
"""Bytes that a name takes more where the shortest are used up: it is written so often at most, but for a few."""
NOTHING = Form(0, 0, 0.0)
"""The form of a layer that takes nothing at load."""


class Piece(NamedTuple):
    """One layer's part of a file."""

    own: float
    """Bytes."""
    shared: Mapping[str, int] = {}
    """Bytes of each table or shape that others may read too, by name."""
    unsplit: Piece | None = None
    """The same without what only splits read: taken where that saves more than all splits do."""
    menu: Sequence[Form] = ()
    """How it may be stored, the smallest form first: others are taken where all together take too much at load."""
    names: int = 0
    """Of inner values, counted as if they were the shortest that there are."""
    form: Plan | None = None
    """How it is stored, where that may be together with others."""


Store = Callable[[Layer, Rounded], Piece]
"""What a layer will take, as it would be written."""
Bundle = Callable[[Sequence[Plan]], tuple[int, int]]
"""Tells how many bytes, and how many names, it saves to store some of the forms together."""


def taken(pieces: Iterable[Piece], room: Room | None = None, bundle: Bundle | None = None) -> float:
    """Return the bytes that layers take together, of which decoding keeps within `room` at load; where that is scarce, without bundles."""
    whole = list(pieces)
    if room is not None:
        whole = relieved_of(whole, room)
    if any(p.unsplit for p in whole) and added(without := [p.unsplit or p for p in whole]) < added(whole):
        whole = without
    saved = (0, 0) if bundle is None or room is not None else bundle([p.form for p in whole if p.form is not None])
    return added(whole, *saved)


def relieved_of(pieces: Sequence[Piece], room: Room) -> list[Piece]:
    """Return pieces of which some have forms that take less at load, as the file's will."""
    excess = sum(p.menu[0].load_bytes for p in pieces if p.menu) - room.nbytes
    if excess <= 0:
        return list(pieces)
    moved = relieved([p.menu or (NOTHING,) for p in pieces], excess, room.worth)
    return [Piece(p.own + moved[i].nbytes - p.menu[0].nbytes, p.shared, names=p.names) if i in moved else p for i, p in enumerate(pieces)]


def added(pieces: Iterable[Piece], saved: int = 0, fewer: int = 0) -> float:
    """Return the bytes of pieces as they are, but for those that are saved, and with fewer names."""
    own, names = 0.0, 0
    shared: dict[str, int] = {}
    for piece in pieces:
        own, names = own + piece.own, names + piece.names
        shared.update(piece.shared)
    return own + sum(shared.values()) - saved + LONGER * max(0, names - fewer - naming.SHORTEST)

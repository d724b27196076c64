"""Tables that encoded weights share: which forms do not pay for theirs, and what is taken instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from lightweight_cli.weights import constants
from lightweight_cli.weights.choosing import SPLITS
from lightweight_cli.weights.naming import is_shared
from lightweight_cli.weights.plan import Plan

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope
    from lightweight_cli.weights.emission import Emission


def share(model: Model, main: Scope, known: Mapping[str, bytes | None], plans: Sequence[Plan]) -> None:
    """Undo the plans whose shared tables cost more than all their users gain: each table, then all together."""
    sizes = {n: b for p in plans if p.taken for n, b in p.taken.shared_bytes().items()}
    held = _held(main, known, plans, sizes)
    sizes = {n: b for n, b in sizes.items() if n not in held}
    _unsplit(model, plans, held)
    gains: dict[tuple[int, int], int] = {}

    def gain(p: Plan) -> int:
        key = id(p), id(p.taken)  # asked for again with each table that it reads
        if key not in gains:
            gains[key] = p.gain
        return gains[key]

    for tables in [*({n} for n in sizes), set(sizes)]:
        users = [p for p in plans if p.taken and not tables.isdisjoint(p.taken.shared_bytes())]
        if any(p.must and p.spare is None for p in users):
            continue
        cost = sum(sizes[n] for n in tables if any(p.taken and n in p.taken.shared_bytes() for p in users))
        if users and sum(map(gain, users)) <= cost:
            for p in users:
                p.taken, p.reason = p.spare, f"would not be smaller: its decoding tables take {cost:,} bytes"
                if p.taken is not None:
                    p.taken.realise(model)
                p.weight.forget()


def _unsplit(model: Model, plans: Sequence[Plan], held: Collection[str]) -> None:
    """Take forms without splits where those with them do not save the tables that they need more."""
    users = [p for p in plans if p.taken and SPLITS in p.taken.shared_bytes()]
    if SPLITS in held or not users or any(p.unsplit is None for p in users):
        return
    others = [p.taken for p in plans if p.taken and SPLITS not in p.taken.shared_bytes()]

    def total(taken: list[Emission]) -> int:
        tables = {n: b for e in [*taken, *others] for n, b in e.shared_bytes().items() if n not in held}
        return sum(e.nbytes for e in taken) + sum(tables.values())

    instead = [p.unsplit for p in users if p.unsplit]
    if total(instead) <= total([p.taken for p in users if p.taken]):
        for p in users:
            p.taken = p.unsplit
            if p.taken is not None:
                p.taken.realise(model)
            p.weight.forget()


def _held(main: Scope, known: Mapping[str, bytes | None], plans: Sequence[Plan], tables: Collection[str]) -> set[str]:
    """Return the tables that stay whatever is taken: the model has them, and not every weight that reads them can do without."""

    present = [t for t in tables if t in known]
    mine = [(p, {id(home.producers[n]) for home, n in constants.own(p.weight.scope, p.weight.name) if n in home.producers})
            for p in plans if p.taken] if present else []
    found: dict[str, bool] = {}

    def stays(table: str) -> bool:
        if table not in found:
            gone = {i for p, own in mine if p.taken and (p.spare or table not in p.taken.shared_bytes()) for i in own}
            found[table] = any(
                any(stays(o) for o in use.node.output) if all(map(is_shared, use.node.output)) else id(use.node) not in gone
                for use in main.uses.get(table, ()))
        return found[table]

    return {t for t in present if stays(t)}

"""Weights stored together: which bundles are taken, and what becomes of those that there were."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from lightweight_cli.weights.bundled import part_of
from lightweight_cli.weights.plan import Plan

if TYPE_CHECKING:
    from lightweight_cli.weights.emission import Emission, Together
    from lightweight_cli.weights.weight import Weight

LARGEST = 1_000_000
"""Values of a weight that may be in a bundle: the nodes that a larger one saves are less than a hundredth of it."""
HELD = 64 << 20
"""Codes that are kept until it is known which weights go together: the smallest come first."""
ALONE = 400
"""Bytes that a weight of a bundle may take more by itself, and a bit a value: what it answers for goes by values, whatever their codes.
Whether all together are smaller is seen when it is known which go together."""
New = Callable[[str], "Emission"]


class Bundling(Protocol):
    """What makes bundles: encodings.bundling."""

    def together(self, new: New, names: Sequence[str], alone: Sequence[Emission]) -> list[Together]: ...
    def alone(self, new: New, weight: Weight) -> list[Emission]: ...


class Cost:
    """What emissions take in one file."""

    def __init__(self, emissions: Iterable[Emission]) -> None:
        self.own: dict[int, int] = {}
        self.shared: dict[int, dict[str, int]] = {}
        for e in emissions:
            self.add(e)

    def add(self, e: Emission) -> None:
        """Count an emission too."""
        common = e.common_bytes()
        self.own[id(e)] = e.nbytes - sum(common.values())
        self.shared[id(e)] = common | {name: size for name, size in e.shared_bytes().items() if name not in e.known}

    def total(self, gone: Iterable[Emission] = ()) -> int:
        """Return the bytes of all but some, tables and shapes that several share once."""
        out, shared = {id(e) for e in gone}, dict[str, int]()
        for i, tables in self.shared.items():
            if i not in out:
                shared |= tables
        return sum(own for i, own in self.own.items() if i not in out) + sum(shared.values())

    def drop(self, emissions: Iterable[Emission]) -> None:
        """Count some no more."""
        for e in emissions:
            del self.own[id(e)], self.shared[id(e)]


def bundles_of(weights: Iterable[Weight]) -> dict[int, list[Weight]]:
    """Return the weights of each bundle, by the id of the node that parts it."""
    found: dict[int, list[Weight]] = {}
    for weight in weights:
        part = part_of(weight.scope, weight.name) if weight.encoded else None
        if part is not None:
            found.setdefault(id(part.node), []).append(weight)
    return found


def small(weights: Sequence[Weight]) -> set[int]:
    """Return the ids of the weights that may be in a bundle: the smallest of a main graph."""
    found, held = set[int](), 0
    for weight in sorted((w for w in weights if w.scope.number == 0), key=lambda w: w.size):
        held += weight.size
        if weight.size > LARGEST or held > HELD:
            break
        found.add(id(weight))
    return found


def bundled(plans: Sequence[Plan], makes: Bundling, new: New, room: float) -> list[Together]:
    """Note which bundles plans are in, where those are smaller and take no more than `room` more at load. Returns: those taken."""
    forms = {id(p): p.taken for p in plans if p.taken is not None}
    free = [p for p in plans if id(p) in forms and forms[id(p)].codes is not None]
    cost, taken = Cost(forms.values()), []
    for plan in plans:
        plan.together = None
    for found in makes.together(new, [p.weight.name for p in free], [forms[id(p)] for p in free]):
        gone = [forms[id(free[i])] for i in found.which]
        more, before = found.emission.load_bytes - sum(e.load_bytes for e in gone), cost.total()
        cost.add(found.emission)
        if more <= max(0.0, room) and cost.total(gone) < before:
            cost.drop(gone)
            taken.append(found)
            room -= more
        else:
            cost.drop([found.emission])
    for found in taken:
        for i, nbytes, said in zip(found.which, found.parts, found.said, strict=True):
            free[i].together, free[i].part, free[i].said = found, nbytes, said
    return taken


def saved(plans: Sequence[Plan], makes: Bundling, new: New) -> tuple[int, int]:
    """Return the bytes and the names that bundles save of forms that were taken, however much they take at load."""
    alone = [p.taken for p in plans if p.taken is not None]
    taken = bundled(plans, makes, new, math.inf)
    rest = [p.taken for p in plans if p.taken is not None and p.together is None]
    now = [*rest, *(t.emission for t in taken)]
    return Cost(alone).total() - Cost(now).total(), sum(e.named for e in alone) - sum(e.named for e in now)


def left_over(plans: Sequence[Plan], bundles: Mapping[int, Sequence[Weight]], alone: Callable[[Weight], Sequence[Emission]]) -> list[Plan]:
    """Return plans to store the weights as they are that stay of bundles of which others go, so that the bundles go too."""
    going = {id(p.weight) for p in plans if p.taken is not None}
    found = []
    for weights in bundles.values():
        staying = [w for w in weights if id(w) not in going]
        if staying and len(staying) < len(weights):
            options = [alone(w) for w in staying]
            if all(options):
                found += [Plan(w, o, must=True, kept=True) for w, o in zip(staying, options, strict=True)]
    return found


def undone(plans: Sequence[Plan], bundles: Mapping[int, Sequence[Weight]]) -> bool:
    """Leave bundles as they are where what takes their place is not smaller, if that may be. Returns: whether that is so."""
    held = {id(w) for weights in bundles.values() for w in weights}
    mine = [p for p in plans if p.taken is not None and id(p.weight) in held]
    if not mine or any(p.must and not p.kept for p in mine):
        return False
    before, after = sum(p.weight.stored_bytes() for p in mine), sum(p.nbytes for p in mine)
    if after < before + any(p.anew for p in mine):
        return False
    for plan in mine:
        plan.taken, plan.reason = None, "" if plan.kept else f"would not be smaller: {after:,} bytes with others, {before:,} now"
    return True

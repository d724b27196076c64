"""Which weights are stored in bundles, and how: what a rewriter asks when all weights have their forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from lightweight_cli.encodings import bundle, choose, recognise, words
from lightweight_cli.encodings.bundle import Bundle
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.encodings.tree import Tree
from lightweight_cli.numerics import split_tree
from lightweight_cli.numerics.bundling import grouped
from lightweight_cli.weights.emission import Emission, Together

if TYPE_CHECKING:
    from lightweight_cli.weights.weight import Weight

class Bundling:
    """Bundles within the limits of a step."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits

    def together(self, new: Callable[[str], Emission], names: Sequence[str], alone: Sequence[Emission]) -> list[Together]:
        """Return bundles that are smaller than the weights of these names by themselves, which have the forms `alone`."""
        if not self.limits.allows("tree") or not self.limits.allows(bundle.NAME) or len(names) < 2:
            return []
        members: list[Coded] = [e.codes for e in alone]
        numbers = Bundle(members).numbers
        counts = np.stack([bundle.spread(m, numbers) for m in members])
        beside = np.array([bundle.member_bytes(new(""), m) + len(n) + 2 for m, n in zip(members, names, strict=True)])
        taken = np.array([e.nbytes for e in alone])

        tables = {name for e in alone for name in e.shared_bytes()} | new("").known.keys()
        found = []
        for which in grouped(counts, taken, beside, split_tree.smallest):
            forms = list(self._forms(new, Bundle([members[i] for i in which]), [names[i] for i in which]))
            if forms:
                e, parts, splits = min(forms, key=lambda f: f[0].nbytes + sum(b for n, b in f[0].shared_bytes().items() if n not in tables))
                tables |= e.shared_bytes().keys()
                others = f"with {words.plural(len(which) - 1, 'other weight')}"
                said = [f"{words.stored_as(members[i], None, splits)}, {others}" for i in which]
                found.append(Together(which, e, parts, said))
        return found

    def _forms(self, new: Callable[[str], Emission], together: Bundle, names: Sequence[str]) -> Iterator[tuple[Emission, list[int], Tree]]:
        """Yield a bundle in its smallest tree, and in one leaf, which needs no tables of splits; what each member answers for; the tree."""
        for splits in dict.fromkeys((together.splits(new("").opset), 0)):
            e = new("")
            parts = together.emit(e, names, splits)
            if choose.within(e, together.size, 4, self.limits):
                yield e, parts, Tree(splits)

    def alone(self, new: Callable[[str], Emission], weight: Weight) -> list[Emission]:
        """Return the ways to store a weight as it is by itself: one of which the bundle goes."""
        coded = recognise.coded(weight)
        return choose.for_codes(new, coded, weight.name, self.limits) if coded is not None else []

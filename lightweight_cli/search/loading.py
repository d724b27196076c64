"""What decoding takes at load, by how codes are stored: forms that a weight may have, where not all may have their smallest.

Bytes for each weight, as the encodings count them: a packed leaf 9, a split 17.5 of each code that it tells apart, a lookup of the
values at the end 10, with what leaves take. Of tables that are decoded by rows what is stored, or all splits but the first. It is what an
allocation goes by: a candidate's forms are priced as they would be written.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from lightweight_cli.encodings import split
from lightweight_cli.numerics import split_tree
from lightweight_cli.numerics.packing import DIGITS
from lightweight_cli.weights.load_budget import Form

LEAF, END, NUMBERS = 9.0, 10.0, 8.0
"""Bytes for each weight of packed codes with what becomes of them, of what follows the last split, and of that of what is left to rows."""
HALF = 6.0
"""Of float16, with what becomes of it."""
PACKED = 2.0
"""Bytes for each code of a leaf below splits."""
SPLIT, SINGLE = split.LOAD.bytes + 2 * split.LOAD_ELEMENT.bytes, split.LOAD_SINGLE.bytes + 2 * split.LOAD_ELEMENT.bytes
"""Bytes for each code that a split tells apart; where its leaf is a single code."""
MOST = 50.0
"""Bytes for each weight that no form takes more than, but for rare ones."""
PLANES = {3: 8, 5: 32, 6: 64, 7: 128}
"""Bits of planes, and the codes that they hold; by rows they are decoded as they are, at once they take as much as splits."""
NODES = 300.0
"""Bytes of the nodes of planes, about."""


class Room(NamedTuple):
    """What decoding of all layers may take at load."""

    nbytes: float
    worth: float
    """Bytes at load that a byte of the file must save: load_budget.Budget."""

    @property
    def dearest(self) -> float:
        """Bytes of the file that a byte at load may cost at most."""
        return 1 / self.worth if self.worth else 1e3


def forms(counts: np.ndarray, by_rows: bool) -> list[Form]:
    """Return the forms of a weight whose codes occur so often: without splits, and with more and more of them."""
    used = -np.sort(-counts[counts > 0].astype(np.int64))
    size = int(used.sum())
    base = next((bits for most, bits in split_tree.WIDTHS.items() if most in DIGITS and used.size <= most), 8.0)
    plain = size * base / 8 + split_tree.NODES.leaf + (split_tree.NODES.value * used.size if base < 8 else 0.0)
    found = [(plain, plain if by_rows else LEAF * size)]
    if by_rows and used.size <= 1 << max(PLANES):
        packed = size * next(b for b, most in PLANES.items() if used.size <= most) / 8 + NODES
        found.append((packed, packed))
    for splits in range(1, split_tree.depth_of(size) + 1):
        leaves = split_tree.chain(used, splits)
        if len(leaves) == splits + 1:
            places = split_tree.place_bits(leaves)
            reach = np.cumsum(used[::-1])[::-1][np.cumsum((0, *leaves[:-1]))]  # codes from each leaf on
            single = np.array([leaf == 1 for leaf in leaves])
            load = float(np.where(single, SINGLE, SPLIT)[:-1] @ reach[:-1]) + END * size
            load += PACKED * float(reach[~single].sum() - reach[1:][~single[:-1]].sum())
            load -= (split.LEFT_TO_ROWS + NUMBERS) * size if by_rows else 0.0
            found.append((float(used @ places) / 8 + NODES + split_tree.NODES.split * splits + split_tree.NODES.value * used.size, load))
    return [Form(i, round(nbytes), load) for i, (nbytes, load) in enumerate(found)]

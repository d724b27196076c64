"""Whose bytes are whose: every stored tensor goes to exactly one row, a weight's parts to the row of the weight.

A part that decodes several weights, as a table of digits, has a row of its own.
"""

from __future__ import annotations

from lightweight_cli.encodings.named import LAYOUT, storage_encoding
from lightweight_cli.inspect.constants import Constants
from lightweight_cli.inspect.encoding_names import name_compute_encoding
from lightweight_cli.inspect.rows import Row
from lightweight_cli.inspect.value import Stored, Value

LONGEST_PATH = 64
"""Operators shown of a decoding chain."""
MOST_SHARERS = 16
"""Weights remembered of those that share a part: their operators are shown."""
PLACED = ("bitmask", "delta")
"""The encodings whose codes say where the values go."""


def rows_of(constants: Constants) -> list[Row]:
    """List the weights and other constants of a model with their bytes, largest first."""
    rows = list(_Attribution(constants).rows.values())
    for row in rows:
        name_compute_encoding(row)
    return sorted(rows, key=lambda row: -row.nbytes)


class _Attribution:
    """One walk from every weight down to its parts; no value is walked through twice.

    What a weight is made of, its codes or its values, identifies it: all that is computed from them is one row.
    """

    def __init__(self, constants: Constants) -> None:
        self.rows: dict[Stored, Row] = {}
        self.owner: dict[Value, Row] = {}
        """The row that a value was first found to be part of."""
        self.sharers: dict[Value, list[Row]] = {}
        """The rows of other weights that a value is part of."""
        self.parent: dict[Value, Value] = {}
        self.claimed: set[Value] = set()
        self.bundled = constants.bundled
        weights: dict[Stored, list[Value]] = {}
        for value in constants.values:
            if value.uses and value.ops - LAYOUT:
                weights.setdefault(value.heavy, []).append(value)
            elif value.uses:
                row = self.rows.setdefault(value.heavy, Row(value, value.heavy))
                row.uses += value.uses
                self._claim(row, self._reach(row, [value]))
        found = [(heavy, roots, *self._weight(heavy, roots)) for heavy, roots in weights.items()]
        self._spread()
        for heavy, roots, row, parts in found:
            self._claim(row, [part for part in parts if part not in self.sharers or part.heavy is heavy])
            if row.value is roots[0]:
                self._describe(row, [part for part in parts if part in self.claimed])
        for value in constants.values:
            if not value.op and value not in self.claimed and value not in self.bundled:
                self._rest(value)

    def _weight(self, heavy: Stored, roots: list[Value]) -> tuple[Row, list[Value]]:
        """Return the row of a weight that nodes compute, and its stored parts."""
        row = self.rows.setdefault(heavy, Row(roots[0], heavy))
        for root in roots:
            row.uses += root.uses
        return row, self._reach(row, roots)

    def _reach(self, row: Row, roots: list[Value]) -> list[Value]:
        """Walk down from `roots`, first inputs first; return the stored values that nothing reached before."""
        found = []
        waiting = roots[::-1]
        while waiting:
            value = waiting.pop()
            if value in self.owner:
                if self.owner[value] is not row:
                    sharers = self.sharers.setdefault(value, [])
                    if len(sharers) < MOST_SHARERS:
                        sharers.append(row)
                continue
            self.owner[value] = row
            if not value.op:
                found.append(value)
            for part in reversed(value.inputs):
                if part not in self.owner:
                    self.parent[part] = value
                waiting.append(part)
        return found

    def _spread(self) -> None:
        """Where a value is shared, so is all that it is computed from."""
        waiting = list(self.sharers)
        while waiting:
            value = waiting.pop()
            for part in value.inputs:
                if part not in self.sharers:
                    self.sharers[part] = self.sharers[value]
                    waiting.append(part)

    def _describe(self, row: Row, parts: list[Value]) -> None:
        """Say how a weight is decoded; where codes only place its values, the type is that of the values."""
        weight = row.value
        name = storage_encoding(weight.ops)
        if name in PLACED and parts:
            row.stored = max(parts, key=lambda part: part.heavy.nbytes).heavy
        row.type_name = row.stored.tensor.type_name
        row.dims = weight.dims
        path: list[str] = []
        value = next((part for part in parts if part.heavy is weight.heavy), weight)
        if value in self.bundled:
            path.append("Split")
        while value in self.parent and value is not weight and len(path) < LONGEST_PATH:
            value = self.parent[value]
            path.append(value.op)
        row.decoded_by = tuple(path) or (weight.op,)  # its codes may also be part of another weight
        row.storage, row.encoding = name, f"{name} {row.type_name}"

    def _rest(self, value: Value) -> None:
        """Make the row of a part that several weights share, or of a tensor that nothing uses."""
        row = self.rows[value.heavy] = Row(value, value.heavy)
        if value in self.owner:
            row.encoding, row.shared = f"shared {row.type_name}", True
            for weight in dict.fromkeys([self.owner[value], *self.sharers.get(value, [])]):
                row.uses += weight.uses
        self._claim(row, [value])

    def _claim(self, row: Row, parts: list[Value]) -> None:
        for part in parts:
            if part not in self.claimed:
                self.claimed.add(part)
                row.nbytes += part.heavy.nbytes

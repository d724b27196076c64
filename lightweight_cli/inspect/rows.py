"""One row for each weight or other constant: its bytes, how it is stored, and which operators use it."""

from __future__ import annotations

from lightweight_cli.inspect.records import Node
from lightweight_cli.inspect.tensors import FLOATS, elements
from lightweight_cli.inspect.value import Stored, Value
from lightweight_cli.weights.operator_inputs import COMPUTE_INPUTS, WEIGHT_INPUTS


class Row:
    """A constant as `lwc inspect` lists it; `nbytes` are the stored bytes of all its parts, each counted once."""

    __slots__ = ("decoded_by", "dims", "distinct", "encoding", "nbytes", "shared", "storage", "stored", "type_name",
                 "uses", "value", "zeros")  # fmt: skip

    def __init__(self, value: Value, stored: Stored) -> None:
        self.value, self.stored = value, stored
        self.nbytes = 0
        self.shared = False
        """Whether it only helps to decode several weights."""
        self.uses: list[tuple[str, int, Node | None]] = []
        self.dims: tuple[int, ...] | None = stored.tensor.dims
        self.type_name = stored.tensor.type_name
        self.encoding = self.type_name
        self.storage = ""
        """How nodes decode it, in a word (encodings.named); empty for what is stored as it is."""
        self.decoded_by: tuple[str, ...] = ()
        self.zeros: int | None = None
        self.distinct: int | None = None

    @property
    def used_by(self) -> list[str]:
        """The operators that use it, each once, in the order of their first use."""
        return list(dict.fromkeys(op for op, _, _ in self.uses)) or ["unused"]

    @property
    def elements(self) -> int | None:
        """Elements of the weight as its operators see it; None when its shape is not in the file."""
        return None if self.dims is None else elements(self.dims)

    @property
    def is_weight(self) -> bool:
        """Whether this is a weight in the narrow sense, which operators see as floating-point numbers."""
        kind = self.value.dtype if self.decoded_by else self.stored.tensor.dtype
        return (not self.shared and self.stored.kind != "attribute" and kind in FLOATS
                and any(index in WEIGHT_INPUTS.get(op, ()) for op, index, _ in self.uses))  # fmt: skip

    @property
    def plain(self) -> bool:
        """Whether it is stored as the floating-point numbers that operators see, in whatever order."""
        return self.storage in ("", "rearranged") and self.stored.tensor.dtype in FLOATS

    @property
    def overridable(self) -> bool:
        """Whether callers may give another value: an initializer that is an input of the model too."""
        return self.stored.overridable

    @property
    def bits(self) -> float | None:
        """Stored bits for each element."""
        return 8 * self.nbytes / self.elements if self.elements else None


def is_parameter(row: Row) -> bool:
    """Whether the elements of `row` count as parameters of the model: floats, or what stands for them."""
    if row.shared:
        return False
    if row.decoded_by:
        return row.value.dtype in FLOATS
    if row.stored.tensor.dtype in FLOATS:
        quantized = all(op in COMPUTE_INPUTS for op, _, _ in row.uses)
        return not quantized and row.stored.kind != "attribute" and bool(row.uses)
    return any(index in COMPUTE_INPUTS.get(op, ()) for op, index, _ in row.uses)

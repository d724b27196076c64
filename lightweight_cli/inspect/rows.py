"""One row for each weight or other constant: its bytes, how it is stored, and which operators use it."""

from __future__ import annotations

from lightweight_cli.inspect.records import Node
from lightweight_cli.inspect.tensors import FLOATS, elements
from lightweight_cli.inspect.value import Stored, Value
from lightweight_cli.weights.integer_operators import COMPUTE_INPUTS

WEIGHT_INPUTS: dict[str, tuple[int, ...]] = {
    "Conv": (1,), "ConvTranspose": (1,), "Gemm": (0, 1), "MatMul": (0, 1), "Gather": (0,), "LSTM": (1, 2),
    "GRU": (1, 2), "RNN": (1, 2), "Attention": (1,), "FusedConv": (1,), "FusedMatMul": (0, 1), "FusedGemm": (0, 1),
}  # fmt: skip
"""Operators that take a float weight, and the inputs where it stands."""


class Row:
    """A constant as `lwc inspect` lists it; `nbytes` are the stored bytes of all its parts, each counted once."""

    __slots__ = ("decoded_by", "dims", "distinct", "encoding", "nbytes", "shared", "stored", "type_name", "uses",
                 "value", "zeros")  # fmt: skip

    def __init__(self, value: Value, stored: Stored) -> None:
        self.value, self.stored = value, stored
        self.nbytes = 0
        self.shared = False
        """Whether it only helps to decode several weights."""
        self.uses: list[tuple[str, int, Node | None]] = []
        self.dims: tuple[int, ...] | None = stored.tensor.dims
        self.type_name = stored.tensor.type_name
        self.encoding = self.type_name
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
    def float_weight(self) -> bool:
        """Whether this is a weight in the narrow sense, stored as plain floating-point numbers."""
        plain = not self.decoded_by and not self.shared and self.stored.kind != "attribute"
        return (plain and self.stored.tensor.dtype in FLOATS
                and any(index in WEIGHT_INPUTS.get(op, ()) for op, index, _ in self.uses))  # fmt: skip

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

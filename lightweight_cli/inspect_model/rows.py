"""One row for each weight or other constant: its bytes, how it is stored, and which operators use it."""

from __future__ import annotations

from lightweight_cli.inspect_model.constants import LAYOUT, Constants, Stored, Value
from lightweight_cli.inspect_model.fold_shapes import elements
from lightweight_cli.inspect_model.messages import Node
from lightweight_cli.inspect_model.tensors import FLOATS, STRING

WEIGHT_INPUTS: dict[str, tuple[int, ...]] = {
    "Conv": (1,), "ConvTranspose": (1,), "Gemm": (0, 1), "MatMul": (0, 1), "Gather": (0,), "LSTM": (1, 2),
    "GRU": (1, 2), "RNN": (1, 2), "Attention": (1,), "FusedConv": (1,), "FusedMatMul": (0, 1), "FusedGemm": (0, 1),
}  # fmt: skip
"""Operators that take a float weight, and the inputs where it stands."""
COMPUTE_INPUTS: dict[str, tuple[int, ...]] = {
    "ConvInteger": (1,), "MatMulInteger": (0, 1), "QLinearConv": (3,), "QLinearMatMul": (0, 3), "QGemm": (3,),
    "MatMulNBits": (1,), "GatherBlockQuantized": (0,), "DynamicQuantizeMatMul": (1,), "MatMulIntegerToFloat": (0, 1),
    "DynamicQuantizeLSTM": (1, 2), "QAttention": (1,), "MatMulBnb4": (1,), "QMoE": (2, 5, 8),
}  # fmt: skip
"""Operators that compute on quantized weights, and the inputs where the weight stands."""


class Row:
    """A constant as `lwc inspect` lists it; `nbytes` are the stored bytes of all its parts, each counted once."""

    __slots__ = ("decoded_by", "dims", "distinct", "encoding", "nbytes", "stored", "type_name", "uses", "value",
                 "zeros")  # fmt: skip

    def __init__(self, value: Value, stored: Stored) -> None:
        self.value, self.stored = value, stored
        self.nbytes = 0
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
        return (not self.decoded_by and self.stored.tensor.dtype in FLOATS and self.stored.kind != "attribute"
                and any(index in WEIGHT_INPUTS.get(op, ()) for op, index, _ in self.uses))  # fmt: skip

    @property
    def bits(self) -> float | None:
        """Stored bits for each element."""
        return 8 * self.nbytes / self.elements if self.elements else None


def rows_of(constants: Constants) -> list[Row]:
    """Give every stored tensor's bytes to exactly one row; largest first."""
    rows: dict[Stored, Row] = {}
    decoded: list[Value] = []
    seen_through: list[Value] = []
    for value in constants.values:
        if not value.uses and value.path:
            continue
        if not value.path or value.ops <= LAYOUT:
            row = rows.get(value.heavy)
            if value.uses and row is None:
                row = rows[value.heavy] = Row(value, value.heavy)
            if row is not None:
                row.uses += value.uses
                if value.path:
                    seen_through.append(value)
        else:
            decoded.append(value)
    for row in rows.values():
        _claim(row, row.value)
    for value in seen_through:
        _claim(rows[value.heavy], value)
    for value in decoded:
        row = rows.get(value.heavy)
        if row is None:
            row = rows[value.heavy] = _decoded(value)
        row.uses += value.uses
        _claim(row, value)
    for value in constants.values:
        if not value.path and not value.claimed:
            row = rows.setdefault(value.heavy, Row(value, value.heavy))
            _claim(row, value)
    for row in rows.values():
        _compute(row)
    return sorted(rows.values(), key=lambda row: -row.nbytes)


def _claim(row: Row, value: Value) -> None:
    """Give `row` the bytes of all parts of `value` that no row has yet."""
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if not value.claimed:
            value.claimed = True
            waiting += value.inputs
            if not value.inputs:
                row.nbytes += value.heavy.nbytes


def _decoded(value: Value) -> Row:
    row = Row(value, value.heavy)
    row.dims = value.dims
    row.decoded_by = value.path
    row.encoding = f"{encoding_name(value.ops)} {row.type_name}"
    return row


def encoding_name(ops: frozenset[str]) -> str:
    """Name the storage encoding that the operators `ops` decode, by what only it needs."""
    kernel = ops - LAYOUT
    if "DequantizeLinear" in ops:
        return "fake-quantized" if "QuantizeLinear" in ops else "DequantizeLinear"
    if ops & {"ScatterElements", "ScatterND"}:
        return "delta"
    if {"CumSum", "Where"} <= ops:
        return "Huffman"
    if "CumSum" in ops:
        return "bitmask"
    if {"Gather", "Add"} <= ops:
        return "planes"
    if {"Cast", "Gather"} <= ops:
        return "codebook"
    if {"Cast", "Mul"} <= ops:
        return "affine"
    if kernel <= {"Slice", "Concat", "Split"}:
        return "rearranged"
    return "cast" if kernel == {"Cast"} else "computed"


def _compute(row: Row) -> None:
    """Name the encoding of a weight that its operator computes on as it is stored."""
    if row.decoded_by or row.stored.tensor.dtype == STRING:
        return
    for op, index, node in row.uses:
        if index not in COMPUTE_INPUTS.get(op, ()):
            continue
        bits = node.attributes.get("bits") if node else None
        row.encoding = f"{op} {bits} bit" if isinstance(bits, int) else f"{op} {row.type_name}"
        if op == "MatMulNBits" and node:
            size = [node.attributes.get("K"), node.attributes.get("N")]
            if all(isinstance(n, int) for n in size):
                row.dims = tuple(size)  # type: ignore[arg-type]
        return


def is_parameter(row: Row) -> bool:
    """Whether the elements of `row` count as parameters of the model: floats, or what stands for them."""
    if row.decoded_by:
        return row.value.dtype in FLOATS
    if row.stored.tensor.dtype in FLOATS:
        quantized = all(op in COMPUTE_INPUTS for op, _, _ in row.uses)
        return not quantized and row.stored.kind != "attribute" and bool(row.uses)
    return any(index in COMPUTE_INPUTS.get(op, ()) for op, index, _ in row.uses)

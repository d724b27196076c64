"""What a weight that its operator computes on as it is stored is called; the others: encodings.named."""

from __future__ import annotations

from lightweight_cli.inspect.rows import Row
from lightweight_cli.inspect.tensors import STRING
from lightweight_cli.weights.operator_inputs import COMPUTE_INPUTS


def name_compute_encoding(row: Row) -> None:
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

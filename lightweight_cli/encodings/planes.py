"""Codes of 3, 5, 6 or 7 bits as the sum of planes 4, 2 and 1 bits wide, each packed and decoded by a table.

number = sum over planes of Reshape(Gather(T[256, 8/w], plane)), the tables' digits already shifted; a codebook takes
one Gather more. A codebook's codes of 1, 2 and 4 bits are one plane: unlike in `table`, the decoding table is shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from onnx import TensorProto

from lightweight_cli.encodings import digit_tables
from lightweight_cli.encodings.coded import Coded
from lightweight_cli.encodings.values import Numbers, Values
from lightweight_cli.model.blobs import Writer
from lightweight_cli.numerics import packing
from lightweight_cli.weights.emission import Emission
from lightweight_cli.weights.load_cost import LoadCost

NAME = "planes"
MINIMUM_OPSET = 7
WORTH = 1 << 14
"""Codes from which planes save the 3 KB of tables that older models store."""
LOAD = LoadCost(4, 4)
"""Beside the planes: the final shape."""
LOAD_CODEBOOK = LoadCost(4, 5)
LOAD_PLANE = LoadCost(12, 12)


def bits_of(coded: Coded) -> int:
    """Return the bits that hold every code."""
    return max(1, (coded.count - 1).bit_length())


def offers(values: Values, opset: int) -> bool:
    """Whether the layout can hold these codes at this opset."""
    if not isinstance(values, Coded) or opset < MINIMUM_OPSET or values.size < (1 if opset >= digit_tables.COMPUTED else WORTH):
        return False
    bits = bits_of(values)
    return bits < 8 and (values.codebook is not None or bits not in (1, 2, 4))


def emit(e: Emission, values: Values, dims: Sequence[int]) -> Numbers:
    """Add the planes; return the tensor of their numbers, of shape `dims`."""
    assert isinstance(values, Coded)
    coded, bits, rows = values, bits_of(values), -(-values.size // 8)
    direct = coded.codebook is None
    kind: int = TensorProto.FLOAT if direct and not coded.indices else TensorProto.INT32
    """Add takes no bytes."""
    low = coded.low if direct else 0
    e.costs(LOAD, coded.size)
    total, shift = "", 0
    for width in packing.plane_widths(bits):
        e.costs(LOAD_PLANE, coded.size)
        packed = e.tensor(TensorProto.UINT8, [rows * width], rows * width, plane(coded, width, shift))
        lowest = low if shift == 0 else 0
        table = shifted(e, width, shift, lowest)
        numbers = e.cast(e.reshape(e.op("Gather", [table, e.cast(packed, TensorProto.INT32)]), [-1]), kind)
        total = e.op("Add", [total, numbers]) if total else numbers
        shift += width
    if coded.codebook is not None:
        e.costs(LOAD_CODEBOOK, coded.size)
        total, kind = e.op("Gather", [e.array(coded.codebook), total]), coded.number_type
    return Numbers(e.fit(total, rows * 8, coded.size, dims), kind)


def shifted(e: Emission, width: int, shift: int, low: int) -> str:
    """Return the digits of each byte, shifted, the lowest `low`, as bytes."""
    kind = TensorProto.INT8 if low < 0 else TensorProto.UINT8
    if shift == 0:
        return digit_tables.numbers(e, 1 << width, low, kind)
    if e.opset < digit_tables.COMPUTED:
        return e.shared(f".h{width}.{shift}", packing.digit_table(1 << width, 8 // width) << np.uint8(shift), True)

    def product() -> list[str]:
        return [digit_tables.digits(e, 1 << width), e.number(1 << shift, True)]

    return e.computed(f".h{width}.{shift}", "Cast", lambda: [e.computed(f".m{width}.{shift}", "Mul", product)], to=kind)


def plane(coded: Coded, width: int, shift: int) -> Callable[[Writer], None]:
    """Return what writes `width` bits of every code, from bit `shift` on."""

    def produce(writer: Writer) -> None:
        for part in coded.symbols():
            digit = np.right_shift(packing.padded(part, 8), np.uint8(shift))
            np.bitwise_and(digit, np.uint8((1 << width) - 1), out=digit)
            writer.write(packing.pack(digit, 1 << width, 8 // width))

    return produce

"""Decoded weights in place of their decoding nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.encodings.plain import LOAD
from lightweight_cli.model.blobs import Writer
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


def decode_all(context: Context) -> int:
    """Store every computed weight as a plain tensor. Returns: tensors decoded."""
    rewriter = context.rewriter(every=True)

    def plan(weight: Weight) -> Plan:
        if not weight.encoded:
            return Plan(weight)

        def produce(writer: Writer) -> None:
            for part in weight.chunks():
                writer.write(part)

        plain = rewriter.emission(weight, "float")
        plain.plain(weight.name, weight.dtype, weight.shape, weight.size * weight.numpy.itemsize, produce)
        plain.costs(LOAD, weight.size)
        return Plan(weight, [plain], must=True)

    return rewriter.run(plan, rest=False)

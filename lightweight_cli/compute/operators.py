"""Static int8 as operators on integers: QLinearConv and others in the place of what stands between DequantizeLinear and QuantizeLinear.

    DequantizeLinear(x), DequantizeLinear(w), DequantizeLinear(b) -> Conv -> QuantizeLinear        becomes QLinearConv(x, w, b)

The same integers and scales as static.py writes, and the same kernels; for runtimes that don't fuse, and for opsets from 10 on, where
DequantizeLinear has no scale for each channel before 13. Add, Concat, Gemm and averages are operators of onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from onnx import NodeProto, helper

from lightweight_cli.compute import static
from lightweight_cli.compute.edit import MICROSOFT, copy_of
from lightweight_cli.compute.region import SAME
from lightweight_cli.model.scopes import Scope, Scopes

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model

NAME = static.OPERATORS
OPSET = 10
BYTES = 12
"""The opset from which on MaxPool takes bytes."""
Codes = list[str]
"""Names of integers, their scale and zero point."""


def _conv(node: NodeProto, given: list[Codes], out: Codes) -> NodeProto:
    bias = [given[2][0]] if len(given) > 2 else []
    return _made(node, "QLinearConv", [*given[0], *given[1], *out[1:], *bias], out)


def _gemm(node: NodeProto, given: list[Codes], out: Codes) -> NodeProto:
    made = _made(node, "QGemm", [*given[0], *given[1], given[2][0] if len(given) > 2 else "", *out[1:]], out, MICROSOFT)
    for name in [a for a in made.attribute if a.name == "beta"]:
        made.attribute.remove(name)
    return made


WRITERS: dict[str, Callable[[NodeProto, list[Codes], Codes], NodeProto]] = {
    "Conv": _conv,
    "MatMul": lambda node, given, out: _made(node, "QLinearMatMul", [*given[0], *given[1], *out[1:]], out),
    "Gemm": _gemm,
    "Add": lambda node, given, out: _made(node, "QLinearAdd", [*given[0], *given[1], *out[1:]], out, MICROSOFT),
    "Concat": lambda node, given, out: _made(node, "QLinearConcat", [*out[1:], *(n for g in given for n in g)], out, MICROSOFT),
    "AveragePool": lambda node, given, out: _made(node, "QLinearAveragePool", [*given[0], *out[1:]], out, MICROSOFT),
    "GlobalAveragePool": lambda node, given, out: _made(node, "QLinearGlobalAveragePool", [*given[0], *out[1:]], out, MICROSOFT),
    **dict.fromkeys(SAME, lambda node, given, out: _made(node, node.op_type, [given[0][0], *node.input[1:]], out)),
}


def _made(node: NodeProto, op_type: str, inputs: list[str], out: Codes, domain: str = "") -> NodeProto:
    """Return the node that computes on integers, with the attributes of the one on floats."""
    made = copy_of(node)
    made.op_type, made.domain = op_type, domain
    del made.input[:], made.output[:]
    made.input.extend(inputs)
    made.output.append(out[0])
    return made


def rewrite(model: Model, tensors: Collection[str]) -> None:
    """Put operators on integers in the place of what rounds to the scales among `tensors`, which static layers were given."""
    main = Scopes(model.proto).main
    instead: dict[int, list[NodeProto]] = {}
    opset = main.opset
    for node in main.graph.node:
        if node.op_type not in WRITERS or node.domain not in ("", "ai.onnx") or (node.op_type == "MaxPool" and opset < BYTES):
            continue
        end = _end(main, node, tensors)
        given = [_codes(main, name) for name in (node.input[:1] if node.op_type in SAME else node.input) if name]
        if end is None or any(codes is None for codes in given):
            continue
        made = WRITERS[node.op_type](node, [codes for codes in given if codes], [end.output[0], *end.input[1:]])
        instead |= {id(node): [made], id(end): []}
    if not instead:
        return
    kept = [copy_of(new) for node in main.graph.node for new in instead.get(id(node), [node])]
    outside = {o.name for o in main.graph.output}
    outside |= {use.node.input[use.index] for uses in main.uses.values() for use in uses if use.scope is not main}
    used = outside.union(*(node.input for node in kept))
    kept = [node for node in kept if node.op_type != "DequantizeLinear" or node.output[0] in used]
    del main.graph.node[:]
    main.graph.node.extend(kept)
    used = outside.union(*(node.input for node in kept))
    for i in reversed(range(len(main.graph.initializer))):  # zeros and scales of what is gone
        if main.graph.initializer[i].name in tensors and main.graph.initializer[i].name not in used:
            del main.graph.initializer[i]
    if all(o.domain != MICROSOFT for o in model.proto.opset_import) and any(node.domain == MICROSOFT for node in kept):
        model.proto.opset_import.append(helper.make_opsetid(MICROSOFT, 1))


def _end(main: Scope, node: NodeProto, tensors: Collection[str]) -> NodeProto | None:
    """Return the QuantizeLinear that alone reads what a node gives, if its scale is among `tensors`."""
    uses = main.uses.get(node.output[0], [])
    if len(uses) != 1 or uses[0].scope is not main or node.output[0] in main.outputs:
        return None
    end = uses[0].node
    return end if end.op_type == "QuantizeLinear" and uses[0].index == 0 and end.input[1] in tensors else None


def _codes(main: Scope, name: str) -> Codes | None:
    """Return the integers of a value, if DequantizeLinear makes it of them."""
    maker = main.producers.get(name)
    return list(maker.input) if maker is not None and maker.op_type == "DequantizeLinear" and len(maker.input) == 3 else None

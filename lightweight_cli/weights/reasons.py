"""Why a constant is no weight that a pass could store anew, in words for "left alone".

What follows a colon may differ from tensor to tensor; reports group by what stands before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from onnx import TensorProto

from lightweight_cli.model import tensors
from lightweight_cli.weights.operator_inputs import COMPUTE_INPUTS
from lightweight_cli.weights.roles import MOVES, ROLES
from lightweight_cli.weights.search import OVERRIDABLE

if TYPE_CHECKING:
    from lightweight_cli.model.scopes import Scope, Use
    from lightweight_cli.weights.fixed import Ends, Fixed

SCALED = {"QuantizeLinear", "DequantizeLinear"}
WHOLE: dict[int, str] = {TensorProto.STRING: "holds text", TensorProto.BOOL: "holds truth values"}
SMALL_FLOATS = {getattr(TensorProto, n) for n in dir(TensorProto) if n.startswith(("FLOAT8", "FLOAT6", "FLOAT4"))}
"""Float types below 16 bits: nothing here makes them smaller."""


def why(fixed: Fixed, scope: Scope, name: str, tensor: TensorProto, every: bool) -> tuple[str, str]:
    """Return the operator that uses the constant `name` of `scope`, and why no pass takes it for a weight."""
    ends = fixed.ends(scope, name)
    op = ends.uses[0].node.op_type if ends.uses else "output" if ends.is_output else "unused"
    if name in scope.inputs:
        return op, OVERRIDABLE
    if not ends.uses:
        return op, "is an output of the graph" if ends.is_output else "is used by nothing: strip removes it"
    computing = next((u for u in ends.uses if u.index in COMPUTE_INPUTS.get(u.node.op_type, ())), None)
    if tensor.data_type in tensors.FLOATS:
        return op, _float(ends, every)
    kind = tensors.type_name(tensor.data_type)
    if computing is not None:
        bits = _bits(computing, tensor)
        return computing.node.op_type, f"is stored in {bits}-bit integers that the runtime computes on: {computing.node.op_type}"
    if tensor.data_type in SMALL_FLOATS:
        return op, f"is stored in {kind} already: {_place(ends.uses[0])}"
    if tensor.data_type in tensors.BITS and tensor.data_type not in WHOLE and tensors.BITS[tensor.data_type] <= 8:
        return op, f"is stored in {tensors.BITS[tensor.data_type]}-bit integers already: {_place(ends.uses[0])}"
    return op, f"{WHOLE.get(tensor.data_type, 'holds whole numbers')}: {kind}, {_place(ends.uses[0])}"


def _float(ends: Ends, every: bool) -> str:
    """Return why a tensor of floats that every pass can read is none of their weights."""
    use = next((u for u in ends.uses if (u.node.op_type, u.index) in ROLES), None)
    computed = [op for op in ends.through if op not in MOVES]
    if use is not None and computed:
        return f"is computed by nodes, run fold first: {', '.join(computed)} before {use.node.op_type}"
    first = ends.uses[0]
    if first.node.op_type in COMPUTE_INPUTS:
        return f"belongs to integers that the runtime computes on: {_place(first)}"
    if first.node.op_type in SCALED:
        return f"is a scale, which runtimes want as it is: {_place(first)}"
    if first.node.domain not in ("", "ai.onnx"):
        return f"is read by an operator of which no weights are known: {_place(first)}"
    taken = "" if every else ", half and pack take it"
    return f"is no weight{taken}: {_place(first)}"


def _place(use: Use) -> str:
    domain = f"{use.node.domain}." if use.node.domain not in ("", "ai.onnx") else ""
    return f"input {use.index} of {domain}{use.node.op_type}"


def _bits(use: Use, tensor: TensorProto) -> int:
    given = next((a.i for a in use.node.attribute if a.name == "bits"), 0)
    return given or tensors.BITS.get(tensor.data_type, 8)

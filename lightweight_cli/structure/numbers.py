"""Where the numbers of small integer tensors come from: a constant, the size of an axis, or arithmetic that is not followed.

Shapes that operators are given are such tensors. A number that is the size of an axis must follow when the axis is cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lightweight_cli.weights import constants

if TYPE_CHECKING:
    from onnx import NodeProto

    from lightweight_cli.model.model import Model
    from lightweight_cli.model.scopes import Scope
    from lightweight_cli.structure.sizes import Sizes

MOST = 64
"""Elements of a tensor that is followed: no shape has more."""
SAME = {"Identity", "Cast", "Unsqueeze", "Squeeze", "Reshape"}


class Place(NamedTuple):
    """A number that a node states: element `index` of an input, or of the attribute of that name."""

    node: int
    """id of the node."""
    where: int | str
    index: int  # type: ignore[assignment]  # tuple.index is not used


class Number(NamedTuple):
    """One integer of a tensor."""

    value: int | None = None
    place: Place | None = None
    """Where it is stated."""
    of: tuple[str, int] | None = None
    """Tensor and axis whose size it is."""


class Numbers:
    """The numbers of every integer tensor that is followed."""

    def __init__(self, model: Model, scope: Scope, sizes: Sizes) -> None:
        self.model, self.scope, self.sizes = model, scope, sizes
        self.known: dict[str, list[Number]] = {}

    def given(self, node: NodeProto, index: int, attribute: str = "") -> list[Number] | None:
        """Return the numbers that a node is given as an input, or as an attribute in older opsets; None: they are not known."""
        stated = next((a for a in node.attribute if attribute and a.name == attribute), None)
        if stated is not None:
            values = list(stated.ints) or [stated.i]
            return [Number(v, Place(id(node), attribute, j)) for j, v in enumerate(values)]
        name = node.input[index] if 0 <= index < len(node.input) else ""
        if not name:
            return None
        tensor = constants.leaf(self.scope, name)
        if tensor is None or name in self.scope.inputs:
            return self.known.get(name)
        array = self.model.array(tensor) if len(tensor.dims) <= 1 else None
        if array is None or array.dtype.kind not in "iu" or array.size > MOST:
            return None
        return [Number(int(v), Place(id(node), index, j)) for j, v in enumerate(array.reshape(-1).tolist())]

    def values(self, node: NodeProto, index: int, attribute: str = "") -> list[int] | None:
        """Return the numbers as integers, None where one is not constant."""
        found = self.given(node, index, attribute)
        if found is None or any(n.value is None or n.of is not None for n in found):
            return None
        return [n.value for n in found if n.value is not None]

    def follow(self, node: NodeProto) -> bool:
        """Note what a node makes of numbers. Returns: whether it is one that does, and all it read is known by that."""
        made = self._made(node)
        if made is None or not node.output or len(made) > MOST:
            return False
        self.known[node.output[0]] = made
        return True

    def _made(self, node: NodeProto) -> list[Number] | None:
        if node.op_type == "Shape":
            rank = self.sizes.rank(node.input[0])
            if rank is None:
                return None
            start, end = (next((a.i for a in node.attribute if a.name == n), d) for n, d in (("start", 0), ("end", rank)))
            axes = range(rank)[start:end]
            return [Number(self.sizes.fixed(node.input[0], k), None, (node.input[0], k)) for k in axes]
        if node.op_type == "Concat":
            parts = [self.given(node, i) for i in range(len(node.input))]
            return None if any(p is None for p in parts) else [n for p in parts if p is not None for n in p]
        first = self.given(node, 0)
        if first is None:
            return None
        if node.op_type in SAME:
            return first
        if node.op_type == "Gather":
            at = self.values(node, 1)
            return None if at is None or any(not -len(first) <= i < len(first) for i in at) else [first[i] for i in at]
        if node.op_type == "Slice":
            starts, ends = self.values(node, 1, "starts"), self.values(node, 2, "ends")
            steps = self.values(node, 4) or [1]
            return None if not starts or not ends else first[starts[0] : ends[0] : steps[0]]
        return None

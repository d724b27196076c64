"""Shapes of what constant nodes compute, as far as decoding weights needs them."""

from __future__ import annotations

from lightweight_cli.inspect.records import Node
from lightweight_cli.inspect.tensors import elements
from lightweight_cli.inspect.value import Value

ELEMENTWISE = frozenset({"Add", "Sub", "Mul", "Div", "Where", "Pow", "Max", "Min", "Mod", "BitwiseAnd", "BitShift"})
SAME_AS_FIRST = frozenset({"Cast", "CumSum", "DequantizeLinear", "Identity", "Neg", "QuantizeLinear", "Round",
                           "ScatterElements", "ScatterND"})  # fmt: skip

HIGHEST_RANK = 64


def folded_dims(node: Node, inputs: list[Value]) -> tuple[int, ...] | None:
    """Return the shape of a constant node's output, or None where this module does not know the operator."""
    op, first = node.op, inputs[0].dims
    if op in SAME_AS_FIRST:
        return first
    if op in ELEMENTWISE:
        return broadcast([value.dims for value in inputs])
    if op in ("Reshape", "ConstantOfShape"):
        target = integers(inputs[-1])
        if target is None:
            return None
        return _reshaped(first, target, node) if op == "Reshape" else tuple(target)
    if op == "Range":
        ends = [integers(value) for value in inputs]
        known = [end[0] for end in ends if end]
        return (len(range(*known)),) if len(known) == 3 and known[2] else None
    if first is None:
        return None
    if op == "Concat":
        return _joined([value.dims for value in inputs], node.attributes.get("axis"))
    if op in ("Unsqueeze", "Squeeze"):
        axes = node.attributes.get("axes", integers(inputs[1]) if len(inputs) > 1 else None)
        return _resqueezed(first, axes, op == "Unsqueeze") if isinstance(axes, list) else None
    if op == "Gather" and len(inputs) == 2 and node.attributes.get("axis", 0) == 0:
        rows = inputs[1].dims
        return None if rows is None or len(rows) + len(first) > HIGHEST_RANK else rows + first[1:]
    if op == "Transpose":
        order = node.attributes.get("perm", list(range(len(first) - 1, -1, -1)))
        fits = isinstance(order, list) and sorted(order) == list(range(len(first)))
        return tuple(first[axis] for axis in order) if fits and isinstance(order, list) else None
    if op.startswith("Reduce"):
        return _reduced(first, node, inputs)
    if op == "Slice" and len(inputs) >= 3:
        return _sliced(first, [integers(value) for value in inputs[1:]])
    return None


def broadcast(shapes: list[tuple[int, ...] | None]) -> tuple[int, ...] | None:
    """Return the shape that `shapes` broadcast to, as in NumPy; None when one is unknown or they do not."""
    known = [shape for shape in shapes if shape is not None]
    if len(known) < len(shapes):
        return None
    rank = max(map(len, known), default=0)
    result = []
    for sizes in zip(*((1,) * (rank - len(shape)) + shape for shape in known), strict=True):
        wide = set(sizes) - {1}
        if len(wide) > 1:
            return None
        result.append(wide.pop() if wide else 1)
    return tuple(result)


def integers(value: Value) -> list[int] | None:
    """Return the numbers of a small stored int tensor."""
    return None if value.op else value.heavy.tensor.integers()


def _reshaped(dims: tuple[int, ...] | None, target: list[int], node: Node) -> tuple[int, ...] | None:
    keep = not node.attributes.get("allowzero", 0)
    if keep and 0 in target:
        if dims is None or any(size == 0 and i >= len(dims) for i, size in enumerate(target)):
            return None
        target = [dims[i] if size == 0 else size for i, size in enumerate(target)]
    if -1 in target:
        rest = -elements(tuple(target))
        if dims is None or rest <= 0:
            return None
        target = [elements(dims) // rest if size == -1 else size for size in target]
    return None if any(size < 0 for size in target) else tuple(target)


def _joined(shapes: list[tuple[int, ...] | None], axis: object) -> tuple[int, ...] | None:
    first = shapes[0]
    if first is None or not isinstance(axis, int) or not -len(first) <= axis < len(first):
        return None
    axis %= len(first)
    length = 0
    for dims in shapes:
        if dims is None or len(dims) != len(first):
            return None
        length += dims[axis]
    return (*first[:axis], length, *first[axis + 1 :])


def _resqueezed(dims: tuple[int, ...], axes: list[int], grow: bool) -> tuple[int, ...] | None:
    rank = len(dims) + len(axes) if grow else len(dims)
    places = {axis % rank for axis in axes if -rank <= axis < rank}
    if len(places) != len(axes):
        return None
    if not grow:
        return tuple(size for axis, size in enumerate(dims) if axis not in places)
    rest = iter(dims)
    return tuple(1 if axis in places else next(rest) for axis in range(rank))


def _reduced(dims: tuple[int, ...], node: Node, inputs: list[Value]) -> tuple[int, ...] | None:
    """Return the shape after a reduction over axes of an attribute or an input; over all of them where none are given."""
    axes = node.attributes.get("axes", integers(inputs[1]) if len(inputs) > 1 else list(range(len(dims))))
    if not isinstance(axes, list) or any(not -len(dims) <= axis < len(dims) for axis in axes):
        return None
    gone = {axis % len(dims) for axis in axes}
    if node.attributes.get("keepdims", 1):
        return tuple(1 if axis in gone else size for axis, size in enumerate(dims))
    return tuple(size for axis, size in enumerate(dims) if axis not in gone)


def _sliced(dims: tuple[int, ...], ranges: list[list[int] | None]) -> tuple[int, ...] | None:
    """Return the shape after Slice with step 1; `ranges` are starts, ends and perhaps axes."""
    starts, ends, *rest = ranges
    if starts is None or ends is None or len(rest) > 1 or len(starts) != len(ends):
        return None
    axes = rest[0] if rest else list(range(len(starts)))
    if axes is None or len(axes) != len(starts) or any(not -len(dims) <= axis < len(dims) for axis in axes):
        return None
    result = list(dims)
    for start, end, axis in zip(starts, ends, axes, strict=True):
        result[axis] = len(range(dims[axis])[start:end])
    return tuple(result)

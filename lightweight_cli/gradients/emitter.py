"""Writing nodes: names that nothing else has, constants, and sizes that are read at run time where they are not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from lightweight_cli.gradients.values import Operand, Value, type_made

if TYPE_CHECKING:
    from lightweight_cli.gradients.facts import Facts

PREFIX = "gradient/"


class Names:
    """Names for new values, none of them in use."""

    def __init__(self, taken: set[str]) -> None:
        self.taken, self.count = taken, 0

    def new(self, hint: str) -> str:
        """Return a name that nothing has."""
        while True:
            self.count += 1
            name = f"{PREFIX}{hint}_{self.count}"
            if name not in self.taken:
                return name


class Emitter:
    """The nodes that are added to one graph; their constants are kept in the main graph."""

    def __init__(self, facts: Facts, names: Names, constants: dict[tuple[str, tuple[int, ...], bytes], TensorProto]) -> None:
        self.facts, self.names, self.constants = facts, names, constants
        self.nodes: list[NodeProto] = []
        self._sizes: dict[str, Value] = {}

    def within(self, facts: Facts) -> Emitter:
        """Return an emitter for a graph within this one."""
        return Emitter(facts, self.names, self.constants)

    def value(self, name: str) -> Value:
        """Return a value that the graph has already."""
        return Value(self, name, self.facts.type(name))

    def emit(self, op_type: str, *inputs: Operand, type: int | None = None, **attributes: Any) -> Value:
        """Add a node with one output. `type`: of its elements, where that is not its first input's."""
        return self.emit_all(op_type, *inputs, outputs=1, type=type, **attributes)[0]

    def emit_all(self, op_type: str, *inputs: Operand, outputs: int, type: int | None = None, **attributes: Any) -> list[Value]:
        """Add a node with several outputs."""
        values = [v for v in inputs if isinstance(v, Value)]
        own = next((v.type for v in values if v.type != TensorProto.BOOL), TensorProto.FLOAT)
        read = [self.operand(v, own) for v in inputs]
        made = type if type is not None else type_made(op_type, [v for v in read if v is not None])
        results = [Value(self, self.names.new(op_type), made) for _ in range(outputs)]
        listed = [v.name if v is not None else "" for v in read]
        self.nodes.append(helper.make_node(op_type, listed, [r.name for r in results], **attributes))
        return results

    def operand(self, operand: Operand, type: int) -> Value | None:
        """Return what a node reads: numbers become constants of the type, arrays keep their own."""
        if operand is None or isinstance(operand, Value):
            return operand
        if isinstance(operand, np.ndarray):
            return self.constant(operand)
        return self.constant(np.array(operand, helper.tensor_dtype_to_np_dtype(type)))

    def constant(self, array: np.ndarray) -> Value:
        """Return a constant; equal ones are one."""
        array = np.asarray(array, order="C")
        key = str(array.dtype), array.shape, array.tobytes()
        if key not in self.constants:
            self.constants[key] = numpy_helper.from_array(array, self.names.new("constant"))
        tensor = self.constants[key]
        return Value(self, tensor.name, tensor.data_type)

    def sizes(self, value: Value) -> Value:
        """Return the shape of a value as int64: a constant where it is known."""
        shape = self.facts.static(value.name)
        if shape is not None:
            return self.constant(np.array(shape, np.int64))
        if value.name not in self._sizes:
            self._sizes[value.name] = self.emit("Shape", value)
        return self._sizes[value.name]

    def size(self, value: Value, axis: int) -> int | Value:
        """Return the size of an axis: a number, or an int64 [1] that is read at run time."""
        shape = self.facts.shape(value.name)
        known = shape[axis] if shape is not None else None
        return known if isinstance(known, int) else self.emit("Gather", self.sizes(value), np.array([axis], np.int64))

    def shape(self, parts: list[int | Value]) -> Value:
        """Return a shape put together of sizes."""
        if all(isinstance(p, int) for p in parts):
            return self.constant(np.array(parts, np.int64))
        return self.emit("Concat", *(np.array([p], np.int64) if isinstance(p, int) else p for p in parts), type=TensorProto.INT64, axis=0)

    def zeros(self, like: Value, type: int) -> Value:
        """Return zeros of a value's shape."""
        zero = numpy_helper.from_array(np.zeros(1, helper.tensor_dtype_to_np_dtype(type)))
        return self.emit("ConstantOfShape", self.sizes(like), type=type, value=zero)

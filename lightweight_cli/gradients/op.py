"""A node as its rule sees it: what it reads and makes, the gradients that came back, and those that go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from lightweight_cli.gradients.unbroadcast import unbroadcast

if TYPE_CHECKING:
    from onnx import GraphProto, NodeProto

    from lightweight_cli.gradients.emitter import Emitter
    from lightweight_cli.gradients.facts import Shape
    from lightweight_cli.gradients.values import Value

Branch = Callable[["Op", str, "list[str]"], "GraphProto"]
"""From a node, the attribute that holds a branch and names, to a graph of the gradients of these names through the branch."""


class Unfit(Exception):
    """Why a node can't be differentiated, in words."""


class Op:
    """One node, with the gradients of its outputs."""

    def __init__(self, node: NodeProto, emitter: Emitter, gradients: list[Value | None], wanted: set[str], opset: int,
                 place: int, reads: list[str], branch: Branch) -> None:
        self.node, self.into, self.facts, self.opset = node, emitter, emitter.facts, opset
        self.place, self.reads, self.branch = place, reads, branch
        self.type = node.op_type
        self.attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        self.x = [emitter.value(n) if n else None for n in node.input]
        self.y = [emitter.value(n) if n else None for n in node.output]
        self.gs = gradients
        self.wanted = wanted
        self.given: list[tuple[str, Value]] = []
        self.emit, self.constant_value = emitter.emit, emitter.constant

    @property
    def g(self) -> Value:
        """The gradient of the first output. Raises: Unfit where another output alone has one."""
        if self.gs[0] is None:
            raise Unfit("only its first output can be differentiated")
        return self.gs[0]

    def input(self, index: int) -> Value | None:
        """Return an input, None where it is left out."""
        return self.x[index] if index < len(self.x) else None

    def read(self, index: int = 0) -> Value:
        """Return an input that must be there."""
        value = self.input(index)
        if value is None:
            raise Unfit(f"its input {index} is missing")
        return value

    def made(self, index: int = 0) -> Value:
        """Return an output; one that nobody asked for gets a name."""
        while len(self.node.output) <= index:
            self.node.output.append("")
        if not self.node.output[index]:
            self.node.output[index] = self.into.names.new(self.type)
        return self.into.value(self.node.output[index])

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute, text as str."""
        found = self.attributes.get(name, default)
        return found.decode() if isinstance(found, bytes) else found

    def wants(self, index: int) -> bool:
        """Whether the gradient of an input is asked for."""
        return index < len(self.node.input) and self.node.input[index] in self.wanted

    def give(self, index: int, gradient: Value) -> None:
        """Hand on the gradient of an input, of that input's shape."""
        if self.wants(index):
            self.given.append((self.node.input[index], gradient))

    def give_summed(self, index: int, gradient: Value, like: Value | None = None) -> None:
        """Hand on a gradient of the shape of the output (or of `like`), summed over what was broadcast."""
        if self.wants(index):
            self.give(index, unbroadcast(self.into, gradient, like or self.made(), self.read(index)))

    def back_through(self, branch: str, names: list[str]) -> GraphProto:
        """Return a graph of the gradients of `names`, through the branch in an attribute."""
        return self.branch(self, branch, names)

    def shape(self, value: Value) -> Shape | None:
        """Return what is known of a shape."""
        return self.facts.shape(value.name)

    def rank(self, value: Value) -> int:
        """Return the number of axes. Raises: Unfit where it is not known."""
        shape = self.shape(value)
        if shape is None:
            raise Unfit("the number of axes of what it reads or makes is not known")
        return len(shape)

    def fixed(self, value: Value, axis: int) -> int | None:
        """Return the size of an axis, None where it depends on the inputs."""
        shape = self.shape(value)
        size = shape[axis] if shape is not None else None
        return size if isinstance(size, int) else None

    def constant(self, index: int) -> np.ndarray | None:
        """Return the values of an input that is a small constant."""
        value = self.input(index)
        return self.facts.constant(value.name) if value is not None else None

    def integers(self, index: int) -> list[int] | None:
        """Return the integers of a constant input, None where it is left out or not a constant."""
        found = self.constant(index)
        return [int(v) for v in found.reshape(-1)] if found is not None else None

"""A node that an encoding puts into a model, before it is one: most forms of a weight are only priced, which takes no message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from onnx import AttributeProto, NodeProto, helper

from lightweight_cli.model.wire import framed


class NewNode:
    """An operator, its inputs and outputs, which may be renamed, and attributes."""

    __slots__ = ("attributes", "input", "op_type", "output")

    def __init__(self, op_type: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Any]) -> None:
        self.op_type, self.input, self.output, self.attributes = op_type, list(inputs), list(outputs), attributes

    @property
    def nbytes(self) -> int:
        """The bytes of the message, without what frames it."""
        together = "".join((self.op_type, *self.input, *self.output))
        if len(together) < 128 and together.isascii():
            size = len(together) + 2 * (1 + len(self.input) + len(self.output))
        else:
            size = sum(framed(len(name.encode())) for name in (self.op_type, *self.input, *self.output))
        return size + sum(framed(attribute(*item).ByteSize()) for item in self.attributes.items()) if self.attributes else size

    def message(self) -> NodeProto:
        """Return the node."""
        made = NodeProto(op_type=self.op_type, input=self.input, output=self.output)
        made.attribute.extend(attribute(*item) for item in self.attributes.items())
        return made


def attribute(name: str, value: Any) -> AttributeProto:
    """Return an attribute, not to be changed; helper.make_attribute takes ten times as long."""
    return whole_number(name, value) if isinstance(value, int) else helper.make_attribute(name, value)


@lru_cache(256)
def whole_number(name: str, value: int) -> AttributeProto:
    """Return an attribute of a number, such as the type of a Cast: there are few."""
    return AttributeProto(name=name, type=AttributeProto.INT, i=value)

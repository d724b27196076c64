"""Changes to a model's messages: fields cleared, repeated, swapped, taken from elsewhere; numbers and names that don't fit.

Damaged bytes seldom get beyond the parser; a model changed field by field does, and goes wrong inside.
"""

from __future__ import annotations

import random
from typing import Any

from google.protobuf.message import DecodeError
from onnx import ModelProto

NUMBERS = (0, 1, 2, 3, 4, 7, 8, 9, 16, 64, 127, -1, -2, -128, 1 << 31, (1 << 31) - 1, 1 << 40, (1 << 63) - 1, -(1 << 63))
FLOATS = (0.0, -0.0, 1.0, float("nan"), float("inf"), 1e38, 1e-45)
WORDS = ("", "ai.onnx", "axis", "axes", "to", "perm", "value", "Constant", "Cast", "Transpose", "Reshape", "Identity", "Gather",
         "DequantizeLinear", "MatMul", "If", "Mul", "Slice", "body", "\n", "lwc.", "lwc1.q", "x" * 300)


def messages(root: Any) -> list[Any]:
    """Return a message and all messages in it."""
    found = [root]
    for at in found:
        for field, value in at.ListFields():
            if field.message_type is not None:
                found.extend(value if repeated(field) else [value])
    return found


def repeated(field: Any) -> bool:
    """Whether a field holds several values."""
    return bool(field.is_repeated) if hasattr(field, "is_repeated") else field.label == field.LABEL_REPEATED


def readable(data: bytes) -> bool:
    """Whether protobuf takes the bytes for a model."""
    try:
        ModelProto.FromString(data)
    except DecodeError:
        return False
    return True


def changed(data: bytes, choose: random.Random) -> bytes:
    """Return a model's bytes after a few changes to its messages. Raises: DecodeError where they are no model."""
    model = ModelProto.FromString(data)
    for _ in range(choose.choice((1, 1, 2, 3, 6))):
        everything = messages(model)
        at = choose.choice(everything)
        change(at, everything, choose)
    return model.SerializeToString()


def change(at: Any, everything: list[Any], choose: random.Random) -> None:
    """Change one field of the message `at`."""
    field = choose.choice(at.DESCRIPTOR.fields if choose.random() < 0.3 else [f for f, _ in at.ListFields()] or at.DESCRIPTOR.fields)
    action = choose.randrange(10)
    if action == 0:
        at.ClearField(field.name)
    elif repeated(field):
        values = getattr(at, field.name)
        if field.message_type is not None:
            several(values, [m for m in everything if m.DESCRIPTOR is field.message_type], action, choose)
        elif len(values) and action < 4:
            del values[choose.randrange(len(values))]
        elif len(values) and action < 8:
            values[choose.randrange(len(values))] = scalar(field, everything, choose)
        else:
            values.append(scalar(field, everything, choose))
    elif field.message_type is not None:
        others = [m for m in everything if m.DESCRIPTOR is field.message_type]
        if others:
            copy = type(others[0]).FromString(choose.choice(others).SerializePartialToString())
            getattr(at, field.name).CopyFrom(copy)
    else:
        setattr(at, field.name, scalar(field, everything, choose))


def several(values: Any, others: list[Any], action: int, choose: random.Random) -> None:
    """Change a list of messages: one removed, moved, or taken from elsewhere."""
    if len(values) and action < 4:
        del values[choose.randrange(len(values))]
    elif len(values) > 1 and action < 6:
        taken = values.pop(choose.randrange(len(values)))
        values.insert(choose.randrange(len(values) + 1), taken)
    elif others:
        copy = values.add()
        copy.MergeFromString(choose.choice(others).SerializePartialToString())


def scalar(field: Any, everything: list[Any], choose: random.Random) -> Any:
    """Return a value that a field may hold: odd, or one that another message has in the field."""
    if field.enum_type is not None:
        return choose.choice(field.enum_type.values).number
    if field.cpp_type in (field.CPPTYPE_FLOAT, field.CPPTYPE_DOUBLE):
        return choose.choice(FLOATS)
    if field.cpp_type == field.CPPTYPE_STRING:
        word = choose.choice(WORDS) if choose.random() < 0.3 else name_of(choose.choice(everything), choose)
        if field.type == field.TYPE_STRING:
            return word
        return word.encode() if choose.random() < 0.5 else choose.randbytes(choose.choice((1, 4, 64, 400)))
    low, bits = {field.CPPTYPE_INT64: (1 << 63, 64), field.CPPTYPE_UINT64: (0, 64)}.get(field.cpp_type, (1 << 31, 32))
    return (choose.choice(NUMBERS) + low) % (1 << bits) - low


def name_of(message: Any, choose: random.Random) -> str:
    """Return a text that the message holds, or nothing."""
    fields = [(v if repeated(f) else [v]) for f, v in message.ListFields() if f.type == f.TYPE_STRING]
    words = [w for values in fields for w in values]
    word = choose.choice(words) if words else ""
    return word.decode("utf-8", "replace") if isinstance(word, bytes) else word.encode("utf-8", "replace").decode()

"""The fields of one protobuf message, as a list: the loop that `lwc inspect` spends its time in."""

from __future__ import annotations

from lightweight_cli.model.wire import WireError, varint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Buffer: TypeAlias = bytes  # or a memory map, which can be read like bytes


def scan(buf: Buffer, at: int, end: int) -> list[tuple[int, int, int]]:
    """List the fields of the message `buf[at:end]`.

    Returns: (tag, begin, end of the value) of each; for a varint (tag, value, position after it).
    Raises: WireError when the bytes end too early or hold an unknown wire type.
    """
    found = []
    while at < end:
        tag = buf[at]
        at += 1
        if tag > 127:
            tag, at = varint(buf, at - 1, end)
        wire = tag & 7
        if wire == 2:
            if at >= end:
                raise WireError("cut off inside a field")
            length = buf[at]
            at += 1
            if length > 127:
                length, at = varint(buf, at - 1, end)
            begin = at
            at += length
        elif wire == 0:
            if at >= end:
                raise WireError("cut off inside a number")
            begin = buf[at]
            at += 1
            if begin > 127:
                begin, at = varint(buf, at - 1, end)
        elif wire == 5:
            begin = at
            at += 4
        elif wire == 1:
            begin = at
            at += 8
        else:
            raise WireError(f"wire type {wire}")
        if at > end:
            raise WireError("cut off inside a field")
        if tag < 8:
            raise WireError("field number 0")
        found.append((tag, begin, at))
    return found


def text(buf: Buffer, at: int, end: int) -> str:
    """Return `buf[at:end]` as text; bytes that are not UTF-8 become replacement characters."""
    return str(buf[at:end], "utf-8", "replace")

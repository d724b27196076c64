"""What a ValueInfoProto states about a value."""

from __future__ import annotations

from lightweight_cli.inspect.scan import scan, text


def declared(info: bytes) -> tuple[int, list[int | str | None] | None]:
    """Read a serialized ValueInfoProto: element type, and sizes (names of symbolic ones, None for unknown ones).

    Returns: 0 as the type when it is not a tensor; no sizes when even the rank is not stated.
    """
    dtype, dims = 0, None
    for at, end in _inside(info, [(0, len(info))], (18, 10)):
        for tag, begin, stop in scan(info, at, end):
            if tag == 8:
                dtype = begin
            elif tag == 18:
                dims = [_dim(info, a, b) for tag, a, b in scan(info, begin, stop) if tag == 10]
    return dtype, dims


def _inside(info: bytes, places: list[tuple[int, int]], path: tuple[int, ...]) -> list[tuple[int, int]]:
    for wanted in path:
        places = [(at, end) for place in places for tag, at, end in scan(info, *place) if tag == wanted]
    return places


def _dim(info: bytes, at: int, end: int) -> int | str | None:
    for tag, begin, stop in scan(info, at, end):
        if tag == 8:
            return begin if begin < 1 << 63 else None
        if tag == 18:
            return text(info, begin, stop) or None
    return None


def fixed(info: bytes) -> tuple[int, ...] | None:
    """Return the stated shape when every size is a number, else None."""
    sizes = declared(info)[1]
    if sizes is None:
        return None
    numbers = tuple(size for size in sizes if isinstance(size, int))
    return numbers if len(numbers) == len(sizes) else None

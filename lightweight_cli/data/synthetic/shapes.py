"""The shape of each input under a plan: what the model fixes, what equal symbols and names tell, and the plan for the rest."""

from __future__ import annotations

import re

from lightweight_cli.data.conform import is_sequence
from lightweight_cli.data.hints import Hint
from lightweight_cli.data.synthetic.plans import LINE_WIDTH, LINES, PIXELS, Plan
from lightweight_cli.runtime.sessions import Dim, Port

PAST = 4
LINE = 80
"""Pixels up to which a height that a model fixes, with an open width, is that of a line of text."""


def shapes_of(ports: tuple[Port, ...], hints: dict[str, Hint], plan: Plan) -> dict[str, tuple[int, ...]]:
    """Return the shape of each input; equal symbols are equal lengths."""
    symbols: dict[str, int] = {}
    for port in ports:
        for axis, dim in enumerate(port.shape):
            if isinstance(dim, str) and dim.isidentifier() and dim not in symbols:
                symbols[dim] = _length(port, axis, dim, hints.get(port.name), plan)
    shapes: dict[str, tuple[int, ...]] = {}
    for port in ports:
        hint = hints.get(port.name)
        if not port.shape and (is_sequence(port) or (hint is not None and hint.rank is None)):
            shapes[port.name] = (plan.batch, plan.length)
            continue
        shapes[port.name] = tuple(
            dim if isinstance(dim, int) and dim >= 0 else _symbol(dim, symbols) or _length(port, axis, dim, hint, plan)
            for axis, dim in enumerate(port.shape))
    return shapes


def _symbol(dim: Dim, symbols: dict[str, int]) -> int | None:
    """Return the length of a symbol, or of a sum of symbols like "past + sequence"."""
    if not isinstance(dim, str):
        return None
    terms = [symbols.get(t, int(t) if t.isdigit() else None) for t in re.split(r"\s*\+\s*", dim)]
    return sum(t for t in terms if t is not None) if None not in terms else None


def _length(port: Port, axis: int, dim: Dim, hint: Hint | None, plan: Plan) -> int:
    """Return a length for an open dimension, from its name and place."""
    name, rank = str(dim or "").lower(), len(port.shape)
    if "total" in name:
        return plan.length + PAST
    if "past" in name:
        return PAST
    if re.search(r"batch|^n$|^b$", name):
        return plan.batch
    if re.search(r"seq|len|time|token|frame", name):
        return plan.length
    if axis == 0 or (rank == 3 and axis == 1 and isinstance(port.shape[0], int) and isinstance(port.shape[2], int)):
        return plan.batch  # the second: a recurrent state [layers, batch, size]
    if rank == 4 and is_image(port):
        channels = 3 if port.shape[3] in (1, 3, 4) and port.shape[1] not in (1, 3, 4) else 1
        if axis == channels:
            return 3
        height, width = (a for a in (1, 2, 3) if a != channels)
        return _width(port.shape[height], plan) if axis == width else plan.pixels
    if rank == 5 and axis > 1:
        return min(plan.length, 16)
    return plan.length


def _width(height: Dim, plan: Plan) -> int:
    """Return the width of an image whose height the model may fix."""
    if isinstance(height, int) and 0 < height <= LINE:
        return LINE_WIDTH if plan.width is None and plan.pixels == PIXELS[0] and height >= min(LINES) else plan.width or plan.pixels
    return plan.width or plan.pixels


def is_image(port: Port) -> bool:
    """Whether a shape of four axes has colour channels, first or last, in front of open or large sides."""
    return len(port.shape) == 4 and (port.shape[1] in (1, 3, 4) or port.shape[3] in (1, 3, 4))


def is_channels_last(port: Port) -> bool:
    """Whether the colour channels of an image come last."""
    return port.shape[3] in (1, 3, 4) and port.shape[1] not in (1, 3, 4)

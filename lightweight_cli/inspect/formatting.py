"""Numbers, shapes, names and columns as text for people."""

from __future__ import annotations

from lightweight_cli.errors import printable

GAP = "  "
LONGEST_NAME = 240


class Style:
    """Terminal styles, or none of them."""

    def __init__(self, colour: bool) -> None:
        self.colour = colour

    def bold(self, text: str) -> str:
        """Headings."""
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def dim(self, text: str) -> str:
        """What matters less."""
        return f"\x1b[2m{text}\x1b[0m" if self.colour else text

    def warn(self, text: str) -> str:
        """What needs a look."""
        return f"\x1b[33m{text}\x1b[0m" if self.colour else text


def size(nbytes: float) -> str:
    """Write a number of bytes as people do: 812 B, 46.1 KB, 8.4 MB (decimal units)."""
    for unit in ("B", "KB", "MB", "GB"):
        if abs(nbytes) < 999.95 or unit == "GB":
            return f"{nbytes:.0f} {unit}" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1000
    raise AssertionError


def count(number: float) -> str:
    """Write a large number as people do: 812, 46.1 K, 8.4 M."""
    for unit in ("", " K", " M", " G", " T"):
        if abs(number) < 999.95 or unit == " T":
            return f"{number:.0f}" if not unit else f"{number:.1f}{unit}"
        number /= 1000
    raise AssertionError


def percent(part: float, whole: float) -> str:
    """Write a share with one decimal."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def shape(dims: list[object] | None) -> str:
    """Write a shape: 64x3x7x7, [batch, 128] when a size has a name, "scalar" of rank 0, "?" when not known."""
    if dims is None:
        return "?"
    sizes = ["?" if size is None else printable(size, 24) for size in dims]
    return f"[{', '.join(sizes)}]" if any(isinstance(size, str) for size in dims) else "x".join(sizes) or "scalar"


def shortened(name: str, room: int) -> str:
    """Fit a name into `room` characters; the middle goes, for names often differ at their ends."""
    text = printable(name, LONGEST_NAME)
    tail = (room - 2) // 2
    return text if len(text) <= room else f"{text[: room - 2 - tail]}..{text[-tail:]}"


def wrapped(text: str, room: int) -> list[str]:
    """Break `text` at spaces into lines of at most `room` characters, where it has spaces there."""
    lines = []
    while len(text) > room and (at := text.rfind(" ", 0, room + 1)) > 0:
        lines.append(text[:at])
        text = text[at + 1 :]
    return [*lines, text]


def columns(titles: list[str], rows: list[list[str]], align: str, style: Style) -> list[str]:
    """Align `rows` under `titles`: "<" or ">" for each column, in `align`."""
    widths = [max(len(row[i]) for row in [titles, *rows]) for i in range(len(titles))]

    def line(cells: list[str]) -> str:
        parts = [cell.ljust(width) if side == "<" else cell.rjust(width)
                 for cell, width, side in zip(cells, widths, align, strict=True)]  # fmt: skip
        return GAP.join(parts).rstrip()

    return [style.bold(line(titles)), *(line(row) for row in rows)]

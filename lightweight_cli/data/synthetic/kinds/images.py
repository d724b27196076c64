"""The kinds of images, by name, and a mix of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lightweight_cli.data.synthetic.kinds.documents import documents
from lightweight_cli.data.synthetic.kinds.leaves import leaves
from lightweight_cli.data.synthetic.kinds.noise import noise
from lightweight_cli.data.synthetic.kinds.patches import patches
from lightweight_cli.data.synthetic.kinds.pink import pink

Kind = Callable[[np.random.Generator, tuple[int, int, int, int]], np.ndarray]
IMAGES: dict[str, Kind] = {"leaves": leaves, "documents": documents, "pink": pink, "patches": patches}
"""In the order of their use; a model should be seen on all of them, for none is real."""
ALL: dict[str, Kind] = {**IMAGES, "noise": noise}
MIX = "mix"


def images(kind: str, rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return images [count, channels, height, width] in [0, 1], float32; of a mix, the kinds take turns."""
    if kind != MIX:
        return ALL[kind](rng, shape)
    mixed = np.empty(shape, np.float32)
    for number, each in enumerate(IMAGES.values()):
        some = mixed[number :: len(IMAGES)]
        if len(some):
            some[:] = each(rng, some.shape)
    return mixed

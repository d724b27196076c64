"""Noise with the spectrum of photographs: amplitude 1/f.

Source: Field 1987, "Relations between the statistics of natural images and the response properties of cortical cells".
"""

from __future__ import annotations

import numpy as np


def pink(rng: np.random.Generator, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Return images [count, channels, height, width] in [0, 1]: brightness common to the channels, and some colour."""
    count, channels, height, width = shape
    f = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    f[0, 0] = np.inf

    def noise(many: int) -> np.ndarray:
        white = rng.standard_normal((count, many, height, width), np.float32)
        made = np.fft.irfft2(np.fft.rfft2(white) / f, s=(height, width))
        return made / np.maximum(made.std((1, 2, 3), keepdims=True), 1e-9)

    mixed = 0.45 * noise(channels) + 0.9 * noise(1)
    middle, contrast = rng.uniform(0.35, 0.65, (count, 1, 1, 1)), rng.uniform(0.1, 0.3, (count, 1, 1, 1))
    return np.asarray(np.clip(middle + contrast * mixed, 0, 1), np.float32)

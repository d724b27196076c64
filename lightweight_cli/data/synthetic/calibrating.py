"""Synthetic inputs that calibrate, and others of kinds not among them, which judge what came of it.

On a kind that was calibrated on, a model may be 25 dB better than on anything real; on other kinds it shows.
"""

from __future__ import annotations

from typing import NamedTuple

from lightweight_cli.data.batches import Batches
from lightweight_cli.data.synthetic.feeds import Generated, Recipe, batches_of
from lightweight_cli.data.synthetic.kinds.choices import CHOICES
from lightweight_cli.data.synthetic.kinds.images import IMAGES
from lightweight_cli.data.synthetic.values import TEXTS

SAMPLES = {tuple(IMAGES): 32}
MOST = 64
"""Samples that calibrate: images; and all else."""
JUDGING = 8
HELD_OUT = {tuple(IMAGES): (tuple(IMAGES), ("noise",)), TEXTS: (TEXTS[:1], TEXTS[1:]), CHOICES: (CHOICES[:2], CHOICES[2:])}
"""The kinds that calibrate, and those that judge."""


class Halves(NamedTuple):
    """Batches to calibrate on, and batches to judge by."""

    calibrate: Batches
    judge: Batches


def halves(found: Batches, samples: int | None) -> Halves:
    """Return both, for a model on which `found` run; `samples` calibrate at most. Neither has what the check will see."""
    (part,) = found.parts
    assert isinstance(part, Generated)
    recipe, kinds = part.recipe, part.recipe.kinds
    ours, others = HELD_OUT.get(kinds, (kinds, kinds))
    many = SAMPLES.get(kinds, MOST)
    return Halves(batches_of(_seeded(recipe, 1), min(many, samples or many), ours), batches_of(_seeded(recipe, 2), JUDGING, others))


def _seeded(recipe: Recipe, step: int) -> Recipe:
    return recipe._replace(seed=recipe.seed + step)

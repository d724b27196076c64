"""Calibration as passes have it: what each weight sees, asked of a child process that runs the model on the user's data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from lightweight_cli.calibration.settings import Settings
from lightweight_cli.calibration.study import Advance, Layer, Study

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.weights.weight import Weight


class Calibration(Settings):
    """Data that chooses. It judges nothing."""

    def study(self, model: Model, weights: Sequence[Weight], *, renormalized: bool = False) -> Study:
        """Return a model under study, for several walks over the same weights; a context that ends its child process.

        `renormalized`: see Study.

        Raises: InputError for data that do not fit.
        """
        return Study(self, model, weights, renormalized=renormalized)

    def statistics(self, model: Model, weights: Sequence[Weight], *, histogram: bool = False,
                   advance: Advance | None = None) -> Iterator[Layer]:
        """Yield what each weight sees in the model as it is: see Study.statistics."""
        with self.study(model, weights) as study:
            yield from study.statistics(histogram=histogram, advance=advance)

    def walk(self, model: Model, weights: Sequence[Weight], *, advance: Advance | None = None) -> Iterator[Layer]:
        """Yield each weight before the model compressed so far uses it: see Study.walk."""
        with self.study(model, weights) as study:
            yield from study.walk(advance=advance)

"""Weight after weight in the order of use, each for what it sees of the model compressed so far; without data, for a prior."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from lightweight_cli.encodings.coded import Coded
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.passes.quantize import prior
from lightweight_cli.passes.quantize.form import Form
from lightweight_cli.passes.quantize.second_order import fits, solved
from lightweight_cli.pipeline.context import Context
from lightweight_cli.weights.matrix import NoMatrix, matrix_of
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

Rounded = Callable[[Weight], "Coded"]
"""A weight rounded to nearest. Raises: ValueError where no grid fits."""


class Layers:
    """The weights that a step quantizes, one by one."""

    def __init__(self, context: Context, forms: dict[int, Form], nearest: Rounded) -> None:
        """`forms`: for the ids of weights that second-order rounding is asked for; all others are rounded by `nearest`."""
        self.context, self.forms, self.nearest = context, forms, nearest
        self.methods: Counter[str] = Counter()

    def coded(self, weights: Sequence[Weight]) -> dict[int, Coded | str]:
        """Return the codes of every weight, by its id, or why there are none."""
        calibration = self.context.calibration()
        self.context.step.expect(sum(w.size for w in weights))
        found: dict[int, Coded | str] = {}
        if calibration is None:
            for weight in weights:
                found[id(weight)] = self._one(weight, None)
            return found
        for layer in calibration.walk(self.context.model, weights):
            moments = layer.statistics.moments if layer.statistics is not None else None
            found[id(layer.weight)] = new = self._one(layer.weight, moments)
            if isinstance(new, Coded):
                layer.replace(new.decode())
        return found

    def _one(self, weight: Weight, moments: Moments | None) -> Coded | str:
        try:
            form, view = self.forms.get(id(weight)), self._view(weight)
            if form is None or view is None:
                return self._nearest(weight)
            real = moments is not None
            moments = moments if moments is not None else prior.moments_of(weight, view)
            if moments is None:
                return self._nearest(weight)
            try:
                result = solved(self.context.model, weight, view, moments, form, real)
            except ValueError:  # moments or values that no solver can use; nearest says so where it can't either
                return self._nearest(weight)
            self.methods["second order on data" if real else "second order on a prior"] += 1
            return result.coded
        except ValueError as e:
            return str(e)
        finally:
            weight.forget()
            self.context.step.advance(weight.size)

    def _nearest(self, weight: Weight) -> Coded:
        self.methods["nearest"] += 1
        return self.nearest(weight)

    @staticmethod
    def _view(weight: Weight) -> View | None:
        try:
            view = matrix_of(weight)
        except NoMatrix:
            return None
        return view if fits(view) and all(r.op not in ("Gather", "EmbedLayerNormalization") for r in weight.roles) else None

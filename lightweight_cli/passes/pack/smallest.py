"""All exact forms of a tensor; the rewriter takes the smallest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lightweight_cli.encodings import choose, recognise
from lightweight_cli.encodings.limits import Limits
from lightweight_cli.numerics import stats
from lightweight_cli.passes.pack import values as exact_values
from lightweight_cli.passes.pack.integers import as_integers
from lightweight_cli.passes.pack.rows import EQUAL_ROWS, distinct_rows
from lightweight_cli.passes.pack.values import Values
from lightweight_cli.weights.plan import Plan
from lightweight_cli.weights.weight import Weight

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.context import Context
    from lightweight_cli.weights.emission import Emission

New = Callable[[str], "Emission"]


def pack_all(context: Context) -> int:
    """Store every float tensor in its smallest exact form. Returns: tensors stored anew."""
    model, rewriter, limits = context.model, context.rewriter(every=True), context.limits

    def plan(weight: Weight) -> Plan:
        refused = context.refused(weight)
        if context.moving and not refused:
            return Plan(weight)
        if weight.size == 0:
            return Plan(weight, reason="is empty")
        if weight.encoded and exact_values.is_integer_compute(weight):
            return Plan(weight, reason="runtimes compute on its integers (DequantizeLinear)")

        def new(label: str) -> Emission:
            return rewriter.emission(weight, label)

        values = exact_values.of(weight)
        options = exact_forms(model, new, values, weight.name, limits)
        if not weight.encoded:
            del options[0]  # plain floats, which it is
        options += as_integers(model, new, weight, values, limits)
        if limits.allows(EQUAL_ROWS):
            options += distinct_rows(new, values, weight.name, lambda n, v, name: exact_forms(model, n, v, name, limits))
        if weight.encoded:
            coded = recognise.coded(weight)
            if coded is not None:
                options += choose.for_codes(new, coded, weight.name, limits)
        return Plan(weight, options, reason="has no smaller exact form", must=bool(refused))

    return rewriter.run(plan, rest=not context.moving)


def exact_forms(model: Model, new: New, values: Values, name: str, limits: Limits) -> list[Emission]:
    """Return the emissions of values as floats and as numbers of a codebook."""
    facts = stats.statistics(values)
    itemsize = values.numpy.itemsize
    options = choose.for_floats(new, name, values.shape, values.dtype, facts.size - facts.zeros, values, itemsize, limits)
    coded = recognise.listed(model, values.shape, values.dtype, facts, values)
    return options + (choose.for_codes(new, coded, name, limits) if coded is not None else [])

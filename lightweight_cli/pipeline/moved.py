"""Weights that no step touched, in forms that the target does not take: stored anew in the end, all values kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightweight_cli.pipeline.recipe import Step

if TYPE_CHECKING:
    from lightweight_cli.model.model import Model
    from lightweight_cli.pipeline.step_report import StepReport
    from lightweight_cli.targets.target import Target
    from lightweight_cli.weights.weight import Weight

STEP = Step("pack", {})
"""It gives each the smallest exact form of those that are taken; where none is smaller, plain floats."""
SHOWN = 3
"""Weights named of those that stay."""


def needed(model: Model, target: Target) -> bool:
    """Whether any weight is in a form that the target does not take."""
    return bool(target.refused) and bool(_refused(model, target))


def tell(model: Model, target: Target, report: StepReport) -> None:
    """Note what was done, and which weights stay."""
    from lightweight_cli.errors import printable

    if report.changed:
        report.note(f"stored anew for {target}, which does not take the forms they had")
    stay = _refused(model, target)
    if stay:
        named = ", ".join(f'"{printable(w.name, 40)}"' for w, _ in stay[:SHOWN]) + (", ..." if len(stay) > SHOWN else "")
        why = "; ".join(dict.fromkeys(why for _, why in stay))
        report.note(f"{len(stay)} weight{'s' * (len(stay) > 1)} could not be stored anew for {target}: {named}: {why}")


def _refused(model: Model, target: Target) -> list[tuple[Weight, str]]:
    from lightweight_cli.model.scopes import Scopes
    from lightweight_cli.targets.stored import refused
    from lightweight_cli.weights.search import find_weights

    return [(w, why) for w in find_weights(model, Scopes(model.proto), True) if (why := refused(w, target))]

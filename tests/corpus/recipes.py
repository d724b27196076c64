"""The recipes each model goes through: every pass, every two passes, and one of five."""

from __future__ import annotations

import lightweight_cli.passes  # noqa: F401  hands over the declarations
from lightweight_cli.pipeline import registry
from lightweight_cli.pipeline.recipe import Step, parse

NEEDED = {"prune": "prune:sparsity=0.5", "prune-channels": "prune-channels:channels=0.25"}
"""Passes that do nothing by default, with the option that makes them work."""
ALSO = ("quantize:bits=4",)
"""Common variants, as recipes of their own."""
SEARCH = "compress"
"""A pass that builds and measures dozens of models: it goes alone, and over no whole networks."""
FIVE = ("strip", "fold", "dedupe", "prune:sparsity=0.5", "quantize")

Recipe = tuple[str, ...]


def singles() -> list[Recipe]:
    """Return a recipe for each pass."""
    return [(text(p.name),) for p in without_data()] + [(a,) for a in ALSO]


def pairs() -> list[Recipe]:
    """Return every two passes but the search, in both orders, and each twice."""
    names = [text(p.name) for p in without_data() if p.name != SEARCH]
    return [(a, b) for a in names for b in names]


def without_data() -> list[registry.Pass]:
    """Return the passes that need no data, without student, which is prune-channels: distill has some of its own where it is tested."""
    return [p for p in registry.all_passes() if not p.trains and p.name != "student"]


def text(name: str) -> str:
    """Return the pass as a step."""
    return NEEDED.get(name, name)


def steps(recipe: Recipe) -> list[Step]:
    """Return the steps of a recipe."""
    return [parse(s) for s in recipe]


def lossy(recipe: Recipe) -> bool:
    """Whether a step of the recipe may change values."""
    return any(registry.get(s.name).lossy for s in steps(recipe))


def grows(recipe: Recipe) -> bool:
    """Whether a step of the recipe makes models larger on purpose."""
    return any(registry.get(s.name).grows for s in steps(recipe))

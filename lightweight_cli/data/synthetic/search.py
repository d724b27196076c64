"""Finding inputs that a model runs on: one plan after the other, then the range of its images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.data.arrays import arrays
from lightweight_cli.data.batches import Batches
from lightweight_cli.data.conform import element
from lightweight_cli.data.hints import read_hints
from lightweight_cli.data.synthetic.feeds import Recipe, batches_of, make_feed
from lightweight_cli.data.synthetic.kinds.images import MIX
from lightweight_cli.data.synthetic.plans import BATCH, plans
from lightweight_cli.data.synthetic.ranges import likely, moves
from lightweight_cli.data.synthetic.shapes import is_channels_last, is_image, shapes_of
from lightweight_cli.errors import printable
from lightweight_cli.runtime.sessions import Interface, reason

if TYPE_CHECKING:
    import onnx
    from onnxruntime import InferenceSession

MOST_SILENT = 6
"""Plans tried that run but give one output for all inputs, before the first of them is taken."""
MOST_ELEMENTS = 64 << 20
"""Elements of all inputs of a batch; a model that fixes more is not run."""


def synthetic_batches(session: InferenceSession, model: Interface, skeleton: onnx.ModelProto | None, seed: int,
                      attempt: Callable[[], None], late: Callable[[], bool] = lambda: False, *, path: str | None = None) -> Batches | str:
    """Find inputs that the model runs on, trying one plan after the other, until it is `late`.

    `attempt` is called before each trial run. A plan with finite outputs is preferred. `path`: where the model lies,
    for the range of its images; None: they are in [0, 1].
    Returns: the batches, or why there are none.
    """
    odd = next((p for p in model.inputs if element(p) is None), None)
    if odd is not None:
        return f'no synthetic inputs: "{printable(odd.name)}" is {odd}'
    hints = read_hints(skeleton)
    second: Recipe | None = None
    failure = "no synthetic inputs were found"
    tried: set[tuple[Any, ...]] = set()
    silent = 0
    for plan in plans():
        shapes = shapes_of(model.inputs, hints, plan)
        key = (tuple(sorted(shapes.items())), plan.style)
        if key in tried:
            continue
        if len(tried) and late():
            break
        tried.add(key)
        elements = sum(float(np.prod(s, dtype=float)) for s in shapes.values())
        if elements > MOST_ELEMENTS:
            failure = f"no synthetic inputs: they would have {elements:.3g} elements; {MOST_ELEMENTS:,} are the most"
            continue
        attempt()
        recipe = Recipe(model, hints, plan, seed)
        try:
            outputs, others = (session.run(None, make_feed(recipe, number, recipe.kinds[0])) for number in (0, 1))
        except Exception as error:  # onnxruntime's exceptions have no common base
            failure = f"the original does not run on synthetic inputs ({reason(error)}); give --data"
            continue
        telling = not model.inputs or any(_differ(o, p) for o, p in zip(outputs, others, strict=True))
        finite = all(np.isfinite(a).all() for o in outputs for a in arrays(o) if a.dtype.kind == "f")
        if finite and telling:
            return batches_of(with_range(session, recipe, path, attempt, late))
        if second is None or (finite and not silent):
            second = recipe
        if finite:  # too short for the model, or a model whose output is always the same
            silent += 1
            if silent == MOST_SILENT:
                break
    return batches_of(with_range(session, second, path, attempt, late)) if second else failure


def _differ(a: Any, b: Any) -> bool:
    """Whether two runs gave different values for an output."""
    first, second = arrays(a), arrays(b)
    return len(first) != len(second) or not all(map(np.array_equal, first, second))


def with_range(session: InferenceSession, recipe: Recipe, path: str | None, attempt: Callable[[], None],
               late: Callable[[], bool]) -> Recipe:
    """Return the recipe with the ranges that its images are taken to have: two, half the images each, where the rules disagree."""
    images = [p for p in recipe.model.inputs if is_image(p) and np.dtype(element(p)).kind == "f"]
    if not images or path is None or late():
        return recipe
    from lightweight_cli.data.synthetic.first_layer import first_layer

    (port, *_) = images
    feed = make_feed(recipe, 0, MIX)[port.name].astype(np.float32)
    ranges = likely(first_layer(path, port.name), np.moveaxis(feed, 3, 1) if is_channels_last(port) else feed)
    alive = next((r for r in ranges if not late() and _moves(session, recipe._replace(ranges=(r,)), attempt)), ranges[0])
    return recipe._replace(ranges=(alive,) if alive == ranges[0] else (alive, ranges[0]))


def _moves(session: InferenceSession, recipe: Recipe, attempt: Callable[[], None]) -> bool:
    """Whether the model's outputs vary between some images of a range."""
    found: list[list[np.ndarray]] = []
    for number in range(max(1, BATCH // recipe.plan.batch)):
        attempt()
        feed = make_feed(recipe, number, recipe.kinds[number % len(recipe.kinds)] if recipe.plan.batch == 1 else MIX)
        try:
            found.append(session.run(None, feed))
        except Exception:  # what runs in [0, 1] alone stays there
            return False
    firsts = [[a for a in run if isinstance(a, np.ndarray) and a.ndim] for run in found]
    try:
        return moves([np.concatenate(some) for some in zip(*firsts, strict=True)])
    except ValueError:  # shapes that depend on values
        return True

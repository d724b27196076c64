"""The results as a table in Markdown, a row for each pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import onnx
import onnxruntime as ort

from corpus.models import label
from corpus.pool import Results
from corpus.recipes import Recipe
from corpus.verdicts import BROKEN, MEANING, Verdict

HEAD = """# Every pass over every model

Written by `make corpus`: each pass, each recipe of two passes, and a recipe of five, over {count:,} models: those that onnx
{onnx} tests its operators and backends with, the sample models{more}.

Results are judged in onnxruntime {ort}: a lossless result must give the same values within 1e-5 of the output's largest
(float16 2e-3, bfloat16 2e-2), a lossy one must load, run, keep its inputs and outputs, and be finite where the original is.
Whole networks, {real} real ones and those that onnx ships without their weights (`light`), go through no pairs of passes and not through
`compress`: each run of them takes seconds. `compress`, which builds and measures dozens of models, is in no pairs.

"""


def document(results: Results, own: int, real: int) -> str:
    """Return the whole page; `own` models are of the user's folders, `real` ones fetched."""
    more = (f", {real} real models that `make quality` fetches" if real else "") + (f", and {own} more" if own else "")
    versions = {"onnx": onnx.__version__, "ort": ort.__version__}
    parts = [HEAD.format(count=len(results), more=more, real=real or "no", **versions), table(results), "\n"]
    parts += [f"- **{verdict.value}**: {meaning}.\n" for verdict, meaning in MEANING.items()]
    return "".join(parts)


def table(results: Results) -> str:
    """Return the table: a row a single pass, one for all pairs, one for longer recipes."""
    rows: dict[str, Counter[Verdict]] = {}
    for outcomes in results.values():
        for recipe, outcome in outcomes.items():
            rows.setdefault(row(recipe), Counter())[outcome.verdict] += 1
    lines = [["recipe", *(v.value for v in Verdict)], ["---", *["---:"] * len(Verdict)]]
    lines += [[name, *(f"{count[v]:,}" for v in Verdict)] for name, count in rows.items()]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def row(recipe: Recipe) -> str:
    """Return the name of a recipe's row."""
    return {1: f"`{recipe[0]}`", 2: "two passes, all pairs"}.get(len(recipe), f"`{' '.join(recipe)}`")


def failures(results: Results, most: int = 40) -> Sequence[str]:
    """Return a line for each result that must not be."""
    bad = [
        f"{outcome.verdict.value}: {' + '.join(recipe)} on {label(path)}: {' '.join(outcome.detail.split())[:300]}"
        for path, outcomes in results.items()
        for recipe, outcome in outcomes.items()
        if outcome.verdict in BROKEN
    ]
    return bad if len(bad) <= most else [*bad[:most], f"and {len(bad) - most} more"]

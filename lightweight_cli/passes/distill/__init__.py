"""distill: a student learns its teacher's answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

from lightweight_cli.distillation.settings import STEPS, TEMPERATURE, Settings
from lightweight_cli.errors import InputError, printable
from lightweight_cli.pipeline.option import Option
from lightweight_cli.pipeline.registry import register

if TYPE_CHECKING:
    from lightweight_cli.pipeline.context import Context


def read_file(text: str, where: str) -> str:
    """Return the path of a file that is there. Raises: InputError."""
    if not os.path.exists(text):
        raise InputError(f"{where} {printable(text)}: no such file")
    return text


@register(lossy=True, unit="weights trained", selects=True, encodes=True, calibrates=lambda options: True, trains=True, first="teacher")
def distill(
    context: Context,
    *,
    teacher: Annotated[str | None, Option(
        "The model to learn from; not given, in a recipe: the model before its first step.", metavar="MODEL", read=read_file,
        recorded=True)] = None,
    steps: Annotated[int, Option("Batches to learn from.", min=1)] = STEPS,
    batch_size: Annotated[int | None, Option("Samples of a batch; 32, or what the model fixes.", min=1)] = None,
    learning_rate: Annotated[float | None, Option("Of Adam; not given: one of five, each tried for some steps.", min=0,
                                                  open_min=True)] = None,
    temperature: Annotated[float, Option("Scores are divided by it before the softmax.", min=0, open_min=True)] = TEMPERATURE,
    alpha: Annotated[float, Option("Weight of the labels, where the data have them; the rest is the teacher's.", min=0, max=1)] = 0.0,
    match: Annotated[list[str], Option(
        "A tensor of the student, and the teacher's that it is to be like, as A=B; repeatable.", metavar="A=B",
    )] = (),  # type: ignore[assignment]  # read only
    time_limit: Annotated[float | None, Option("Seconds for all steps, about: as many are taken as fit.", min=0, open_min=True)] = None,
) -> int:
    """Train the weights of a student for its teacher's answers.

    The teacher is the model before the first step of a recipe, or the first model of the command; the student has its inputs and outputs,
    and is what other steps made of it. Data choose (--calibrate, or most of --data), labels are not needed. Learned are the scores
    before a softmax, found in the graph, at a temperature; other outputs by their squared error. A fifth of the samples is held back:
    the state that is best on them, but for chance, is kept, and where none is better than the start, the student goes out unchanged.
    Only values change: zeros stay zero, codes stay codes on their own levels, codebooks keep their codes, all stored as before. Weights,
    biases and what normalisation scales by are trained; tables that are looked up and weights of graphs within are not.
    An interrupt (Ctrl-C) or the time limit ends it with the best so far.

    Returns: weights trained.
    Raises: InputError where there is no teacher; UsageError without data, for a teacher of another interface, or an operator that can't be
    differentiated.
    Source: Hinton, Vinyals, Dean 2015, arXiv:1503.02531; Kingma, Ba 2015, arXiv:1412.6980.
    """
    from lightweight_cli.passes.distill.distilling import distill_student, pairs

    return distill_student(context, teacher, Settings(steps, batch_size, learning_rate, temperature, alpha, pairs(match), time_limit))

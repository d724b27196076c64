"""What a model does with other weights: asked of a child process that has it open, with the data that judge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lightweight_cli.calibration.conversation import Conversation

if TYPE_CHECKING:
    from lightweight_cli.calibration.settings import Settings
    from lightweight_cli.checking.certify.budget import Budget
    from lightweight_cli.checking.check import Check
    from lightweight_cli.model.model import Model

TARGET = "lightweight_cli.search.examining:Examining"


class Verdict(NamedTuple):
    """What the rows that judge show of one candidate."""

    holds: bool
    loss: float
    """Squared error of the worst output over its power, of scores before the softmax."""
    estimate: float | None
    bound: float | None
    sqnr: float | None
    sentence: str
    figures: str = ""
    least: float | None = None
    floor: float | None = None
    rows: int = 0


class Examiner(Conversation):
    """The parent's side. Use it as a context."""

    def __init__(self, model: Model, names: Sequence[str], fit: Settings, check: Check, budget: Budget,
                 confirm: Check | None = None, original: str | None = None, exact: bool = False) -> None:
        """`names`: the keys of weights which may be changed; `confirm`: what no candidate was chosen by; `original`: the path of
        a model that candidates are held against, where that is not `model` as it is; `exact`: as of open_session.

        Raises: InputError for data that do not fit.
        """
        super().__init__(TARGET, fit, model, "the search")
        with self.opening():
            told, _ = self._ask({**self.request, "names": list(names), "check": asdict(check), "budget": asdict(budget),
                                 "confirm": confirm and asdict(confirm), "original": original, "exact": exact})
        self.rows: int = told["rows"]
        self.labelled: bool = told["labelled"]
        self.sentence: str = told["sentence"]
        """What must be said of the goal before the work."""

    def __enter__(self) -> Examiner:
        return self

    def probe(self, key: str, arrays: Mapping[str, np.ndarray]) -> float:
        """Return the loss on some rows that fit, with other values of one weight and its bias, by key; all else as it was.

        What stands before a weight is run once, where weights come in the order of use.
        """
        loss = float(self._ask({"do": "probe", "key": key}, arrays)[0]["loss"])
        return math.inf if math.isnan(loss) else loss

    def fit(self, arrays: Mapping[str, np.ndarray]) -> float:
        """Return the loss on the same rows with other values of any weights and biases, by key."""
        return self._verdict("fit", arrays).loss

    def examine(self, arrays: Mapping[str, np.ndarray]) -> Verdict:
        """Return what the rows that judge show of a candidate."""
        return self._verdict("examine", arrays)

    def confirm(self, arrays: Mapping[str, np.ndarray]) -> Verdict | None:
        """Return what rows show of the winner that no candidate was chosen by; they were named at the start.

        None: the data are too few to have kept such rows.
        """
        told, _ = self._ask({"do": "confirm"}, arrays)
        return None if told is None else verdict_of(told)

    def _verdict(self, what: str, arrays: Mapping[str, np.ndarray]) -> Verdict:
        return verdict_of(self._ask({"do": what}, arrays)[0])


def verdict_of(told: Mapping[str, Any]) -> Verdict:
    """Return a verdict from plain data."""
    figures = {n: float(told[n]) if told[n] is not None else None for n in ("loss", "estimate", "bound", "least", "sqnr")}
    loss = figures.pop("loss")
    return Verdict(told["holds"], math.inf if loss is None or math.isnan(loss) else loss, floor=told["floor"], sentence=told["sentence"],
                   figures=told["figures"], rows=told["rows"], **figures)

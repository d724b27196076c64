"""What of real models gradients cover, how well they agree with differences, and what a step costs. Prints a Markdown table.

    python benchmarks/gradients.py models [NAME ...]

`models/NAME/model.onnx` has inputs as `fetch_models.py` writes them. The loss is the mean square of all float outputs; gradients are by
all float constants of 64 elements or more. Agreement: the loss's slope along the gradient, by differences in float32, against
the gradient's length. A step is forward and backward, in processor time of one thread, the best of three.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import ModelProto, helper, numpy_helper

from lightweight_cli.gradients import differentiate, gradient_name, prepared, uncovered
from lightweight_cli.gradients.walk import used

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16)
MOVES = (3e-2, 1e-2, 3e-3, 1e-3)
"""By what share of itself the loss is to change; the best counts: large ones bend, small ones are lost in rounding."""


def with_loss(model: ModelProto) -> ModelProto:
    """Append loss = the mean square of all float outputs, and let it be the only output."""
    result = prepared(model)
    names = [o.name for o in result.graph.output if o.type.tensor_type.elem_type in FLOATS]
    for k, name in enumerate(names):
        result.graph.node.extend([helper.make_node("Cast", [name], [f"loss/{k}"], to=1),
                                  helper.make_node("Mul", [f"loss/{k}"] * 2, [f"loss/{k}/square"]),
                                  helper.make_node("ReduceMean", [f"loss/{k}/square"], [f"loss/{k}/mean"], keepdims=0)])
    result.graph.node.append(helper.make_node("Sum", [f"loss/{k}/mean" for k in range(len(names))], ["loss"]))
    del result.graph.output[:]
    result.graph.output.append(helper.make_tensor_value_info("loss", onnx.TensorProto.FLOAT, []))
    return result


def opened(model: ModelProto) -> ort.InferenceSession:
    """Open a model for one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def processor_time(session: ort.InferenceSession, feeds: dict[str, np.ndarray]) -> float:
    """Return the milliseconds of processor time that a run takes at best."""
    taken = []
    for _ in range(3):
        start = time.process_time()
        session.run(None, feeds)
        taken.append(time.process_time() - start)
    return 1e3 * min(taken)


def agreement(forward: ort.InferenceSession, feeds: dict[str, np.ndarray], slopes: dict[str, np.ndarray]) -> float:
    """Return how far the slope along the gradient is from the gradient's length, as a share of it."""
    length = float(np.sqrt(sum((g.astype(np.float64) ** 2).sum() for g in slopes.values())))
    best = float("inf")
    for move in MOVES:
        by = move * abs(float(forward.run(None, feeds)[0])) / length
        ends = [float(forward.run(None, {**feeds, **{k: feeds[k] + np.float32(way * by / length) * g for k, g in slopes.items()}})[0])
                for way in (1, -1)]
        best = min(best, abs((ends[0] - ends[1]) / (2 * by) - length) / length)
    return best


def row(folder: Path) -> str:
    """Return a model's row."""
    model = onnx.load(folder / "model.onnx")
    whole = with_loss(model)
    weights = {t.name: numpy_helper.to_array(t).astype(np.float32) for t in whole.graph.initializer
               if t.data_type in FLOATS and np.prod(t.dims) >= 64}
    missing = uncovered(whole, "loss", list(weights))
    if missing:
        return f"| {folder.name} | {len(weights)} | no: {', '.join(sorted({u.op_type for u in missing}))} | | | |"
    inputs = [v.name for v in whole.graph.input]
    tensors = [onnx.load_tensor(str(f)) for f in sorted((folder / "test_data_set_0").glob("input_*.pb"))]
    feeds = {t.name: numpy_helper.to_array(t) for t in tensors if t.name in inputs}
    step = differentiate(whole, "loss", list(weights))
    forward = onnx.ModelProto()
    forward.CopyFrom(step)
    nodes = used(list(step.graph.node), {"loss"})
    del forward.graph.node[:], forward.graph.output[1:]
    forward.graph.node.extend(nodes)
    sessions = opened(forward), opened(step)
    feeds.update(weights)
    names = [o.name for o in sessions[1].get_outputs()]
    found = dict(zip(names, sessions[1].run(None, feeds), strict=True))
    slopes = {k: found[gradient_name(k)] for k in weights}
    off = agreement(sessions[0], feeds, slopes)
    times = [processor_time(s, feeds) for s in sessions]
    return f"| {folder.name} | {len(weights)} | yes | {off:.0e} | {times[0]:.1f} | {times[1] / times[0]:.1f}x |"


def main() -> None:
    """Print the table."""
    folder, *names = sys.argv[1:]
    print("| model | weights | covered | off by | forward, ms | step |\n|---|---|---|---|---|---|")
    for path in sorted(Path(folder).iterdir()):
        if (path / "model.onnx").exists() and (not names or path.name in names):
            print(row(path), flush=True)


if __name__ == "__main__":
    main()

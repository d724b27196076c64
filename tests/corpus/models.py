"""Where the models come from: onnx's tests of backends, the sample models, real ones that were fetched, folders of one's own."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx.backend.test
from onnx import numpy_helper

if TYPE_CHECKING:
    from onnx.backend.test.case.test_case import TestCase

REPOSITORY = Path(__file__).resolve().parents[2]
GENERATED = REPOSITORY / "build" / "corpus" / f"onnx-{onnx.__version__}-node"
"""The node cases of the installed onnx: its wheel has only the code that makes them."""
SHIPPED = Path(onnx.backend.test.__file__).parent / "data"
FETCHED = REPOSITORY / "out" / "models"
"""Where `make quality` puts real models, which packages hold; there may be none."""
FAMILIES = ("simple", "pytorch-converted", "pytorch-operator", "light")


def node_cases() -> list[Path]:
    """Return the models that onnx makes for its operators, each beside its inputs; made once, in ten seconds."""
    if not GENERATED.exists():
        from onnx.backend.test.case.node import collect_testcases

        with warnings.catch_warnings(), tempfile.TemporaryDirectory(dir=parent(GENERATED)) as folder:
            warnings.simplefilter("ignore")
            for case in collect_testcases(None):
                write(case, Path(folder) / "node" / case.name)
            with contextlib.suppress(OSError):  # another run was faster
                (Path(folder) / "node").rename(GENERATED)
    return sorted(GENERATED.glob("*/model.onnx"))


def parent(path: Path) -> Path:
    """Return the folder of `path`, which exists then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.parent


def write(case: TestCase, folder: Path) -> None:
    """Write a test case as onnx lays them out: model.onnx and test_data_set_0/input_0.pb, ..."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    for i, (declared, value) in enumerate(zip(case.model.graph.input, case.data_sets[0][0], strict=False)):
        kind = declared.type.WhichOneof("value")
        make = {"sequence_type": numpy_helper.from_list, "optional_type": numpy_helper.from_optional}.get(kind, numpy_helper.from_array)
        proto = value if isinstance(value, onnx.TensorProto) else make(value if kind != "tensor_type" else np.asarray(value))
        (data / f"input_{i}.pb").write_bytes(proto.SerializeToString())


def backend_cases() -> list[Path]:
    """Return the models that the onnx wheel ships."""
    return [p for family in FAMILIES for p in sorted((SHIPPED / family).rglob("*.onnx"))]


def sample_models() -> list[Path]:
    """Return the models in sample_models."""
    return sorted((REPOSITORY / "sample_models").glob("*/model.onnx"))


def fetched_models() -> list[Path]:
    """Return the real models that were fetched from packages."""
    return sorted(FETCHED.glob("*/model.onnx"))


def all_models(folders: tuple[str, ...] = ()) -> list[Path]:
    """Return every model of the corpus, and those in `folders`."""
    own = [p for folder in folders for p in sorted(Path(folder).rglob("*.onnx"))]
    return [*node_cases(), *backend_cases(), *sample_models(), *own]


def is_slow(path: Path) -> bool:
    """Whether a model is a whole network, real or one of those that onnx ships without their weights: seconds for each run."""
    return path.parent.name == "light" or path.is_relative_to(FETCHED)


def label(path: Path) -> str:
    """Return a short name for a model: "pytorch-operator/test_operator_add", "light/light_vgg19"."""
    parts = path.with_suffix("").parts
    return "/".join(parts[-3:-1] if parts[-1] == "model" else parts[-2:])

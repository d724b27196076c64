"""A model written into a folder of its own, for what opens it there and is done with it before the folder goes."""

from __future__ import annotations

import os
import tempfile

from lightweight_cli.errors import OutputError
from lightweight_cli.model.model import Model
from lightweight_cli.model.output import write_pieces
from lightweight_cli.model.output_external import ALIGN, SINGLE_FILE, external_pieces, single_pieces


def write_into(model: Model, folder: str, name: str) -> str:
    """Write the model to a new file in `folder`, above 2 GiB with a data file. Returns: its path. Raises: OutputError."""
    path = os.path.join(folder, f"{name}.onnx")
    pieces, size = single_pieces(model)
    files = [(path, pieces)]
    if size > SINGLE_FILE:
        pieces, data, _ = external_pieces(model, f"{name}.data", ALIGN)
        files = [(path, pieces), (os.path.join(folder, f"{name}.data"), data)]
    try:
        for where, content in files:
            with open(where, "wb", buffering=0) as file:
                write_pieces(file.fileno(), content, model.blobs)
    except OSError as e:
        where = tempfile.gettempdir()
        raise OutputError(f"temporary data in {where}: {e.strerror} (TMPDIR chooses another place)") from e
    return path

"""Payloads are read right, to memory where the kernel copies fast."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lightweight_cli.model.blobs import AHEAD, PAGE, Blob, Source

COUNT = 3000


@pytest.mark.parametrize("apart", [0, 4, 16, 28, 32, 64, 2048, 4092])
@pytest.mark.parametrize("given", [False, True])
def test_no_copy_begins_just_behind_its_place_in_a_page(tmp_path: Path, apart: int, given: bool) -> None:
    path = tmp_path / "payload"
    values = np.arange(2 * PAGE, dtype=np.float32)
    values.tofile(path)
    room = np.zeros(COUNT + 2 * PAGE, np.float32)
    start = room.ctypes.data % PAGE // 4 * 4  # of the same place in a page as the room, `apart` bytes before it
    blob = Blob(values.nbytes, Source(os.open(path, os.O_RDONLY), str(path)))
    found = blob.array(np.dtype(np.float32), (start - apart) % PAGE // 4, COUNT, room if given else None)
    assert np.array_equal(found, values[(start - apart) % PAGE // 4 :][:COUNT])
    assert not 0 < (found.ctypes.data - (start - apart)) % PAGE < AHEAD
    assert found.base is not None and np.shares_memory(found, room) == given


def test_chunks_are_all_bytes_in_order(tmp_path: Path) -> None:
    path = tmp_path / "payload"
    content = np.random.default_rng(0).bytes(3 * PAGE + 5)
    path.write_bytes(content)
    blob = Blob(len(content) - 7, Source(os.open(path, os.O_RDONLY), str(path)), 7)
    assert b"".join(bytes(chunk) for chunk in blob.chunks(PAGE)) == content[7:]
    assert b"".join(bytes(chunk) for chunk in blob.chunks(PAGE, 100)) == content[107:]

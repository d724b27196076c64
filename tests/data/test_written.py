"""Feeds in memory become files, and files stay what they are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from lightweight_cli.data.written import written
from lightweight_cli.errors import InputError


def test_feeds_are_written_and_removed() -> None:
    feeds = [{"x": np.arange(6.0).reshape(2, 3), "t": np.array(["a"])}, {"x": [[1]], "t": ["b"]}]
    with written(iter(feeds)) as paths:
        assert len(paths) == 2
        for path, feed in zip(paths, feeds, strict=True):
            with np.load(path) as loaded:
                assert {k: loaded[k].tolist() for k in loaded.files} == {k: np.asarray(v).tolist() for k, v in feed.items()}
    assert not any(map(os.path.exists, paths))


def test_paths_go_through(tmp_path: Path) -> None:
    for data in (tmp_path / "a.npz", [tmp_path / "a.npz"], str(tmp_path / "a.npz")):
        with written(data) as paths:
            assert paths == (str(tmp_path / "a.npz"),)


@pytest.mark.parametrize(("feeds", "said"), [
    ([{"x": [object()]}], 'feed 0: "x" is object; it must be numbers or text'),
    ([{"x": [1]}, [1]], "feed 1 is list; it must be a dict of arrays by input name"),
])
def test_what_is_no_feed(feeds: list[object], said: str) -> None:
    with pytest.raises(InputError) as caught, written(feeds):
        pass
    assert str(caught.value) == said


def test_one_feed_is_a_file():
    with written({"x": np.ones((2, 3))}) as paths:
        assert len(paths) == 1 and np.load(paths[0])["x"].shape == (2, 3)

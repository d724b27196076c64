"""How far onnxruntime optimises a model: apart from sessions, so that what only names it starts without them."""

from __future__ import annotations

from typing import Literal

Level = Literal["none", "basic", "extended", "all"]
LEVELS: dict[Level, str] = {"none": "ORT_DISABLE_ALL", "basic": "ORT_ENABLE_BASIC", "extended": "ORT_ENABLE_EXTENDED",
                            "all": "ORT_ENABLE_ALL"}
"""What onnxruntime calls them."""

"""onnxruntime on a computer or server: what every result is checked in."""

from __future__ import annotations

from lightweight_cli.targets.target import Target

TARGET = Target(
    name="onnxruntime",
    what="onnxruntime of a computer or server, from Python, C++, C#, Java or Node",
    evidence="run",
    source="onnxruntime 1.17.1, 1.20.1, 1.23.2 and 1.32.0 on x86-64",
    folds="decodes all storage encodings once, at load, at the optimisation levels basic and all",
    must_not=("loads without graph optimisation: every run would decode the weights",),
)

"""onnxruntime-web: WebAssembly in browsers and in Node."""

from __future__ import annotations

from lightweight_cli.targets.target import Target

TARGET = Target(
    name="web",
    what="onnxruntime-web in a browser or Node, by WebAssembly (backend wasm)",
    evidence="run",
    source="onnxruntime-web 1.30.0 in Node 20 and in headless Chromium",
    folds="decodes all storage encodings once, at load, each exactly",
    one_file=True,
    must_not=("external data, unless the page hands the file over too", "models whose load takes over 4 GB: WebAssembly's memory"),
)

"""Whatever runs onnxruntime or a child process: sessions, confinement, conversations with children, latency, opset conversion.

Here belongs what must assume that a model is hostile. Weights, data and what is judged stand above and are not imported: a child
is told by name what to call.
"""

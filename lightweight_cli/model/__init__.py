"""Bytes to Model and back: the wire format, the skeleton whose payloads stay in files, external data, scopes, the output file.

Here belongs what is true of any ONNX file, whatever is done with it. Nothing of lwc but `errors` is imported; no onnxruntime runs.
"""

"""A harness that runs every pass over many models and judges each result in onnxruntime.

`python -m corpus` (in tests/) runs the whole and writes docs/corpus.md; test_corpus.py runs a part of it.
"""

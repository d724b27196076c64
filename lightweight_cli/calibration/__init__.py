"""What the operators of a model see: statistics of their inputs, streamed over calibration data.

Here belongs what finds activations, exposes them and sums them up. Calibration data choose, they never judge: nothing of metrics'
verdicts, passes or reports is imported, and what is done with the statistics is `numerics`' and the passes' own.
"""

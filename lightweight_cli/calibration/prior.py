"""What the inputs of an operator are taken to look like where there are no data: numerics/prior.py for its kernel."""

from __future__ import annotations

import numpy as np

from lightweight_cli.numerics import parts, prior
from lightweight_cli.numerics.damping import few_rows
from lightweight_cli.numerics.moments import Moments
from lightweight_cli.weights.view import View
from lightweight_cli.weights.weight import Weight

KERNELS = {"Conv", "FusedConv"}
"""Operators that a prior is known for. Behind normalization the mean is about 0, and the prior is rounding to nearest."""

TEXT = 0.1
"""Share of the identity in a mix, where there is no other prior: a ridge."""
MOVED = 0.2
"""Share of the prior where the target moves: .1 to .5 are equal at 50 % zeros; at 70 % .3 loses fashion-resnet 3 points against .1."""


def mixed_with(moments: Moments, weight: Weight, view: View) -> Moments:
    """Return the moments of synthetic inputs, which may be of the wrong kind, mixed with what inputs are taken to be."""
    d, known = moments.S.shape[-1], moments_of(weight, view)
    if known is None:
        return Moments(prior.mixed(moments.S, np.eye(d), min(prior.MOST_SHARE, TEXT * few_rows(d, moments.n))))
    b = prior.share(d, moments.n)
    return Moments(np.concatenate([prior.mixed(S[None], H, b) for S, H in zip(moments.S, known.S, strict=True)]))


def moved_with(moments: Moments, weight: Weight, view: View) -> Moments:
    """Return the moments that a walk over synthetic inputs gives, targets with them, mixed with what inputs are taken to be.

    Where nothing is known of them, as they are: moving the target has a ridge of its own.
    """
    known = moments_of(weight, view)
    if known is None:
        return moments
    matrix = view.of(weight.read(0, weight.size).reshape(weight.shape))
    if len(matrix) != len(known.S):
        matrix = parts.split(matrix)
    share = min(prior.MOST_SHARE, MOVED * few_rows(moments.S.shape[-1], moments.n))
    return prior.beside(matrix, moments, known.S, share)


def moments_of(weight: Weight, view: View) -> Moments | None:
    """Return what a Conv's inputs are taken to be; None for an operator of which nothing is known."""
    if not all(role.op in KERNELS for role in weight.roles):
        return None
    groups, _, inputs = view.shape
    kernel = weight.shape[2:]
    H = prior.structural(inputs // int(np.prod(kernel)), kernel)
    if groups == 1 and parts.width(inputs) != inputs:
        each = parts.width(inputs)
        whole = np.zeros((-(-inputs // each) * each,) * 2)
        whole[:inputs, :inputs] = H
        return Moments(np.stack([whole[i : i + each, i : i + each] for i in range(0, len(whole), each)]))
    return Moments(np.broadcast_to(H, (groups, *H.shape)))

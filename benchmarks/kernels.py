"""Speed of every numeric kernel on one core: MB of float32 weights per CPU second.

Usage: python benchmarks/kernels.py [WORD ...]    only kernels whose name contains a WORD

The best of several rounds, tile by tile as the passes call them; for packing, MB of codes. Machine load matters:
compare figures of one run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from lightweight_cli.numerics import affine, fp, kmeans, lookup, magnitude, packing, product, sketch, stats
from lightweight_cli.numerics.tiles import tiles

MIB = 1 << 20
TILE = 1 << 18  # elements a pass hands to a kernel: 1 MiB of float32
ROUNDS = 5
Kernel = tuple[str, int, Callable[[], object]]  # name, bytes, call


def measure(call: Callable[[], object]) -> float:
    """Seconds of CPU of the fastest of some rounds."""
    times = []
    for _ in range(ROUNDS):
        start = time.thread_time()
        call()
        times.append(time.thread_time() - start)
    return min(times)


def gaussian(shape: tuple[int, ...]) -> np.ndarray:
    """Weights like a layer's."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32) * np.float32(0.02)


def quantize(weight: np.ndarray, bits: int, symmetric: bool, pack: bool) -> None:
    """Two passes over tiles: extents, then codes, packed if asked."""
    a_size, _, p_size = weight.shape
    low = np.full((a_size, 1, p_size), np.inf, np.float32)
    high = -low
    for a, r, p in tiles(weight.shape, TILE):
        extent = affine.extent(weight[a, r, p])
        np.minimum(low[a, :, p], extent[0], out=low[a, :, p])
        np.maximum(high[a, :, p], extent[1], out=high[a, :, p])
    scale, zero_point, _, _ = affine.scales(low, high, bits, symmetric)
    buffer = np.empty(TILE, np.int8 if symmetric else np.uint8)
    for a, r, p in tiles(weight.shape, TILE):
        part = weight[a, r, p]
        zero = None if zero_point is None else zero_point[a, :, p]
        out = buffer[: part.size].reshape(part.shape)
        affine.codes(part, scale[a, :, p], zero, bits, out)
        if pack:
            packing.pack(np.add(out, 8).view(np.uint8).reshape(-1), 16, 2)


def affine_kernels() -> Iterator[Kernel]:
    """The layouts of a 64 MiB weight."""
    flat = gaussian((1 << 24,))
    for name, shape in {
        "channels of MatMul [1,4096,4096]": (1, 4096, 4096),
        "channels of Conv [4096,4096,1]": (4096, 4096, 1),
        "channels of small Conv [2^19,32,1]": (1 << 19, 32, 1),
        "whole tensor [1,2^24,1]": (1, 1 << 24, 1),
        "blocks of 32 of MatMul [128,32,4096]": (128, 32, 4096),
    }.items():
        weight = flat.reshape(shape)
        yield f"affine 8 bit symmetric, {name}", flat.nbytes, partial(quantize, weight, 8, True, False)
    blocks = flat.reshape(128, 32, 4096)
    yield "affine 8 bit asymmetric, MatMul", flat.nbytes, lambda: quantize(flat.reshape(1, 4096, 4096), 8, False, False)
    yield "affine 4 bit, blocks of 32 of MatMul, packed", flat.nbytes, lambda: quantize(blocks, 4, True, True)
    rows = flat.reshape(1 << 19, 32, 1)
    yield "affine 4 bit, blocks of 32 of Conv, packed", flat.nbytes, lambda: quantize(rows, 4, True, True)
    codes = np.ones((1, 4096, 4096), np.int8)
    scale = np.ones((1, 1, 4096), np.float32)
    out = np.empty((1, 64, 4096), np.float32)

    def decode() -> None:
        for start in range(0, 4096, 64):
            affine.decode(codes[:, start : start + 64], scale, None, out)

    yield "affine decode 8 bit", flat.nbytes, decode


def packing_kernels() -> Iterator[Kernel]:
    """16 MiB of codes."""
    noise = np.random.default_rng(0).integers(0, 256, 16 * MIB, dtype=np.uint8)
    step = 240 * 1024  # a multiple of every digit count

    def each(call: Callable[..., object], codes: np.ndarray, *args: int) -> Callable[[], None]:
        def over_parts() -> None:
            for start in range(0, codes.size, step):
                call(codes[start : start + step], *args)

        return over_parts

    for levels, digits in packing.DIGITS.items():
        codes = noise % np.uint8(levels)
        yield f"pack {levels} levels, {digits} in a byte", codes.size, each(packing.pack, codes, levels, digits)
        packed = packing.pack(codes, levels, digits)
        unpack = each(packing.unpack, packed, levels, digits, step * digits)
        yield f"unpack {levels} levels, {digits} in a byte", codes.size, unpack
    for bits in (3, 5, 6):
        yield f"planes {bits} bits", codes.size, each(packing.planes, noise >> np.uint8(8 - bits), bits)
    mask = noise > 128
    yield "pack mask", mask.size, each(packing.pack_mask, mask)


def chunks(weight: np.ndarray) -> list[np.ndarray]:
    """A flat weight as a pass reads it."""
    return [weight[start : start + TILE] for start in range(0, weight.size, TILE)]


def selection_kernels() -> Iterator[Kernel]:
    """Pruning and statistics of a 64 MiB weight, ordinary, half zeros, and of 16 values."""
    weight = gaussian((1 << 24,))
    sparse = np.where(np.abs(weight) < 0.0135, np.float32(0), weight)
    coarse = np.rint(weight * 200).clip(-8, 7) / np.float32(200)
    half = weight.astype(np.float16)
    yield "magnitude threshold for half, float32", weight.nbytes, lambda: magnitude.threshold(chunks(weight), 1 << 23)
    yield "magnitude threshold for half, float16", half.nbytes, lambda: magnitude.threshold(chunks(half), 1 << 23)
    yield "magnitude largest", weight.nbytes, lambda: magnitude.largest(chunks(weight))
    out = np.empty(TILE, np.float32)

    def prune() -> None:
        for chunk in chunks(weight):
            magnitude.apply(chunk, 0.0135, 0, out)

    yield "magnitude apply", weight.nbytes, prune
    for name, values in {"ordinary": weight, "half zeros": sparse, "16 values": coarse}.items():
        yield f"statistics, {name}", values.nbytes, partial(stats.statistics, chunks(values))
    listed = np.unique(coarse)
    yield "lookup, 16 values", coarse.nbytes, lambda: [lookup.lookup(chunk, listed) for chunk in chunks(coarse)]


def clustering_kernels() -> Iterator[Kernel]:
    """Shared values of a 64 MiB weight, in one dimension and in vectors of four."""
    weight = gaussian((1 << 24,))
    for levels in (4, 16, 256):

        def share(levels: int = levels) -> None:
            codebook = kmeans.codebook(sketch.sketch(chunks(weight)), levels)
            for chunk in chunks(weight):
                kmeans.assign(chunk, codebook)

        yield f"kmeans, {levels} levels, sketch to codes", weight.nbytes, share
    points = product.vectors(weight, 4)
    sample = points[:: len(points) // product.SAMPLE_VECTORS]
    for levels in (16, 256):
        train = partial(product.train, [points], len(points), levels)
        yield f"product {levels} x 4, train on a sample (fixed cost)", weight.nbytes, train
        codebooks = product.train([sample], len(sample), levels)
        yield f"product {levels} x 4, encode", weight.nbytes // 4, partial(product.encode, points[::4], codebooks)


def lossless_kernels() -> Iterator[Kernel]:
    """Half-width floats of a 64 MiB weight, and a wavelet tree of 4-bit codes, 4 bytes of float32 each."""
    weight = gaussian((1 << 24,))
    narrow = weight.astype(np.float16).astype(np.float32)

    def over_chunks(call: Callable[[np.ndarray], object], values: np.ndarray) -> Callable[[], None]:
        def run() -> None:
            for chunk in chunks(values):
                call(chunk)

        return run

    yield "fp fits_half, all do", narrow.nbytes, over_chunks(fp.fits_half, narrow)
    yield "fp fits_bfloat16, all do", narrow.nbytes, over_chunks(fp.fits_bfloat16, np.zeros_like(weight))
    yield "fp to_half", weight.nbytes, over_chunks(fp.to_half, weight)
    yield "fp to_bfloat16", weight.nbytes, over_chunks(fp.to_bfloat16, weight)


def main() -> None:
    words = sys.argv[1:]
    families = affine_kernels, packing_kernels, selection_kernels, clustering_kernels, lossless_kernels
    for kernels in families:
        for name, size, call in kernels():
            if not words or any(word in name for word in words):
                print(f"{name:58} {size / MIB / measure(call):8.0f} MB/s", flush=True)


if __name__ == "__main__":
    main()

"""The factor of an inverse, from one Cholesky and one triangular inverse.

With R the reversal of rows, R H R = L L' gives H^-1 = (R L^-1 R)' (R L^-1 R), and R L^-1 R is upper triangular.

Source: Frantar et al. 2022, arXiv:2210.17323, section 3.3 (there by a Cholesky, an inverse and a second Cholesky).
"""

from __future__ import annotations

import numpy as np

SMALL = 64  # up to here LAPACK's general inverse of a triangle is as fast as halving it
# Wider inverses of Cholesky factors, which are made in float64, go on in float32: 4096 takes half the time.
SINGLE = 2048


def inverse_factor(H: np.ndarray) -> np.ndarray:
    """U upper with U'U = H^-1, of symmetric positive matrices [G, d, d] float64.

    Needs 3 d^2 doubles besides H.

    Returns: [G, d, d], zero below the diagonal; float32 if d > 2048, else float64.
    Raises: numpy.linalg.LinAlgError if a matrix is not positive definite.
    """
    lower = np.linalg.cholesky(H[:, ::-1, ::-1])
    if lower.shape[-1] > SINGLE:
        lower = lower.astype(np.float32)
    U = lower_inverse(lower)[:, ::-1, ::-1]
    if not np.isfinite(U).all():  # LAPACK lets NaN through
        raise np.linalg.LinAlgError("matrix is not positive definite")
    return np.ascontiguousarray(U)


def lower_inverse(lower: np.ndarray) -> np.ndarray:
    """Inverse of lower triangular matrices [G, d, d] by halves, nearly all of it matrix products.

        [A 0; B D]^-1 = [A^-1 0; -D^-1 B A^-1 D^-1]

    Returns: [G, d, d], zero above the diagonal.
    """
    result = np.zeros(lower.shape, lower.dtype)
    _invert(lower, result)
    return result


def _invert(lower: np.ndarray, out: np.ndarray) -> None:
    """Write the inverse to out, which is zero."""
    d = lower.shape[-1]
    if d <= SMALL:
        out[:] = np.tril(np.linalg.inv(lower))
        return
    half = SMALL * -(-d // (2 * SMALL))
    _invert(lower[:, :half, :half], out[:, :half, :half])
    _invert(lower[:, half:, half:], out[:, half:, half:])
    _last_times(out[:, half:, half:], _times_first(lower[:, half:, :half], out[:, :half, :half]), out[:, half:, :half])


def _times_first(matrix: np.ndarray, first: np.ndarray) -> np.ndarray:
    """matrix first, with first lower triangular: a quarter of the product is known to be zero."""
    result = np.empty(matrix.shape, matrix.dtype)
    half = first.shape[-1] // 2
    np.matmul(matrix, first[:, :, :half], out=result[:, :, :half])
    np.matmul(matrix[:, :, half:], first[:, half:, half:], out=result[:, :, half:])
    return result


def _last_times(last: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """Write -last matrix to out, with last lower triangular."""
    half = last.shape[-1] // 2
    np.negative(last[:, :half, :half] @ matrix[:, :half], out=out[:, :half])
    np.negative(last[:, half:] @ matrix, out=out[:, half:])

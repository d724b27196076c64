"""The factor of an inverse, from one Cholesky and one triangular inverse.

With R the reversal of rows, R H R = L L' gives H^-1 = (R L^-1 R)' (R L^-1 R), and R L^-1 R is upper triangular.

Source: Frantar et al. 2022, arXiv:2210.17323, section 3.3 (there by a Cholesky, an inverse and a second Cholesky).
"""

from __future__ import annotations

import numpy as np

# Up to here LAPACK's general inverse of a triangle is as fast as halving it. 4096: 1.1 s at 64, 1.3 at 256.
SMALL = 64


def inverse_factor(H: np.ndarray) -> np.ndarray:
    """U upper with U'U = H^-1, of symmetric positive matrices [G, d, d].

    Needs 3 d^2 numbers besides H.

    Returns: [G, d, d] in H's type, zero below the diagonal.
    Raises: numpy.linalg.LinAlgError if a matrix is not positive definite.
    """
    U = lower_inverse(np.linalg.cholesky(H[:, ::-1, ::-1]))[:, ::-1, ::-1]
    if not np.isfinite(U).all():  # LAPACK lets NaN through
        raise np.linalg.LinAlgError("matrix is not positive definite")
    return np.ascontiguousarray(U)


def lower_inverse(lower: np.ndarray) -> np.ndarray:
    """Inverse of lower triangular matrices [G, d, d] by halves, nearly all of it matrix products.

        [A 0; B D]^-1 = [A^-1 0; -D^-1 B A^-1 D^-1]

    Returns: [G, d, d], zero above the diagonal.
    """
    d = lower.shape[-1]
    if d <= SMALL:
        return np.tril(np.linalg.inv(lower))
    half = SMALL * -(-d // (2 * SMALL))
    result = np.zeros_like(lower)
    first = result[:, :half, :half] = lower_inverse(lower[:, :half, :half])
    last = result[:, half:, half:] = lower_inverse(lower[:, half:, half:])
    result[:, half:, :half] = -last @ (lower[:, half:, :half] @ first)
    return result

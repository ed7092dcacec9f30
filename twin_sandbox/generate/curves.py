"""Curves and fields made of plus, minus, times, divide and square root only.

These five are exact to the last bit on every processor; sin, exp or power are not, and a district must come out the
same everywhere.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def spline(points: Floats, step_m: float = 6.0) -> Floats:
    """A smooth line through all points (Catmull-Rom, uniform), about ``step_m`` between its vertices.

    Args:
        points: [n, 2], n ≥ 2.
        step_m: distance of vertices.
    """
    first, last = 2 * points[0] - points[1], 2 * points[-1] - points[-2]
    p = np.vstack([first, points, last])
    parts = []
    for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True):
        chord = float(np.sqrt(((c - b) * (c - b)).sum()))
        t = np.linspace(0.0, 1.0, max(2, int(chord / step_m) + 1), endpoint=False)[:, None]
        parts.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t * t * t)
        )
    return np.vstack([*parts, points[-1:]])


def bump(distance_m: Floats, radius_m: float) -> Floats:
    """A smooth hill: 1 in the middle, 0 from ``radius_m`` on, flat at both."""
    inside = np.clip(1.0 - (distance_m / radius_m) * (distance_m / radius_m), 0.0, None)
    return np.asarray(inside * inside)


def unevenness(rng: np.random.Generator, x_m: Floats, y_m: Floats, wavelength_m: float) -> Floats:
    """Smooth random field within -1 and 1: a random lattice, blended by 3t² - 2t³."""
    u, v = x_m / wavelength_m + 2.0, y_m / wavelength_m + 2.0
    i, j = u.astype(int), v.astype(int)
    lattice = rng.random((int(j.max()) + 2, int(i.max()) + 2)) * 2.0 - 1.0
    s, t = u - i, v - j
    s, t = s * s * (3.0 - 2.0 * s), t * t * (3.0 - 2.0 * t)
    low = lattice[j, i] * (1.0 - s) + lattice[j, i + 1] * s
    high = lattice[j + 1, i] * (1.0 - s) + lattice[j + 1, i + 1] * s
    return np.asarray(low * (1.0 - t) + high * t)

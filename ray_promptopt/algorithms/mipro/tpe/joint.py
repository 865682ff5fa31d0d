"""The joint step: points are ranked by the ratio of two multivariate densities.

The good trials and the others each give a mixture with one kernel per trial; a kernel is a product
over the variables, `1 + p` on the trial's own choice and `p` on every other, normalised, where
`p = prior_weight / (number of kernels)`. A uniform kernel is the prior.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ray_promptopt.algorithms.mipro.tpe.space import Point, Space

FloatArray = npt.NDArray[np.float64]


class Density:
    """A mixture of product kernels around points, and a uniform one."""

    def __init__(
        self,
        space: Space,
        points: Sequence[Point],
        prior_weight: float,
        weights_of_points: Sequence[float] | None = None,
    ) -> None:
        """Points weigh 1 each, or what `weights_of_points` says (above 0, one per point)."""
        self._space = space
        self._points = np.asarray(points, dtype=np.int64).reshape(-1, len(space.variables))
        of_points = [1.0] * len(points) if weights_of_points is None else weights_of_points
        weights = np.asarray([*of_points, prior_weight])
        self._weights = weights / weights.sum()
        num_kernels = len(points) + 1
        sizes = np.asarray([len(variable.choices) for variable in space.variables], dtype=float)
        spread = prior_weight / num_kernels
        self._off = spread / (1.0 + spread * sizes)
        self._on = (1.0 + spread) / (1.0 + spread * sizes)
        self._log_uniform = float(-np.log(sizes).sum())

    def log(self, points: Sequence[Point]) -> FloatArray:
        """The logarithm of the density at each point; shape (len(points),)."""
        asked = np.asarray(points, dtype=np.int64).reshape(-1, len(self._space.variables))
        equal = asked[:, None, :] == self._points[None, :, :]
        kernels = np.where(equal, np.log(self._on), np.log(self._off)).sum(axis=2)
        uniform = np.full((len(asked), 1), self._log_uniform)
        terms = np.concatenate([kernels, uniform], axis=1) + np.log(self._weights)
        top = terms.max(axis=1, keepdims=True)
        result: FloatArray = top[:, 0] + np.log(np.exp(terms - top).sum(axis=1))
        return result

    def draw(self, rng: np.random.Generator) -> Point:
        """A point of the mixture: a kernel's own, each choice changed with the kernel's chance."""
        kernel = int(rng.choice(len(self._weights), p=self._weights))
        uniform = self._space.draw(rng)
        if kernel == len(self._points):
            return uniform
        own = self._points[kernel].tolist()
        kept = rng.random(len(own)) < self._on - self._off
        return tuple(
            mine if keep and mine in variable.choices else other
            for mine, other, keep, variable in zip(
                own, uniform, kept, self._space.variables, strict=True
            )
        )

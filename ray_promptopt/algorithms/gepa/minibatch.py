"""Minibatches of training seeds: shuffled once per epoch, a pure function of (seed, index).

Nothing is remembered, so a resumed run draws what the unbroken one would have drawn.
"""

from collections import Counter
from collections.abc import Sequence

from ray_promptopt.algorithms.randomness import stream


class MinibatchSampler:
    """Cuts each epoch's shuffled seeds into minibatches of equal size.

    The last one of an epoch is padded with the least used seeds, latest in the shuffle first, as
    in the reference, but never with one it already holds: seeds 1..4 shuffled to (2, 4, 1, 3)
    give, at size 3, (2, 4, 1) and (3, 1, 4). A size above the number of seeds takes all of them.
    """

    def __init__(self, seeds: Sequence[int], size: int, rng_seed: int) -> None:
        self._seeds = tuple(seeds)
        self._rng_seed = rng_seed
        self.size = min(size, len(self._seeds))

    def minibatch(self, index: int) -> tuple[int, ...]:
        """The minibatch of this index, counted from 0 over all epochs."""
        per_epoch = -(-len(self._seeds) // self.size)
        epoch, position = divmod(index, per_epoch)
        shuffled = self.epoch(epoch)
        return shuffled[position * self.size : (position + 1) * self.size]

    def epoch(self, epoch: int) -> tuple[int, ...]:
        """All seeds in this epoch's order, padded to a multiple of the size."""
        order = stream(self._rng_seed, "minibatch", epoch).permutation(len(self._seeds))
        shuffled = [self._seeds[int(place)] for place in order]
        last_start = len(shuffled) - len(shuffled) % self.size
        uses = Counter(shuffled)
        while len(shuffled) % self.size:
            free = [
                seed
                for seed in reversed(shuffled[: len(uses)])
                if seed not in shuffled[last_start:]
            ]
            least = min(free, key=lambda seed: uses[seed])
            shuffled.append(least)
            uses[least] += 1
        return tuple(shuffled)

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.algorithms.gepa.minibatch import MinibatchSampler


def test_epoch_when_size_divides_it_holds_each_seed_once() -> None:
    sampler = MinibatchSampler(range(9), 3, rng_seed=1)
    batches = [sampler.minibatch(index) for index in range(3)]
    assert sorted(seed for batch in batches for seed in batch) == list(range(9))
    assert sampler.epoch(0) == tuple(seed for batch in batches for seed in batch)


def test_epoch_when_repeated_is_shuffled_anew() -> None:
    sampler = MinibatchSampler(range(30), 3, rng_seed=1)
    assert sampler.epoch(0) != sampler.epoch(1)
    assert sampler.minibatch(10) == sampler.epoch(1)[:3]


def test_epoch_when_padded_uses_the_latest_of_the_shuffle_not_in_the_last_batch() -> None:
    epoch = MinibatchSampler((1, 2, 3, 4), 3, rng_seed=0).epoch(0)
    shuffled = epoch[:4]
    assert sorted(shuffled) == [1, 2, 3, 4]
    assert epoch[4:] == (shuffled[2], shuffled[1])


def test_minibatch_when_size_exceeds_the_seeds_takes_all_of_them() -> None:
    sampler = MinibatchSampler((5, 6), 3, rng_seed=0)
    assert sampler.size == 2
    assert sorted(sampler.minibatch(0)) == sorted(sampler.minibatch(7)) == [5, 6]


def test_minibatch_when_drawn_out_of_order_is_the_same() -> None:
    forward = MinibatchSampler(range(10), 3, rng_seed=4)
    backward = MinibatchSampler(range(10), 3, rng_seed=4)
    drawn = [forward.minibatch(index) for index in range(12)]
    assert [backward.minibatch(index) for index in reversed(range(12))] == drawn[::-1]


def test_minibatch_when_rng_seed_differs_is_another() -> None:
    one, other = (MinibatchSampler(range(50), 3, rng_seed=seed) for seed in (1, 2))
    assert one.epoch(0) != other.epoch(0)


@given(st.integers(1, 20), st.integers(1, 7), st.integers(0, 40))
def test_minibatch_when_any_is_drawn_holds_distinct_seeds_and_pads_evenly(
    num_seeds: int, size: int, index: int
) -> None:
    sampler = MinibatchSampler(range(num_seeds), size, rng_seed=9)
    batch = sampler.minibatch(index)
    assert len(batch) == len(set(batch)) == min(size, num_seeds)
    uses = Counter(sampler.epoch(index))
    assert set(uses) == set(range(num_seeds))
    assert max(uses.values()) <= 2

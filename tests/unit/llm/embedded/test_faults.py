"""Faults, latency and the rate limit: seeded, and at the rates that were asked for."""

from collections import Counter

from ray_promptopt.llm.embedded import EmbeddedSettings, Faults, Latency
from ray_promptopt.llm.embedded.faults import Fault, RateLimit, draw_fate

SETTINGS = EmbeddedSettings(
    latency={"embedded/reader": Latency(median_s=0.2, sigma=0.5)},
    faults=Faults(
        seed=7, error_rate=0.1, timeout_rate=0.05, malformed_rate=0.02, rate_limit_rate=0.2
    ),
)


def test_faults_when_drawn_many_times_then_come_at_their_rates() -> None:
    seen = Counter(draw_fate(SETTINGS, "embedded/reader", n).fault for n in range(10_000))
    assert abs(seen[Fault.ERROR] / 10_000 - 0.1) < 0.012
    assert abs(seen[Fault.TIMEOUT] / 10_000 - 0.05) < 0.01
    assert abs(seen[Fault.MALFORMED] / 10_000 - 0.02) < 0.006
    assert abs(seen[Fault.RATE_LIMITED] / 10_000 - 0.2) < 0.015


def test_faults_when_seed_is_the_same_then_hit_the_same_requests() -> None:
    fates = [draw_fate(SETTINGS, "embedded/reader", n) for n in range(200)]
    assert fates == [draw_fate(SETTINGS, "embedded/reader", n) for n in range(200)]
    other = EmbeddedSettings(faults=Faults(seed=8, error_rate=0.1))
    assert fates != [draw_fate(other, "embedded/reader", n) for n in range(200)]


def test_latency_when_drawn_many_times_then_has_its_median_and_spread() -> None:
    calm = EmbeddedSettings(latency=SETTINGS.latency)
    delays = sorted(draw_fate(calm, "embedded/reader", n).delay_s for n in range(4_000))
    assert abs(delays[2_000] - 0.2) < 0.02
    assert abs(delays[int(4_000 * 0.841)] / delays[2_000] - 1.65) < 0.15
    assert draw_fate(calm, "embedded/writer", 0).delay_s == 0.0


def test_rate_limit_when_exceeded_then_says_how_long_to_wait() -> None:
    limit = RateLimit(2.0)
    assert [limit.wait_s(10.0) for _ in range(3)] == [0.0, 0.0, 0.5]
    assert limit.wait_s(10.5) == 0.0
    assert limit.wait_s(10.5) > 0


def test_rate_limit_when_there_is_none_then_never_waits() -> None:
    limit = RateLimit(None)
    assert {limit.wait_s(0.0) for _ in range(1_000)} == {0.0}

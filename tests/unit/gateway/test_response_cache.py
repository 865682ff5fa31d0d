"""How much a cache keeps, and what goes first."""

from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.gateway.response_cache import ResponseCache


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    cache = ResponseCache(most_bytes=6)
    cache.put("a", b"aaa")
    cache.put("b", b"bbb")
    assert cache.get("a") == b"aaa"
    cache.put("c", b"ccc")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"aaa", None, b"ccc")


def test_what_is_larger_than_all_that_may_be_kept_is_not_kept_and_pushes_nothing_out() -> None:
    cache = ResponseCache(most_bytes=3)
    cache.put("a", b"aaa")
    cache.put("b", b"bbbb")
    assert (cache.get("a"), cache.get("b")) == (b"aaa", None)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=12))))
def test_never_more_is_kept_than_may_be_and_always_what_was_put_last(
    puts: list[tuple[str, bytes]],
) -> None:
    cache = ResponseCache(most_bytes=20)
    for key, answer in puts:
        cache.put(key, answer)
        assert cache.get(key) == answer
    last = dict(puts)
    kept = {key: cache.get(key) for key in last}
    assert sum(len(answer or b"") for answer in kept.values()) <= 20
    assert all(answer in (None, last[key]) for key, answer in kept.items())

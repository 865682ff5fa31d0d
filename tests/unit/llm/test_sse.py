"""The event-stream parser: any cut of the bytes gives the same frames."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.llm.sse import LARGEST_FRAME_BYTES, FrameTooLarge, SseParser, data_frame

BLANKS = ("\n\n", "\r\n\r\n", "\r\r")
LINES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=30)


@given(data=st.lists(LINES, min_size=1, max_size=6), blank=st.sampled_from(BLANKS), cuts=st.data())
def test_every_cut_gives_the_same_frames_and_their_bytes_add_up_to_the_stream(
    data: list[str], blank: str, cuts: st.DataObject
) -> None:
    whole = "".join(f"data: {text}{blank}" for text in data).encode()
    places = sorted(cuts.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    parser = SseParser()
    frames = [
        frame
        for start, end in zip([0, *places], [*places, len(whole)], strict=True)
        for frame in parser.feed(whole[start:end])
    ]
    assert [frame.data for frame in frames] == data
    assert b"".join(frame.raw for frame in frames) == whole
    assert parser.rest() is None


def test_a_model_may_write_characters_that_other_parsers_take_for_line_ends() -> None:
    (frame,) = SseParser().feed("data: a\u2028b\x85c\x0cd\n\n".encode())
    assert frame.data == "a\u2028b\x85c\x0cd"


@pytest.mark.parametrize(
    ("raw", "data", "event", "plain"),
    [
        (b"data: x\n\n", "x", None, True),
        (b"data:x\n\n", "x", None, True),
        (b"data: x\ndata: y\n\n", "x\ny", None, True),
        (b"event: e\ndata: x\n\n", "x", "e", True),
        (b": a comment\n\n", None, None, False),
        (b": a comment\ndata: x\n\n", "x", None, False),
        (b"id: 7\nretry: 5\n\n", None, None, False),
        (b"\xef\xbb\xbfdata: x\n\n", "x", None, True),
        (b"data\n\n", "", None, True),
    ],
)
def test_fields_of_a_frame(raw: bytes, data: str | None, event: str | None, plain: bool) -> None:
    (frame,) = SseParser().feed(raw)
    assert (frame.data, frame.event, frame.plain, frame.raw) == (data, event, plain, raw)


def test_half_a_frame_is_left_over() -> None:
    parser = SseParser()
    assert parser.feed(b"data: whole\n\ndata: ha") != []
    rest = parser.rest()
    assert rest is not None
    assert rest.data == "ha"


def test_a_frame_without_end_is_refused_before_it_fills_the_memory() -> None:
    parser = SseParser()
    parser.feed(b"x" * LARGEST_FRAME_BYTES)
    with pytest.raises(FrameTooLarge):
        parser.feed(b"x")


def test_a_frame_that_is_written_is_read_back() -> None:
    (frame,) = SseParser().feed(data_frame("{}", event="e"))
    assert (frame.data, frame.event) == ("{}", "e")

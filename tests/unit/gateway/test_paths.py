from hypothesis import given
from hypothesis import strategies as st

from ray_promptopt.core.ids import new_correlation_id, new_run_id, new_trial_id
from ray_promptopt.gateway.paths import parse_route

TEXT = st.text(max_size=60)


@given(path=TEXT, query=TEXT)
def test_any_path_and_query_give_a_route_or_none_but_never_a_crash(path: str, query: str) -> None:
    assert parse_route(f"/{path}", query) is None


@given(
    prefix=st.lists(st.from_regex(r"[a-z0-9_.-]{1,8}", fullmatch=True), max_size=3),
    second_v1=st.booleans(),
    cid_in_path=st.booleans(),
    swallowed=st.booleans(),
    run=st.booleans(),
)
def test_trial_and_rollout_are_found_however_the_url_was_joined(
    prefix: list[str], second_v1: bool, cid_in_path: bool, swallowed: bool, run: bool
) -> None:
    reference, cid = new_run_id() if run else new_trial_id(), new_correlation_id()
    tail = ("/v1" if second_v1 else "") + "/chat/completions"
    path = "/".join(["", *prefix, "v1", reference]) + (f"/{cid}" if cid_in_path else "")
    query = "" if cid_in_path else f"cid={cid}"
    if swallowed and not cid_in_path:
        query += tail
    else:
        path += tail
    route = parse_route(path, query)
    assert route is not None
    assert (route.reference, route.correlation_id) == (reference, cid)

"""The picture of a search that people are shown."""

from ray_promptopt.algorithms.mipro.rules import parents_of
from ray_promptopt.algorithms.mipro.search import Search
from ray_promptopt.core.work import CandidateSummary, SearchCounts, SearchView


def search_counts(search: Search, in_flight: int) -> SearchCounts:
    """Where a search stands, without anybody's scores. A trial is accepted unless dropped."""
    catalogue = search.catalogue
    return SearchCounts(
        best=catalogue.candidate(search.best).id,
        front=tuple(catalogue.candidate(arm).id for arm in _answer(search)),
        iteration=search.tally.trials,
        accepted=search.tally.kept,
        rejected=search.tally.dropped,
        in_flight=in_flight,
        rollouts_used=int(search.budget.spent),
    )


def search_view(search: Search, in_flight: int) -> SearchView:
    """All combinations that have a score, the initial one first."""
    catalogue, answer = search.catalogue, _answer(search)
    summaries = tuple(
        CandidateSummary(
            catalogue.candidate(number),
            parents_of(search, number),
            catalogue.origin(number),
            arm.iteration,
            dict(arm.results),
            number in answer,
        )
        for number, arm in enumerate(catalogue.arms)
        if arm.results or number == 0
    )
    return SearchView(summaries, search_counts(search, in_flight))


def _answer(search: Search) -> list[int]:
    """The best `top_k` combinations, in the order in which they were first tried."""
    return sorted({search.best, *search.ranking()[: search.settings.top_k - 1]} - _unscored(search))


def _unscored(search: Search) -> set[int]:
    return {number for number, arm in enumerate(search.catalogue.arms) if not arm.results}

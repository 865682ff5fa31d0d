"""The picture of a search that people are shown. Both schedules."""

from ray_promptopt.algorithms.gepa.lanes.search import LaneSearch
from ray_promptopt.algorithms.gepa.search import Search
from ray_promptopt.core.work import CandidateSummary, SearchCounts, SearchView


def search_counts(search: Search | LaneSearch, in_flight: int) -> SearchCounts:
    """Where a search stands, without anybody's scores."""
    population, members = search.population, search.population.members
    return SearchCounts(
        best=members[population.best].candidate.id if members else search.initial.id,
        front=tuple(members[index].candidate.id for index in sorted(population.answer())),
        iteration=search.iteration,
        accepted=search.tally.accepted,
        rejected=search.tally.rejected,
        in_flight=in_flight,
        rollouts_used=int(search.budget.spent),
    )


def search_view(search: Search | LaneSearch, in_flight: int) -> SearchView:
    """All admitted candidates with their scores; before the first is admitted, the initial one
    without scores."""
    population, members = search.population, search.population.members
    answer = population.answer()
    summaries = tuple(
        CandidateSummary(
            member.candidate,
            tuple(members[parent].candidate.id for parent in member.parents),
            member.origin.value,
            member.iteration,
            population.scores(index),
            index in answer,
        )
        for index, member in enumerate(members)
    )
    initial = CandidateSummary(search.initial, (), "initial", 0)
    return SearchView(summaries or (initial,), search_counts(search, in_flight))

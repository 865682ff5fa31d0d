"""The picture of a search that people are shown. Both schedules."""

from ray_promptopt.algorithms.gepa.population import Population
from ray_promptopt.algorithms.gepa.search import Tally
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.work import CandidateSummary, SearchCounts, SearchView


def search_counts(
    population: Population,
    initial: Candidate,
    tally: Tally,
    *,
    iteration: int,
    in_flight: int,
    rollouts_used: int,
) -> SearchCounts:
    """Where a search stands, without anybody's scores."""
    members = population.members
    return SearchCounts(
        best=members[population.best].candidate.id if members else initial.id,
        front=tuple(members[index].candidate.id for index in sorted(population.answer())),
        iteration=iteration,
        accepted=tally.accepted,
        rejected=tally.rejected,
        in_flight=in_flight,
        rollouts_used=rollouts_used,
    )


def search_view(population: Population, initial: Candidate, counts: SearchCounts) -> SearchView:
    """All admitted candidates with their scores; before the first is admitted, the initial one
    without scores."""
    answer, members = population.answer(), population.members
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
    return SearchView(summaries or (CandidateSummary(initial, (), "initial", 0),), counts)

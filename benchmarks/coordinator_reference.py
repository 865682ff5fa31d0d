"""The same quantity for the `gepa` package: what its engine does in an iteration beside
evaluating, called on a state of the given size (growing one by its engine would take hours).
"""

import random
import statistics
import tempfile
import time

from benchmarks.coordinator_cost import NUM_TIMED, Cost, peak_mb, scores_of


def measure_reference(num_candidates: int, num_examples: int) -> Cost:
    """A rejected iteration chooses a parent; an accepted one also adds the child and compares
    the fronts before and after. Both then write the whole state, which is told apart."""
    from gepa.core.state import GEPAState, ValsetEvaluation
    from gepa.strategies.candidate_selector import ParetoCandidateSelector
    from gepa.strategies.eval_policy import FullEvaluationPolicy

    def evaluation(number: int) -> ValsetEvaluation[str, int]:
        scores = dict(enumerate(scores_of(number, num_examples)))
        return ValsetEvaluation(dict.fromkeys(scores, ""), scores)

    before_mb = peak_mb()
    state = GEPAState({"instruction": "candidate 0"}, evaluation(0))
    state.num_full_ds_evals, state.total_num_evals = 1, num_examples
    selector = ParetoCandidateSelector(random.Random(0))
    policy: FullEvaluationPolicy[int, str] = FullEvaluationPolicy()

    def admit(number: int, measured: ValsetEvaluation[str, int]) -> None:
        text = {"instruction": f"candidate {number}"}
        state.update_state_with_new_program([0], text, measured, None, state.total_num_evals)

    for number in range(1, num_candidates):
        admit(number, evaluation(number))
    rejected_s, accepted_s, saving_s = [], [], []
    for number in range(num_candidates, num_candidates + NUM_TIMED):
        measured = evaluation(number)
        started_s = time.process_time()
        state.is_consistent()
        selector.select_candidate_idx(state)
        chosen_s = time.process_time()
        state.get_pareto_front_mapping()
        admit(number, measured)
        policy.get_best_program(state)
        state.get_pareto_front_mapping()
        added_s = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            state.save(folder)
        saving_s.append(time.process_time() - added_s)
        rejected_s.append(chosen_s - started_s)
        accepted_s.append(added_s - started_s)
    return Cost(
        name="gepa, instance fronts",
        candidates=num_candidates,
        examples=num_examples,
        event_us=None,
        rejected_ms=1e3 * statistics.median(rejected_s),
        accepted_ms=1e3 * statistics.median(accepted_s),
        grown_mb=peak_mb() - before_mb,
        front_size=len(set().union(*state.get_pareto_front_mapping().values())),
        saving_ms=1e3 * statistics.median(saving_s),
    )

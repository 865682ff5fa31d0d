from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.demos import Demo
from ray_promptopt.core.messages import ChatMessage
from ray_promptopt.prompts.explaining import explain_substitution
from ray_promptopt.prompts.forms import Passage, formed
from ray_promptopt.prompts.learning import DeclaredMessage, PromptForm, learn_baseline

CALL = [ChatMessage("system", "Sort for shop A."), ChatMessage("user", "Where is it?")]
BASELINE = learn_baseline(
    [CALL, [ChatMessage("system", "Sort for shop B."), ChatMessage("user", "Hello")]],
    [DeclaredMessage("system", "Sort for {shop}.")],
)
(STAGE,) = BASELINE.stages
CANDIDATE = Candidate.of({"system": "Of {shop}: weigh verbs."})


def test_each_message_says_what_becomes_of_it_and_why() -> None:
    system, user = explain_substitution(CALL, STAGE, CANDIDATE)
    assert (system.after, dict(system.data)) == ("Of shop A: weigh verbs.", {"shop": "shop A"})
    assert system.reason == "replaced by component 'system', its data kept: shop"
    assert user.after is None
    assert user.reason == "passed as it is: no part of the baseline's prompt"


def test_the_initial_candidate_changes_nothing_and_says_so() -> None:
    system, _ = explain_substitution(CALL, STAGE, BASELINE.initial_candidate())
    assert system.after == system.before
    assert "says what the baseline says" in system.reason


def test_every_section_of_a_message_is_named_by_itself() -> None:
    sections = [Passage("role", "Sort for"), Passage("end", ".")]
    stage = formed(STAGE, [CALL], PromptForm.TEMPLATE, sections)
    changed = Candidate.of({"role": "File under", "end": "!"})
    system, _ = explain_substitution(CALL, stage, changed)
    assert (system.after, system.components) == ("File under shop A!", ("role", "end"))
    assert system.reason.startswith("replaced by components 'role', 'end'")


def test_a_message_that_is_not_the_baselines_says_how_far_it_agrees() -> None:
    system, _ = explain_substitution([ChatMessage("system", "Sort of."), CALL[1]], STAGE, CANDIDATE)
    assert system.reason.startswith("refused: message 0 (system) is not the baseline's: it agrees")


def test_demonstrations_are_shown_where_they_are_put_in() -> None:
    candidate = Candidate.of({"system": "Of {shop}."}, {"main": (Demo("Lost.", "lost"),)})
    fates = explain_substitution(CALL, STAGE, candidate)
    assert [(fate.index, fate.role, fate.before, fate.after) for fate in fates[1:3]] == [
        (1, "user", "", "Lost."),
        (1, "assistant", "", "lost"),
    ]
    assert fates[1].reason == "put in: a demonstration of the candidate"
    assert (fates[3].index, fates[3].before) == (1, "Where is it?")


def test_a_message_that_is_missing_is_told_of() -> None:
    (missing,) = explain_substitution([], STAGE, CANDIDATE)
    assert (missing.index, missing.before) == (0, "")
    assert "the call has no message 0 (system)" in missing.reason

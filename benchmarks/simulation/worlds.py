"""The worlds that schedules are compared in, by name."""

from benchmarks.simulation.landscape import WorldSettings

WORLDS: dict[str, WorldSettings] = {
    # Every example needs one lesson, and nothing stands in the way.
    "additive": WorldSettings(),
    # Some lessons are needed by many examples, most by few: found late, worth little each.
    "skewed": WorldSettings(lessons=40, skew=1.0),
    # Most examples need two lessons at once: single edits often show no gain.
    "conjunctive": WorldSettings(lessons=16, needs=2),
    # Merges by the reflection model lose a third of what they should keep.
    "lossy": WorldSettings(merge_loss=0.3),
    # Half of the lessons are first written too broadly, and some contradict each other.
    "clashing": WorldSettings(broad_share=0.5, breakage=0.12, contradictions=3, merge_loss=0.1),
    # One rollout in ten comes out the other way.
    "noisy": WorldSettings(noise=0.1),
    # Seven in ten edits are useless or harmful.
    "weak-writer": WorldSettings(quality=0.3, thoroughness=0.0),
    # Every token of the prompt costs reward, so a longer prompt is worse wherever it gains nothing.
    "priced": WorldSettings(length_price=0.004),
}

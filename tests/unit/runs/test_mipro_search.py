from pathlib import Path

import pytest

from ray_promptopt.algorithms.mipro import MiproOptimizer
from ray_promptopt.config.loader import load_config
from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import ConfigError
from ray_promptopt.runs.mipro_search import Context, mipro_settings
from ray_promptopt.runs.optimizers import build_optimizer

TOML = """
[prompt_learning]
algorithm = "mipro"
task_app_id = "intents"
rng_seed = 5

[prompt_learning.policy]
provider = "embedded"
model = "embedded/reader-nano"

[prompt_learning.termination_config]
max_rollouts = 99

[prompt_learning.mipro]
num_iterations = 16
num_evaluations_per_iteration = 6
batch_size = 6
max_concurrent = 12
meta_model = "embedded/writer"
meta_model_provider = "embedded"
bootstrap_train_seeds = { start = 0, end = 12 }
online_pool = { start = 20, end = 50 }
few_shot_score_threshold = 0.7
full_eval_every_k = 4
metaprompt = "Be brief."
proposer_effort = "MEDIUM"
"""
TABLES = """
[prompt_learning.mipro.tpe]
gamma = 0.2
n_candidates = 16
n_startup_trials = 5
epsilon = 0.05
prior_weight = 0.5

[prompt_learning.mipro.demo]
max_few_shot_examples = 3
sets_per_size = 2
include_empty = false

[prompt_learning.mipro.grounding]
n = 7

[prompt_learning.mipro.meta_update]
every_iterations = 2
keep_k = 5
topk_success = 4
topk_failure = 1
"""


def write(folder: Path, extra: str = "", tables: str = TABLES) -> Path:
    path = folder / "mipro.toml"
    path.write_text(f"{TOML}{extra}{tables}", encoding="utf-8")
    return path


def test_settings_when_made_from_a_config_hold_what_it_says(tmp_path: Path) -> None:
    config = load_config(write(tmp_path), environ={})
    assert config.mipro is not None
    settings = mipro_settings(config, config.mipro, 96, Context("def run(): ...", ("a row",)))
    assert (settings.rollout_budget, settings.batch_size, settings.max_trials) == (96, 6, 96)
    assert (settings.train, settings.validation) == (tuple(range(12)), tuple(range(20, 50)))
    assert (settings.num_instructions, settings.max_demos) == (7, 3)
    assert (settings.demo_sets_per_size, settings.include_empty) == (2, False)
    assert (settings.score_threshold, settings.full_eval_every) == (0.7, 4)
    assert (settings.max_concurrent, settings.rng_seed) == (12, 5)
    tpe = settings.tpe
    assert (tpe.gamma, tpe.n_candidates, tpe.n_startup_trials) == (0.2, 16, 5)
    assert (tpe.epsilon, tpe.prior_weight) == (0.05, 0.5)
    update = settings.update
    assert (update.enabled, update.every_trials, update.keep_k) == (True, 12, 5)
    assert (update.topk_success, update.topk_failure) == (4, 1)
    grounding = settings.grounding
    assert (grounding.guidance, grounding.program) == ("Be brief.", "def run(): ...")
    assert grounding.reference == ("a row",)
    assert grounding.max_example_tokens == 10_000


def test_optimizer_of_a_mipro_config_keeps_the_rollouts_that_teach_the_baseline_aside(
    tmp_path: Path,
) -> None:
    initial = Candidate.of({"system": "Pick a label."})
    optimizer = build_optimizer(load_config(write(tmp_path), environ={}), initial)
    assert isinstance(optimizer, MiproOptimizer)
    assert optimizer.view().candidates[0].candidate == initial


def test_spec_when_named_is_read_into_the_config_and_shown_to_the_meta_model(
    tmp_path: Path,
) -> None:
    specs = Path(__file__).parents[3] / "configs" / "specs"
    spec = next(path for path in sorted(specs.iterdir()) if path.suffix in (".json", ".toml"))
    (tmp_path / spec.name).write_text(spec.read_text(encoding="utf-8"), encoding="utf-8")
    extra = f'spec_path = "{spec.name}"\n'
    config = load_config(write(tmp_path, extra), environ={})
    assert config.mipro is not None
    assert config.mipro.spec is not None
    shown = mipro_settings(config, config.mipro, 96, Context()).grounding.spec
    assert max(config.mipro.spec.rules, key=lambda rule: rule.priority).title in shown
    with pytest.raises(ConfigError, match="spec_max_tokens"):
        load_config(write(tmp_path, f"{extra}spec_max_tokens = 1\n"), environ={})

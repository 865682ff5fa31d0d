"""Names of actors and applications, as the Ray dashboard shows them."""

NAMESPACE = "ray_promptopt"
GATEWAY_APPLICATION = "ray-promptopt-gateway"
GATEWAY_STATE = "gateway-state"
EMBEDDED_MODELS = "embedded-models"


def run_actor(run_id: str) -> str:
    """The coordinator of one run."""
    return f"run:{run_id}"


_SEARCHES = {"gepa": "gepa-population", "mipro": "mipro-tpe"}


def search_actor(algorithm: str, run_id: str) -> str:
    """The search state of one run: GEPA's population, or MIPRO's trials."""
    return f"{_SEARCHES[algorithm]}:{run_id}"


def rollout_worker(run_id: str, number: int) -> str:
    """One stateless rollout worker; workers belong to a run, which ends them."""
    return f"rollout-worker:{number}:{run_id}"


def rollout_home(run_id: str, number: int) -> str:
    """The same worker as a correlation id names it: 36 hex digits."""
    return f"{run_id.removeprefix('pl_')}{number:04x}"


def worker_at(home: str) -> str:
    """The worker that a correlation id names."""
    return rollout_worker(f"pl_{home[:32]}", int(home[32:], 16))


def task_app(name: str, run_id: str) -> str:
    """A shipped task app that a run started for itself."""
    return f"task-app:{name}:{run_id}"

"""Names of actors and applications, as the Ray dashboard shows them."""

NAMESPACE = "ray_promptopt"
GATEWAY_APPLICATION = "ray-promptopt-gateway"
GATEWAY_STATE = "gateway-state"
EMBEDDED_MODELS = "embedded-models"


def run_actor(run_id: str) -> str:
    """The coordinator of one run."""
    return f"run:{run_id}"


def population_actor(run_id: str) -> str:
    """The GEPA population of one run."""
    return f"gepa-population:{run_id}"


def rollout_worker(run_id: str, number: int) -> str:
    """One stateless rollout worker; workers belong to a run, which ends them."""
    return f"rollout-worker:{number}:{run_id}"


def task_app(name: str, run_id: str) -> str:
    """A shipped task app that a run started for itself."""
    return f"task-app:{name}:{run_id}"

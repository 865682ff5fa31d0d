"""Which task app a run talks to: a URL, or one of the examples that the run starts itself."""

from collections.abc import Mapping

from ray_promptopt.config.build import build
from ray_promptopt.config.gather import Gathered, Problems
from ray_promptopt.config.schema import TaskAppConfigRef

SHIPPED = ("intents", "banking77")
"""Example task apps that a run can start when it is given no URL."""


def read_task_app(
    given: Gathered, environ: Mapping[str, str], problems: Problems
) -> TaskAppConfigRef | None:
    """URL, id and key; the environment's TASK_APP_URL and ENVIRONMENT_API_KEY fill gaps."""
    url, name = given.values.get("task_app_url"), given.values.get("task_app_id")
    if url is None and name not in SHIPPED:
        url = environ.get("TASK_APP_URL")
    if url is None and name not in SHIPPED:
        problems.add(
            "task_app_url",
            None,
            f"give the task app's URL, or task_app_id = {' or '.join(SHIPPED)}",
        )
    if url is not None and not str(url).startswith(("http://", "https://")):
        problems.add(given.key("task_app_url"), url, "must begin with http:// or https://")
    key = given.values.get("task_app_api_key") or environ.get("ENVIRONMENT_API_KEY", "")
    values = Gathered("task_app.", {"url": url, "id": name, "api_key": key})
    return build(TaskAppConfigRef, values, problems)

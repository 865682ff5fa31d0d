"""The source of the program under optimisation, from the task app's optional `/metadata`."""

import logging

from ray_promptopt.core.errors import TaskAppError
from ray_promptopt.taskapp.client import TaskAppClient
from ray_promptopt.taskapp.http import Http

_LOG = logging.getLogger(__name__)
_TIMEOUT_S = 20.0


async def read_program(task_app_url: str, api_key: str, http: Http | None = None) -> str:
    """Its `program_code`; empty when the app offers none or fails: the run goes on without."""
    client = TaskAppClient(task_app_url, api_key, timeout_s=_TIMEOUT_S, http=http)
    try:
        metadata = await client.metadata() or {}
    except TaskAppError as error:
        _LOG.warning("program source not read: error=%s", error)
        return ""
    finally:
        await client.aclose()
    code = metadata.get("program_code")
    return code.strip() if isinstance(code, str) else ""

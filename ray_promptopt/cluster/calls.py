"""Calls of actors, with Ray's errors turned into ours."""

from collections.abc import Awaitable
from typing import TypeVar

from ray.exceptions import RayActorError, RayTaskError, WorkerCrashedError

from ray_promptopt.core.errors import ClusterError, PromptOptError
from ray_promptopt.runs.ports import PortLost

T = TypeVar("T")


async def call(who: str, answer: Awaitable[T]) -> T:
    """Await an actor's answer. Raises PortLost when the actor died, ClusterError when it cannot
    even be made, else what it raised."""
    try:
        return await answer
    except (RayActorError, WorkerCrashedError) as error:
        if isinstance(error, RayActorError) and error.actor_init_failed:
            cause = str(error).strip().splitlines()[-1]
            raise ClusterError(f"{who} cannot be started: {cause}") from error
        raise PortLost(f"{who} was lost ({type(error).__name__})") from error
    except RayTaskError as error:
        raise own_error(error) from error


def own_error(error: RayTaskError) -> Exception:
    """The package's own error inside a Ray error, without Ray's traceback text; else the error."""
    return error.cause if isinstance(error.cause, PromptOptError) else error

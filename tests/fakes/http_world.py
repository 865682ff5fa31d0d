"""The coordinator's world with task app, gateway and model server over real HTTP, without Ray."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse

from ray_promptopt.core.candidate import Candidate
from ray_promptopt.core.errors import UpstreamError
from ray_promptopt.core.ids import TrialId, new_trial_id
from ray_promptopt.core.work import EvaluateCandidate
from ray_promptopt.gateway.binding import TrialBinding
from ray_promptopt.llm.models import UpstreamModel
from ray_promptopt.prompts.learning import LearnedBaseline
from ray_promptopt.rollouts.plan import RolloutSettings
from ray_promptopt.rollouts.result import RolloutResult
from ray_promptopt.rollouts.runner import RolloutRunner
from ray_promptopt.taskapp.client import TaskAppClient
from ray_promptopt.taskapp.policy import call_policy
from tests.fakes.interceptor import PlainState
from tests.fakes.world import INSTRUCTION, RUN, World


@dataclass
class SwallowingApp:
    """A task app that swallows a failed model call and reports a reward of 0, as many do."""

    die_after: int | None = None
    rollouts: int = 0
    dying: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        sent = json.loads(await Request(scope, receive).body())
        self.rollouts += 1
        if self.rollouts == self.die_after:
            self.dying.set()
        seed = sent["env"]["seed"]
        messages = [
            {"role": "system", "content": INSTRUCTION},
            {"role": "user", "content": f"question number {seed}"},
        ]
        # Without certificates, whose loading would be most of the work.
        async with httpx.AsyncClient(verify=False) as client:
            try:
                await call_policy(client, sent["policy"]["config"], messages)
                reward = float(seed % 2)
            except UpstreamError:
                reward = 0.0
        answer = JSONResponse({"metrics": {"mean_return": reward}})
        await answer(scope, receive, send)


@dataclass
class HttpWorld(World):
    """`task_app_url` may change between two coordinators, as when an app is started anew."""

    state: PlainState = field(default_factory=PlainState)
    gateway_url: str = ""
    task_app_url: str = ""
    upstream: UpstreamModel | None = None
    clients: dict[str, TaskAppClient] = field(default_factory=dict)

    async def register(
        self, candidate: Candidate | None, baseline: LearnedBaseline | None, *, again: bool
    ) -> TrialId:
        assert self.upstream is not None
        binding = TrialBinding(new_trial_id(), RUN, self.upstream, candidate, baseline)
        self.state.plain.register(binding)
        return binding.trial_id

    async def run(
        self, item: EvaluateCandidate, trial_id: TrialId, baseline: LearnedBaseline | None
    ) -> RolloutResult:
        self.attempts += 1
        settings = RolloutSettings(
            run_id=RUN,
            task_app_url=self.task_app_url,
            task_app_api_key="key",
            gateway_url=self.gateway_url,
            model="m",
            provider="openai",
            env_name="",
            env_config={},
            splits={},
            temperature=0.0,
            max_completion_tokens=64,
            timeout_s=20.0,
        )
        app = self.clients.get(self.task_app_url)
        if app is None:
            app = TaskAppClient(self.task_app_url, "key", timeout_s=20.0)
            self.clients[self.task_app_url] = app
        return await RolloutRunner(settings, app, self.state.ledger).run(
            item.example, trial_id, baseline
        )

    async def aclose(self) -> None:
        """Close the connections to all task apps there were."""
        for app in self.clients.values():
            await app.aclose()

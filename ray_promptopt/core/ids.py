"""Identifiers, and how the secret ones are made.

Trial and correlation ids are the only credential a task app's model calls carry, so both hold
at least 128 random bits. Work ids are deterministic: replaying a journal mints the same ones.
"""

import secrets
from typing import NewType

RunId = NewType("RunId", str)
CandidateId = NewType("CandidateId", str)
TrialId = NewType("TrialId", str)
CorrelationId = NewType("CorrelationId", str)
WorkId = NewType("WorkId", str)


def new_run_id() -> RunId:
    """`pl_` (clients insist on it) and 128 random bits: the id also serves the best prompt."""
    return RunId(f"pl_{secrets.token_hex(16)}")


def new_trial_id() -> TrialId:
    """An unguessable name for one (run, candidate) pair, good until the run ends."""
    return TrialId(f"trial-{secrets.token_hex(16)}")


def new_correlation_id(home: str = "") -> CorrelationId:
    """An unguessable name for one attempt at one rollout.

    It ends with the `home` of who waits for its calls: 36 hex digits, or nothing for nobody.
    """
    return CorrelationId(f"trace_{secrets.token_hex(16)}{home}")


def home_of(correlation_id: CorrelationId) -> str:
    """Where the calls under this id are awaited."""
    return correlation_id[len("trace_") + 32 :]

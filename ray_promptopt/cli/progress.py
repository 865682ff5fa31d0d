"""The live display of a run: one screenful that is redrawn, or a line now and then without one."""

import time
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ray_promptopt.runs.progress import Phase, ProgressSnapshot
from ray_promptopt.store.run_view import show_score

_LINE_EVERY_S = 5.0


class ProgressDisplay:
    """Shows snapshots on a console; use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = (
            Live(console=console, refresh_per_second=4, transient=True)
            if console.is_interactive
            else None
        )
        self._last_line_at_s = 0.0
        self._last_phase: Phase | None = None

    def __enter__(self) -> "ProgressDisplay":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Redraw, or print a line when the phase changed or some seconds have passed."""
        if self._live is not None:
            self._live.update(panel(snapshot))
            return
        now = time.monotonic()
        if snapshot.phase is self._last_phase and now - self._last_line_at_s < _LINE_EVERY_S:
            return
        self._last_phase, self._last_line_at_s = snapshot.phase, now
        self._console.print(progress_line(snapshot), highlight=False, soft_wrap=True)


def progress_line(snapshot: ProgressSnapshot) -> str:
    """Everything in one line, for logs."""
    parts = [
        str(snapshot.phase),
        f"rollouts {snapshot.rollouts}/{snapshot.rollout_budget}",
        f"best {show_score(snapshot.best_score)} (baseline {show_score(snapshot.baseline_score)})",
        f"front {snapshot.front_size}",
        f"accepted {snapshot.accepted}, rejected {snapshot.rejected}",
        f"in flight {snapshot.in_flight}",
        f"${snapshot.cost_usd:.4f}",
    ]
    if snapshot.phase is Phase.HELD_OUT:
        parts.append(f"held-out {snapshot.held_out_rollouts}/{snapshot.held_out_total}")
    if snapshot.failed_attempts:
        parts.append(f"failed attempts {snapshot.failed_attempts}")
    if snapshot.eta_s is not None and snapshot.phase is Phase.SEARCH:
        parts.append(f"ETA {_duration(snapshot.eta_s)}")
    return " · ".join(parts)


def panel(snapshot: ProgressSnapshot) -> Table:
    """The screenful; what does not fit into a narrow terminal is cut at its edge."""
    total, done = snapshot.rollout_budget, snapshot.rollouts
    if snapshot.phase is Phase.HELD_OUT:
        total, done = snapshot.held_out_total, snapshot.held_out_rollouts
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True, min_width=len("candidates"))
    table.add_column(no_wrap=True, overflow="ellipsis")
    searching = snapshot.phase is Phase.SEARCH and snapshot.eta_s is not None
    eta = f"   ETA {_duration(snapshot.eta_s or 0.0)}" if searching else ""
    table.add_row("phase", f"[bold]{snapshot.phase}[/bold]   {_duration(snapshot.elapsed_s)}{eta}")
    table.add_row("", ProgressBar(total=max(1, total), completed=done))
    counted = "held-out" if snapshot.phase is Phase.HELD_OUT else "rollouts"
    table.add_row(counted, f"{done} of {total}   {snapshot.in_flight} in flight")
    table.add_row(
        "score",
        f"[bold]{show_score(snapshot.best_score)}[/bold] best   "
        f"{show_score(snapshot.baseline_score)} baseline   front of {snapshot.front_size}",
    )
    table.add_row("candidates", f"{snapshot.accepted} accepted   {snapshot.rejected} rejected")
    table.add_row("spend", f"${snapshot.cost_usd:.4f}   {snapshot.total_tokens:,} tokens")
    if snapshot.failed_attempts:
        table.add_row("failed", f"{snapshot.failed_attempts} attempts (tried again)")
    # As text: a message may hold square brackets, which rich would take for its markup.
    table.add_row("last", Text(" ".join(snapshot.last_decision.split())))
    return table


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"

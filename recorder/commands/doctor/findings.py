"""What ``recorder doctor`` finds, and whether SRT can be taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recorder.config import Config


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    #: ok, warning (it works, and less well) or failing.
    state: str
    detail: str
    #: A sentence that says what to do; empty when there is nothing to do.
    advice: str = ""


def risk_findings(risks: Sequence[str] | None) -> list[Finding]:
    """Whether the store may end open uploads by itself; nothing where nobody looked."""
    if risks is None:
        return []
    if not risks:
        return [Finding("open uploads", "ok", "No rule of the store is seen that ends them.")]
    advice = "Take such rules away; docs/guide/install.md says how to set MinIO."
    return [Finding("open uploads", "warning", " ".join(risks), advice)]


async def srt_findings(config: Config) -> list[Finding]:
    """Nothing where no setting asks for SRT."""
    from recorder.adapters import srt

    if config.live_srt_listen is None:
        return []
    return [srt_finding(is_there=srt.load() is not None)]


def srt_finding(*, is_there: bool) -> Finding:
    """What it means that a setting asks for SRT."""
    if is_there:
        return Finding("srt", "ok", "libsrt is there.")
    advice = "Install libsrt1.5-gnutls, or take RECORDER_LIVE_SRT_LISTEN away."
    return Finding("srt", "failing", "It is wanted, and libsrt is not here.", advice)

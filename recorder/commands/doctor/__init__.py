"""``recorder doctor``: what would keep the service from working, and what to do about it."""

from recorder.commands.doctor.command import (
    add_arguments,
    certificate_finding,
    clock_finding,
    confinement_finding,
    durability_finding,
    examine_service,
    hevc_finding,
    room_finding,
    run,
    work_folder_finding,
)
from recorder.commands.doctor.findings import Finding, risk_findings, srt_finding

__all__ = [
    "Finding",
    "add_arguments",
    "certificate_finding",
    "clock_finding",
    "confinement_finding",
    "durability_finding",
    "examine_service",
    "hevc_finding",
    "risk_findings",
    "room_finding",
    "run",
    "srt_finding",
    "work_folder_finding",
]

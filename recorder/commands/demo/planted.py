"""What was planted in the demo's city against what the service found there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from recorder.domain.finding import FindingKind
from recorder.domain.ids import CaseId, RecordingId
from recorder.simulation.violations import Planted
from recorder.store.coverage.findings import ToldFinding

#: What each planted violation has to be found as. Wrong clocks are for linking, not for findings.
FOUND_AS: Mapping[str, frozenset[FindingKind]] = {
    Planted.MISSING_RECORDING: frozenset({FindingKind.UNRECORDED}),
    Planted.UNEXPLAINED_GAP: frozenset({FindingKind.GAP_UNEXPLAINED}),
    Planted.LATE_UPLOAD: frozenset({FindingKind.UPLOAD_LATE}),
    Planted.ONE_OFFICER: frozenset({FindingKind.TOO_FEW_OFFICERS}),
    Planted.EXPIRED_CERTIFICATE: frozenset({FindingKind.CERTIFICATE_INVALID}),
    Planted.TWO_PLACES: frozenset({FindingKind.OFFICER_IN_TWO_PLACES}),
    Planted.SCAN_WITHOUT_RECORDING: frozenset({FindingKind.SCAN_UNRECORDED}),
    Planted.RECORDING_WITHOUT_SCAN: frozenset({FindingKind.RECORDING_UNSCANNED}),
    Planted.DOCUMENT_MISMATCH: frozenset({FindingKind.DOCUMENT_TIME_DIFFERS}),
    Planted.MISSING_ANNOUNCEMENT: frozenset({FindingKind.ANNOUNCEMENT_MISSING}),
    Planted.WRONG_DEVICE_USER: frozenset({FindingKind.OFFICER_DISAGREES}),
    Planted.OFF_DUTY: frozenset({FindingKind.RECORDED_OFF_DUTY}),
    Planted.LATE_START: frozenset({FindingKind.BEGINS_LATE}),
    Planted.EARLY_END: frozenset({FindingKind.ENDS_EARLY}),
    Planted.MISSING_STATEMENT: frozenset({FindingKind.VOICE_STATEMENT_MISSING}),
    Planted.LEAVING_UNTOLD: frozenset({FindingKind.END_UNKNOWN}),
}


@dataclass(slots=True)
class KindCount:
    """How many violations of a kind were planted and found, and a case to look at."""

    planted: int = 0
    found: int = 0
    example: CaseId | None = None


def counted(
    labels: Iterable[Mapping[str, str]],
    findings: Iterable[ToldFinding],
    cases: Mapping[str, CaseId],
    scene_of: Mapping[RecordingId, str],
) -> dict[str, KindCount]:
    """Each planted kind with its counts: one for each scene, however many files it has.

    ``cases``: the case of each key of the city. ``scene_of``: the scene that a recording shows.
    """
    keys = {case: key for key, case in cases.items()}
    told: dict[str, set[FindingKind]] = defaultdict(set)
    for each in findings:
        found = each.finding
        named = [found.scene.rsplit("/", 1)[-1]] if found.scene else []
        named += [scene_of[one] for one in found.recordings if one in scene_of]
        for scene in named or [f"{keys.get(found.case)}-scan"]:
            told[scene].add(found.kind)
    counts: dict[str, KindCount] = {}
    for scene, kind, case in sorted({(row["scene"], row["kind"], row["case"]) for row in labels}):
        if kind in FOUND_AS:
            count = counts.setdefault(kind, KindCount())
            count.planted += 1
            if told[scene] & FOUND_AS[kind]:
                count.found += 1
                count.example = count.example or cases[case]
    return counts

"""What a person must be told about, and how urgent each of it is (docs/reference/alarms.md)."""

from __future__ import annotations

import enum


class Severity(enum.StrEnum):
    #: Somebody should look at it today.
    WARNING = "warning"
    #: Evidence is in danger or in doubt: look now.
    CRITICAL = "critical"


class AlarmCode(enum.StrEnum):
    """Every alarm there is. A code never changes its meaning."""

    RECORDING_MISMATCHED = "recording_mismatched"
    TASK_FAILED = "task_failed"
    QUARANTINE_WAITING = "quarantine_waiting"
    STORE_CANARY_FAILED = "store_canary_failed"
    STORE_UNAVAILABLE = "store_unavailable"
    DISK_LOW = "disk_low"
    LOCK_EXPIRING = "lock_expiring"
    UPLOAD_STUCK = "upload_stuck"
    WORKERS_SILENT = "workers_silent"
    AUDIT_FINDINGS = "audit_findings"
    DATABASE_YOUNGER = "database_younger"
    FIXITY_FAILED = "fixity_failed"
    FIXITY_OVERDUE = "fixity_overdue"
    DELETE_MARKERS = "delete_markers"
    LIVE_SPOOL = "live_spool"
    LIVE_DAMAGED = "live_damaged"
    SECOND_PUBLISHER = "second_publisher"
    LIVESTREAM_INTERRUPTED = "livestream_interrupted"
    LIVESTREAM_INCOMPLETE = "livestream_incomplete"
    LIVESTREAM_UNOWNED = "livestream_unowned"
    LIVESTREAM_UNFETCHED = "livestream_unfetched"
    GATEWAY_FILES_MISSING = "gateway_files_missing"

    @property
    def severity(self) -> Severity:
        return Severity.CRITICAL if self in _CRITICAL else Severity.WARNING


_CRITICAL = frozenset(
    {
        AlarmCode.RECORDING_MISMATCHED,
        AlarmCode.STORE_CANARY_FAILED,
        AlarmCode.STORE_UNAVAILABLE,
        AlarmCode.LOCK_EXPIRING,
        AlarmCode.UPLOAD_STUCK,
        AlarmCode.AUDIT_FINDINGS,
        AlarmCode.DATABASE_YOUNGER,
        AlarmCode.FIXITY_FAILED,
        AlarmCode.DELETE_MARKERS,
        AlarmCode.LIVE_SPOOL,
        AlarmCode.LIVE_DAMAGED,
    }
)

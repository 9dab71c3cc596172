"""Problems of running the service, and our own."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.NOT_FOUND,
        alarm_not_found=("No such alarm", "It is not there, or not your business."),
        task_run_not_found=("No such task run", "It is not there, or not your business."),
    ),
    **of_kind(
        Kind.CONFLICT,
        audit_under_way=(
            "Audit under way",
            "Wait until the other process has ended it, or look for that process.",
        ),
        alarm_acknowledged=("Acknowledged already", "Load the list again."),
        alarm_cleared=("Cleared already", "Load the list again."),
        already_exists=("There already", "Something with this name or number exists."),
        task_run_not_failed=("Task has not failed", "Only failed tasks can be retried."),
    ),
    **of_kind(
        Kind.UNAVAILABLE,
        database_unavailable=("Database away", "Try again after Retry-After."),
        database_younger_than_store=(
            "Database younger than the store",
            "Keep the footage and try again later. The operator runs `recorder rebuild`.",
        ),
        service_stopping=("Service stopping", "Try again after Retry-After."),
    ),
    **of_kind(
        Kind.STORAGE_FULL,
        storage_full=("No room", "Have space freed; try again after Retry-After."),
    ),
    **of_kind(
        Kind.INTERNAL,
        internal=(
            "Internal error",
            "Tell the operator the reference number; the log has the rest.",
        ),
    ),
}

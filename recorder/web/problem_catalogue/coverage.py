"""Problems of duty lists and findings."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        days_invalid=(
            "No such days",
            "First day before last, by three years at most.",
        ),
        duty_list_malformed=("Malformed duty list", "Mend the line and column that it names."),
        duty_profile_unknown=("Unknown profile", "Take one of the shipped profiles."),
        term_malformed=("Malformed term", "Write hours (24h) or working days (1wd)."),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        duty_list_not_found=("No such duty list", "It is not there, or not your business."),
        officer_not_found=("No such officer", "There is none, or not in your agencies."),
        finding_not_found=("No such finding", "It is not there, or not your business."),
    ),
    **of_kind(
        Kind.CONFLICT,
        duty_list_state=("Not in this state", "Load the list again; make a new version."),
        finding_state=("Not in this state", "Load the finding again."),
        facts_restarted=("Feed begun anew", "Forget all facts; read without `after`."),
    ),
}

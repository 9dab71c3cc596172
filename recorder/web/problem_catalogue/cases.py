"""Problems of cases, their numbers, and what is linked to them."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        place_days_invalid=("No days, or too many", "Name `from` and `to`, 31 days at most."),
        case_state_unknown=("Unknown state", "A case can only be confirmed."),
        decision_unknown=("Unknown decision", "It is accepted or rejected."),
        reason_too_long=("Reason too long", "Use 1,000 characters at most."),
        title_too_long=("Title too long", "Use 200 characters at most."),
        case_missing=("Case missing", "Name the case by `case` or by `number`."),
        case_number_empty=("Empty case number", "Write at least one letter or digit."),
        case_number_too_long=("Case number too long", "Shorten it."),
        reason_missing=("Reason missing", "Say why; it stays with the history."),
        scheme_unknown=("Unknown scheme", "The detail lists the schemes."),
        search_ambiguous=("Ambiguous search", "Give one of `number`, `prefix` and `q`."),
        stage_unknown=("Unknown stage", "The detail lists the six stages."),
        too_many_links=("Too many links at once", "Send them in several requests."),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        mention_not_found=("No such mention", "No person says it of this case now."),
        joint_check_not_found=("No such joint check", "No case in sight belongs to its plan."),
        case_not_found=("No such case", "It is not there, or not your business."),
        link_not_found=("No such link", "The recording is not linked to this case."),
        embed_ended=("Address ended", "Ask for another; it lasts half an hour."),
    ),
    **of_kind(
        Kind.CONFLICT,
        case_confirmed=("Case confirmed already", "Load the case again."),
        case_merge_agency=("Cases of two agencies", "Only cases of one agency are merged."),
        case_merge_itself=("Case merged into itself", "Name another case."),
        case_merged=("Case was merged", "`into` names the case it went into."),
        proposal_closed=("Proposal closed", "It was decided, or linked; load the page again."),
        case_number_ambiguous=("Several cases have this number", "Name the case by its id."),
        case_number_taken=("Number taken", "`case` names the case that has it."),
        embed_off=("Embeds are off", "The operator may name origins in RECORDER_EMBED_ORIGINS."),
    ),
    **of_kind(
        Kind.FORBIDDEN,
        embed_program=("For programs", "Ask with a token of the role embedder."),
    ),
    **of_kind(
        Kind.RATE_LIMITED,
        search_limited=("Too many searches", "Wait for Retry-After."),
    ),
}

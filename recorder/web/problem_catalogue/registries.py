"""Problems of registries, their imports, and acts of two persons."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        import_kind_unknown=("No such registry", "Choose one of the kinds."),
        import_unreadable=(
            "Table not readable",
            "Send CSV in UTF-8 or GBK, XLSX, or one JSON object for each line.",
        ),
        import_columns=("Columns missing", "Name them in the first line; `columns` says which."),
        import_empty=("Nothing in it", "The first line names the columns, the others follow."),
    ),
    **of_kind(
        Kind.FORBIDDEN,
        approval_own=("Your own proposal", "Another person decides about it."),
        approval_person_needed=("A person is needed", "Sign in as a person and decide there."),
        approval_foreign=("Not your proposal", "Whoever proposed it takes it back."),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        registry_row_not_found=("No such row", "It is not there, or not your business."),
        approval_not_found=("No such proposal", "It is not there, or not your business."),
    ),
    **of_kind(
        Kind.CONFLICT,
        approval_closed=("Decided already", "`state` says how it ended."),
        approval_open=("Proposed already", "Decide about it, or withdraw it first."),
        approval_stale=("Changed since", "Propose anew what stands there now."),
    ),
    **of_kind(
        Kind.UNPROCESSABLE,
        import_faults=(
            "Lines with faults",
            "Mend the lines and columns that `errors` lists; a dry run shows the same.",
        ),
    ),
    **of_kind(
        Kind.TOO_LARGE,
        import_too_large=("Table too large", "Send it in several files; `limit` says how large."),
    ),
}

"""Every problem code that an answer may carry: its kind, its title and what to do about it.

The one source of docs/reference/problems.md and of the page /docs/problems. A test collects the
codes that the product raises and demands that each stands here, under the kind it is raised with.
"""

from __future__ import annotations

from typing import NamedTuple

from recorder.errors import Kind
from recorder.web.feed_problems import FEED_PROBLEMS


class Entry(NamedTuple):
    """What holds for every case of a code."""

    kind: Kind
    title: str
    #: What whoever asked, or the operator, can do.
    advice: str


def _of(kind: Kind, **entries: tuple[str, str]) -> dict[str, Entry]:
    """Entries of one kind; names are codes with underscores."""
    return {name.replace("_", "-"): Entry(kind, *texts) for name, texts in entries.items()}


CATALOGUE: dict[str, Entry] = {
    **_of(
        Kind.INVALID,
        gap_reason_invalid=("The reason does not fit", "The detail says what to mend."),
        hook_malformed=("Malformed hook", "Send the JSON or form of the media server."),
        content_digest_invalid=("Malformed Content-Digest", "Send `sha-256=:BASE64:`."),
        content_digest_missing=("Content-Digest missing", "Send `sha-256=:BASE64:` of the body."),
        source_malformed=("No such address", "Write rtsp://USER:PASSWORD@HOST/PATH, or https://."),
        segment_empty=("Empty segment", "Send its bytes as the body."),
        text_not_storable=(
            "Text cannot be kept",
            "Leave out null characters and numbers beyond 64 bits.",
        ),
        case_state_unknown=("Unknown state", "A case can only be confirmed."),
        decision_unknown=("Unknown decision", "It is accepted or rejected."),
        device_state_unknown=("Unknown state", "It is active, suspended or lost."),
        duty_list_malformed=("Malformed duty list", "Mend the line and column that it names."),
        duty_profile_unknown=("Unknown profile", "Take one of the shipped profiles."),
        term_malformed=("Malformed term", "Write hours (24h) or working days (1wd)."),
        digest_malformed=("Malformed digest", "Write `algorithm:hex`."),
        form_invalid=("Invalid form", "Load the page again and mend what it marks."),
        handover_time=("Impossible time", "Give a time not later than tomorrow."),
        local_file_unreadable=("File unreadable", "The operator must look at the disk."),
        locale_unknown=("Unknown language", "It is zh_CN or en."),
        name_invalid=("Invalid name", "Use 1 to 100 visible characters."),
        object_key_malformed=(
            "Malformed object key",
            "The service made a key its store does not take; report it.",
        ),
        part_number_malformed=(
            "Malformed part number",
            "The service made a number its store does not take; report it.",
        ),
        part_too_small=(
            "Part too small",
            "The service sent its store too small a part; report it.",
        ),
        password_common=("Common password", "Take one that stands in no list."),
        code_wrong=("Wrong code", "Give the code that the app shows now."),
        password_wrong=("Wrong password", "Give the present password once more."),
        password_too_long=("Password too long", "Use 256 characters at most."),
        password_too_short=("Password too short", "Use 12 characters at least."),
        range_outside_object=("Range outside the object", "Ask for bytes that are there."),
        reason_too_long=("Reason too long", "Use 1,000 characters at most."),
        role_unknown=("Unknown role", "The detail lists the roles."),
        store_address_malformed=("Malformed store address", "Mend the configuration."),
        title_too_long=("Title too long", "Use 200 characters at most."),
        body_invalid=("Invalid body", "`errors` lists the places in the JSON that are wrong."),
        case_missing=("Case missing", "Name the case by `case` or by `number`."),
        case_number_empty=("Empty case number", "Write at least one letter or digit."),
        case_number_too_long=("Case number too long", "Shorten it."),
        cursor_invalid=("Invalid cursor", "Take `next` of an earlier answer, unchanged."),
        expectation_failed=("Expectation failed", "Only `Expect: 100-continue` is known."),
        headers_too_large=(
            "Header fields too large",
            "Shorten the header fields, Upload-Metadata above all.",
        ),
        http_error=("Request refused", "The status code says why."),
        limit_invalid=("Invalid limit", "Ask for 1 to 200 lines."),
        method_not_allowed=("Method not allowed", "The Allow header lists what is."),
        method_override_invalid=(
            "Invalid method override",
            "X-HTTP-Method-Override takes PATCH, DELETE or HEAD here.",
        ),
        query_invalid=("Invalid query", "`errors` lists the parameters that are unknown or wrong."),
        range_not_satisfiable=(
            "Range not satisfiable",
            "Content-Range says how long the content is.",
        ),
        reason_missing=("Reason missing", "Say why; it stays with the history."),
        request_malformed=("Malformed request", "The HTTP message cannot be read; mend it."),
        scheme_unknown=("Unknown scheme", "The detail lists the schemes."),
        search_ambiguous=("Ambiguous search", "Give one of `number`, `prefix` and `q`."),
        stage_unknown=("Unknown stage", "The detail lists the six stages."),
        time_malformed=("Malformed time", "Write times as RFC 3339 does."),
        too_many_links=("Too many links at once", "Send them in several requests."),
        upload_checksum_invalid=(
            "Invalid Upload-Checksum",
            "Send `ALGORITHM BASE64`, sha1 or sha256.",
        ),
        upload_concat_unsupported=(
            "Concatenation not offered",
            "Send the file as one upload; see Tus-Extension.",
        ),
        upload_length_deferred=(
            "Deferred length not offered",
            "Say the length when creating; see Tus-Extension.",
        ),
        upload_length_invalid=("Invalid Upload-Length", "Send a whole number of bytes."),
        upload_length_missing=("Upload-Length missing", "Say the length when creating."),
        upload_metadata_malformed=(
            "Malformed Upload-Metadata",
            "Send `key base64,key base64` as tus 1.0.0 says.",
        ),
        upload_offset_invalid=("Invalid Upload-Offset", "Send a whole number of bytes."),
        import_kind_unknown=("No such registry", "Choose one of the kinds."),
        import_unreadable=(
            "Table not readable",
            "Send CSV in UTF-8 or GBK, XLSX, or one JSON object for each line.",
        ),
        import_columns=("Columns missing", "Name them in the first line; `columns` says which."),
        import_empty=("Nothing in it", "The first line names the columns, the others follow."),
        upload_offset_missing=("Upload-Offset missing", "Say where the body begins."),
        upload_silent=(
            "Sender silent",
            "What arrived is kept; ask for the offset with HEAD and continue.",
        ),
    ),
    **_of(
        Kind.UNAUTHENTICATED,
        publisher_key_missing=("Key missing", "Publish with the token of the device."),
        login_link_refused=("Link refused", "It was used or is too old; ask for another."),
        sign_in_code_refused=("Code refused", "Give the code that the app shows now."),
        sign_in_stale=("Sign-in stale", "Sign in again; the code is waited for five minutes."),
        sign_in_refused=("Sign-in refused", "Login or password is wrong."),
        credentials_missing=(
            "Not signed in",
            "Send `Authorization: Bearer TOKEN`, or sign in with a browser.",
        ),
        session_ended=("Session ended", "Sign in again."),
        token_invalid=("Malformed credential", "Send `Authorization: Bearer TOKEN`."),
        token_unknown=("Unknown token", "Have a new token made; this one is unknown or revoked."),
        push_key_expired=("Push key ended", "Its opener asks for another at `/push-keys`."),
    ),
    **_of(
        Kind.FORBIDDEN,
        source_forbidden=(
            "Address not allowed",
            "The operator may name its network in RECORDER_LIVE_PULL_NETWORKS.",
        ),
        publisher_refused=("Publisher refused", "`refusal` says why; see the gateway."),
        approval_own=("Your own proposal", "Another person decides about it."),
        approval_person_needed=("A person is needed", "Sign in as a person and decide there."),
        approval_foreign=("Not your proposal", "Whoever proposed it takes it back."),
        agency_scope=(
            "Not your agency",
            "Its own people do this, or somebody who sees every agency.",
        ),
        enrolment_refused=("Code refused", "Ask an administrator for a new code."),
        object_locked=("Object locked", "It can be let go when its lock has ended."),
        agency_missing=("No agency", "The token belongs to no agency; have a new one made."),
        csrf_token_invalid=(
            "Request not from our pages",
            "Load the page again and repeat what you did.",
        ),
        device_suspended=("Device suspended", "A suspended device may upload and nothing else."),
        second_factor_missing=("Second factor needed", "Set it up on the page of your account."),
        permission_missing=("Not allowed", "Another role is needed for this."),
        upload_finished=(
            "Upload finished",
            "It is a recording now and takes no more; HEAD names it.",
        ),
    ),
    **_of(
        Kind.NOT_FOUND,
        duty_list_not_found=("No such duty list", "It is not there, or not your business."),
        finding_not_found=("No such finding", "It is not there, or not your business."),
        segment_not_found=("No such segment", "Load the playlist again."),
        livestream_not_found=("No such livestream", "It is not there, or not your business."),
        device_not_found=("No such device", "It is not there, or not your business."),
        object_not_found=(
            "Object missing",
            "The store does not have what it should; tell the operator.",
        ),
        second_factor_not_begun=("Not begun", "Press “Set up” on the page of your account."),
        session_not_found=("No such session", "It has ended already; load the list again."),
        person_not_found=("No such person", "It is not there, or not your business."),
        playback_grant_ended=("Playback address ended", "Ask for another at `/playback`."),
        poster_not_found=("No poster", "None was made, or not yet."),
        token_not_found=("No such token", "It is not there, or not your business."),
        approval_not_found=("No such proposal", "It is not there, or not your business."),
        agency_not_found=("No such agency", "Use the code of an agency you may act for."),
        alarm_not_found=("No such alarm", "It is not there, or not your business."),
        case_not_found=("No such case", "It is not there, or not your business."),
        id_malformed=("No such thing", "The identifier in the address is no UUID."),
        link_not_found=("No such link", "The recording is not linked to this case."),
        gap_not_found=("No such gap", "`gaps` says how many the recording has, from 0."),
        mark_not_found=("No such mark", "It is withdrawn, or another recording's."),
        recording_not_found=("No such recording", "It is not there, or not your business."),
        route_not_found=("No such address", "See /docs for the addresses of this service."),
        task_run_not_found=("No such task run", "It is not there, or not your business."),
        upload_not_found=("No such upload", "It was never made here, or by another sender."),
    ),
    **_of(
        Kind.CONFLICT,
        duty_list_state=("Not in this state", "Load the list again; make a new version."),
        finding_state=("Not in this state", "Load the finding again."),
        approval_closed=("Decided already", "`state` says how it ended."),
        approval_open=("Proposed already", "Decide about it, or withdraw it first."),
        approval_stale=("Changed since", "Propose anew what stands there now."),
        second_factor_set=("Second factor set", "End it before another one is set up."),
        second_factor_not_set=("No second factor", "There is nothing to end."),
        second_factor_required=("Second factor required", "Your role must have one."),
        segment_conflicting=(
            "Number taken",
            "Keep it on the device; it is kept here beside the first.",
        ),
        livestream_taken_over=("Taken over", "Another process receives this livestream; stop."),
        livestream_form_differs=("Other form", "Deliver it in the form it was opened for."),
        period_not_begun=("Period not begun", "Send its init segment first."),
        audit_under_way=(
            "Audit under way",
            "Wait until the other process has ended it, or look for that process.",
        ),
        agency_exists=("Agency exists", "Use the one that is there."),
        case_confirmed=("Case confirmed already", "Load the case again."),
        device_exists=("Device exists", "Numbers exist once, in whatever agency; use another."),
        device_state=("Device in another state", "Load the device again."),
        dock_exists=("Dock exists", "Give it another name."),
        handover_exists=(
            "Hand-over noted already",
            "Somebody else is noted at this very moment; choose another.",
        ),
        login_taken=("Login taken", "Choose another login."),
        object_exists=(
            "Object exists",
            "An object of this key was written before; the operator must look.",
        ),
        person_state=("Person in another state", "Load the list again."),
        playback_impossible=(
            "Nothing to show",
            "Download the original; `flags` says what is odd about it.",
        ),
        recordings_no_pair=("No such pair", "Ask /copies for the pairs of a recording."),
        card_copy_decided=("Decided already", "Load the pair again."),
        card_copy_missing=("No card copy", "Upload it, wait until it is sealed, confirm the pair."),
        live_copy_released=("Live copy released", "Take its release back first."),
        live_copy_decided=("Decided already", "Load the recording again."),
        playback_not_ready=("Being prepared", "Ask again when its tasks are done."),
        receipt_never=("No receipt", "The recording is mismatched; see its custody events."),
        receipt_not_yet=("Not verified yet", "Ask again when the state is sealed."),
        recording_decided=(
            "Decided already",
            "The recording is sealed or mismatched; nothing changes that.",
        ),
        recording_not_quarantined=("Not in quarantine", "The recording has been let in before."),
        run_lost=("Run taken over", "Another worker has this run."),
        volumes_changed=("Changed meanwhile", "Retry the task on the page of work."),
        token_revoked=("Token revoked already", "Nothing is left to revoke."),
        alarm_acknowledged=("Acknowledged already", "Load the list again."),
        alarm_cleared=("Cleared already", "Load the list again."),
        already_exists=("There already", "Something with this name or number exists."),
        case_merge_agency=("Cases of two agencies", "Only cases of one agency are merged."),
        case_merge_itself=("Case merged into itself", "Name another case."),
        case_merged=("Case was merged", "`into` names the case it went into."),
        proposal_closed=("Proposal closed", "It was decided, or linked; load the page again."),
        case_number_ambiguous=("Several cases have this number", "Name the case by its id."),
        case_number_taken=("Number taken", "`case` names the case that has it."),
        task_run_not_failed=("Task has not failed", "Only failed tasks can be retried."),
        upload_incomplete=("Upload incomplete", "Bytes are still missing."),
        upload_offset_mismatch=(
            "Offset does not fit",
            "Ask for the offset with HEAD and continue there.",
        ),
        upload_taken_over=(
            "Taken over",
            "Another connection has this upload; ask for the offset with HEAD.",
        ),
    ),
    **_of(
        Kind.GONE,
        multipart_gone=("Transfer to the store gone", "The service begins it anew; send again."),
        upload_gone=("Upload gone", "It ended without a byte; make a new one."),
    ),
    **_of(
        Kind.PRECONDITION,
        tus_version_unsupported=(
            "tus version not supported",
            "Send `Tus-Resumable: 1.0.0`; see Tus-Version.",
        ),
    ),
    **_of(
        Kind.TOO_LARGE,
        import_too_large=("Table too large", "Send it in several files; `limit` says how large."),
        segment_too_large=("Segment too large", "`limit` says how many bytes it may have."),
        body_too_large=("Body too large", "JSON bodies and forms may have 1 MiB at most."),
        upload_checked_body_too_large=(
            "Checked body too large",
            "Bodies with Upload-Checksum may have 64 MiB at most.",
        ),
        upload_too_large=("Upload too large", "Tus-Max-Size is the limit."),
        upload_too_long=("Body beyond Upload-Length", "The excess was not stored."),
    ),
    **_of(
        Kind.UNSUPPORTED,
        body_not_json=("Body is no JSON", "Send `Content-Type: application/json`."),
        upload_content_encoding=(
            "Content-Encoding refused",
            "Send the bytes as they are; offsets count them.",
        ),
        upload_content_type=(
            "Wrong content type",
            "Send `Content-Type: application/offset+octet-stream`.",
        ),
    ),
    **_of(
        Kind.UNPROCESSABLE,
        period_number_invalid=("Invalid period", "Number periods from 1 on."),
        segment_digest_mismatch=(
            "Digest mismatch",
            "Nothing of this body was kept; send it again.",
        ),
        chunk_period_single=("One file only", "Open another livestream for the next file."),
        mark_time_invalid=(
            "The time of the mark is impossible",
            "Send the time of the picture that was shown.",
        ),
        mark_origin_invalid=("A person noticed it", "Only programs name another origin."),
        segment_number_invalid=("Invalid segment number", "The detail says which numbers fit."),
        segment_number_too_far=("Segment too far ahead", "Send those behind `highest` first."),
        rendition_failed=(
            "Rendition failed",
            "The original cannot be turned into this form; it can be downloaded.",
        ),
        rendition_short=("Rendition too short", "The media tool lost part of it; retry the task."),
        upload_checksum_mismatch=(
            "Checksum mismatch",
            "Nothing of this body was stored; send it again.",
        ),
    ),
    **_of(
        Kind.UNAVAILABLE,
        media_source_away=("Original not readable now", "The task is tried again by itself."),
        media_stalled=("Media tool stalled", "The task is tried again by itself."),
        live_proxies_busy=(
            "Too many are converted",
            "Watch one of them less, or with a browser that plays H.265; the recording is whole.",
        ),
        media_tool_missing=("Media tool missing", "Install ffmpeg, or set RECORDER_FFMPEG."),
        database_unavailable=("Database away", "Try again after Retry-After."),
        database_younger_than_store=(
            "Database younger than the store",
            "Keep the footage and try again later. The operator runs `recorder rebuild`.",
        ),
        service_stopping=("Service stopping", "Try again after Retry-After."),
        store_unavailable=("Object store away", "Try again after Retry-After."),
    ),
    **_of(
        Kind.STORAGE_FULL,
        rendition_no_room=("No room for a rendition", "Have space freed; then retry the task."),
        storage_full=("No room", "Have space freed; try again after Retry-After."),
    ),
    **_of(
        Kind.INTERNAL,
        internal=(
            "Internal error",
            "Tell the operator the reference number; the log has the rest.",
        ),
    ),
    **_of(
        Kind.RATE_LIMITED,
        connections_limited=(
            "Too many connections",
            "Close some, or use one for several requests; uploads go on.",
        ),
        search_limited=("Too many searches", "Wait for Retry-After."),
        sign_in_limited=("Too many tries", "Wait for Retry-After."),
        streams_limited=("Too many streams", "Close one, or wait for Retry-After."),
        upload_opening_limited=(
            "Too many uploads opened",
            "Wait for Retry-After and open it then; go on with those that are open.",
        ),
    ),
    **_of(
        Kind.LOCKED,
        livestream_held=("Received already", "A live publisher has it; end that one first."),
    ),
}
CATALOGUE |= {code: Entry(*said) for code, said in FEED_PROBLEMS.items()}

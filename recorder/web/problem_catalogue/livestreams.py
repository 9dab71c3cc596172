"""Problems of livestreams, their publishers and their sources."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        hook_malformed=("Malformed hook", "Send the JSON or form of the media server."),
        source_malformed=("No such address", "Write rtsp://USER:PASSWORD@HOST/PATH, or https://."),
        segment_empty=("Empty segment", "Send its bytes as the body."),
    ),
    **of_kind(
        Kind.UNAUTHENTICATED,
        publisher_key_missing=("Key missing", "Publish with the token of the device."),
        push_key_expired=("Push key ended", "Its opener asks for another at `/push-keys`."),
    ),
    **of_kind(
        Kind.FORBIDDEN,
        source_forbidden=(
            "Address not allowed",
            "The operator may name its network in RECORDER_LIVE_PULL_NETWORKS.",
        ),
        publisher_refused=("Publisher refused", "`refusal` says why; see the gateway."),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        segment_not_found=("No such segment", "Load the playlist again."),
        livestream_not_found=("No such livestream", "It is not there, or not your business."),
    ),
    **of_kind(
        Kind.CONFLICT,
        segment_conflicting=(
            "Number taken",
            "Keep it on the device; it is kept here beside the first.",
        ),
        livestream_taken_over=("Taken over", "Another process receives this livestream; stop."),
        livestream_form_differs=("Other form", "Deliver it in the form it was opened for."),
        period_not_begun=("Period not begun", "Send its init segment first."),
    ),
    **of_kind(
        Kind.TOO_LARGE,
        segment_too_large=("Segment too large", "`limit` says how many bytes it may have."),
    ),
    **of_kind(
        Kind.UNPROCESSABLE,
        period_number_invalid=("Invalid period", "Number periods from 1 on."),
        segment_digest_mismatch=(
            "Digest mismatch",
            "Nothing of this body was kept; send it again.",
        ),
        chunk_period_single=("One file only", "Open another livestream for the next file."),
        segment_number_invalid=("Invalid segment number", "The detail says which numbers fit."),
        segment_number_too_far=("Segment too far ahead", "Send those behind `highest` first."),
    ),
    **of_kind(
        Kind.UNAVAILABLE,
        live_proxies_busy=(
            "Too many are converted",
            "Watch one of them less, or with a browser that plays H.265; the recording is whole.",
        ),
    ),
    **of_kind(
        Kind.RATE_LIMITED,
        streams_limited=("Too many streams", "Close one, or wait for Retry-After."),
    ),
    **of_kind(
        Kind.LOCKED,
        livestream_held=("Received already", "A live publisher has it; end that one first."),
    ),
}

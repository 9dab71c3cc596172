"""Problems of uploads and receipts."""

from __future__ import annotations

from recorder.errors import Kind
from recorder.web.problem_catalogue.entry import Entry, of_kind

PROBLEMS: dict[str, Entry] = {
    **of_kind(
        Kind.INVALID,
        content_digest_invalid=("Malformed Content-Digest", "Send `sha-256=:BASE64:`."),
        content_digest_missing=("Content-Digest missing", "Send `sha-256=:BASE64:` of the body."),
        part_number_malformed=(
            "Malformed part number",
            "The service made a number its store does not take; report it.",
        ),
        part_too_small=(
            "Part too small",
            "The service sent its store too small a part; report it.",
        ),
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
        upload_offset_missing=("Upload-Offset missing", "Say where the body begins."),
        upload_silent=(
            "Sender silent",
            "What arrived is kept; ask for the offset with HEAD and continue.",
        ),
    ),
    **of_kind(
        Kind.FORBIDDEN,
        upload_finished=(
            "Upload finished",
            "It is a recording now and takes no more; HEAD names it.",
        ),
    ),
    **of_kind(
        Kind.NOT_FOUND,
        upload_not_found=("No such upload", "It was never made here, or by another sender."),
    ),
    **of_kind(
        Kind.CONFLICT,
        receipt_never=("No receipt", "The recording is mismatched; see its custody events."),
        receipt_not_yet=("Not verified yet", "Ask again when the state is sealed."),
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
    **of_kind(
        Kind.GONE,
        multipart_gone=("Transfer to the store gone", "The service begins it anew; send again."),
        upload_gone=("Upload gone", "It ended without a byte; make a new one."),
    ),
    **of_kind(
        Kind.PRECONDITION,
        tus_version_unsupported=(
            "tus version not supported",
            "Send `Tus-Resumable: 1.0.0`; see Tus-Version.",
        ),
    ),
    **of_kind(
        Kind.TOO_LARGE,
        upload_checked_body_too_large=(
            "Checked body too large",
            "Bodies with Upload-Checksum may have 64 MiB at most.",
        ),
        upload_too_large=("Upload too large", "Tus-Max-Size is the limit."),
        upload_too_long=("Body beyond Upload-Length", "The excess was not stored."),
    ),
    **of_kind(
        Kind.UNSUPPORTED,
        upload_content_encoding=(
            "Content-Encoding refused",
            "Send the bytes as they are; offsets count them.",
        ),
        upload_content_type=(
            "Wrong content type",
            "Send `Content-Type: application/offset+octet-stream`.",
        ),
    ),
    **of_kind(
        Kind.UNPROCESSABLE,
        upload_checksum_mismatch=(
            "Checksum mismatch",
            "Nothing of this body was stored; send it again.",
        ),
    ),
    **of_kind(
        Kind.RATE_LIMITED,
        upload_opening_limited=(
            "Too many uploads opened",
            "Wait for Retry-After and open it then; go on with those that are open.",
        ),
    ),
}

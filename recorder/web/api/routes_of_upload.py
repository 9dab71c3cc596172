"""Rows of tus 1.0.0, and of what a device asks before its first upload."""

from __future__ import annotations

from recorder.domain.limit import Limit
from recorder.domain.people import Permission
from recorder.web import schemas, work_shapes
from recorder.web.api import machines, tus, uploads
from recorder.web.route import Answer, Route

_UPLOADS = "/api/v1/uploads"
_UPLOAD = "/api/v1/uploads/{id}"
_VERSION = (tus.RESUMABLE, "1.0.0")
_APPEND_HEADERS = (
    _VERSION,
    (tus.OFFSET, "where the body begins: the offset of the last answer"),
    (tus.CHECKSUM, "sha1 or sha256 and the base64 digest of this body; bodies to 64 MiB"),
)
_PROGRESS = (
    (tus.OFFSET, "everything before it is durable"),
    (tus.EXPIRES, "when the upload is sealed as far as it came; absent once finished"),
    (tus.RECORDING, "the recording, on the answer that completes the upload and on each HEAD"),
)
_APPEND_PROBLEMS = (
    "tus-version-unsupported",
    "upload-not-found",
    "upload-gone",
    "upload-finished",
    "upload-offset-missing",
    "upload-offset-invalid",
    "upload-offset-mismatch",
    "upload-taken-over",
    "upload-content-type",
    "upload-content-encoding",
    "upload-checksum-invalid",
    "upload-checksum-mismatch",
    "upload-checked-body-too-large",
    "upload-too-long",
    "upload-silent",
    "storage-full",
    "store-unavailable",
)

UPLOAD_ROUTES: tuple[Route, ...] = (
    Route(
        method="OPTIONS",
        path=_UPLOADS,
        handler=uploads.options,
        permission=Permission.PUBLIC,
        summary="What this tus server can do.",
        answer=Answer(
            status=204,
            headers=tuple((name, f"`{value}`") for name, value in tus.CAPABILITIES.items()),
        ),
        tags=(uploads.TAG,),
    ),
    Route(
        method="POST",
        path=_UPLOADS,
        handler=uploads.create,
        permission=Permission.UPLOAD,
        summary="Begin an upload, perhaps with its first bytes.",
        request_media_type=tus.MEDIA_TYPE,
        request_headers=(
            _VERSION,
            (tus.LENGTH, "bytes of the whole file"),
            (tus.METADATA, "what is known of the footage, as tus writes it"),
            (tus.CHECKSUM, "of the first bytes, if any are sent along"),
        ),
        answer=Answer(
            status=201, headers=(("Location", "the upload, relative to the host"), *_PROGRESS)
        ),
        problems=(
            "tus-version-unsupported",
            "upload-length-missing",
            "upload-length-invalid",
            "upload-length-deferred",
            "upload-concat-unsupported",
            "upload-too-large",
            "upload-too-long",
            "upload-metadata-malformed",
            "upload-content-type",
            "upload-content-encoding",
            "upload-checksum-invalid",
            "upload-checksum-mismatch",
            "upload-silent",
            "agency-missing",
            "storage-full",
            "store-unavailable",
        ),
        tags=(uploads.TAG,),
        limit=Limit.OPENING,
    ),
    Route(
        method="OPTIONS",
        path=_UPLOAD,
        handler=uploads.options,
        permission=Permission.PUBLIC,
        summary="What this tus server can do.",
        answer=Answer(status=204),
        tags=(uploads.TAG,),
    ),
    Route(
        method="HEAD",
        path=_UPLOAD,
        handler=uploads.status,
        permission=Permission.UPLOAD,
        summary="Where an upload stands.",
        request_headers=(_VERSION,),
        answer=Answer(
            headers=(
                (tus.LENGTH, "bytes of the whole file"),
                (tus.METADATA, "as it was sent, if it was"),
                *_PROGRESS,
                (tus.STATE, "of the recording: quarantined while not admitted, else the next"),
                (tus.INTEGRITY, "of the recording: safe once sealed; asking is no look at it"),
            )
        ),
        problems=(
            "tus-version-unsupported",
            "upload-not-found",
            "upload-gone",
            "store-unavailable",
        ),
        tags=(uploads.TAG,),
    ),
    Route(
        method="PATCH",
        path=_UPLOAD,
        handler=uploads.append,
        permission=Permission.UPLOAD,
        summary="Send more bytes of an upload.",
        request_media_type=tus.MEDIA_TYPE,
        request_headers=_APPEND_HEADERS,
        answer=Answer(status=204, headers=_PROGRESS),
        problems=_APPEND_PROBLEMS,
        tags=(uploads.TAG,),
    ),
    Route(
        method="DELETE",
        path=_UPLOAD,
        handler=uploads.terminate,
        permission=Permission.UPLOAD,
        summary="End an upload: an empty one vanishes, any other is sealed as far as it came.",
        request_headers=(_VERSION,),
        answer=Answer(status=204),
        problems=(
            "tus-version-unsupported",
            "upload-not-found",
            "upload-gone",
            "upload-finished",
            "store-unavailable",
        ),
        tags=(uploads.TAG,),
    ),
    Route(
        method="POST",
        path=_UPLOAD,
        handler=uploads.overridden,
        permission=Permission.UPLOAD,
        summary="PATCH, DELETE or HEAD for senders that cannot say so themselves.",
        request_media_type=tus.MEDIA_TYPE,
        request_headers=(("X-HTTP-Method-Override", "PATCH, DELETE or HEAD"), *_APPEND_HEADERS),
        answer=Answer(
            status=204, headers=_PROGRESS, others=((200, "HEAD: where the upload stands."),)
        ),
        problems=("method-override-invalid", *_APPEND_PROBLEMS),
        tags=(uploads.TAG,),
    ),
    Route(
        method="POST",
        path="/api/v1/devices/enrol",
        handler=machines.enrol,
        permission=Permission.PUBLIC,
        summary="Fetch a device's own token with its one-time code.",
        request=schemas.EnrolBody,
        answer=Answer(status=201, schema=work_shapes.EnrolledShape),
        problems=("enrolment-refused", "sign-in-limited"),
        tags=("machines",),
    ),
    Route(
        method="GET",
        path="/api/v1/service-key",
        handler=machines.service_key,
        permission=Permission.PUBLIC,
        summary="The public key that receipts are checked with, as signed notes write it.",
        answer=Answer(media_type="text/plain"),
        tags=("machines",),
    ),
    Route(
        method="GET",
        path="/api/v1/me",
        handler=machines.me,
        permission=Permission.SIGNED_IN,
        summary="Who is asking.",
        query=schemas.NoQuery,
        answer=Answer(schema=work_shapes.MeShape),
        tags=("machines",),
    ),
)

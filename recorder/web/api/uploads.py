"""tus 1.0.0 over services/ingest; the only module that answers in the protocol's headers."""

from __future__ import annotations

from aiohttp import hdrs, web

from recorder.domain.ids import UploadId
from recorder.errors import InvalidInput
from recorder.services import ingest
from recorder.web.api import tus
from recorder.web.api.parameters import id_in_path
from recorder.web.body import refuse_encoding
from recorder.web.content import no_content
from recorder.web.keys import ACTOR, DEPS
from recorder.web.middleware import row_of
from recorder.web.upload_body import silence, upload_body

#: Rows with this tag speak tus; their answers say the version, failures too.
TAG = "uploads"


async def speak_tus(request: web.Request, response: web.StreamResponse) -> None:
    """Signal handler: the version on every answer of these routes, also on problems."""
    row = row_of(request)
    if row is None or TAG not in row.tags:
        return
    response.headers[tus.RESUMABLE] = tus.VERSION
    if response.status == 412:
        response.headers["Tus-Version"] = tus.VERSION


async def options(request: web.Request) -> web.StreamResponse:
    return no_content(tus.CAPABILITIES)


async def create(request: web.Request) -> web.StreamResponse:
    deps, actor = request.app[DEPS], request[ACTOR]
    tus.check_version(request)
    refuse_encoding(request, "upload-content-encoding")
    length = tus.length_of(request)
    with_body = request.can_read_body and request.content_length != 0
    if with_body:
        tus.check_body_form(request)
        tus.check_body_fits(request, length)
    checksum = tus.checksum_of(request)
    metadata = request.headers.get(tus.METADATA, "")
    upload = await ingest.open_upload(deps, actor, length=length, metadata=metadata)
    if with_body:
        status = await _append(request, upload.id, 0, checksum)
    elif length == 0:
        status = await ingest.upload_status(deps, actor, upload.id)
    else:
        status = ingest.UploadStatus(upload, None)
    headers = tus.progress_headers(status.upload, status)
    return web.Response(
        status=201, headers={**headers, hdrs.LOCATION: f"/api/v1/uploads/{upload.id}"}
    )


async def status(request: web.Request) -> web.StreamResponse:
    tus.check_version(request)
    deps, actor, upload_id = request.app[DEPS], request[ACTOR], _upload_id(request)
    found = await ingest.upload_status(deps, actor, upload_id)
    headers = tus.progress_headers(found.upload, found)
    headers[tus.LENGTH] = str(found.upload.length)
    if said := await ingest.upload_metadata(deps, actor, upload_id):
        headers[tus.METADATA] = said
    return web.Response(headers=headers)


async def append(request: web.Request) -> web.StreamResponse:
    deps, actor, upload_id = request.app[DEPS], request[ACTOR], _upload_id(request)
    tus.check_version(request)
    tus.check_body_form(request)
    offset, checksum = tus.offset_of(request), tus.checksum_of(request)
    if hdrs.EXPECT in request.headers:
        length = request.content_length
        await ingest.check_append(
            deps, actor, upload_id, offset=offset, length=length, checked=checksum is not None
        )
    found = await _append(request, upload_id, offset, checksum)
    return no_content(tus.progress_headers(found.upload, found))


async def terminate(request: web.Request) -> web.StreamResponse:
    tus.check_version(request)
    await ingest.terminate(request.app[DEPS], request[ACTOR], _upload_id(request))
    return no_content()


async def overridden(request: web.Request) -> web.StreamResponse:
    match request.headers.get("X-HTTP-Method-Override", "").upper():
        case hdrs.METH_PATCH:
            return await append(request)
        case hdrs.METH_DELETE:
            return await terminate(request)
        case hdrs.METH_HEAD:
            return await status(request)
        case _:
            raise InvalidInput(
                "method-override-invalid", "POST to an upload needs X-HTTP-Method-Override."
            )


async def _append(
    request: web.Request, upload_id: UploadId, offset: int, checksum: ingest.Checksum | None
) -> ingest.UploadStatus:
    deps = request.app[DEPS]
    limit = deps.config.upload_silence_s
    body = upload_body(request, limit)
    try:
        return await ingest.append(
            deps, request[ACTOR], upload_id,
            offset=offset, body=body, checksum=checksum, length=request.content_length,
        )  # fmt: skip
    except ingest.ConnectionLost as error:
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError("the sender is gone") from error
        raise silence(request, limit) from error
    finally:
        body.close()


def _upload_id(request: web.Request) -> UploadId:
    return UploadId(id_in_path(request))

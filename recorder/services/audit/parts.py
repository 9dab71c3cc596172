"""Bytes of unfinished uploads in their writers' files (folder store), against their rows.

Rows are read first, files afterwards, and what seems wrong is asked for again in the rows: bytes
are in place before a row names them, and a part takes over from the tails it was made of. Parts
of S3 are seen by their completion.
"""

from __future__ import annotations

import uuid

from recorder.adapters.objects import Bucket, WriterFile
from recorder.runtime import Deps
from recorder.services.audit.findings import Level
from recorder.services.audit.progress import Progress
from recorder.services.audit.reading import PacedStore
from recorder.services.audit.rows import PAGE
from recorder.store import audit_parts
from recorder.store.audit_parts import Arrived, OpenUpload


async def check_parts(progress: Progress, store: PacedStore) -> None:
    """Parts and tails in place are in their writer's file; each file is of a known writer."""
    if not store.parts_grow:
        return
    while True:
        last = uuid.UUID(progress.cursor) if progress.cursor else None
        async with progress.deps.database.acquire() as connection:
            page = await audit_parts.unfinished_page(connection, last, PAGE)
        await store.pace.request()
        if not page:
            return
        for upload in page:
            await _check_upload(progress, store, upload)
            await progress.at(str(upload.id))


async def _check_upload(progress: Progress, store: PacedStore, upload: OpenUpload) -> None:
    deps, report = progress.deps, progress.report
    arrived = await _arrived(deps, upload)
    files = await store.writer_files(upload.key, upload.multipart_id)
    report.looked_at["parts"] += len(arrived)
    wrong = []
    for each in arrived:
        code = await _verdict(progress, store, upload, each, files)
        if code is not None:
            wrong.append((each, code))
    if wrong:
        is_complete = bool(await store.versions(Bucket.ORIGINALS, upload.key))
        still = set() if is_complete else set(await _arrived(deps, upload))
        for each, code in wrong:
            if each in still:
                place = f"bytes {each.offset} to {each.offset + each.length} of {upload.key}"
                report.found(code, "upload", upload.id, place)
    for name in await _strange(deps, store, upload, files):
        report.found("part-unclaimed", "upload", upload.id, f"{name} of {upload.multipart_id}")


async def _arrived(deps: Deps, upload: OpenUpload) -> list[Arrived]:
    async with deps.database.acquire() as connection:
        return await audit_parts.arrived(connection, upload.id)


async def _verdict(
    progress: Progress,
    store: PacedStore,
    upload: OpenUpload,
    each: Arrived,
    files: list[WriterFile],
) -> str | None:
    """The code of what is wrong with these bytes, None when nothing is."""
    report = progress.report
    reaches = {file.writer: file.length for file in files}
    if each.writer is None or each.writer not in reaches:
        return "part-missing"
    if report.level is not Level.PRESENCE and reaches[each.writer] < each.offset + each.length:
        return "part-missing"
    if report.level is Level.DIGEST:
        blocks = store.read_writer(
            upload.key, upload.multipart_id, each.writer, each.offset, each.length
        )
        read = await store.digest_of(blocks)
        if read is None:
            return "part-missing"
        report.looked_at["bytes"] += read[1]
        if read[0] != each.sha256:
            return "part-digest-differs"
    return None


async def _strange(
    deps: Deps, store: PacedStore, upload: OpenUpload, files: list[WriterFile]
) -> list[str]:
    """Names of files of no writer that the upload had: the fence is asked for after the listing."""
    async with deps.database.acquire() as connection:
        fence = await audit_parts.newest_fence(connection, upload.id)
    if fence is None:
        return []
    strange = {file.name for file in files if file.writer is None or file.writer > fence}
    if strange:
        again = await store.writer_files(upload.key, upload.multipart_id)
        strange &= {file.name for file in again}
    return sorted(strange)

"""Bytes of unfinished uploads against their rows: in their writers' files (folder store), or in
the parts that the store lists (S3).

Rows are read first, files and parts afterwards, and what seems wrong is asked for again in the
rows: bytes are in place before a row names them, and a part takes over from the tails it was made
of. No bytes of a part in S3 can be read before its completion: the store's word for it (ETag) and
its length are compared.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from recorder.adapters.objects import Bucket, ListedPart, WriterFile
from recorder.runtime import Deps
from recorder.services.audit.findings import Level
from recorder.services.audit.progress import Progress
from recorder.services.audit.reading import PacedStore
from recorder.services.audit.rows import PAGE
from recorder.store import audit_parts
from recorder.store.audit_parts import Arrived, OpenUpload


async def check_parts(progress: Progress, store: PacedStore) -> None:
    """Parts and tails in place are where their rows say; nothing else lies there."""
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
    report.looked_at["parts"] += len(arrived)
    compare = _in_files if store.parts_grow else _in_list
    wrong, strange = await compare(progress, store, upload, arrived)
    if wrong:
        is_complete = bool(await store.versions(Bucket.ORIGINALS, upload.key))
        # A store may neither list the parts nor show the object while it puts them together.
        again = await _arrived(deps, upload, completing=store.parts_grow)
        still = set() if is_complete else set(again)
        for each, code in wrong:
            if each in still:
                place = f"bytes {each.offset} to {each.offset + each.length} of {upload.key}"
                report.found(code, "upload", upload.id, place)
    for name in strange:
        report.found("part-unclaimed", "upload", upload.id, f"{name} of {upload.multipart_id}")


async def _arrived(deps: Deps, upload: OpenUpload, *, completing: bool = True) -> list[Arrived]:
    async with deps.database.acquire() as connection:
        return await audit_parts.arrived(connection, upload.id, completing=completing)


Wrong = list[tuple[Arrived, str]]


# --- parts that the store lists ---------------------------------------------------------------


async def _in_list(
    progress: Progress, store: PacedStore, upload: OpenUpload, arrived: Sequence[Arrived]
) -> tuple[Wrong, list[str]]:
    """What is wrong, with its code; parts under numbers that nobody was given."""
    listed = {part.number: part async for part in store.listed_parts(upload)}
    wrong = []
    for each in arrived:
        part = listed.get(each.number or 0)
        if part is None:
            wrong.append((each, "part-missing"))
        elif progress.report.level is not Level.PRESENCE and not _is_same(part, each):
            wrong.append((each, "part-digest-differs"))
    # Asked for behind the listing: a number is taken before its part is sent.
    async with progress.deps.database.acquire() as connection:
        given = await audit_parts.newest_given(connection, upload.id)
    strange = [f"part {number}" for number in sorted(listed) if given and number > given[1]]
    return wrong, strange


def _is_same(part: ListedPart, each: Arrived) -> bool:
    # Some stores answered for a part without a word for it.
    return part.length == each.length and each.etag in ("", part.etag)


# --- files of writers -------------------------------------------------------------------------


async def _in_files(
    progress: Progress, store: PacedStore, upload: OpenUpload, arrived: Sequence[Arrived]
) -> tuple[Wrong, list[str]]:
    """What is wrong, with its code; files of no writer that the upload had."""
    files = await store.writer_files(upload.key, upload.multipart_id)
    wrong = []
    for each in arrived:
        code = await _verdict(progress, store, upload, each, files)
        if code is not None:
            wrong.append((each, code))
    return wrong, await _strange(progress.deps, store, upload, files)


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
        given = await audit_parts.newest_given(connection, upload.id)
    if given is None:
        return []
    strange = {file.name for file in files if file.writer is None or file.writer > given[0]}
    if strange:
        again = await store.writer_files(upload.key, upload.multipart_id)
        strange &= {file.name for file in again}
    return sorted(strange)

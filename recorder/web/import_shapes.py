"""JSON of imports, and what requests about them may hold."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import Field

from recorder.domain.registry_columns import RowError
from recorder.services.importing import Outcome
from recorder.services.importing.settling import Effect
from recorder.store.registry.imports import RegistryFile
from recorder.web.schemas import Query
from recorder.web.shape import Shape

_Word = Annotated[str, Field(min_length=1, max_length=100)]
_Name = Annotated[str, Field(min_length=1, max_length=200)]


class ImportQuery(Query):
    """How a table is taken."""

    dry_run: Annotated[bool, Field(description="say what it would do, and change nothing")] = False
    agency: Annotated[
        _Word | None, Field(description="code of the agency of lines that name none")
    ] = None
    name: Annotated[_Name, Field(description="the name of the file, for the history")] = "table"


class RowErrorShape(Shape):
    """What is wrong, or odd, at a place of the table."""

    line: int = Field(description="line of the file, from 1")
    column: str = Field(description="as the header of the file writes it")
    code: str
    detail: str

    @classmethod
    def of(cls, error: RowError) -> RowErrorShape:
        return cls(line=error.line, column=error.column, code=error.code, detail=error.detail)


class EffectShape(Shape):
    """What a line does."""

    line: int
    fate: str = Field(description="added, changed or ended")
    key: str

    @classmethod
    def of(cls, effect: Effect) -> EffectShape:
        return cls(line=effect.line, fate=effect.fate.value, key=effect.key)


class ImportShape(Shape):
    """What a table does, or would do."""

    kind: str
    digest: str = Field(description="SHA-256 of the file")
    rows: int
    added: int
    changed: int
    ended: int
    unchanged: int
    taken: bool = Field(description="written; never in a dry run, or without an effect")
    faults: int = Field(description="how many there are; one keeps the whole table out")
    errors: tuple[RowErrorShape, ...] = Field(description="the first thousand of them")
    notices: tuple[RowErrorShape, ...] = Field(description="odd, and taken all the same")
    effects: tuple[EffectShape, ...] = Field(description="the first lines that do something")
    ignored: tuple[str, ...] = Field(description="columns that have no meaning here")

    @classmethod
    def of(cls, outcome: Outcome) -> ImportShape:
        return cls(
            kind=outcome.kind.value,
            digest=outcome.digest,
            rows=outcome.rows,
            added=outcome.added,
            changed=outcome.changed,
            ended=outcome.ended,
            unchanged=outcome.unchanged,
            taken=outcome.taken,
            faults=outcome.faults,
            errors=tuple(map(RowErrorShape.of, outcome.errors)),
            notices=tuple(map(RowErrorShape.of, outcome.notices)),
            effects=tuple(map(EffectShape.of, outcome.effects)),
            ignored=outcome.ignored,
        )


class ImportedFileShape(Shape):
    """A table that was taken."""

    id: uuid.UUID
    kind: str
    file_name: str
    digest: str = Field(description="SHA-256 of the file")
    length: int = Field(description="bytes")
    rows: int
    added: int
    changed: int
    ended: int
    imported_by: str
    at: datetime

    @classmethod
    def of(cls, file: RegistryFile) -> ImportedFileShape:
        return cls(
            id=file.id,
            kind=file.kind,
            file_name=file.file_name,
            digest=file.digest.hex(),
            length=file.length_bytes,
            rows=file.rows,
            added=file.added,
            changed=file.changed,
            ended=file.ended,
            imported_by=file.imported_by,
            at=file.at,
        )

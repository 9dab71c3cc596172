"""Reports of footage in the format of another system, which a map of fields describes (R75)."""

from recorder.domain.reporting.fields import (
    FIELDS,
    STATES,
    ReportedCase,
    ReportedFootage,
    ReportedOfficer,
)
from recorder.domain.reporting.lines import beginning, line, values
from recorder.domain.reporting.report_map import (
    Column,
    Each,
    Form,
    MapError,
    ReportMap,
    read_map,
)

__all__ = [
    "FIELDS",
    "STATES",
    "Column",
    "Each",
    "Form",
    "MapError",
    "ReportMap",
    "ReportedCase",
    "ReportedFootage",
    "ReportedOfficer",
    "beginning",
    "line",
    "read_map",
    "values",
]

"""Every figure that a monitoring system can ask for, and its text (docs/reference/metrics.md).

Lowest rung: names and counts, nothing of the product. Figures of this process are counted here
as things happen; those of the whole installation (``INSTALLATION``) are read when somebody asks
and given to ``exposition``. No label may hold what a sender chose: paths, names, identifiers.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from typing_extensions import override

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Times of creation would double the number of lines, and nobody asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

_ANSWERS_S = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0)
_STORE_S = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)
_TASKS_S = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 21600.0)

# --- receiving -----------------------------------------------------------------------------------

RECEIVED_BYTES = Counter(
    "recorder_received_bytes",
    "Bytes of upload bodies read from senders, refused ones included.",
    registry=REGISTRY,
)
PARTS_STORED = Counter(
    "recorder_parts_stored", "Parts of uploads that the store has acknowledged.", registry=REGISTRY
)
PARTS_STORED_BYTES = Counter(
    "recorder_parts_stored_bytes", "Bytes of those parts.", registry=REGISTRY
)
PIECES_STAGED = Counter(
    "recorder_pieces_staged", "Tails made durable before their part was whole.", registry=REGISTRY
)
PIECES_STAGED_BYTES = Counter(
    "recorder_pieces_staged_bytes", "Bytes of those tails.", registry=REGISTRY
)
OPEN_APPENDS = Gauge(
    "recorder_open_appends", "Upload bodies that are arriving now.", registry=REGISTRY
)
BUFFER_USED_BYTES = Gauge(
    "recorder_upload_buffer_used_bytes", "Memory that uploads hold now.", registry=REGISTRY
)
BUFFER_LIMIT_BYTES = Gauge(
    "recorder_upload_buffer_limit_bytes", "Memory that uploads may hold.", registry=REGISTRY
)

SEGMENTS_STORED = Counter(
    "recorder_segments_stored",
    "Segments of livestreams that are durable and listed, init segments among them.",
    registry=REGISTRY,
)
SEGMENTS_STORED_BYTES = Counter(
    "recorder_segments_stored_bytes", "Bytes of those segments.", registry=REGISTRY
)
INGEST_STREAMS = Gauge(
    "recorder_ingest_streams",
    "Livestreams that this process receives now, by RTMP, by SRT, or fetched.",
    ("way",),
    registry=REGISTRY,
)
INGEST_RECEIVED_BYTES = Counter(
    "recorder_ingest_received_bytes",
    "Bytes of periods and segments that this process made of what publishers sent.",
    registry=REGISTRY,
)
INGEST_LISTED_SECONDS = Histogram(
    "recorder_ingest_listed_delay_seconds",
    "Time from the last frame of a received segment until it is listed, in the spool included.",
    buckets=(0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0),
    registry=REGISTRY,
)
SPOOL_BYTES = Gauge(
    "recorder_spool_bytes", "What waits on the disk of an ingest process.", registry=REGISTRY
)
SPOOL_SEGMENTS = Gauge(
    "recorder_spool_segments", "Segments that wait on the disk of an ingest process.",
    registry=REGISTRY,
)  # fmt: skip
SPOOL_AGE_SECONDS = Gauge(
    "recorder_spool_oldest_age_seconds",
    "How long the oldest of them has waited; 0 without any.",
    registry=REGISTRY,
)
SPOOL_LIMIT_BYTES = Gauge(
    "recorder_spool_limit_bytes",
    "What all ingest processes of a machine may keep on its disk.",
    registry=REGISTRY,
)
GATEWAY_PUBLISHERS = Counter(
    "recorder_gateway_publishers",
    "Publishers that gateways asked about, by what was answered.",
    ["outcome"],
    registry=REGISTRY,
)
SEGMENT_SECONDS = Histogram(
    "recorder_segment_duration_seconds",
    "Time from a whole segment in memory until it is durable and listed.",
    buckets=_STORE_S,
    registry=REGISTRY,
)

# --- the object store ----------------------------------------------------------------------------

STORE_SECONDS = Histogram(
    "recorder_store_call_duration_seconds",
    "Time of a call of the object store; of read and versions_below, until the first answer.",
    ("call",),
    buckets=_STORE_S,
    registry=REGISTRY,
)
STORE_ERRORS = Counter(
    "recorder_store_call_errors",
    "Calls of the object store that failed, by the kind of failure.",
    ("call", "kind"),
    registry=REGISTRY,
)

# --- HTTP ----------------------------------------------------------------------------------------

HTTP_REQUESTS = Counter(
    "recorder_http_requests",
    "Requests by route template; status none: the asker was gone before the answer.",
    ("method", "route", "status"),
    registry=REGISTRY,
)
HTTP_SECONDS = Histogram(
    "recorder_http_request_duration_seconds",
    "Time from the head of a request to the end of its answer, bodies included.",
    ("method", "route"),
    buckets=_ANSWERS_S,
    registry=REGISTRY,
)
FOOTAGE_SENT_BYTES = Counter(
    "recorder_footage_sent_bytes",
    "Bytes of footage sent to people: playback, original or poster.",
    ("use",),
    registry=REGISTRY,
)
LOOP_LAG_SECONDS = Gauge(
    "recorder_event_loop_lag_seconds", "How late the last beat of the web service was.",
    registry=REGISTRY,
)  # fmt: skip
LOOP_LAG_WORST_SECONDS = Gauge(
    "recorder_event_loop_lag_worst_seconds", "The worst beat of the last minute or so.",
    registry=REGISTRY,
)  # fmt: skip

# --- coverage ------------------------------------------------------------------------------------

COVERAGE_CASES = Counter("recorder_coverage_cases", "Cases that were evaluated.", registry=REGISTRY)
COVERAGE_SECONDS = Histogram(
    "recorder_coverage_batch_duration_seconds",
    "Time from claiming some due cases to the commit of what was found.",
    buckets=_STORE_S,
    registry=REGISTRY,
)

# --- tasks ---------------------------------------------------------------------------------------

TASK_SECONDS = Histogram(
    "recorder_task_duration_seconds",
    "Time of one attempt of a task in this worker, however it ended.",
    ("task",),
    buckets=_TASKS_S,
    registry=REGISTRY,
)
TASK_ATTEMPTS = Counter(
    "recorder_task_attempts",
    "Attempts by outcome: done, retried, failed, lost to another worker, given_back at the end.",
    ("task", "outcome"),
    registry=REGISTRY,
)

# --- fixity --------------------------------------------------------------------------------------

FIXITY_READ_BYTES = Counter(
    "recorder_fixity_read_bytes", "Bytes of sealed originals read back.", registry=REGISTRY
)
FIXITY_LOOKS = Counter(
    "recorder_fixity_looks",
    "Sealed originals read back: agreed, postponed, or how they failed.",
    ("outcome",),
    registry=REGISTRY,
)


@dataclass(frozen=True, slots=True)
class InstallationFigure:
    """A gauge of the whole installation: the same in every process that is asked."""

    about: str
    labels: tuple[str, ...] = ()


#: Counts stop at ten thousand (store/figures.py): more of anything is no more news.
INSTALLATION: Mapping[str, InstallationFigure] = {
    "recorder_database_up": InstallationFigure("1 when the figures below could be read, else 0."),
    "recorder_uploads_open": InstallationFigure("Uploads that are not finished."),
    "recorder_livestreams": InstallationFigure("Livestreams that are not closed.", ("state",)),
    "recorder_task_runs": InstallationFigure("Work that is not done.", ("queue", "state")),
    "recorder_queue_age_seconds": InstallationFigure(
        "How long the oldest due work of a queue has waited; 0 without any.", ("queue",)
    ),
    "recorder_task_runs_failed": InstallationFigure("Failed work that nobody retried.", ("task",)),
    "recorder_oldest_unsealed_age_seconds": InstallationFigure(
        "Age of the oldest recording that is received and not sealed; 0 without any."
    ),
    "recorder_originals_lock_expiring": InstallationFigure(
        "Originals whose lock ends within nine tenths of RECORDER_LOCK_AHEAD_S."
    ),
    "recorder_soonest_lock_end_seconds": InstallationFigure(
        "Time until the first lock of an original ends, negative when it has; absent without any."
    ),
    "recorder_alarms_open": InstallationFigure("Open alarms.", ("code", "severity")),
    "recorder_store_room_bytes": InstallationFigure(
        "Footage that still fits above the floor; absent where the store does not say."
    ),
    "recorder_recordings_quarantined": InstallationFigure("Footage that waits for a decision."),
    "recorder_fixity_oldest_age_seconds": InstallationFigure(
        "How long ago the sealed original was read back that has waited longest; 0 without any."
    ),
    "recorder_fixity_failing": InstallationFigure(
        "Objects of sealed originals that were not what was sealed when last read back."
    ),
    "recorder_compactions_waiting": InstallationFigure(
        "Recordings of livestreams whose small objects wait to be put into volumes."
    ),
    "recorder_superseded_objects": InstallationFigure(
        "Objects whose bytes lie in volumes and that are still in the store; at most 10,000."
    ),
    "recorder_superseded_overdue": InstallationFigure(
        "Those of them whose lock ended more than a day ago; at most 10,000."
    ),
    "recorder_delete_markers": InstallationFigure(
        "Objects of the store that a delete marker hides, at the last look; absent before one."
    ),
    "recorder_delete_markers_looked_age_seconds": InstallationFigure(
        "How long ago the store was last looked through for delete markers; absent before one."
    ),
    "recorder_recordings_unlinked": InstallationFigure("Footage that belongs to no case."),
}


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a figure of the installation; labels in the order of its row."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


@contextlib.contextmanager
def timed(seconds: Histogram, *labels: str) -> Iterator[None]:
    """Observe how long the block takes, however it ends."""
    began = time.perf_counter()
    try:
        yield
    finally:
        (seconds.labels(*labels) if labels else seconds).observe(time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Processes:
    """Several processes of one service, of which one was asked."""

    #: Number of the one that was asked.
    number: int
    #: What the others told by ``own_exposition``, by their numbers.
    others: Mapping[int, str]


def own_exposition() -> str:
    """Everything counted in this process, as Prometheus reads it (0.0.4)."""
    return generate_latest(REGISTRY).decode()


def exposition(samples: Iterable[Sample], processes: Processes | None = None) -> str:
    """Everything counted in this process and the given samples, as Prometheus reads it (0.0.4).

    With ``processes``, what was counted in each of them, told apart by the label ``process``.
    """
    counted = REGISTRY
    if processes is not None:
        counted = CollectorRegistry()
        counted.register(_Counted({processes.number: own_exposition(), **processes.others}))
    asked = CollectorRegistry()
    asked.register(_Asked(list(samples)))
    return (generate_latest(counted) + generate_latest(asked)).decode()


class _Counted(Collector):
    """The texts of several processes, figure by figure."""

    def __init__(self, texts: Mapping[int, str]):
        self._texts = texts

    @override
    def collect(self) -> Iterable[Metric]:
        families: dict[str, Metric] = {}
        for number, text in sorted(self._texts.items()):
            for told in text_string_to_metric_families(text):
                family = families.setdefault(
                    told.name, Metric(told.name, told.documentation, told.type)
                )
                for sample in told.samples:
                    labels = {**sample.labels, "process": str(number)}
                    family.add_sample(sample.name, labels, sample.value)
        return families.values()


class _Asked(Collector):
    """The samples of one question, grouped under their names."""

    def __init__(self, samples: list[Sample]):
        self._samples = samples

    @override
    def collect(self) -> Iterable[Metric]:
        for name, figure in INSTALLATION.items():
            family = GaugeMetricFamily(name, figure.about, labels=figure.labels)
            for sample in self._samples:
                if sample.name == name:
                    family.add_metric(sample.labels, sample.value)
            yield family

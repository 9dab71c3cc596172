"""docs/reference/pipeline.md, printed from PIPELINE: ``python -m tests.support.pipeline_page``."""

from __future__ import annotations

from pathlib import Path

from recorder.domain.pipeline import PIPELINE, Task

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/pipeline.md"

_HEAD = """\
# Tasks

Printed from `PIPELINE` in `recorder/domain/pipeline.py`; a test holds this page to it. A task
starts when its event is recorded and its condition holds, in the same transaction. A *try* is
counted for an outside failure (store, disk or tool away) and for a worker that died; anything
else ends the run at once. Waits between tries: 1, 2, 5, 10, 30, 60, 120, then 300 s. A run that
ends without success raises the alarm `task_failed` and waits for a person's retry.
How it works: [design/pipeline.md](../design/pipeline.md).
"""

_WHAT = {
    "verify": "Reads the pinned version of the original back to its end, makes SHA-256 and SM3 in"
    " one pass, compares with what arrived and what the device declared. Ends in RecordingSealed"
    " or RecordingMismatched (with the alarm `recording_mismatched`).",
    "probe": "Reads the whole original with a confined prober: container, streams, damage, times,"
    " place; how it can be shown, and the reason words. Of long footage only a sample is decoded,"
    " so that it can be watched early. Odd footage is an answer, no failure. Ends in MediaProbed.",
    "poster": "One JPEG that stands for the recording. Only where there is a picture. Ends in"
    " RenditionMade.",
    "codes": "Reads QR codes in pictures of the first half minute, in a confined child; kept is"
    " what is a number with its year in brackets or the id of a scan"
    " ([design/attribution.md](../design/attribution.md)). Only where there is a picture. Ends in"
    " CodesFilmed, or in nothing.",
    "proxy": "An MP4 that every browser plays: copied where the codecs are right, else encoded"
    " (H.264, AAC, index first). Only where the original is not playable as it is. Ends in"
    " RenditionMade.",
    "examine": "Decodes what the probe left out, within three minutes of 1080p. Only after a probe"
    " that took a sample. Ends in MediaProbed again: damage found only now is flagged, and starts"
    " the proxy that it makes necessary.",
    "compact": "Puts the small objects of a livestream's original, 30 and more, in order into a few"
    " large locked ones, reads them back and compares every digest, and makes them the original"
    " ([design/live-compaction.md](../design/live-compaction.md)). Takes no slot of a queue; one"
    " at a time in each worker. Ends in RecordingCompacted, or in nothing where nothing may be"
    " changed. The small objects go later, when their own locks have ended.",
}


_REASONS_HEAD = """\
## Why a run failed

The code stands on the run, in its TaskFailed event and on the page of failed work. Codes of the
store and of media tools are those of [problems.md](problems.md).

| code | meaning | what to do |
|---|---|---|"""

_REASONS = {
    "original-missing": (
        "the pinned version of the original is not in the store; raises `recording_mismatched`,"
        " which is critical, as well",
        "restore the store, then retry; keep the device and its card",
    ),
    "original-differs": (
        "a small object of a livestream is not what arrived, or all of them are not what was"
        " sealed; they remain the original",
        "ask the store's operator; keep the device and its card; run `recorder audit`",
    ),
    "volume-differs": (
        "a large object reads back otherwise than it was written; it is given up and the small"
        " ones remain the original",
        "have the store's disks and network checked, then retry",
    ),
    "worker-lost": (
        "every worker that tried it died or vanished",
        "look at the workers' logs and memory, then retry",
    ),
    "task-timeout": ("it took longer than its limit", "look at the store's speed, then retry"),
    "internal-error": (
        "a mistake of ours, named in the detail",
        "report it; retry after an update",
    ),
    "not-probed": ("a rendition was asked for before the probe", "retry the probe first"),
    "recording-not-found": ("the row of its recording is gone", "run `recorder audit`"),
    "store-unavailable": (
        "the store stayed away for all tries",
        "bring it back, then retry",
    ),
    "rendition-failed": (
        "what it holds could not be turned into something that can be shown",
        "the original is sealed all the same; download it",
    ),
}


def page() -> str:
    """The whole page."""
    rows = [
        "| task | starts on | queue | limit | tries | priority |",
        "|---|---|---|---|---|---|",
        *(
            f"| `{t.name}` | {_starts(t)} | {t.queue.value} | {_time(t)} | {t.tries}"
            f" | {t.priority} |"
            for t in PIPELINE
        ),
    ]
    sections = [f"## {t.name}\n\n{_WHAT[t.name]}\n" for t in PIPELINE]
    reasons = [f"| `{code}` | {why} | {what} |" for code, (why, what) in _REASONS.items()]
    return "\n".join([_HEAD, *rows, "", *sections, _REASONS_HEAD, *reasons, ""])


def _starts(task: Task) -> str:
    return ", ".join(kind.__name__ for kind in task.starts_on)


def _time(task: Task) -> str:
    hours, minutes = divmod(task.limit_s // 60, 60)
    return f"{hours} h" if hours else f"{minutes} min"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")

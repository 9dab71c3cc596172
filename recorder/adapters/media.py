"""The media tool as the product sees it, and its implementation on ffmpeg and PyAV processes.

Footage is hostile: it is only ever opened by confined children (``media_process``,
``confinement``). What is wrong with the footage is a verdict (``MediaFacts``) or Unprocessable;
only what is wrong with our own side raises Unavailable or StorageFull, so that trying again is
kept for what trying again can help. Exit codes alone prove nothing: a rendition counts when the
tool said it reached the end, returned 0, and the result was read back with the right length.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Protocol

from recorder.adapters import media_commands, media_process
from recorder.adapters.confinement import SYSTEM_PATHS, Confinement, landlock_version
from recorder.adapters.media_children import Children, StartedChildren
from recorder.adapters.media_progress import Progress, ProgressReader
from recorder.adapters.media_source import MediaSource
from recorder.adapters.media_tally import clean
from recorder.domain.media import MediaFacts, Problem, RenditionPlan, Showable
from recorder.errors import InternalError, StorageFull, Unavailable, Unprocessable

__all__ = [
    "FfmpegTool",
    "MediaLimits",
    "MediaSource",
    "MediaTool",
    "OnProgress",
    "Progress",
    "RenditionOutcome",
    "find_ffmpeg",
]

#: Told how far a rendition is; at most about twice a second.
OnProgress = Callable[[Progress], Awaitable[None]]

_KEPT_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What one run may use before it is ended."""

    memory_bytes: int = 2 << 30
    #: No progress for this long ends a rendition.
    stall_s: float = 60.0
    #: The shortest and the longest time for one run, in seconds.
    least_s: float = 300.0
    most_s: float = 6 * 3600.0
    threads: int = 2


@dataclass(frozen=True, slots=True)
class RenditionOutcome:
    """A finished rendition and how it was made (R32)."""

    path: Path
    media_type: str
    length_bytes: int
    #: 0 for pictures.
    length_ms: int
    width: int
    height: int
    tool: str
    version: str
    #: The command, with paths and addresses replaced by ``{tool}``, ``{input}`` and ``{output}``.
    arguments: tuple[str, ...]
    confinement: str
    elapsed_ms: int
    #: The last lines of what the tool complained about although it came to the end.
    complaints: str = ""


class MediaTool(Protocol):
    """What the workers need from a media tool; tests put a faulty one in its place."""

    async def probe(
        self, source: MediaSource, original_name: str, *, quick: bool = False
    ) -> MediaFacts:
        """Read the whole original and say what is in it; odd footage is an answer, no error.

        A quick look decodes only a sample of what is long, and marks the answer ``first_look``.
        Raises Unavailable when the source, not the footage, failed.
        """
        ...

    async def codes(self, source: MediaSource) -> list[tuple[str, int]]:
        """Texts of QR codes in the first half minute, and the media time of each in milliseconds.

        Footage that cannot be read has none. Raises Unavailable when the source failed.
        """
        ...

    async def poster(self, source: MediaSource, facts: MediaFacts, out: Path) -> RenditionOutcome:
        """Write a JPEG at most 1280 pixels wide that stands for the recording.

        Raises Unprocessable ``rendition-failed`` when nothing of it can be shown.
        """
        ...

    async def proxy(
        self,
        source: MediaSource,
        facts: MediaFacts,
        plan: RenditionPlan,
        out: Path,
        on_progress: OnProgress,
    ) -> RenditionOutcome:
        """Write an MP4 that every browser plays. The folder of ``out`` must exist.

        When the call raises or is cancelled, nothing is left at ``out``. Raises Unprocessable
        ``rendition-failed`` or ``rendition-short``, Unavailable ``media-stalled`` or
        ``media-source-away``, StorageFull ``rendition-no-room``.
        """
        ...

    async def versions(self) -> Mapping[str, str]:
        """The tools and their versions, and what confinement is on."""
        ...


class FfmpegTool:
    """MediaTool on an ffmpeg binary for making and PyAV in a child for looking."""

    def __init__(
        self, ffmpeg: Path, *, limits: MediaLimits | None = None, children: Children | None = None
    ) -> None:
        self._ffmpeg = ffmpeg.resolve()
        self._limits = limits or MediaLimits()
        self._children = children or StartedChildren()
        self._versions: dict[str, str] = {}

    async def probe(
        self, source: MediaSource, original_name: str, *, quick: bool = False
    ) -> MediaFacts:
        # JSON columns refuse what is not printable, and people need not see it.
        original_name = clean(original_name, 1024)
        line, child = await self._look(
            "media_probe",
            source,
            self._time_s(source.length / (10 << 20)),
            {"name": original_name, "quick": quick},
        )
        return _probe_answer(source, original_name, line, child)

    async def codes(self, source: MediaSource) -> list[tuple[str, int]]:
        """See MediaTool."""
        line, child = await self._look("media_codes", source, self._limits.least_s, {})
        try:
            answer = json.loads(line) if child.code == 0 and not child.stopped else {}
            away, read = str(answer.get("away", "")), answer.get("codes", [])
            found = [(str(text), int(ms)) for text, ms in read]
        except (ValueError, TypeError, AttributeError):
            away, found = "", []
        if away or source.failure:
            raise Unavailable("media-source-away", away or source.failure)
        # A child that died of what it read has read nothing.
        return found

    async def _look(
        self, module: str, source: MediaSource, time_s: float, wanted: Mapping[str, object]
    ) -> tuple[str, media_process.Finished]:
        """What a child of ours answers about the original, and how it ended."""
        limits = Confinement(memory_bytes=self._limits.memory_bytes, cpu_s=int(time_s))
        request = {
            "path": "" if source.server is not None else source.location,
            "url": source.location if source.server is not None else "",
            "length": source.length,
            "silence_s": self._limits.stall_s,
            **wanted,
        }
        lines: list[str] = []

        async def on_line(line: str) -> bool:
            lines.append(line)
            return True

        child = await self._children.look(module, limits, request, on_line=on_line, time_s=time_s)
        return "".join(lines), child

    async def poster(self, source: MediaSource, facts: MediaFacts, out: Path) -> RenditionOutcome:
        """See MediaTool. A frame a tenth into the film; the first one where that fails."""
        if facts.showable is Showable.NONE:
            raise Unprocessable("rendition-failed", "There is nothing in it that can be shown.")

        async def ignore(_: Progress) -> None:
            return None

        for from_start in (False, True):
            command = media_commands.poster(
                self._ffmpeg, source.location, facts, out,
                threads=self._limits.threads, from_start=from_start,
            )  # fmt: skip
            try:
                return await self._make(source, facts, command, out, ignore, is_picture=True)
            except Unprocessable:
                if from_start:
                    raise
        raise InternalError("rendition-unreachable", "Both tries ended without an answer.")

    async def proxy(
        self,
        source: MediaSource,
        facts: MediaFacts,
        plan: RenditionPlan,
        out: Path,
        on_progress: OnProgress,
    ) -> RenditionOutcome:
        if not plan.needs_proxy:
            raise InternalError("rendition-not-needed", "There is nothing to make for this plan.")
        command = media_commands.proxy(
            self._ffmpeg, source.location, facts, plan, out, threads=self._limits.threads
        )
        return await self._make(source, facts, command, out, on_progress, is_picture=False)

    async def versions(self) -> Mapping[str, str]:
        if not self._versions:
            lines: list[str] = []

            async def on_line(line: str) -> bool:
                lines.append(line)
                return True

            child = await media_process.run(
                [str(self._ffmpeg), "-version"], on_line=on_line, time_s=30
            )
            if child.code or not lines:
                raise Unavailable("media-tool-missing", f"{self._ffmpeg.name} gave no version.")
            words = lines[0].split()
            landlock = landlock_version()
            self._versions = {
                "ffmpeg": words[2] if len(words) > 2 else lines[0],
                "pyav": metadata.version("av"),
                "confinement": f"rlimits+landlock-{landlock}" if landlock else "rlimits",
            }
        return self._versions

    async def _make(
        self,
        source: MediaSource,
        facts: MediaFacts,
        command: list[str],
        out: Path,
        on_progress: OnProgress,
        *,
        is_picture: bool,
    ) -> RenditionOutcome:
        versions = await self.versions()
        started = time.monotonic()
        reader = ProgressReader(0 if is_picture else facts.length_ms, on_progress)
        finished = False
        try:
            child = await self._children.launch(
                self._confinement(source, facts, out),
                command,
                on_line=reader.read,
                time_s=self._time_s(facts.length_ms * 4 / 1000),
                # Moving the index to the front writes the file again without a sign of life.
                stall_s=self._limits.stall_s + source.length / (50 << 20),
            )
            _judge_run(source, child, reader.ended, out)
            # Our own encoder wrote it: a sample of its pictures, and every packet.
            made = await self.probe(MediaSource(path=out), out.name, quick=True)
            _judge_result(facts, made, is_picture=is_picture)
            await reader.complete()
            finished = True
        finally:
            if not finished:
                out.unlink(missing_ok=True)
        video = made.video
        return RenditionOutcome(
            path=out,
            media_type="image/jpeg" if is_picture else _mp4_type(made),
            length_bytes=out.stat().st_size,
            length_ms=0 if is_picture else made.length_ms,
            width=video.width if video else 0,
            height=video.height if video else 0,
            tool="ffmpeg",
            version=versions["ffmpeg"],
            arguments=_without_places(command, str(self._ffmpeg), source.location, str(out)),
            confinement=versions["confinement"],
            elapsed_ms=int((time.monotonic() - started) * 1000),
            complaints=child.complaints[-_KEPT_CHARS:],
        )

    def _confinement(self, source: MediaSource, facts: MediaFacts, out: Path) -> Confinement:
        is_url = source.server is not None
        readable = (*SYSTEM_PATHS, str(self._ffmpeg))
        return Confinement(
            memory_bytes=self._limits.memory_bytes,
            cpu_s=int(self._time_s(facts.length_ms * 4 / 1000)) * self._limits.threads,
            # A copy is as long as its source; an encoded one stays under 4 Mbit/s.
            file_bytes=(64 << 20) + source.length + facts.length_ms * 500,
            readable=readable if is_url else (*readable, source.location),
            writable=(str(out.parent.resolve()),),
            ports=(source.server.port,) if source.server is not None else (),
        )

    def _time_s(self, wanted_s: float) -> float:
        return min(self._limits.most_s, self._limits.least_s + wanted_s)


def _probe_answer(
    source: MediaSource, original_name: str, line: str, child: media_process.Finished
) -> MediaFacts:
    """The child's facts, or what its silence means."""
    try:
        answer = json.loads(line) if child.code == 0 and not child.stopped else {}
        if "facts" in answer:
            return MediaFacts.from_json(answer["facts"])
        away = str(answer.get("away", ""))
    except (ValueError, TypeError, AttributeError):
        away = ""
    if away or source.failure:
        raise Unavailable("media-source-away", away or source.failure)
    last = child.complaints.strip().splitlines()
    why = child.stopped or f"code {child.code}"
    return MediaFacts(
        problem=Problem.DAMAGED,
        note=f"The prober ended without an answer ({why}): {last[-1] if last else ''}"[:300],
        original_name=original_name,
    )


def _judge_run(source: MediaSource, child: media_process.Finished, ended: bool, out: Path) -> None:
    """Raise unless the tool came to its end and left something."""
    if source.failure:
        raise Unavailable("media-source-away", source.failure)
    if child.stopped == "stall":
        raise Unavailable("media-stalled", "The media tool made no progress and was ended.")
    tail = child.complaints.strip()[-_KEPT_CHARS:]
    if "No space left on device" in tail:
        raise StorageFull("rendition-no-room", "There is no room to write the rendition.")
    if child.stopped or child.code or not ended:
        why = "it ran too long" if child.stopped else f"code {child.code}"
        raise Unprocessable(
            "rendition-failed", f"The media tool did not come to its end: {why}.", complaints=tail
        )
    if not out.exists() or out.stat().st_size == 0:
        raise Unprocessable(
            "rendition-failed", "The media tool wrote nothing that can be shown.", complaints=tail
        )


def _judge_result(facts: MediaFacts, made: MediaFacts, *, is_picture: bool) -> None:
    """Raise unless the result reads back whole and as long as the original decodes."""
    if made.problem or made.truncated or made.damaged:
        raise Unprocessable("rendition-failed", f"The result does not read back: {made.note}")
    if is_picture:
        return
    # What could not be decoded cannot be in the result; everything else must be.
    slack_ms = max(1000, facts.length_ms // 50)
    if not (facts.damaged or facts.truncated) and made.length_ms < facts.length_ms - slack_ms:
        raise Unprocessable(
            "rendition-short",
            "The result is shorter than the original.",
            expected_ms=facts.length_ms,
            found_ms=made.length_ms,
        )


def _mp4_type(made: MediaFacts) -> str:
    return "video/mp4" if made.video is not None else "audio/mp4"


def _without_places(command: list[str], tool: str, source: str, out: str) -> tuple[str, ...]:
    """The command as it is kept for ever: no folder, no one-time address."""
    names = {tool: "{tool}", source: "{input}", f"file:{source}": "{input}", out: "{output}"}
    return tuple(names.get(word, word) for word in command)


async def find_ffmpeg(configured: str, fallback: Path | None = None) -> Path:
    """The ffmpeg to use: the configured path, else the fallback, else the one in PATH.

    Raises Unavailable ``media-tool-missing`` with a sentence that says what to do.
    """
    if configured:
        candidates = [Path(configured)]
    else:
        places = [Path(place) / "ffmpeg" for place in os.get_exec_path()]
        candidates = [fallback, *places] if fallback is not None else places
    for candidate in candidates:
        if await asyncio.to_thread(os.access, candidate, os.X_OK):
            return candidate
    raise Unavailable(
        "media-tool-missing",
        "No ffmpeg was found: install it, or name its path in the configuration.",
    )

"""Progress that people see never falls, never lies about the end, and survives nonsense."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.adapters.media_progress import Progress, ProgressReader


async def read(total_ms: int, text: str) -> tuple[ProgressReader, list[Progress], list[bool]]:
    seen: list[Progress] = []

    async def listen(progress: Progress) -> None:
        seen.append(progress)

    reader = ProgressReader(total_ms, listen)
    moved = [await reader.read(line) for line in text.splitlines()]
    return reader, seen, moved


def block(us: object, speed: str = "2.00x", end: bool = False, size: int = 0) -> str:
    last = "end" if end else "continue"
    return f"out_time_us={us}\ntotal_size={size}\nspeed={speed}\nprogress={last}\n"


async def test_percent_speed_and_time_left_come_from_one_block() -> None:
    _, seen, _ = await read(10_000, block(2_500_000))
    assert seen == [Progress(25, 2500, 10_000, 200, 3)]


async def test_the_end_is_not_one_hundred_until_the_result_was_checked() -> None:
    reader, seen, _ = await read(10_000, block(12_000_000, end=True))
    assert (reader.ended, seen[-1].percent) == (True, 99)
    await reader.complete()
    assert (seen[-1].percent, seen[-1].eta_s) == (100, 0)


async def test_a_block_without_news_is_no_progress() -> None:
    _, _, moved = await read(10_000, block(1_000_000) + block(1_000_000) + block(1_000_000, size=9))
    assert [moved[3], moved[7], moved[11]] == [True, False, True]


async def test_an_unknown_length_still_shows_the_time_done() -> None:
    _, seen, _ = await read(0, block(1_000_000))
    assert seen == [Progress(0, 1000, 0, 200, None)]


async def test_words_instead_of_numbers_are_unknown() -> None:
    _, seen, _ = await read(10_000, block("N/A", "N/A") + block(-5, "nan") + block(1, "infx"))
    assert [(p.percent, p.speed_percent) for p in seen] == [(0, 0), (0, 0), (0, 0)]


@given(st.lists(st.integers(-(10**9), 10**12), max_size=30), st.integers(0, 10**7))
async def test_percent_never_falls_and_stays_under_one_hundred(
    times: list[int], total_ms: int
) -> None:
    _, seen, _ = await read(total_ms, "".join(block(us) for us in times))
    percents = [p.percent for p in seen]
    assert percents == sorted(percents)
    assert all(0 <= percent <= 99 for percent in percents)

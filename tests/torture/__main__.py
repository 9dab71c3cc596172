"""``make torture [LIVE=1] [N=…] [SEED=…] [STORE=…] [MINUTES=…] [OUT=…]``: random faults, N of them.

``MATRIX=1``: instead every point × before and after × error and each victim, once.
Files and livestreams have rounds of their own: one of livestreams takes seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from pathlib import Path

from recorder.services.audit import Level
from tests.torture import report
from tests.torture.live_rounds import run_live_round
from tests.torture.promises import broken_promises, given_up
from tests.torture.rounds import MIB, run_round
from tests.torture.schedule import FILES, FOLDER, LIVE, Fault, matrix, matrix_faults, random_faults
from tests.torture.stand import FOLDER as FOLDER_STAND
from tests.torture.stand import Crew, Stand, open_stand

_FAULTS_IN_A_ROUND = 40
_FAULTS_IN_A_LIVE_ROUND = 12
#: Of livestreams all objects of all rounds are asked for only so often.
_AUDIT_EACH = 25
#: Several of each, so that what one leaves another takes up.
_CREWS = {
    False: Crew(services=2, workers=2),
    True: Crew(services=2, workers=2, ingests=2, has_drawer=False),
}


async def main(options: argparse.Namespace) -> int:
    """0 when every promise was kept in every round."""
    print(f"seed {options.seed}, store {options.store}", flush=True)
    files = FOLDER if options.store == FOLDER_STAND else FILES
    job = LIVE if options.live else files
    run = report.Run(options.seed, options.store, first=options.first, job=job)
    if options.matrix:
        run.left = matrix(job)
    ends_at = time.monotonic() + 60 * options.minutes
    async with open_stand(options.store, _CREWS[options.live]) as stand:
        while _goes_on(run, options.n) and time.monotonic() < ends_at:
            await (_live_round if options.live else _round)(stand, run)
            run.given_up = len(await given_up(stand))
            last = run.outcomes[-1]
            print(
                f"round {run.next_round - 1}: {len(last.fired)} struck"
                f" ({_progress(run, options.n)}), {last.seconds:.0f} s,"
                f" {'; '.join(last.broken) or 'all kept'}",
                flush=True,
            )
            if options.out:
                options.out.write_text(report.text(run))
            if last.broken:
                print(*(f"  {fault}" for fault in last.fired), sep="\n", flush=True)
                if not options.keep_going:
                    return 1
        # Everything that was ever sent in this run is read back once more.
        run.at_the_end = await broken_promises(stand, Level.DIGEST)
    print(f"at the end: {'; '.join(run.at_the_end) or 'all kept'}", flush=True)
    if options.out:
        options.out.write_text(report.text(run))
    return 1 if run.at_the_end or any(each.broken for each in run.outcomes) else 0


def _goes_on(run: report.Run, count: int) -> bool:
    return run.fired < count if run.left is None else bool(run.left)


def _progress(run: report.Run, count: int) -> str:
    if run.left is None:
        return f"{run.fired} of {count}"
    return f"{len(run.left)} fields of the matrix left"


def _faults(run: report.Run, chance: random.Random, count: int) -> list[Fault]:
    if run.left is None:
        return random_faults(chance, count, run.job)
    return matrix_faults(chance, run.left, count, run.job)


async def _round(stand: Stand, run: report.Run) -> None:
    number = run.next_round
    # A round is repeated by its seed and number, whatever came before.
    chance = random.Random(f"{run.seed}/{number}")
    faults = _faults(run, chance, _FAULTS_IN_A_ROUND)
    lengths = (17 * MIB + chance.randrange(MIB), 2 * MIB + chance.randrange(MIB), 1_000_000)
    run.note(
        await run_round(stand, faults, number=number, lengths=lengths, proxied=number % 2 == 0)
    )


async def _live_round(stand: Stand, run: report.Run) -> None:
    number = run.next_round
    chance = random.Random(f"{run.seed}/live/{number}")
    faults = _faults(run, chance, _FAULTS_IN_A_LIVE_ROUND)
    level = Level.SIZE if number % _AUDIT_EACH == _AUDIT_EACH - 1 else None
    run.note(await run_live_round(stand, faults, number=number, level=level))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("--live", action="store_true", help="rounds of livestreams")
    parser.add_argument("--n", type=int, default=100, help="faults that must have struck")
    parser.add_argument("--matrix", action="store_true", help="each point, side and victim once")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument(
        "--store", choices=("versitygw", "minio", FOLDER_STAND), default="versitygw"
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first round")
    parser.add_argument("--minutes", type=float, default=600.0, help="no round begins later")
    parser.add_argument("--out", type=Path, help="file for the report")
    parser.add_argument("--keep-going", action="store_true", help="do not end at a broken promise")
    options = parser.parse_args()
    if options.live and options.store == FOLDER_STAND:
        parser.error("livestreams are struck on an S3 server")
    return options


if __name__ == "__main__":
    sys.exit(asyncio.run(main(_arguments())))

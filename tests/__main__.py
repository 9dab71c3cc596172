"""The test run: every check beside every test, with each server started once.

    python -m tests             everything (make test)
    python -m tests check       format, lint, types, imports, unit (make check)
    python -m tests coverage    everything, with branch coverage (make coverage)

All steps run even after one has failed. It ends with pytest's closing line over all tests and
exit code 0 only if nothing failed.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.support import footage, node, operator_tools, postgres, redis, s3, servers, system

BIN = Path(sys.executable).parent
CHECKS = {
    "types": [str(BIN / "mypy")],
    "format": [str(BIN / "ruff"), "format", "--check", "."],
    "lint": [str(BIN / "ruff"), "check", "--output-format=concise", "."],
    "imports": [str(BIN / "lint-imports"), "--no-logo"],
    "advisories": [sys.executable, "-m", "tests.support.advisories"],
}
#: Of these the words count too when nothing failed.
SAYS_MORE = ("advisories",)
#: What decides about evidence, proofs and failures: not one branch without a test.
WITHOUT_GAPS = (
    "recorder/domain/*",
    "recorder/ledger/*",
    "recorder/errors.py",
    "recorder/web/problems.py",
)
#: Test workers for what only computes; the machines we count on have two cores.
WORKERS = "2"
#: For what starts processes, and waits for them and for a client's pauses, more than it computes.
WAITING_WORKERS = "3"
#: The long files begin first (tests/conftest.py), each in one worker.
IN_ORDER = ("--dist=loadfile", "--no-loadscope-reorder")
#: No test asks the world, so none needs its authorities; every process that speaks HTTP would load
#: them all, twice.
NO_AUTHORITIES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
#: Continuous integration gives a test a second try and names it (decision 0011); people see the
#: first failure.
SECOND_TRY = ("--reruns=1", "-rR") if os.environ.get("CI") else ()


@dataclass
class Run:
    """What happened so far."""

    reports: Path
    coverage: bool = False
    began: float = field(default_factory=time.monotonic)
    failed: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Print one line with the seconds since the start."""
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", flush=True)

    def checks(self) -> None:
        """Run format, lint, types, import rules and advisories, one by one beside the tests."""
        self.failed += [name for name in CHECKS if not self._check(name)]

    def _check(self, name: str) -> bool:
        done = subprocess.run(
            CHECKS[name],
            cwd=servers.REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        good = done.returncode == 0
        word = "FAILED" if not good else done.stdout.strip() if name in SAYS_MORE else "good"
        self.say(f"{name}: {word}" + ("" if good else f"\n{done.stdout}"))
        return good

    def tests(self, kinds: Sequence[str], *options: str) -> None:
        """Run these folders of tests as one."""
        named = " and ".join(kinds)
        self.say(f"{named} tests")
        report = self.reports / f"{'-'.join(kinds)}.xml"
        measured = ["coverage", "run", "-m"] if self.coverage else []
        done = subprocess.run(
            [
                *(sys.executable, "-m", *measured, "pytest", "-q"),
                *(f"tests/{kind}" for kind in kinds),
                *("--durations=40", "--durations-min=4", f"--junitxml={report}", *options),
            ],
            cwd=servers.REPOSITORY,
            env={**os.environ, **NO_AUTHORITIES},
            stdin=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode != 0:
            self.failed.append(f"{named} tests")

    def bars(self) -> None:
        """Print what no test reached; fail below the bar of all code or of the strict modules."""
        whole = [f"--include={','.join(WITHOUT_GAPS)}", "--fail-under=100", "--precision=2"]
        for arguments in (["combine", "-q"], ["report"], ["report", *whole]):
            done = subprocess.run([sys.executable, "-m", "coverage", *arguments], check=False)
            if done.returncode != 0:
                self.failed.append(" ".join(["coverage", *arguments]))

    def close(self) -> int:
        """Print what failed and the closing line; give the exit code."""
        if self.failed:
            print(f"Failed: {', '.join(self.failed)}.")
        print(_closing_line(self.reports, time.monotonic() - self.began), flush=True)
        return 1 if self.failed else 0


def _closing_line(reports: Path, seconds: float) -> str:
    """The sum of all reports in the form of pytest's own last line."""
    suites = [
        suite
        for file in reports.glob("*.xml")
        for suite in ElementTree.parse(file).iter("testsuite")
    ]

    def total(name: str) -> int:
        return sum(int(suite.get(name, 0)) for suite in suites)

    failed, errors, skipped = total("failures"), total("errors"), total("skipped")
    counts = {
        "failed": failed,
        "passed": total("tests") - failed - errors - skipped,
        "skipped": skipped,
        "errors": errors,
    }
    words = ", ".join(f"{n} {word}" for word, n in counts.items() if n) or "no tests ran"
    minutes, rest = divmod(int(seconds), 60)
    return f" {words} in {seconds:.2f}s (0:{minutes:02d}:{rest:02d}) ".center(79, "=")


@contextlib.contextmanager
def _all_servers(s3_binaries: Callable[[], None]) -> Iterator[None]:
    """Start every server once; their addresses stand in the environment while inside."""
    with contextlib.ExitStack() as stack:

        def provide(variable: str, server: servers.Server, url: Callable[[int], str]) -> None:
            stack.callback(server.stop)
            os.environ[variable] = url(server.port)

        provide(postgres.VARIABLE, postgres.start(), postgres.admin_url)
        provide(redis.VARIABLE, redis.start(), redis.url)
        s3_binaries()
        for name, variable in s3.VARIABLES.items():
            provide(variable, s3.start(name), s3.url)
        yield


@contextlib.contextmanager
def _own_scratch() -> Iterator[Path]:
    """One temporary folder for the whole run; what tests and tools leave behind goes with it.

    Its name is short, since the sockets of the embedded servers lie below it.
    """
    with tempfile.TemporaryDirectory(
        prefix="t-", dir=_open_to_all(), ignore_cleanup_errors=True
    ) as place:
        scratch = Path(place) / "t"
        scratch.mkdir()
        # Some tests act as users who are neither us nor root, and must find their folders.
        Path(place).chmod(0o755)
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
        # What GStreamer knows of its plugins would lie in the home folder.
        os.environ["GST_REGISTRY"] = str(scratch / "gstreamer-registry")
        yield Path(place)


def _open_to_all() -> Path:
    """The usual place of temporary files, or one that users without rights reach as well."""
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108
    return next(
        (
            place
            for place in places
            if place.is_dir() and all(p.stat().st_mode & 0o001 for p in (place, *place.parents))
        ),
        places[0],
    )


def _prepare() -> None:
    """Fill the cache folder; only the first run on a machine takes minutes here."""
    node.modules()
    footage.folder()
    for name in s3.SOURCES:
        s3.binary(name)


def _prepare_tools() -> None:
    """Fill the cache folder with what only end-to-end tests need."""
    for name in operator_tools.SOURCES:
        operator_tools.binary(name)


def _wait_for(preparing: Future[None], run: Run, what: str) -> None:
    if not preparing.done():
        run.say(f"waiting for {what} to be built (minutes, once for each machine)")
    preparing.result()


def main(mode: str) -> int:
    """Run the steps of the mode and give the exit code."""
    # Some hundred processes of the product start in a run: only the first compiles its modules.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with (
        _own_scratch() as reports,
        ThreadPoolExecutor(1) as background,
        ThreadPoolExecutor(1) as beside,
    ):
        run = Run(reports, coverage=mode == "coverage")
        if mode == "check":
            checking = beside.submit(run.checks)
            run.tests(["unit"], "-n", WORKERS)
            checking.result()
            return run.close()
        system.provide()
        preparing = background.submit(_prepare)
        # Behind the servers.
        tools = background.submit(_prepare_tools)
        checking = beside.submit(run.checks)
        run.tests(["unit"], "-n", WORKERS)
        with _all_servers(lambda: _wait_for(preparing, run, "the S3 servers")):
            _wait_for(tools, run, "promtool, helm and kubeconform")
            options = ("-n", WAITING_WORKERS, *SECOND_TRY, *IN_ORDER)
            run.tests(["integration", "e2e"], *options)
        checking.result()
        if run.coverage:
            run.bars()
        return run.close()


if __name__ == "__main__":
    try:
        sys.exit(main(" ".join(sys.argv[1:])))
    except (servers.ServerFailed, system.SystemLacks) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)

"""Known vulnerabilities fail the check; a silent database is said to be silent."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typing_extensions import override

from tests.support import advisories, licences

TODAY = datetime.date(2026, 11, 30)


class Database(BaseHTTPRequestHandler):
    """OSV's answer by its documented form: one result for each query, empty where none is known."""

    cut = False

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        bad = {"package": {"name": "aiohttp", "ecosystem": "PyPI"}, "version": "3.8.0"}
        results = [{"vulns": [{"id": "GHSA-1"}]} if query == bad else {} for query in asked]
        body = json.dumps({"results": results[1:] if self.cut else results}).encode()
        self.send_response(200 if self.path == "/v1/querybatch" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of the tests clean."""


@pytest.fixture
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    kind = type("Kind", (Database,), {"cut": getattr(request, "param", False)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def package(name: str, version: str, used: str = "runtime") -> licences.Package:
    return licences.Package(name, version, used, "MIT")


def test_what_is_known_against_a_package_is_named(address: str) -> None:
    asked = [
        package("aiohttp", "3.8.0"),
        package("aiohttp", "3.12.0"),
        package("aiohttp", "3.8.0", "pages (npm)"),
    ]
    assert advisories.ask(address, asked) == {"aiohttp 3.8.0": ["GHSA-1"]}


@pytest.mark.parametrize("address", [True], indirect=True)
def test_an_answer_that_leaves_something_out_is_none(address: str) -> None:
    with pytest.raises(advisories.NoAnswer, match="0 answers to 1 questions"):
        advisories.ask(address, [package("aiohttp", "3.8.0")])


def test_a_silent_database_is_no_clean_one(capsys: pytest.CaptureFixture[str]) -> None:
    nobody, asked = "http://127.0.0.1:9", [package("aiohttp", "3.12.0")]
    assert advisories.report(nobody, asked) == 0
    assert advisories.report(nobody, asked, strict=True) == 2
    assert capsys.readouterr().out.count("NOT ASKED, nothing is known of 1 packages") == 2


def test_all_that_is_locked_is_asked_for_and_what_is_known_fails(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = licences.packages()
    assert advisories.report(address, locked, strict=True) == 0
    assert capsys.readouterr().out == f"none known against {len(locked)} packages\n"
    assert advisories.report(address, [*locked, package("aiohttp", "3.8.0")]) == 1
    assert capsys.readouterr().out == "aiohttp 3.8.0: GHSA-1\n"


def test_an_accepted_advisory_counts_again_after_its_day() -> None:
    found = {"x 1": ["GHSA-1", "GHSA-2"]}
    accepted = {
        "GHSA-1": ("not reached", TODAY),
        "GHSA-2": ("not reached", datetime.date(2026, 1, 1)),
    }
    assert advisories.open_ones(found, accepted, TODAY) == ["x 1: GHSA-2"]

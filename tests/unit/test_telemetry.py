"""Log lines: one JSON object each, with the request, recording and run that they belong to."""

from __future__ import annotations

import json
import logging

from recorder import telemetry


def _line(message: str, *, failure: BaseException | None = None, **facts: object) -> dict[str, str]:
    error = (type(failure), failure, failure.__traceback__) if failure else None
    record = logging.LogRecord("x", logging.WARNING, "", 0, message, None, error)
    record.facts = facts
    text = telemetry.JsonLines().format(record)
    assert "\n" not in text
    said: dict[str, str] = json.loads(text)
    return said


def test_a_line_names_what_it_belongs_to_and_nothing_that_is_over() -> None:
    with telemetry.bind(request="r-1"):
        with telemetry.bind(run=7, recording="rec-1"):
            inner = _line("inside", code="store-unavailable")
        outer = _line("between")
    after = _line("after")
    assert (inner["request"], inner["run"], inner["recording"]) == ("r-1", "7", "rec-1")
    assert (inner["level"], inner["message"]) == ("warning", "inside")
    assert inner["code"] == "store-unavailable"
    assert (outer["request"], "run" in outer) == ("r-1", False)
    assert "request" not in after


def test_a_failure_and_a_message_of_many_lines_are_one_line() -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError as failure:
        said = _line("a\nb", failure=failure)
    assert said["message"] == "a\nb"
    assert said["error"].endswith("ValueError: first\nsecond\n")

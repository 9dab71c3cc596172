"""What a support bundle may show of texts: what happened, and nothing of whom or which case."""

from __future__ import annotations

import json

import pytest

from recorder.commands import support_bundle
from recorder.config import read_config
from recorder.services import support

RUN = "019a2143-8cd1-74d7-8c70-091817e5b50b"


@pytest.mark.parametrize(
    "text",
    [
        "深市监罚〔2026〕12号", "案件 12 张三", "SZ-2026-000123", "TA00716_440301_20260302.mp4",
        "440301199001011234", "'officer wang'", '"Zhang San"', "Key (search_key)=(SZ12) already",
        "/srv/footage/TA00716.mp4", "010-88886666", "A1234",
    ],
)  # fmt: skip
def test_what_may_be_a_name_or_a_number_is_taken_out(text: str) -> None:
    shown = support.tidy(f"it failed with {text} twice")
    assert text not in shown
    assert shown.startswith("it failed with ")
    assert shown.endswith(" twice")
    assert "…" in shown


@pytest.mark.parametrize(
    "text",
    [
        f"run {RUN} failed after 12 s", "2026-11-25T20:28:32.123+00:00 ERROR: deadlock detected",
        "The database does not answer.", "recorder/services/tasks.py:97 give_back",
    ],
)  # fmt: skip
def test_what_helps_stays(text: str) -> None:
    assert support.tidy(text) == text


def test_a_bare_name_in_latin_letters_stays_and_the_bundle_says_so() -> None:
    assert support.tidy("it failed with Zhang San twice") == "it failed with Zhang San twice"
    assert "NOT taken out" in support_bundle.ABOUT


def test_a_line_of_ours_keeps_its_known_fields_and_the_places_of_a_failure() -> None:
    trace = (
        'Traceback (most recent call last):\n  File "/opt/x/recorder/services/tasks.py", line 97,'
        " in fail\n    raise ValueError('深市监罚〔2026〕12号')\n"
        "ValueError: Zhang San in SZ-2026-000123\n"
    )
    line = {
        "at": "2026-11-25T20:28:32.123+00:00", "level": "error", "message": "a task failed: 张三",
        "run": RUN, "file_name": "x.mp4", "officer": "Zhang San", "status": 500, "error": trace,
    }  # fmt: skip
    shown = json.loads(support.log_lines(json.dumps(line, ensure_ascii=False)))
    assert shown == {
        "at": line["at"], "level": "error", "message": "a task failed: …", "run": RUN,
        "status": 500, "error": "recorder/services/tasks.py:97 fail ['ValueError']",
    }  # fmt: skip


def test_lines_in_which_postgresql_quotes_what_it_was_given_are_left_out() -> None:
    log = (
        '2026-11-25 20:28:32.100 UTC [812] ERROR:  duplicate key violates "case_key"\n'
        "2026-11-25 20:28:32.100 UTC [812] DETAIL:  Key (key)=(SZ12) already exists.\n"
        "2026-11-25 20:28:32.100 UTC [812] STATEMENT:  INSERT INTO person\n"
        "\tVALUES (Zhang San)\n"
    )
    assert support.log_lines(log) == (
        "2026-11-25 20:28:32.100 UTC … ERROR:  duplicate key violates …\n"
    )


def test_settings_say_only_whether_there_is_a_secret() -> None:
    config = read_config(
        {
            "RECORDER_DATABASE_URL": "postgresql://web:sesame-open@db/recorder",
            "RECORDER_OBJECTS": "s3",
            "RECORDER_S3_ENDPOINT": "store:9000",
            "RECORDER_S3_ACCESS_KEY": "access-word",
            "RECORDER_S3_SECRET_KEY": "secret-word",
            "RECORDER_SIGNING_KEY_FILE": "/keys/signing.key",
        }
    )
    told = support.settings(config)
    assert told["database_url"] == told["s3_access_key"] == told["s3_secret_key"] == "(set)"
    assert told["redis_url"] is None
    assert (told["s3_endpoint"], told["store_threads"]) == ("store:9000", 8)
    words = "password sesame-open, keys access-word and secret-word, postgresql://web:sesame-open@db/recorder"
    left = support.without(words, support.secrets_of(config))
    assert left == "password (secret), keys (secret) and (secret), (secret)"

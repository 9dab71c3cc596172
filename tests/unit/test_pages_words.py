"""Nothing on a page is left without a word, and no word without its Chinese."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from recorder.domain.alarm import AlarmCode, Severity
from recorder.domain.attribution import Evidence
from recorder.domain.case import CaseState, LinkOrigin, Scheme, Stage
from recorder.domain.case_event import EventKind
from recorder.domain.case_mention import MentionKind
from recorder.domain.events import CustodyEvent, SubjectKind
from recorder.domain.gateway import Refusal
from recorder.domain.ids import AlarmId, new_uuid
from recorder.domain.media import MediaFacts, Problem, Showable
from recorder.domain.people import ActorKind, Role
from recorder.domain.pipeline import TASKS
from recorder.domain.provenance import Camera, ContentReview, ProvenanceKind
from recorder.domain.recording import Flag, QuarantineReason
from recorder.domain.restriction import RestrictionGround
from recorder.domain.upload import UploadState
from recorder.errors import RecorderError
from recorder.services.alarms import Alarm
from recorder.services.audit import CODES
from recorder.services.casework import SoughtBy
from recorder.services.registry import DEVICE_STATES
from recorder.web import i18n
from recorder.web.pages import finding_words, sentences, words, work_explanations
from recorder.web.pages.rendering import environment

WEB = Path(words.__file__).parents[1]
#: Reason words that footage gets beside the problems themselves (tests/footage/README.md).
MEDIA_FLAGS = set(re.findall(r"`([a-z0-9_]+)`", (WEB.parents[1] / "tests/footage/README.md")
                             .read_text())) - {"h264_mp4toannexb"}  # fmt: skip


SERVICES = WEB.parent / "services"
ROOT = WEB.parents[1]
#: Raised beside the steps: at the start, for people, and when a run has another owner.
NEVER_A_FAILURE = {
    "import-too-large", "import-unreadable", "migrations-pending",
    "pull-address-forbidden", "pull-address-invalid", "pull-object-refused", "pull-place-lost",
    "pull-query-invalid", "pull-unreachable", "run-lost", "staged-piece-damaged",
    "store-address-malformed", "task-run-not-failed", "task-run-not-found",
}  # fmt: skip
KINDS = {kind.__name__ for kind in RecorderError.__subclasses__()}
#: Failures that no page can lead to.
MACHINES_ONLY = {
    "agency-exists", "case-number-vanished", "case-state-unknown", "enrolment-refused",
    "limit-invalid", "poster-not-found", "push-key-expired", "search-ambiguous",
    "simulated-beside-footage", "token-unknown",
}  # fmt: skip


def _messages() -> set[str]:
    """Every message id of templates and words."""
    found: set[str] = set()
    method = {"newstyle_gettext": "true"}
    rows = extract_from_dir(WEB / "templates", [("**.html", "jinja2")], {"**.html": method})
    for _file, _line, message, *_rest in rows:
        found.add(message if isinstance(message, str) else message[0])
    for group in (*words.WORDS.values(), *words.ADVICE.values()):
        found.update(group.values())
    for told in (work_explanations.ALARMS, work_explanations.TASK_FAILURES):
        found.update(form for forms in told.values() for form in forms)
    found.update(work_explanations.STEPS.values())
    found.add(work_explanations.TASK_FAILED)
    found.update(text for told in finding_words.SENTENCES.values() for text in told)
    found.update(text for rather in finding_words.RATHER.values() for _fact, text in rather)
    found.update(one for _seconds, one, _many in finding_words.UNITS)
    for group in (finding_words.SEVERITIES, finding_words.CONFIDENCES, finding_words.STATES):
        found.update(group.values())
    return found


def test_every_text_has_its_chinese_and_no_chinese_is_left_over() -> None:
    assert set(i18n.catalogue(i18n.CHINESE).messages) == _messages()


def test_no_group_of_words_stands_under_two_subjects() -> None:
    assert len(words.WORDS) == sum(len(subject.WORDS) for subject in words.SUBJECTS)


def test_no_text_has_two_translations() -> None:
    catalogue = (WEB / "locale/zh_CN/LC_MESSAGES/recorder.po").read_text()
    ids = re.findall(r'^msgid ((?:".*"\n)+)msgstr', catalogue, re.M)
    assert len(ids) > 500
    assert len(ids) == len(set(ids))


def test_placeholders_are_the_same_in_both_languages() -> None:
    mark = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
    for english, chinese in i18n.catalogue(i18n.CHINESE).messages.items():
        assert sorted(mark.findall(english)) == sorted(mark.findall(chinese)), english


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("stage", Stage), ("scheme", Scheme), ("case_state", CaseState), ("origin", LinkOrigin),
        ("alarm", AlarmCode), ("severity", Severity), ("role", Role), ("actor", ActorKind),
        ("showable", Showable), ("flag", Flag), ("quarantine", QuarantineReason),
        ("upload_state", UploadState), ("refusal", Refusal), ("evidence", Evidence),
        ("scene", EventKind), ("restriction", RestrictionGround), ("provenance", ProvenanceKind),
        ("camera", Camera), ("content_review", ContentReview), ("mention", MentionKind),
        ("sought_by", SoughtBy),
    ],
)  # fmt: skip
def test_every_code_of_the_product_has_a_word(group: str, codes: type[StrEnum]) -> None:
    assert {code.value for code in codes} - set(words.WORDS[group]) == set()


def test_every_reason_word_of_media_is_explained() -> None:
    reasons = MEDIA_FLAGS | {problem.value for problem in Problem if problem}
    assert len(reasons) > 15
    assert reasons - set(words.ADVICE["flag"]) == set()
    assert set(MediaFacts(moov_at_end=True, has_gps=True).flags) <= set(words.ADVICE["flag"])


def test_every_task_state_and_event_about_footage_has_a_word() -> None:
    shown = {SubjectKind.RECORDING, SubjectKind.CASE}
    events = {kind.__name__ for kind in CustodyEvent.__subclasses__() if kind.SUBJECT in shown}
    assert events - set(words.WORDS["event"]) == set()
    assert set(TASKS) == set(words.WORDS["task"])
    assert set(DEVICE_STATES) == set(words.WORDS["device_state"])


def _raised(*modules: str) -> set[str]:
    """The codes of failures that these modules of services raise."""
    codes: set[str] = set()
    for name in modules:
        place = SERVICES / name
        for file in [place] if place.is_file() else sorted(place.glob("*.py")):
            codes |= _codes(file)
    return codes


def _codes(file: Path) -> set[str]:
    codes: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in KINDS and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant):
                codes.add(str(first.value))
    return codes


def _raised_in_tasks() -> set[str]:
    """The codes of failures that steps of workers, and what stands under them, can raise."""
    files = [*ROOT.glob("workers/**/*.py"), *ROOT.glob("recorder/adapters/*.py"),
             ROOT / "recorder/store/connection.py", ROOT / "recorder/store/change.py",
             SERVICES / "tasks.py"]  # fmt: skip
    return {code for file in files for code in _codes(file)} | {"worker-lost", "internal-error"}


def test_every_alarm_and_every_failure_of_a_task_has_its_sentence_and_its_next_step() -> None:
    assert set(work_explanations.ALARMS) == {code.value for code in AlarmCode}
    assert set(work_explanations.STEPS) == {code.value for code in AlarmCode}
    raised = _raised_in_tasks()
    assert len(raised) > 30
    assert raised - NEVER_A_FAILURE - set(work_explanations.TASK_FAILURES) == set()
    for forms in (*work_explanations.ALARMS.values(), *work_explanations.TASK_FAILURES.values()):
        assert "%(" not in forms[-1], "rows of older versions have no facts"


def test_every_word_inside_a_sentence_is_known() -> None:
    assert set(words.WORDS["finding"]) == set(CODES)
    written = set()
    for file in SERVICES.glob("**/*.py"):
        written.update(re.findall(r'note="([^"]+)"', file.read_text()))
    assert len(written) > 3
    assert set(words.WORDS["note"]) == written
    reasons: list[str] = []
    for file in (ROOT / "workers/steps").glob("verify*.py"):
        reasons += re.findall(r'reasons\.append\("(\w+)"\)', file.read_text())
    lost = re.findall(r"^        \"(\w+)\": f?\"", (SERVICES / "fixity.py").read_text(), re.M)
    said = {*reasons, *lost, "original-missing"}
    assert said - {"key", "version"} == set(words.WORDS["mismatch"])


def _alarm(code: AlarmCode, **facts: object) -> Alarm:
    at = datetime(2026, 3, 5, 8, tzinfo=UTC)
    return Alarm(
        id=AlarmId(new_uuid(at)), code=code, severity=code.severity, about_kind="system",
        about="x", agency=None, detail="English.", raised_at=at, seen_at=at, times=1,
        acknowledged_at=None, acknowledged_by=None, cleared_at=None, cleared_by=None, note=None,
        facts=facts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "facts", "sentence"),
    [
        (AlarmCode.DISK_LOW, {"room_bytes": 3 << 30}, "存放影像的空间只剩 3.0 GB。"),
        (AlarmCode.DISK_LOW, {}, "存放影像的空间不多了。"),
        (
            AlarmCode.RECORDING_MISMATCHED,
            {"reasons": ["length", "declared_sha256"]},
            "存储中的原件与接收或声明的不符：长度不同、摘要与设备声明的不同。",
        ),
        (
            AlarmCode.TASK_FAILED,
            {
                "task": "proxy",
                "error": "rendition-short",
                "found_ms": 61_000,
                "expected_ms": 90_000,
            },
            "准备播放：播放副本比原件短（1:01，应为 1:30）。",
        ),
        (
            AlarmCode.TASK_FAILED,
            {"task": "probe", "error": "new-code"},
            "读取媒体信息：任务未成功结束。",
        ),
        (
            AlarmCode.LOCK_EXPIRING,
            {"until_at": "2026-03-05T16:00:00Z", "error": "store-unavailable"},
            "锁定于 2026-03-06 00:00:00 到期，未能延长（store-unavailable）。",
        ),
        (
            AlarmCode.AUDIT_FINDINGS,
            {"findings": {"sidecar-missing": 2, "lock-short": 1}},
            "数据库、存储与事件不一致：锁定期过短 1、附属文件缺失 2。",
        ),
    ],
)
def test_an_alarm_is_said_in_the_readers_language_with_its_facts(
    code: AlarmCode, facts: dict[str, object], sentence: str
) -> None:
    assert sentences.of_alarm(i18n.catalogue(i18n.CHINESE), _alarm(code, **facts)) == sentence


def test_the_same_alarm_in_english() -> None:
    alarm = _alarm(AlarmCode.AUDIT_FINDINGS, findings={"sidecar-missing": 2, "lock-short": 1})
    said = sentences.of_alarm(i18n.catalogue(i18n.ENGLISH), alarm)
    assert said == (
        "Database, store and events do not agree: locks too short 1, sidecars missing 2."
    )


def test_every_problem_that_people_meet_has_a_sentence() -> None:
    raised = _raised(
        "accounts.py", "sign_in.py", "registry.py", "directory.py", "organs.py", "names.py",
        "alarms.py", "casework", "review", "paging.py",
    )  # fmt: skip
    assert len(raised) > 30
    assert raised - set(words.WORDS["problem"]) - MACHINES_ONLY == set()


@pytest.mark.parametrize("locale", i18n.LOCALES)
def test_every_template_can_be_read_in_every_language(locale: str) -> None:
    made = environment(locale)
    names = made.list_templates()
    assert len(names) > 15
    for name in names:
        assert made.get_template(name).name == name


@pytest.mark.parametrize(
    ("chosen", "cookie", "accept", "locale"),
    [
        (None, None, "", "zh_CN"),
        (None, None, "en-GB,en;q=0.9", "en"),
        (None, None, "fr,zh-TW;q=0.8,en;q=0.5", "zh_CN"),
        (None, "en", "zh-CN", "en"),
        ("zh_CN", "en", "en", "zh_CN"),
        ("xx", "yy", "de", "zh_CN"),
    ],
)
def test_the_language_is_chosen_by_the_person_then_the_browser(
    chosen: str | None, cookie: str | None, accept: str, locale: str
) -> None:
    assert i18n.choose(chosen=chosen, cookie=cookie, accept_language=accept) == locale


def test_scripts_and_styles_hold_no_texts_and_templates_no_inline_code() -> None:
    chinese = re.compile(r"[\u4e00-\u9fff]")
    for file in (each for each in (WEB / "static").iterdir() if each.suffix != ".png"):
        assert not chinese.search(file.read_text()), file.name
    inline = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.I)
    for file in (WEB / "templates").iterdir():
        assert not inline.search(file.read_text()), file.name


def test_unknown_codes_are_shown_as_they_are_and_unknown_words_in_addresses_are_not() -> None:
    chinese = i18n.catalogue(i18n.CHINESE)
    assert words.word(chinese, "flag", "something_new") == "something_new"
    assert words.word(chinese, "flag", "empty") == "空文件"
    assert words.known("done", "linked") == "linked"
    assert words.known("done", "<script>") is None
    assert words.known_problem("<script>") == "refused"
    assert words.known_problem(None) is None


def test_a_sealing_says_which_fact_was_cut_short() -> None:
    early = {"incomplete": True, "objects": [{"key": "a"}], "gaps": None}
    assert words.facts_of(early) == [("incomplete", True)]
    # As it was told before gaps had a number of their own.
    before = {"incomplete": True, "objects": [{"key": "sealed.json", "listed": 7}]}
    assert words.facts_of(before) == [("gaps", True)]
    assert words.facts_of({**before, "incomplete": False, "gaps": 3}) == [("gaps", 3)]
    assert words.facts_of({**before, "incomplete": False, "gaps": 0}) == []


@pytest.mark.parametrize(
    ("milliseconds", "chinese", "english"),
    [
        (12_000, "12 秒", "12 seconds"),
        (120_000, "2 分钟", "2 minutes"),
        (3_665_000, "1 小时 1 分钟", "1 hour 1 minute"),
        (86_400_000 + 60_000, "1 天", "1 day"),
        (48 * 3_600_000, "2 天", "2 days"),
        (307 * 3_600_000 + 1, "12 天 19 小时", "12 days 19 hours"),
    ],
)
def test_a_length_is_said_in_words_by_its_two_largest_units(
    milliseconds: int, chinese: str, english: str
) -> None:
    assert finding_words.amount(i18n.catalogue("zh_CN"), milliseconds) == chinese
    assert finding_words.amount(i18n.catalogue("en"), milliseconds) == english

"""Alarms and failures of tasks in the reader's language, made of their code and facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from recorder.domain.instant import Instant
from recorder.services.alarms import Alarm
from recorder.store.task_runs import TaskRun
from recorder.web import i18n
from recorder.web.i18n import Catalogue
from recorder.web.pages import formats, work_explanations
from recorder.web.pages.words import word


def of_alarm(messages: Catalogue, alarm: Alarm) -> str:
    """What is wrong, in a sentence."""
    return _said(messages, work_explanations.ALARMS.get(alarm.code, ()), alarm.facts)


def what_to_do(messages: Catalogue, alarm: Alarm) -> str:
    """What the reader of an alarm should do about it."""
    return messages.gettext(work_explanations.STEPS.get(alarm.code, ""))


def of_failure(messages: Catalogue, run: TaskRun) -> str:
    """Why a task did not succeed, in a sentence."""
    return _failure(messages, str(run.error_code), run.error_facts or {})


def _failure(messages: Catalogue, code: str, facts: Mapping[str, object]) -> str:
    forms = work_explanations.TASK_FAILURES.get(code, (work_explanations.TASK_FAILED,))
    return _said(messages, forms, {name: fact for name, fact in facts.items() if name != "error"})


def _said(messages: Catalogue, forms: Sequence[str], facts: Mapping[str, object]) -> str:
    """The first form whose facts are all there; empty when there is no form."""
    told = {name: _fact(messages, name, fact, facts) for name, fact in facts.items()}
    if "error" in facts:
        told["error_code"] = str(facts["error"])
    for form in forms:
        try:
            return messages.gettext(form) % told
        except KeyError:
            continue
    return ""


def _fact(messages: Catalogue, name: str, fact: object, facts: Mapping[str, object]) -> str:
    """A fact as its name says that it is to be written."""
    match name, fact:
        case "task", str():
            return word(messages, "task", fact)
        case "error", str():
            return _failure(messages, fact, facts)
        case "reasons", list():
            return joined(messages, [word(messages, "mismatch", one) for one in fact])
        case "findings", dict():
            parts = [f"{word(messages, 'finding', code)} {n}" for code, n in sorted(fact.items())]
            return joined(messages, parts)
        case _, int() if name.endswith("_bytes"):
            return formats.size(fact)
        case _, int() if name.endswith("_ms"):
            return formats.duration(fact) or "0:00"
        case _, str() if name.endswith("_at"):
            return formats.moment(Instant.parse(fact).at)
        case _:
            return str(fact)


def joined(messages: Catalogue, parts: Sequence[str]) -> str:
    """The parts of a list, separated as the language separates them."""
    return ("、" if messages.locale == i18n.CHINESE else ", ").join(parts)

"""Every code that pages say in words: states, stages, reasons, events, problems.

Texts are English message ids; the catalogue has the Chinese. A test demands that each code the
product can show stands here and each text in the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from recorder.web.i18n import Catalogue
from recorder.web.pages import (
    approval_words,
    case_words,
    coverage_words,
    dashboard_words,
    done_words,
    duty_words,
    event_words,
    explanations,
    feed_words,
    finding_words,
    footage_words,
    live_words,
    people_words,
    registry_words,
    work_explanations,
    work_words,
)

#: One module for each subject; no two name the same group.
SUBJECTS = (
    approval_words,
    case_words,
    coverage_words,
    dashboard_words,
    done_words,
    duty_words,
    event_words,
    explanations,
    feed_words,
    finding_words,
    footage_words,
    live_words,
    people_words,
    registry_words,
    work_explanations,
    work_words,
)
WORDS: Mapping[str, Mapping[str, str]] = {
    group: texts for subject in SUBJECTS for group, texts in subject.WORDS.items()
}
#: What to make of a reason word, in a sentence or two.
ADVICE: Mapping[str, Mapping[str, str]] = {
    "flag": {code: text for code, (_, text) in explanations.FLAGS.items()},
    "quarantine": {code: text for code, (_, text) in explanations.QUARANTINE.items()},
}


def word(messages: Catalogue, group: str, code: object) -> str:
    """What a code is called on pages; a code that nobody has named is shown as it is."""
    text = WORDS[group].get(str(code))
    return messages.gettext(text) if text else str(code)


def reasons(messages: Catalogue, codes: Iterable[str]) -> list[str]:
    """Why footage was quarantined or found mismatched, code by code."""
    groups = {code: group for group in ("mismatch", "quarantine") for code in WORDS[group]}
    return [word(messages, groups.get(code, "quarantine"), code) for code in codes]


def link_reason(messages: Catalogue, text: str) -> str:
    """Why a recording was linked: evidence in words, else as somebody wrote it."""
    codes = text.split()
    if not set(codes) <= set(coverage_words.EVIDENCE):
        return text
    return " · ".join(word(messages, "evidence", code) for code in codes)


def advice(messages: Catalogue, group: str, code: object) -> str:
    """What a reason word means for the reader; empty for one that nobody has explained."""
    text = ADVICE[group].get(str(code))
    return messages.gettext(text) if text else ""


def known(group: str, code: str | None) -> str | None:
    """The code if pages have a word for it: addresses may hold anything."""
    return code if code in WORDS[group] else None


def known_problem(code: str | None) -> str | None:
    """As ``known``; a problem without a sentence of its own is told as a refusal."""
    if code is None:
        return None
    return code if code in WORDS["problem"] else "refused"


def _is_of_livestream(facts: Mapping[str, object]) -> bool:
    """Whether a sealing names the manifest of a livestream instead of each object."""
    objects = facts.get("objects")
    return isinstance(objects, list) and any("listed" in each for each in objects)


def facts_of(facts: Mapping[str, object]) -> list[tuple[str, object]]:
    """What a custody event says that people read: names of ``fact`` with plain values."""
    shown: list[tuple[str, object]] = []
    for name in event_words.FACTS:
        value = facts.get(name)
        if value is None or value is False or value in ("", [], {}):
            continue
        if name == "incomplete" and _is_of_livestream(facts):
            # Earlier events said so of gaps in the media, which no upload has.
            shown.append(("gaps", True))
            continue
        if name == "gaps" and not value:
            continue
        if name == "detail" and "code" in facts:
            # English, for programs; the code has its sentence.
            continue
        shown.append((name, value))
    return shown


__all__ = ["ADVICE", "WORDS", "advice", "facts_of", "known", "known_problem", "reasons", "word"]

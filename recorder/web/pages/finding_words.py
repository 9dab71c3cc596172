"""Findings in the reader's language: a title, what was expected, and what was found.

English message ids; the catalogue has the Chinese. Facts fill them by name (domain/coverage).
"""

from __future__ import annotations

from recorder.domain.finding import Finding, FindingKind
from recorder.domain.instant import Instant, format_utc
from recorder.web.i18n import Catalogue
from recorder.web.pages import formats

K = FindingKind
#: How many seconds, for one and for many.
UNITS = (
    (86_400, "%(num)d day", "%(num)d days"),
    (3_600, "%(num)d hour", "%(num)d hours"),
    (60, "%(num)d minute", "%(num)d minutes"),
    (1, "%(num)d second", "%(num)d seconds"),
)
_MOST_UNITS = 2
#: Kind → title, expected, found. A sentence whose facts are not all there is left out.
SENTENCES: dict[FindingKind, tuple[str, str, str]] = {
    K.UNRECORDED: (
        "Not recorded",
        "This had to be recorded from %(began_at)s until the leaving, which nobody has reported.",
        "No footage was found for it.",
    ),
    K.BEGINS_LATE: (
        "Begins after the arrival",
        "Recording had to begin with the arrival at %(began_at)s.",
        "It began %(missing_ms)s later.",
    ),
    K.ENDS_EARLY: (
        "Ends before the leaving",
        "Recording had to go on until the leaving at %(ended_at)s.",
        "It ended %(missing_ms)s before.",
    ),
    K.GAP_UNEXPLAINED: (
        "Gap without a reason",
        "Recording must not be interrupted without a reason that is reported.",
        "From %(since_at)s on nothing was recorded for %(missing_ms)s, and nobody said why.",
    ),
    K.END_UNKNOWN: (
        "Leaving not reported",
        "After the arrival at %(began_at)s the leaving is to be reported.",
        "No system has reported the leaving.",
    ),
    K.ANNOUNCEMENT_MISSING: (
        "Nobody was told of the recording",
        "Those present must be told that recording is on.",
        "No footage carries a mark of it.",
    ),
    K.VOICE_STATEMENT_MISSING: (
        "No voice statement",
        "Time, place, officers and act must be spoken.",
        "No footage carries a mark of that statement.",
    ),
    K.TOO_FEW_OFFICERS: (
        "Too few officers",
        "At least %(wanted)s officers must take part.",
        "%(present)s are named.",
    ),
    K.CERTIFICATE_INVALID: (
        "No valid certificate",
        "Officer %(officer)s needs a certificate that is valid on the day.",
        "No certificate of officer %(officer)s is on file.",
    ),
    K.OFFICER_UNKNOWN: (
        "Officer not on file",
        "Officers are on file with their certificates.",
        "Officer %(officer)s is not.",
    ),
    K.SUBJECT_UNPUBLISHED: (
        "Subject not published",
        "Who enforces is a published subject of enforcement on the day.",
        "No publication of this organ holds on %(day)s.",
    ),
    K.ENTRUSTMENT_INVALID: (
        "Outside of the entrustment",
        "An entrusted body acts within the days and matters of its entrustment.",
        "No entrustment on file covers this act on %(day)s.",
    ),
    K.MATTER_ELSEWHERE: (
        "Matter of another organ",
        "An organ acts in matters that are its own on the day.",
        "Matter %(matter)s (%(matter_name)s) passed from %(organ)s to %(holder)s on"
        " %(handed_on)s; this act on %(day)s was outside of what %(organ)s has.",
    ),
    K.DOCUMENT_TIME_DIFFERS: (
        "Document and footage differ",
        "Document and footage tell of the same time.",
        "The document (%(document)s) says %(said_at)s, the footage %(shown_at)s: %(difference_ms)s"
        " apart.",
    ),
    K.OFFICER_IN_TWO_PLACES: (
        "Officer at two places at once",
        "Officer %(officer)s can be at one place at a time.",
        "For %(overlap_ms)s the officer is also named at an act %(distance_m)s m away.",
    ),
    K.DEVICE_IN_TWO_PLACES: (
        "Device at two places at once",
        "Device %(device)s can be at one place at a time.",
        "For %(overlap_ms)s it also recorded %(distance_m)s m away.",
    ),
    K.UPLOAD_LATE: (
        "Handed in late",
        "The footage had to be handed in by %(due_at)s.",
        "It came at %(received_at)s, %(late_ms)s late.",
    ),
    K.SCAN_UNRECORDED: (
        "Scan without recording",
        "What follows a scan is recorded.",
        "For scan %(scan)s no footage was found.",
    ),
    K.RECORDING_UNSCANNED: (
        "Recording without scan",
        "The company's code must be scanned before the inspection.",
        "There is footage and no scan.",
    ),
    K.DEVICE_UNASSIGNED: (
        "Nobody's device",
        "Device %(device)s is handed to an officer before it records.",
        "Its log names nobody at that time.",
    ),
    K.OFFICER_DISAGREES: (
        "Another officer's device",
        "Device %(device)s was handed to officer %(holder)s.",
        "The footage names officer %(officer)s.",
    ),
    K.RECORDED_OFF_DUTY: (
        "Recorded off duty",
        "Who records is on duty by the roster: officer %(officer)s from %(shift_began_at)s to"
        " %(shift_ended_at)s.",
        "This footage lies outside of every shift.",
    ),
    K.FOOTAGE_OUTSIDE_SCENES: (
        "Footage outside of the case's acts",
        "Footage of a case shows one of its acts.",
        "This footage lies beside all of them.",
    ),
    K.EXEMPTION_UNAPPROVED: (
        "Exemption without approval",
        "An exemption from recording names who gave it.",
        "The reason is %(reason)s, and nobody is named.",
    ),
    K.CASE_TOO_LARGE: (
        "Case too large to evaluate",
        "A case has at most %(most)s events with their officers, documents and recordings, and"
        " few of them at the same time.",
        "This one has %(rows)s and was not looked at; what was found before stays.",
    ),
}
#: Sentence → a fact, and what is said instead where it is there; the first one counts.
RATHER: dict[str, tuple[tuple[str, str], ...]] = {
    SENTENCES[K.UNRECORDED][1]: (
        ("ended_at", "This had to be recorded from %(began_at)s to %(ended_at)s."),
    ),
    SENTENCES[K.CERTIFICATE_INVALID][2]: (
        (
            "valid_to",
            "Certificate %(certificate)s of officer %(officer)s was valid until %(valid_to)s.",
        ),
        (
            "valid_from",
            "Certificate %(certificate)s of officer %(officer)s is not valid before"
            " %(valid_from)s.",
        ),
    ),
    SENTENCES[K.OFFICER_UNKNOWN][2]: (
        ("last_day", "Officer %(officer)s was on file until %(last_day)s."),
    ),
    SENTENCES[K.MATTER_ELSEWHERE][2]: (
        (
            "not_before",
            "Matter %(matter)s (%(matter_name)s) passes from %(holder)s to %(organ)s on"
            " %(not_before)s; on %(day)s, the day of this act, it was not yet %(organ)s's.",
        ),
    ),
    SENTENCES[K.UPLOAD_LATE][1]: (
        (
            "provisional",
            "The footage had to be handed in by %(due_at)s. The holidays of that year are not"
            " announced yet, so this day may change.",
        ),
    ),
}
SEVERITIES = {"critical": "Critical", "major": "Major", "minor": "Minor", "notice": "For notice"}
CONFIDENCES = {"certain": "Certain", "probable": "Probable", "doubtful": "Doubtful"}
STATES = {
    "open": "Open",
    "replied": "Replied",
    "appealed": "Appealed",
    "closed": "Settled",
    "withdrawn": "Withdrawn",
}
WORDS = {"finding_severity": SEVERITIES, "confidence": CONFIDENCES}


def title(messages: Catalogue, kind: FindingKind) -> str:
    return messages.gettext(SENTENCES[kind][0])


def expected(messages: Catalogue, finding: Finding) -> str:
    """What the rule asks for, with the facts of this finding."""
    return _filled(messages, SENTENCES[finding.kind][1], finding)


def found(messages: Catalogue, finding: Finding) -> str:
    """What there is instead."""
    return _filled(messages, SENTENCES[finding.kind][2], finding)


def amount(messages: Catalogue, milliseconds: int) -> str:
    """A length of time by its two largest units: ``9 hours 5 minutes``, ``12 seconds``."""
    rest = max(1, round(milliseconds / 1000))
    told: list[str] = []
    for seconds, one, many in UNITS:
        number, rest = divmod(rest, seconds)
        if number:
            told.append(messages.ngettext(one, many, number) % {"num": number})
        if told and (len(told) == _MOST_UNITS or not number):
            break
    return " ".join(told)


def _filled(messages: Catalogue, sentence: str, finding: Finding) -> str:
    facts = {**finding.facts, "since_at": format_utc(finding.began_at)}
    told = {name: _told(messages, name, fact) for name, fact in facts.items() if fact is not None}
    rather = (said for fact, said in RATHER.get(sentence, ()) if facts.get(fact))
    try:
        return messages.gettext(next(rather, sentence)) % told
    except KeyError:
        return ""


def _told(messages: Catalogue, name: str, fact: object) -> str:
    if name.endswith("_ms") and isinstance(fact, int):
        return amount(messages, fact)
    if name.endswith("_at") and isinstance(fact, str):
        written = formats.until if name == "due_at" else formats.moment
        return written(Instant.parse(fact).at)
    return str(fact)

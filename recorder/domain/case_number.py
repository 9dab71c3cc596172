"""Case numbers as people write them, their normal form, and the key by which they are found (R54).

Numbers are never rejected for being odd, only flagged: a wrong number can be mended by relinking,
a refused upload is footage lost. The rules, and why each is as it is, stand in
docs/design/case-numbers.md. Keys are unique only within one organ and scheme (R56); this module
knows neither, and no database.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from recorder.errors import InvalidInput

MAX_CHARACTERS = 200

#: Every pair of brackets that may stand around a year, after NFKC. Opening and closing may differ.
BRACKET_PAIRS: tuple[str, ...] = (
    *(
        "()",
        "[]",
        "{}",
        "<>",
        "〔〕",
        "【】",
        "〈〉",
        "《》",
        "「」",
        "『』",
        "〖〗",
        "〘〙",
        "〚〛",
    ),
    *("⟨⟩", "⟪⟫", "⟦⟧", "⟮⟯", "❨❩", "❪❫", "❬❭", "❮❯", "❰❱", "❲❳", "❴❵", "⁅⁆", "⦅⦆", "‹›", "«»"),
)
#: Numbers in one field of metadata are parted by any of these.
SEPARATORS = ",，、;；\n"

_OPENERS = "".join(pair[0] for pair in BRACKET_PAIRS)
_CLOSERS = "".join(pair[1] for pair in BRACKET_PAIRS)
_OPEN, _CLOSE = f"[{re.escape(_OPENERS)}]", f"[{re.escape(_CLOSERS)}]"
_SAME = str.maketrans({"號": "号"} | dict.fromkeys("‐‑‒–—―−─﹘", "-"))

_YEAR = re.compile(rf"({_OPEN})((?:19|20)[0-9]{{2}})年?({_CLOSE})第*")
_BRACKETED_YEAR = re.compile("〔([0-9]{4})〕")
_WITHIN = re.compile(r"[\u3400-\u9fff]{1,20}〔[0-9]{4}〕[0-9]{1,10}(?:-[0-9]{1,4})?号?")
_BARE_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
# Zeros at the very start stay, so that pure digits (hotline and task numbers) pass through;
# after an opening bracket they stay too, or (02023) would turn into a year.
_ZEROS = re.compile(rf"(?<=[^0-9{re.escape(_OPENERS)}])0+(?=[0-9])")

# The torn ends of a fragment: whatever could have been normalised with its missing neighbours.
_TORN_YEAR_END = re.compile(rf"{_OPEN}((?:19|20)[0-9]{{0,2}})年?$")
_TORN_END = re.compile(rf"(?:{_OPEN}[12]?|(?<=[0-9])年|(?<=[^0-9])0+|号+)$")
_TORN_YEAR_START = re.compile(rf"^((?:19|20|9|0)?[0-9]{{2}})年?{_CLOSE}第*")
_TORN_START = re.compile(rf"^(?:[0-9]?年?{_CLOSE}|第|0|年$)+")


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """One case number: as written, normalised for people, and as a key for finding."""

    #: As written. Only what no database can hold (NUL, lone surrogates) is replaced by U+FFFD.
    raw: str
    #: One spelling for display and comparison by eye: ``深市监罚〔2023〕0123号``.
    norm: str
    #: Equal for all spellings of one number; never shown: ``深市监罚〔2023〕123``.
    key: str
    #: The first year in brackets.
    year: int | None
    #: What a person should look at; codes are listed in docs/design/case-numbers.md.
    odd: tuple[str, ...]

    @classmethod
    def parse(cls, raw: str) -> CaseNumber:
        """Take any text as a case number.

        ``norm`` parses to itself, and so does ``key``. Raises InvalidInput ``case-number-empty``
        when nothing visible is left, ``case-number-too-long`` above 200 characters as written or
        as normalised; never for anything else.
        """
        norm = normalise(raw)
        if not norm:
            raise InvalidInput("case-number-empty", "A case number has at least one character.")
        year = _BRACKETED_YEAR.search(norm)
        kept = "".join("\ufffd" if _is_unstorable(c) else c for c in raw)
        return cls(
            raw=kept,
            norm=norm,
            key=_key_of(norm),
            year=int(year[1]) if year else None,
            odd=_oddities(raw, norm),
        )


def normalise(text: str) -> str:
    """Steps 1 to 5 of R54; the result is its own normal form. May be empty.

    Raises InvalidInput ``case-number-too-long``.
    """
    if len(text) > MAX_CHARACTERS:
        raise _too_long()
    cleaned = _cleaned(text).translate(_SAME)
    norm = _YEAR.sub(r"〔\2〕", cleaned)
    # Compatibility forms may unfold (one ligature gives up to 18 letters).
    if len(norm) > MAX_CHARACTERS:
        raise _too_long()
    return norm


def prefix_key(text: str) -> str:
    """The key form of the beginning of a number: every number that begins so has a key that does.

    What could still change with the next character typed (a half bracket, zeros that may turn
    out to be padding) is left out, so the prefix may be shorter than the text, and empty when
    the text says nothing yet. Raises InvalidInput ``case-number-too-long``.
    """
    return _mended_end(normalise(text))


def fragment_key(text: str) -> str:
    """The key form of any piece of a number: contained in the key of the number it was cut from.

    As :func:`prefix_key`, and torn beginnings are mended too: ``23］第０12`` gives ``23〕12``.
    Empty when the text says nothing; such a search must find nothing, not everything. Raises
    InvalidInput ``case-number-too-long``.
    """
    text = _TORN_YEAR_START.sub(r"\1〕", normalise(text))
    return _mended_end(_TORN_START.sub("", text))


def grams(key: str) -> tuple[str, ...]:
    """The distinct pieces of two and three characters of a key, sorted: what the index holds.

    A key of one character is its own only gram, so that no row is without one.
    """
    if len(key) == 1:
        return (key,)
    return tuple(sorted(_pieces(key, 2) | _pieces(key, 3)))


def query_grams(fragment: str) -> tuple[str, ...]:
    """The grams that every key containing this fragment key must have, sorted.

    Three-character pieces, or the fragment itself when it has two characters. Empty for shorter
    fragments: the index cannot help there, and the caller searches by prefix instead. Grams are
    necessary, not sufficient: the caller compares the candidates with the fragment itself.
    """
    return tuple(sorted(_pieces(fragment, 3 if len(fragment) > 2 else 2)))


def split_numbers(text: str) -> tuple[str, ...]:
    """The numbers in one field of metadata, as written, in order, without blanks and repeats.

    They are parted by a comma, semicolon or enumeration comma of either width, or a line end. A
    separator inside brackets parts nothing, unless the brackets do not pair up: then a missing
    bracket must not swallow the numbers after it.
    """
    depths = _depths(text)
    pieces = [""]
    for character, depth in zip(text, depths, strict=True):
        if character in SEPARATORS and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return tuple(dict.fromkeys(piece.strip() for piece in pieces if piece.strip()))


def numbers_within(text: str) -> tuple[str, ...]:
    """The search keys of numbers with a year in brackets somewhere in a text, such as a file name.

    ``现场_示市监罚〔2025〕012号_2.mp4`` gives one key. Never raises; of long texts the beginning.
    """
    keys = []
    for piece in re.split(rf"[\s_{SEPARATORS}]+", text[:MAX_CHARACTERS]):
        try:
            norm = normalise(piece)
        except InvalidInput:
            continue
        keys += [_key_of(found[0]) for found in _WITHIN.finditer(norm)]
    return tuple(dict.fromkeys(keys))


def _depths(text: str) -> list[int]:
    """How many brackets are open at each character; all 0 when they do not pair up."""
    depth, depths = 0, []
    for character in text:
        # Compatibility forms count as what they become.
        plain = unicodedata.normalize("NFKC", character)
        depth += (plain in _OPENERS) - (plain in _CLOSERS)
        if depth < 0:
            return [0] * len(text)
        depths.append(depth)
    return depths if depth == 0 else [0] * len(text)


def _cleaned(text: str) -> str:
    """NFKC without white space, control, format and unstorable characters, until nothing moves."""
    before = None
    while text != before:
        before = text
        # Dropping comes first, so that an invisible character cannot keep two others apart.
        text = "".join(c for c in text if not _is_dropped(c))
        text = unicodedata.normalize("NFKC", text)
    return text


def _is_dropped(character: str) -> bool:
    category = unicodedata.category(character)
    return category in ("Cc", "Cf", "Cs") or category.startswith("Z") or character.isspace()


def _is_unstorable(character: str) -> bool:
    return character == "\0" or "\ud800" <= character <= "\udfff"


def _key_of(norm: str) -> str:
    # A number that is nothing but 号 keeps it: an empty key would match everything.
    return _ZEROS.sub("", norm.rstrip("号") or norm)


def _mended_end(norm: str) -> str:
    text, before = _TORN_YEAR_END.sub(r"〔\1", norm), None
    while text != before:
        before = text
        text = _TORN_END.sub("", text)
    return _ZEROS.sub("", text)


def _pieces(text: str, length: int) -> set[str]:
    return {text[i : i + length] for i in range(len(text) - length + 1)}


def _oddities(raw: str, norm: str) -> tuple[str, ...]:
    years = len(_BRACKETED_YEAR.findall(norm))
    # Codes of letters and digits are numbers of other schemes, which have no year to miss.
    is_code = re.fullmatch(r"[0-9A-Za-z-]+", norm) is not None
    openers = sum(c in _OPENERS for c in norm)
    closers = sum(c in _CLOSERS for c in norm)
    mixed = any(
        found[1] + found[3] not in BRACKET_PAIRS
        for found in _YEAR.finditer(_cleaned(raw).translate(_SAME))
    )
    found = {
        "year-without-brackets": years == 0 and not is_code and bool(_BARE_YEAR.search(norm)),
        "no-year": years == 0 and not is_code and not _BARE_YEAR.search(norm),
        "several-years": years > 1,
        "brackets-unpaired": openers != closers,
        "brackets-mixed": mixed,
        "no-digits": not re.search("[0-9]", _BRACKETED_YEAR.sub("", norm)),
        "unstorable-characters": any(_is_unstorable(c) for c in raw),
    }
    return tuple(name for name, is_so in found.items() if is_so)


def _too_long() -> InvalidInput:
    return InvalidInput(
        "case-number-too-long",
        f"A case number has at most {MAX_CHARACTERS} characters.",
        limit=MAX_CHARACTERS,
    )

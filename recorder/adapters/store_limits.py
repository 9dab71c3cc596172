"""What both stores ask of keys and parts before they touch a byte, so that they refuse alike."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from recorder.adapters.objects import StoredPart
from recorder.errors import IntegrityError, InvalidInput

#: S3's limits (AWS, "multipart upload limits").
MIN_PART_BYTES = 5 << 20
MAX_PARTS = 10_000


def check_key(key: str) -> None:
    """Raises InvalidInput ``object-key-malformed`` for a key that some store would not take.

    A key is 1 to 1,024 bytes of UTF-8 without control characters, in steps of 1 to 255 bytes
    between slashes, none of them ``.`` or ``..`` (AWS, "object key names"; POSIX NAME_MAX).
    """
    try:
        steps = [step.encode() for step in key.split("/")]
    except UnicodeEncodeError as error:
        raise InvalidInput("object-key-malformed", "A key is UTF-8 text.") from error
    if len(key.encode()) > 1024 or not all(
        1 <= len(step) <= 255 and step not in {b".", b".."} for step in steps
    ):
        raise InvalidInput("object-key-malformed", "The key is too long or not a plain path.")
    if any(ord(character) < 32 or ord(character) == 127 for character in key):
        raise InvalidInput("object-key-malformed", "The key holds a control character.")


def check_number(number: int) -> None:
    """Raises InvalidInput ``part-number-malformed`` outside 1 to 10,000."""
    if not 1 <= number <= MAX_PARTS:
        raise InvalidInput("part-number-malformed", f"There is no part {number}.", number=number)


def in_order(parts: Sequence[StoredPart]) -> list[StoredPart]:
    """The parts by offset, without gap or overlap from zero on, all but the last long enough.

    Raises IntegrityError ``store-parts-not-contiguous`` or ``store-parts-out-of-order``,
    InvalidInput ``part-too-small``.
    """
    ordered = sorted(parts, key=lambda part: part.offset)
    position = 0
    for part in ordered:
        if part.offset != position:
            raise IntegrityError(
                "store-parts-not-contiguous",
                f"The parts do not join at byte {position}.",
                position=position,
            )
        position += part.length
    if any(a.number >= b.number for a, b in itertools.pairwise(ordered)):
        # S3 joins parts by number, so any other order would make another object.
        raise IntegrityError(
            "store-parts-out-of-order", "The numbers of the parts do not rise with their offsets."
        )
    if not position:
        raise InvalidInput("part-too-small", "An object of parts has at least one byte.")
    for part in ordered[:-1]:
        if part.length < MIN_PART_BYTES:
            raise InvalidInput(
                "part-too-small",
                f"Only the last part may have less than {MIN_PART_BYTES} bytes.",
                number=part.number,
            )
    return ordered

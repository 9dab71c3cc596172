"""Digests of many bodies at once are those of each alone, in their order."""

from __future__ import annotations

import hashlib
import random

from recorder.adapters import gcrypt
from recorder.adapters.digests import both_digests, both_digests_of, sm3_of


async def test_digests_of_many_are_those_of_each_in_their_order() -> None:
    noise = random.Random(1)
    # More than one thread takes, an empty one, and a long one among short ones.
    lengths = (0, 1, 3 << 20, 2 << 20, 70, 5 << 20, 2, 1)
    bodies = [noise.randbytes(length) for length in lengths]
    expected = [
        (hashlib.sha256(body).digest(), hashlib.new("sm3", body).digest()) for body in bodies
    ]
    assert await both_digests_of(bodies) == expected
    assert [await both_digests(body) for body in bodies] == expected
    assert await both_digests_of([]) == []


def test_libgcrypt_says_what_openssl_says() -> None:
    quick = gcrypt.sm3()
    if quick is None:  # The system has none: then nobody asks it.
        assert sm3_of(b"abc") == hashlib.new("sm3", b"abc").digest()
        return
    noise = random.Random(2)
    for length in (0, 1, 55, 56, 63, 64, 65, 1000, 520_000):
        body = noise.randbytes(length)
        assert quick(body) == sm3_of(body) == hashlib.new("sm3", body).digest()


def test_where_there_is_no_libgcrypt_digests_are_made_all_the_same() -> None:
    assert gcrypt.sm3("libnobody-has-it.so.1") is None
    # It is a library, and none that knows SM3.
    assert gcrypt.sm3("libc.so.6") is None

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.digest import Algorithm, Digest, sha256, sha256_of, sm3
from recorder.errors import InvalidInput

# FIPS 180-4 and GB/T 32905-2016, annex A: the digests of "abc".
ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
ABC_SM3 = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"


def test_the_digest_of_content_is_the_published_one() -> None:
    assert str(sha256_of(b"abc")) == f"sha256:{ABC_SHA256}"
    assert sha256_of(memoryview(b"abc")) == sha256(bytes.fromhex(ABC_SHA256))


def test_a_digest_is_written_with_its_algorithm() -> None:
    digest = sm3(bytes.fromhex(ABC_SM3))
    assert (digest.algorithm, digest.hex, str(digest)) == (Algorithm.SM3, ABC_SM3, f"sm3:{ABC_SM3}")


def test_equal_bytes_of_different_algorithms_are_different_digests() -> None:
    assert sha256(bytes(32)) != sm3(bytes(32))
    assert len({sha256(bytes(32)), sm3(bytes(32)), sha256(bytes(32))}) == 2


def test_a_digest_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        sha256(bytes(32)).value = bytes(32)  # type: ignore[misc]


@pytest.mark.parametrize("length", [0, 20, 31, 33, 64])
def test_bytes_of_another_length_are_no_digest(length: int) -> None:
    for make in (sha256, sm3):
        with pytest.raises(InvalidInput) as caught:
            make(bytes(length))
        assert caught.value.code == "digest-malformed"


@pytest.mark.parametrize(
    "text",
    [
        *("", ":", "sha256", "sha256:", ABC_SHA256, f"md5:{ABC_SHA256}", f"SHA256:{ABC_SHA256}"),
        *(f"sha256:{ABC_SHA256[:-1]}", f"sha256:{ABC_SHA256}00", f"sha256:{ABC_SHA256[:-1]}g"),
        *(f" sha256:{ABC_SHA256}", f"sha256::{ABC_SHA256}", f"sha-256:{ABC_SHA256}"),
    ],
)
def test_text_of_another_form_is_no_digest(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Digest.parse(text)
    assert caught.value.code == "digest-malformed"


def test_spaces_between_hex_digits_are_refused() -> None:
    with pytest.raises(InvalidInput):
        Digest.parse(f"sha256:{ABC_SHA256[:2]} {ABC_SHA256[2:]}")


@given(st.sampled_from(Algorithm), st.binary(min_size=32, max_size=32))
def test_a_written_digest_reads_back(algorithm: Algorithm, value: bytes) -> None:
    digest = Digest(algorithm, value)
    assert Digest.parse(str(digest)) == digest
    assert Digest.parse(str(digest).replace(digest.hex, digest.hex.upper())) == digest

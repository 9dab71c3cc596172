import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recorder.errors import IntegrityError, InvalidInput
from recorder.ledger.note import MAX_NOTE_BYTES, NoteSigner, NoteVerifier, open_note, sign_note

# The example of the documentation of golang.org/x/mod/sumdb/note.
GO_PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
GO_PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_SIGNATURE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpR"
    "Zb6KE6RyyBwJnAM=\n"
)
GO_SECOND_PUBLIC = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
GO_SECOND_SIGNATURE = (
    "— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33"
    "WWd1RvMc+QQ=\n"
)
# The example of the C2SP repository's own test vectors.
C2SP_PUBLIC = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
C2SP_NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ON"
    "ncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)

_PETER = NoteVerifier.from_text(GO_PUBLIC)
_ENOCH = NoteVerifier.from_text(GO_SECOND_PUBLIC)
_SIGNER = NoteSigner("recorder.example/office", bytes(range(32)))


def _code(note: str | bytes, *verifiers: NoteVerifier) -> str:
    with pytest.raises(IntegrityError) as caught:
        open_note(note.encode() if isinstance(note, str) else note, verifiers)
    return caught.value.code


def test_the_published_go_key_signs_the_published_note() -> None:
    signer = NoteSigner.from_text(GO_PRIVATE)
    assert signer.verifier.to_text() == GO_PUBLIC
    assert signer.to_text() == GO_PRIVATE
    assert sign_note(GO_TEXT, signer).decode() == f"{GO_TEXT}\n{GO_SIGNATURE}"


def test_the_published_notes_open_with_each_of_their_keys() -> None:
    note = f"{GO_TEXT}\n{GO_SIGNATURE}{GO_SECOND_SIGNATURE}".encode()
    for verifiers in ([_PETER], [_ENOCH], [_PETER, _ENOCH], [_PETER, _PETER]):
        assert open_note(note, verifiers) == GO_TEXT
    c2sp = NoteVerifier.from_text(C2SP_PUBLIC)
    assert c2sp.to_text() == C2SP_PUBLIC
    assert open_note(C2SP_NOTE.encode(), [c2sp, _PETER]) == "This is an example message.\n"


def test_a_note_without_a_known_signature_is_unsigned() -> None:
    note = f"{GO_TEXT}\n{GO_SIGNATURE}"
    assert _code(note) == "note-unsigned"
    assert _code(note, _ENOCH) == "note-unsigned"
    # The same key under another name is another key.
    assert _code(note, NoteVerifier("Somebody", _PETER.public_key)) == "note-unsigned"


def test_a_bad_signature_by_a_known_key_spoils_the_note_even_beside_a_good_one() -> None:
    spoilt = GO_SIGNATURE.replace("x08go/Z", "x08go/a")
    assert (
        _code(f"{GO_TEXT}\n{spoilt}{GO_SECOND_SIGNATURE}", _PETER, _ENOCH) == "note-signature-bad"
    )
    assert _code(f"{GO_TEXT}\n{GO_SIGNATURE}{spoilt}", _PETER) == "note-signature-bad"
    # A signature with the right key id and the wrong length is bad, not unknown.
    short = base64.b64encode(_PETER.key_id + b"x").decode()
    assert _code(f"{GO_TEXT}\n— PeterNeumann {short}\n", _PETER) == "note-signature-bad"


def test_a_key_that_is_no_point_on_the_curve_verifies_nothing() -> None:
    nonsense = NoteVerifier("nowhere", b"\x02" + bytes(30) + b"\xff")
    assert not nonsense.verifies(b"text\n", bytes(64))


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        GO_TEXT,
        f"{GO_TEXT}\n",
        f"{GO_TEXT}{GO_SIGNATURE}",
        f"{GO_TEXT}\n{GO_SIGNATURE}".removesuffix("\n"),
        f"{GO_TEXT}\n{GO_SIGNATURE}\n",
        f"{GO_TEXT}\n\r\n{GO_SIGNATURE}",
        f"{GO_TEXT}\tx\n\n{GO_SIGNATURE}",
        f"{GO_TEXT}\n-{GO_SIGNATURE[1:]}",
        f"{GO_TEXT}\n—{GO_SIGNATURE[2:]}",
        f"{GO_TEXT}\n— PeterNeumann\n",
        f"{GO_TEXT}\n— Peter+Neumann x08go/ZJkuA=\n",
        f"{GO_TEXT}\n— Peter\u00a0Neumann x08go/ZJkuA=\n",
        f"{GO_TEXT}\n—  x08go/ZJkuA=\n",
        f"{GO_TEXT}\n— PeterNeumann x08go?==\n",
        f"{GO_TEXT}\n— PeterNeumann x08go/ZJkuB=\n",
        f"{GO_TEXT}\n— PeterNeumann x08gow==\n",
        f"{GO_TEXT}\n— PeterNeumann ｘ08go/ZJ\n",
        f"{GO_TEXT}\n" + GO_SIGNATURE * 101,
        GO_TEXT + "x" * MAX_NOTE_BYTES + f"\n\n{GO_SIGNATURE}",
        b"\xff\n\n" + GO_SIGNATURE.encode(),
    ],
)
def test_anything_but_the_exact_form_is_malformed(note: str | bytes) -> None:
    assert _code(note, _PETER) == "note-malformed"


def test_a_text_may_hold_empty_lines_and_the_last_one_parts_it() -> None:
    text = "È subito sera.\n\n— not a signature\n\nend\n"
    assert open_note(sign_note(text, _SIGNER), [_SIGNER.verifier]) == text


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "nul\0\n", "cr\r\n", "\ud800\n"])
def test_a_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        sign_note(text, _SIGNER)
    assert caught.value.code == "note-text-malformed"


def test_no_mangled_public_key_is_accepted() -> None:
    for start in range(len(GO_PUBLIC)):
        for end in range(start + 1, len(GO_PUBLIC) + 1):
            if (start, end) != (0, len(GO_PUBLIC)):
                with pytest.raises(InvalidInput):
                    NoteVerifier.from_text(GO_PUBLIC[start:end])


@pytest.mark.parametrize(("text", "read"), [(GO_PUBLIC, NoteVerifier), (GO_PRIVATE, NoteSigner)])
def test_no_key_with_one_character_changed_is_accepted(
    text: str, read: type[NoteVerifier] | type[NoteSigner]
) -> None:
    for i, character in enumerate(text):
        with pytest.raises(InvalidInput) as caught:
            read.from_text(text[:i] + chr(ord(character) + 1) + text[i + 1 :])
        assert caught.value.code == "note-key-malformed"


@pytest.mark.parametrize(
    "text",
    [
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        GO_PUBLIC + "\n",
        GO_PRIVATE,
        GO_PUBLIC.replace("c74f20a3", "C74F20A3"),
    ],
)
def test_keys_of_another_kind_or_spelling_are_not_accepted(text: str) -> None:
    with pytest.raises(InvalidInput):
        NoteVerifier.from_text(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b", "a\nb", "a\x01b", "\ud800"])
def test_names_that_would_break_a_signature_line_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        NoteSigner(name, bytes(32))


def test_keys_of_the_wrong_length_are_refused() -> None:
    with pytest.raises(InvalidInput):
        NoteSigner("name", bytes(31))
    with pytest.raises(InvalidInput):
        NoteVerifier("name", bytes(33))


def test_two_keys_under_one_name_and_id_are_refused() -> None:
    # Key ids have 32 bits only; this pair was found by trying.
    prefix = hashlib.sha256(b"collision").digest()
    one, twin = (
        NoteVerifier("n", hashlib.sha256(prefix + n.to_bytes(4, "big")).digest())
        for n in (62_719, 188_378)
    )
    assert one.key_id == twin.key_id
    with pytest.raises(InvalidInput) as caught:
        open_note(sign_note("x\n", _SIGNER), [one, twin])
    assert caught.value.code == "note-keys-ambiguous"


def test_a_new_key_is_random_and_a_secret_is_not_printed() -> None:
    one, two = NoteSigner.generate("office"), NoteSigner.generate("office")
    assert one.seed != two.seed
    assert repr(one) == "NoteSigner(name='office')"
    assert NoteSigner.from_text(one.to_text()) == one


@given(
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])),
    st.binary(min_size=32, max_size=32),
)
def test_what_was_signed_opens_and_nothing_else_does(line: str, seed: bytes) -> None:
    signer = NoteSigner("office", seed)
    note = sign_note(line + "\n", signer)
    assert open_note(note, [signer.verifier]) == line + "\n"
    assert _code(b"x" + note, signer.verifier) == "note-signature-bad"
    assert NoteVerifier.from_text(signer.verifier.to_text()) == signer.verifier

"""Messages about whose end two programs may disagree (RFC 9112, 11.2), each with a request inside.

What is inside would open a case: whether it was taken for a request is seen by that.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

CASES = "/api/v1/cases"
#: Stands for a number that no other message has.
_NUMBER = "0" * 36


@dataclass(frozen=True)
class Message:
    """Bytes on a connection."""

    name: str
    raw: bytes


def hidden(token: str) -> bytes:
    """A request that opens a case of its own."""
    body = f'{{"number": "{_NUMBER}"}}'
    return (
        f"POST {CASES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def _message(name: str, start: str, headers: list[str], body: bytes, end: str = "\r\n") -> Message:
    head = end.join([start, "Host: x", *headers, "", ""]).encode("latin-1")
    own = body.replace(_NUMBER.encode(), str(uuid.uuid4()).encode())
    return Message(name, head + own)


def _odd_chunks(end: bytes) -> list[tuple[str, bytes]]:
    """Chunks that a careless reader takes for others."""
    return [
        ("a chunk's extension ends with a bare LF", b"5;a\n12345\r\n" + end),
        ("a chunk's size ends with a bare LF", b"5\n12345\n0\n\n"),
        ("a bare CR in an extension", b"5;a\rb\r\n12345\r\n" + end),
        ("a chunk longer than it says", b"2\r\n12345\r\n" + end),
        ("a size with a sign", b"+5\r\n12345\r\n" + end),
        ("a size with 0x", b"0x5\r\n12345\r\n" + end),
        ("a size with an underscore", b"0_5\r\n12345\r\n" + end),
        ("a size beyond 64 bits", b"10000000000000005\r\n12345\r\n" + end),
        ("nothing as a size", b"\r\n12345\r\n" + end),
    ]


def messages(place: str, device: str, token: str) -> list[Message]:
    """Every message, sent to an open upload of the device; ``token`` speaks inside."""
    inside = hidden(token)
    start = f"PATCH {place} HTTP/1.1"
    known = [
        f"Authorization: Bearer {device}", "Tus-Resumable: 1.0.0", "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream",
    ]  # fmt: skip
    whole, end = len(inside), b"0\r\n\r\n"
    chunked = "Transfer-Encoding: chunked"

    def both(name: str, *headers: str, body: bytes, first: str = start) -> Message:
        return _message(name, first, [*known, *headers], body)

    found = [
        both("CL.TE", f"Content-Length: {whole + 5}", chunked, body=end + inside),
        both("TE.CL", chunked, "Content-Length: 5", body=end + inside),
        both("two lengths", "Content-Length: 0", f"Content-Length: {whole}", body=inside),
        both("two lengths, the other way", f"Content-Length: {whole}", "Content-Length: 0",
             body=inside),
        both("two equal lengths", "Content-Length: 0", "Content-Length: 0", body=inside),
        both("a list of lengths", f"Content-Length: 0, {whole}", body=inside),
        both("a coding that is obs-folded", "Transfer-Encoding:\r\n chunked", "Content-Length: 5",
             body=end + inside),
        both("a length that is obs-folded", "X: a\r\n Content-Length: 0",
             f"Content-Length: {whole}", body=inside),
        both("a blank before the colon", "Transfer-Encoding : chunked", "Content-Length: 5",
             body=end + inside),
        both("a blank before the name", " Transfer-Encoding: chunked", "Content-Length: 5",
             body=end + inside),
        both("a vertical tab in the coding", "Transfer-Encoding: \x0bchunked", "Content-Length: 5",
             body=end + inside),
        both("a coding in two lines", "Transfer-Encoding: identity", chunked, "Content-Length: 5",
             body=end + inside),
        both("a null in a name", "Transfer-Encoding\x00: chunked", "Content-Length: 5",
             body=end + inside),
        both("HTTP/1.0 with chunks", chunked, "Content-Length: 5", body=end + inside,
             first=start.replace("1.1", "1.0")),
    ]  # fmt: skip
    codings = ("xchunked", "chunked, identity", "identity", "chunked;q=1", '"chunked"')
    found += [
        both(f"coding {text}", f"Transfer-Encoding: {text}", body=end + inside) for text in codings
    ]
    # The last one is a digit of another alphabet, as UTF-8.
    lengths = ("+0", "-0", "0x0", "0 0", "0_0", "00;", "\xd9\xa0")
    found += [both(f"length {text}", f"Content-Length: {text}", body=inside) for text in lengths]
    found += [both(name, chunked, body=chunks + inside) for name, chunks in _odd_chunks(end)]
    found += [
        _message("lines that end with bare LFs", start, [*known, "Content-Length: 0"], inside,
                 end="\n"),
        _message("lines that end with bare CRs", start, [*known, "Content-Length: 0"], inside,
                 end="\r"),
    ]  # fmt: skip
    return found


def legal(place: str, device: str, token: str) -> list[Message]:
    """What is one request and no more, however it is answered: the inside is its body."""
    inside = hidden(token)
    known = [f"Authorization: Bearer {device}", "Tus-Resumable: 1.0.0"]
    media = "Content-Type: application/offset+octet-stream"
    length = f"Content-Length: {len(inside)}"
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(inside), inside)
    extended = b"%x;a=b\r\n%b\r\n0;last\r\nX-Trailer: y\r\n\r\n" % (len(inside), inside)
    chunked = "Transfer-Encoding: chunked"
    patch, wrong = f"PATCH {place} HTTP/1.1", "Upload-Offset: 7"
    return [
        _message("refused for its offset", patch, [*known, media, wrong, length], inside),
        _message("refused, in chunks", patch, [*known, media, wrong, chunked], chunks),
        _message("refused for its media type", patch,
                 [*known, "Content-Type: text/plain", wrong, length], inside),
        _message("refused for its token", patch, ["Authorization: Bearer no", media, length],
                 inside),
        _message("too long for the upload", patch, [*known, media, "Upload-Offset: 0", length],
                 inside),
        _message("too long, in chunks", patch, [*known, media, "Upload-Offset: 0", chunked],
                 extended),
        _message("a wrong checksum", patch,
                 [*known, media, "Upload-Offset: 0", "Upload-Checksum: sha1 AAAA", length], inside),
        _message("expecting to be asked", patch,
                 [*known, media, wrong, length, "Expect: 100-continue"], inside),
        _message("a body where none belongs", "GET /healthz HTTP/1.1", [length], inside),
        _message("chunks where none belong", "GET /healthz HTTP/1.1", [chunked], chunks),
        _message("a body of HEAD", f"HEAD {place} HTTP/1.1", [*known, length], inside),
        _message("an address that is none", "POST /nowhere HTTP/1.1", [length], inside),
        _message("a method that is none", f"BREW {place} HTTP/1.1", [length], inside),
    ]  # fmt: skip

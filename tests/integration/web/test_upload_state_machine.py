"""The upload resource as a state machine: whatever is asked in whatever order, the model holds.

Two applications serve one database and one store, as two replicas do. The model is the list of
bytes that were answered; after each step the *other* application must know at least as many.
"""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from typing_extensions import override

from recorder.domain.people import Role
from tests.support import postgres as databases
from tests.support.replicas import Modelled, Replicas
from tests.support.web_service import PATCH, TUS, Answer

LONGEST = 100_000
CHECKSUMS = st.sampled_from([None, "right", "wrong"])
REPLICAS = st.booleans()


def content(length: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(length)


def checksum(body: bytes) -> str:
    return f"sha1 {base64.b64encode(hashlib.sha1(body, usedforsecurity=False).digest()).decode()}"


class UploadMachine(RuleBasedStateMachine):
    """Every operation in every order, on two replicas."""

    uploads = Bundle("uploads")

    #: Opened once; given by a subclass.
    replicas: Replicas

    def __init__(self) -> None:
        super().__init__()
        # Equal content from one device is one recording; examples must not meet.
        self.token = self.replicas.run(self.replicas.first.token(Role.DEVICE))
        self.modelled: list[Modelled] = []

    # --- rules -------------------------------------------------------------------------------

    @rule(
        target=uploads,
        second=REPLICAS,
        length=st.one_of(st.just(0), st.integers(1, 64), st.integers(LONGEST // 2, LONGEST)),
        seed=st.integers(0, 3),
        first_part=st.sampled_from([0, 0, 0.3, 1]),
    )
    def create(self, second: bool, length: int, seed: int, first_part: float) -> Modelled:
        """POST, perhaps with the first bytes."""
        whole = content(length, seed)
        body = whole[: int(length * first_part)]
        headers = {**(PATCH if body else TUS), "Upload-Length": str(length)}
        answer = self._ask(second, "POST", "/api/v1/uploads", headers=headers, data=body or None)
        assert answer.status == 201, answer.content
        made = Modelled(answer.headers["Location"], whole)
        self.modelled.append(made)
        self._answered(made, answer, len(body))
        return made

    @rule(
        upload=uploads,
        second=REPLICAS,
        shift=st.sampled_from([0, 0, 0, 0, -1, 1, 1000]),
        share=st.sampled_from([0, 0.1, 0.5, 1, 1]),
        excess=st.sampled_from([0, 0, 0, 0, 1, 5000]),
        checked=CHECKSUMS,
    )
    def patch(
        self,
        upload: Modelled,
        second: bool,
        shift: int,
        share: float,
        excess: int,
        checked: str | None,
    ) -> None:
        """PATCH, right or wrong in offset, length or checksum."""
        offset = max(0, upload.offset + shift)
        left = upload.content[offset:]
        body = left + bytes(excess) if excess else left[: int(len(left) * share)]
        headers = {**PATCH, "Upload-Offset": str(offset)}
        if checked:
            headers["Upload-Checksum"] = checksum(body if checked == "right" else body + b"!")
        answer = self._ask(second, "PATCH", upload.place, headers=headers, data=body)
        if upload.state != "open":
            assert answer.status == (410 if upload.state == "removed" else 403)
        elif offset != upload.offset:
            assert answer.status == 409
            assert answer.json["offset"] == upload.offset
        elif offset + len(body) > len(upload.content):
            assert answer.status == 413
        elif checked == "wrong":
            assert answer.status == 460
        else:
            assert answer.status == 204, answer.content
            self._answered(upload, answer, upload.offset + len(body))

    @rule(upload=uploads, second=REPLICAS, share=st.floats(0, 0.99), checked=st.booleans())
    def cut(self, upload: Modelled, second: bool, share: float, checked: bool) -> None:
        """PATCH whose connection breaks: without a checksum, whatever was kept is a prefix."""
        left = upload.content[upload.offset :]
        if upload.state != "open" or not left:
            return
        sent = left[: int(len(left) * share)]
        extra = f"Upload-Checksum: {checksum(left)}\r\n" if checked else ""
        self.replicas.cut(second, self.token, upload, sent, len(left), extra)
        before = upload.offset
        now, _ = self.replicas.durable(upload)
        assert before <= now <= before + (0 if checked else len(sent))
        upload.offset = now

    @rule(upload=uploads, second=REPLICAS)
    def head(self, upload: Modelled, second: bool) -> None:
        """HEAD gives exactly what was answered, from any replica."""
        answer = self._ask(second, "HEAD", upload.place, headers=TUS)
        if upload.state == "removed":
            assert answer.status == 410
            return
        assert answer.status == 200
        assert answer.headers["Upload-Offset"] == str(upload.offset)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers.get("Recorder-Recording") == upload.recording
        # The length of what ended early is what there is.
        if not upload.ended_early:
            assert answer.headers["Upload-Length"] == str(len(upload.content))

    @rule(upload=uploads, second=REPLICAS, method=st.sampled_from(["HEAD", "PATCH", "DELETE"]))
    def stranger(self, upload: Modelled, second: bool, method: str) -> None:
        """Another device's upload does not exist, whatever its state."""
        headers = {**PATCH, "Upload-Offset": str(upload.offset)}
        answer = self.replicas.ask(
            second, method, upload.place, self.replicas.stranger,
            headers=headers, data=b"x" if method == "PATCH" else None,
        )  # fmt: skip
        assert answer.status == 404

    @rule(upload=uploads, second=REPLICAS)
    def delete(self, upload: Modelled, second: bool) -> None:
        """DELETE: an empty upload vanishes, any other is kept as far as it came."""
        answer = self._ask(second, "DELETE", upload.place, headers=TUS)
        if upload.state != "open":
            assert answer.status == (410 if upload.state == "removed" else 403)
            return
        assert answer.status == 204, answer.content
        self._ended(upload)

    @rule(upload=uploads, shares=st.tuples(st.floats(0.1, 1), st.floats(0.1, 1)))
    def race(self, upload: Modelled, shares: tuple[float, float]) -> None:
        """Two connections to two replicas at one offset: one after the other or one wins."""
        left = upload.content[upload.offset :]
        if upload.state != "open" or not left:
            return
        bodies = [left[: max(1, int(len(left) * share))] for share in shares]
        answers = self.replicas.at_once(self.token, upload, bodies)
        assert {answer.status for answer in answers} <= {204, 403, 409}
        told = [int(a.headers["Upload-Offset"]) for a in answers if a.status == 204]
        now, _ = self.replicas.durable(upload)
        assert now >= max([upload.offset, *told])
        assert now <= upload.offset + max(len(body) for body in bodies)
        upload.offset = now
        if now == len(upload.content):
            answer = self._ask(False, "HEAD", upload.place, headers=TUS)
            self._answered(upload, answer, now)

    @rule()
    def expire(self) -> None:
        """Eight silent days: nothing with a byte in it is lost."""
        self.replicas.expire(days=8)
        for upload in self.modelled:
            if upload.state == "open":
                self._ended(upload)

    # --- what always holds -------------------------------------------------------------------

    @invariant()
    def what_was_answered_is_durable(self) -> None:
        for upload in self.modelled:
            offset, state = self.replicas.durable(upload)
            assert (offset, state) == (upload.offset, upload.state)

    @override
    def teardown(self) -> None:
        """Finish what is open; every recording holds exactly the bytes that were answered."""
        for upload in self.modelled:
            if upload.state == "open":
                rest = upload.content[upload.offset :]
                headers = {**PATCH, "Upload-Offset": str(upload.offset)}
                answer = self._ask(True, "PATCH", upload.place, headers=headers, data=rest)
                assert answer.status == 204, answer.content
                self._answered(upload, answer, len(upload.content))
            if upload.recording:
                stored = self.replicas.original(upload.recording)
                assert stored == upload.content[: upload.offset]

    # --- the model ---------------------------------------------------------------------------

    def _ask(self, second: bool, method: str, path: str, **more: Any) -> Answer:
        return self.replicas.ask(second, method, path, self.token, **more)

    def _answered(self, upload: Modelled, answer: Answer, offset: int) -> None:
        assert answer.headers["Upload-Offset"] == str(offset)
        upload.offset = offset
        complete = offset == len(upload.content)
        assert ("Recorder-Recording" in answer.headers) == complete
        if complete:
            upload.state = "finished"
            upload.recording = answer.headers["Recorder-Recording"]

    def _ended(self, upload: Modelled) -> None:
        if upload.offset == 0:
            upload.state = "removed"
            return
        answer = self._ask(False, "HEAD", upload.place, headers=TUS)
        assert answer.headers["Upload-Offset"] == str(upload.offset)
        upload.state, upload.ended_early = "finished", True
        upload.recording = answer.headers["Recorder-Recording"]


@pytest.fixture
def replicas(postgres: databases.Cluster) -> Iterator[Replicas]:
    opened = Replicas(postgres)
    opened.run(opened.open())
    yield opened
    opened.close()


# When it fails, hypothesis looks for the shortest way there.
@pytest.mark.timeout(300)
def test_uploads_hold_what_they_answered_in_every_order_of_operations(replicas: Replicas) -> None:
    bound = type("BoundUploadMachine", (UploadMachine,), {"replicas": replicas})
    run_state_machine_as_test(
        bound,
        settings=settings(
            max_examples=40,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert replicas.finished_well()

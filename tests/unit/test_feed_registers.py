"""Whatever order and batches the messages of a source come in, the same ones count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from recorder.domain.feed.registers import Claim, offer, winners, withdrawn

KEYS = ["a", "b", "c", "d"]
CLAIMS = st.lists(
    st.builds(
        Claim,
        st.sampled_from(KEYS),
        st.integers(0, 3),
        st.binary(min_size=1, max_size=1),
        st.none() | st.sampled_from(KEYS),
    ),
    max_size=12,
)


@given(CLAIMS, st.randoms())
def test_order_and_repetition_do_not_matter(claims: list[Claim], random: object) -> None:
    # Two claims of one key, revision and digest are one message.
    claims = list({(c.key, c.revision, c.digest): c for c in claims}.values())
    shuffled = [*claims, *claims]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert winners(shuffled) == winners(claims)
    assert withdrawn(winners(shuffled), KEYS) == withdrawn(winners(claims), KEYS)


def test_the_highest_revision_counts_and_of_equal_ones_the_higher_digest() -> None:
    registers: dict[str, Claim] = {}
    assert offer(registers, Claim("a", 1, b"x"))
    assert not offer(registers, Claim("a", 1, b"w"))
    assert offer(registers, Claim("a", 1, b"y"))
    assert offer(registers, Claim("a", 2, b"a"))
    assert not offer(registers, Claim("a", 0, b"z"))
    assert registers["a"] == Claim("a", 2, b"a")


def standing(*claims: Claim) -> set[str]:
    return withdrawn(winners(claims), KEYS)


def test_a_withdrawal_takes_back_what_it_names_at_whatever_revision() -> None:
    assert standing(Claim("a", 9, b"x"), Claim("w", 1, b"y", about="a")) == {"a"}


def test_a_withdrawal_that_names_another_thing_later_gives_the_first_back() -> None:
    first, second = Claim("w", 1, b"x", about="a"), Claim("w", 2, b"x", about="b")
    assert standing(first, second) == {"b"}


def test_a_withdrawal_taken_back_counts_no_more() -> None:
    undone = (Claim("a", 1, b"x"), Claim("b", 1, b"x", about="a"), Claim("c", 1, b"x", about="b"))
    assert standing(*undone) == {"b"}


def test_what_is_withdrawn_under_its_own_key_comes_back_with_a_higher_revision() -> None:
    own = (Claim("a", 1, b"x"), Claim("a", 2, b"x", about="a"))
    assert standing(*own) == {"a"}
    assert standing(*own, Claim("a", 3, b"x")) == set()


def test_two_withdrawals_of_each_other_are_both_taken_back() -> None:
    assert standing(Claim("a", 1, b"x", about="b"), Claim("b", 1, b"x", about="a")) == {"a", "b"}

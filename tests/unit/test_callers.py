"""Connections of one address: the idle ones give way, those at work do not."""

from __future__ import annotations

from dataclasses import dataclass

from recorder.web.callers import Callers

HERE, PROXY = "192.0.2.1", "192.0.2.80"


@dataclass(eq=False)
class Line:
    """A connection."""

    idle: bool = True
    dropped: bool = False

    def is_idle(self) -> bool:
        return self.idle

    def drop(self) -> None:
        self.dropped = True


def test_the_oldest_idle_connection_gives_way_to_a_new_one() -> None:
    callers = Callers(3)
    busy, oldest, younger = Line(idle=False), Line(), Line()
    assert all(callers.came(HERE, line) for line in (busy, oldest, younger))
    newest = Line()
    assert callers.came(HERE, newest)
    assert [line.dropped for line in (busy, oldest, younger, newest)] == [False, True, False, False]
    assert callers.count(HERE) == 3


def test_one_more_than_those_at_work_is_one_too_many_until_another_ends() -> None:
    callers = Callers(2)
    first, second = Line(idle=False), Line(idle=False)
    assert callers.came(HERE, first)
    assert callers.came(HERE, second)
    third = Line(idle=False)
    assert not callers.came(HERE, third)
    assert callers.count(HERE) == 3
    for line in (first, third, third):
        callers.went(HERE, line)
    assert callers.came(HERE, Line())


def test_addresses_do_not_count_for_each_other_and_proxies_do_not_count() -> None:
    callers = Callers(1, [PROXY])
    assert callers.came(HERE, Line(idle=False))
    assert callers.came("192.0.2.2", Line(idle=False))
    assert all(callers.came(PROXY, Line(idle=False)) for _ in range(5))
    assert callers.count(PROXY) == 0


def test_zero_means_no_limit_and_nothing_is_remembered_of_who_has_gone() -> None:
    unlimited, callers = Callers(0), Callers(5)
    assert all(unlimited.came(HERE, Line(idle=False)) for _ in range(50))
    line = Line()
    callers.came(HERE, line)
    callers.went(HERE, line)
    assert callers.count(HERE) == 0

"""Who may run in the background: one at a time, nobody while somebody waits, each kind now and then all the same."""

from __future__ import annotations

import threading

from connector.jobs.background import ASKS_AGAIN_SECONDS, EACH_SECONDS, HOT_MAY_WAIT_SECONDS, Background


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def _late(seconds: float) -> bool:
    assert seconds == HOT_MAY_WAIT_SECONDS
    return True


def _in_time(seconds: float) -> bool:
    return False


def _may(background: Background, kind: str, *, late: bool) -> bool:
    with background.turn(kind, _late if late else _in_time) as mine:
        return mine


def test_nothing_begins_while_somebody_waits_and_all_goes_on_afterwards() -> None:
    background = Background(_Clock())
    assert not _may(background, "read", late=True)
    assert _may(background, "read", late=False)


def test_each_kind_has_a_turn_now_and_then_whoever_waits_and_whatever_others_do() -> None:
    clock = _Clock()
    background, turns = Background(clock), dict.fromkeys(("read", "evaluate", "deliver"), 0)
    for _ in range(90):  # a minute and a half of somebody who waits all the time
        clock.now += 1.0
        for kind in turns:
            turns[kind] += _may(background, kind, late=True)
    assert set(turns.values()) == {90 // (int(EACH_SECONDS) + 1) // 3}


def test_who_asks_no_more_is_not_waited_for() -> None:
    clock = _Clock()
    background = Background(clock)
    assert not _may(background, "sweep", late=True)
    clock.now += EACH_SECONDS + ASKS_AGAIN_SECONDS
    assert _may(background, "read", late=True)


def test_one_runs_at_a_time() -> None:
    background, inside, most = Background(), 0, 0
    guard = threading.Lock()

    def work(kind: str) -> None:
        nonlocal inside, most
        for _ in range(200):
            with background.turn(kind, _in_time) as mine:
                assert mine
                with guard:
                    inside += 1
                    most = max(most, inside)
                with guard:
                    inside -= 1

    threads = [threading.Thread(target=work, args=(kind,)) for kind in ("read", "evaluate", "deliver")]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert most == 1

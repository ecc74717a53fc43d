"""The demo's proof finds what it is there to find."""

from __future__ import annotations

from connector.cli.demo_proof import rule_of, uneven

POOLS = {"sdr": frozenset({"a", "b", "c"})}


def test_turns_that_go_round_are_even() -> None:
    turns = [("sdr", "lead", person) for person in "abcab"] + [("sdr", "task", "a")]
    assert list(uneven(turns, POOLS)) == []


def test_somebody_of_the_pool_who_is_passed_over_is_told() -> None:
    turns = [("sdr", "lead", person) for person in "abab"]
    (told,) = uneven(turns, POOLS)
    assert (told.what, told.found) == ("turns of sdr", "a×2, b×2, c×0")


def test_a_key_names_its_rule() -> None:
    assert rule_of("7:stage_entry:3:mql_call:0") == "mql_call"
    assert rule_of("none of ours") == ""

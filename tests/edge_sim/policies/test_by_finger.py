"""What each policy keeps and drops, on traces short enough to follow with a finger.

Room for three objects of one byte unless a test says otherwise. `story` writes ``a`` for a miss, ``A`` for a hit, and ``-b``
for who had to leave.
"""

from __future__ import annotations

import pytest

from edge_sim.policies import NAMES, Policy, policy
from edge_sim.policies.gdsf import Gdsf
from edge_sim.policies.lru import Lru
from edge_sim.policies.s3fifo import S3Fifo
from edge_sim.policies.sieve import Sieve
from edge_sim.policies.tinylfu import TinyLfu


def story(chosen: Policy[str], trace: str, budget: int = 3, sizes: dict[str, int] | None = None) -> str:
    sizes = sizes or {}
    inside: dict[str, int] = {}
    told = []
    for key in trace:
        size = sizes.get(key, 1)
        if key in inside:
            chosen.hit(key)
            told.append(key.upper())
            continue
        told.append(key)
        refused = False
        while sum(inside.values()) + size > budget and not refused:
            gone = chosen.evict(key, size)
            refused = not gone
            for each in gone:
                del inside[each]
                told.append(f"-{each}")
        if refused:
            told.append("!")
        else:
            chosen.add(key, size)
            inside[key] = size
    return " ".join(told)


def test_lru_lets_the_one_go_that_was_not_used_for_longest():
    assert story(Lru(), "abcadba") == "a b c A d -b b -c A"


def test_lru_is_emptied_by_one_scan():
    assert story(Lru(), "ababcdeab") == "a b A B c d -a e -b a -c b -d"


class TestSieve:
    def test_a_hit_is_worth_one_pass_of_the_hand(self):
        # the hand passes a and b, takes their bits, and finds c
        assert story(Sieve(), "ababcd") == "a b A B c d -c"

    def test_the_hand_goes_on_where_it_was(self):
        # a was used once, long ago: it stays until the hand has been everywhere else, and e, just arrived, goes before it
        assert story(Sieve(), "abcdaefgh", 4) == "a b c d A e -b f -c g -d h -e"

    def test_when_all_were_used_the_oldest_goes(self):
        assert story(Sieve(), "abcabcd") == "a b c A B C d -a"

    def test_the_hand_moves_on_when_the_one_under_it_is_removed(self):
        sieve: Sieve[str] = Sieve()
        for key in "abcd":
            sieve.add(key, 1)
        sieve.hit("a")
        assert sieve.evict("x", 1) == ("b",)  # the hand is at c now
        sieve.remove("c")
        assert [sieve.evict("x", 1), sieve.evict("x", 1)] == [("d",), ("a",)]

    def test_the_hand_stays_when_another_is_removed(self):
        sieve: Sieve[str] = Sieve()
        for key in "abcd":
            sieve.add(key, 1)
        sieve.hit("a")
        assert sieve.evict("x", 1) == ("b",)
        sieve.remove("a")
        sieve.add("e", 1)
        assert [sieve.evict("x", 1)[0] for _ in "cde"] == ["c", "d", "e"]


class TestS3Fifo:
    """Ten bytes: one for small, nine for main, nine for the ghosts' names."""

    def test_while_memory_fills_main_takes_what_small_has_no_room_for(self):
        # a is in small, b to j in main: a is the first of them to go, and only then main's order counts
        assert story(S3Fifo(10), "abcdefghijk", 10) == "a b c d e f g h i j k -a"

    def test_who_passes_small_unused_goes_before_main_loses_anyone(self):
        assert story(S3Fifo(10), "abcdefghijklm", 10).endswith("k -a l -k m -l")

    def test_who_comes_back_soon_enters_main_at_once(self):
        # a is remembered; when it comes back, k has to leave for it, and later l: a itself stays
        assert story(S3Fifo(10), "abcdefghijkalma", 10).endswith("k -a a -k l -b m -l A")

    def test_two_uses_in_small_lead_to_main(self):
        # a moves on to main, so main is over its share and b, the oldest there, goes
        assert story(S3Fifo(10), "aaabcdefghijka", 10).endswith("i j k -b A")

    def test_one_use_in_small_is_not_enough(self):
        assert story(S3Fifo(10), "aabcdefghijk", 10).endswith("j k -a")

    def test_a_use_in_main_is_worth_another_turn(self):
        assert story(S3Fifo(10), "aaabbcdefghijk", 10).endswith("j k -c")


class TestGdsf:
    def test_the_large_one_goes_first(self):
        assert story(Gdsf(), "abcd", 12, {"a": 2, "b": 8, "c": 2, "d": 4}) == "a b c d -b"

    def test_uses_make_up_for_bytes(self):
        # four uses of eight bytes are worth more than one of four
        assert story(Gdsf(), "bbbbacd", 14, {"a": 4, "b": 8, "c": 2, "d": 4}) == "b B B B a c d -a"

    def test_among_equals_the_one_used_longest_ago(self):
        assert story(Gdsf(), "abcd") == "a b c d -a"

    def test_what_was_popular_once_is_overtaken(self):
        # L is 1 after b went, so e is worth as much as a with its two uses, which were longer ago
        assert story(Gdsf(), "aabcdefg") == "a A b c d -b e -c f -d g -a"

    def test_a_newcomer_worth_less_than_all_stays_outside_and_raises_the_level(self):
        assert story(Gdsf(), "abcabcdef") == "a b c A B C d ! e -a f -b"

    def test_a_removed_key_may_come_again(self):
        gdsf: Gdsf[str] = Gdsf()
        gdsf.add("a", 1)
        gdsf.hit("a")
        gdsf.remove("a")
        gdsf.add("b", 1)
        gdsf.add("a", 1)
        assert [gdsf.evict("x", 1), gdsf.evict("x", 1)] == [("b",), ("a",)]


class TestTinyLfu:
    """A hundred objects: one in the window, 19 on probation, 79 protected."""

    FILL = "".join(map(chr, range(0x100, 0x100 + 99)))

    def test_one_who_was_never_asked_for_before_leaves_again(self):
        # main is full of those who came first; x waits in the window, and y pushes it out
        assert story(TinyLfu(100, typical=1), self.FILL + "xyz", 100).endswith("x y -x z -y")

    def test_who_is_asked_for_again_and_again_gets_in_at_last(self):
        told = story(TinyLfu(100, typical=1), self.FILL + "xyxyxyx", 100)
        assert told.startswith(" ".join(self.FILL) + " x y -x x -y")
        assert f"-{self.FILL[0]}" in told  # the first on probation made room
        assert told.endswith("X")

    def test_the_past_is_halved(self):
        lfu: TinyLfu[str] = TinyLfu(4, typical=1)  # four objects in main: halved after 128 uses there
        for key in "abcd":
            lfu.add(key, 1)
        assert lfu.evict("e", 1) == ["d"]  # a, b and c moved on to main, and d lost against a
        for _ in range(127):
            lfu.hit("a")
        before = lfu._sketch.count("a")
        lfu.hit("a")
        assert lfu._sketch.count("a") == (before + 1) // 2


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_a_policy(name):
    chosen: Policy[str] = policy(name, 1000)
    chosen.add("a", 1)
    chosen.hit("a")
    assert list(chosen.evict("b", 1000)) in (["a"], [])


def test_another_name_is_none():
    with pytest.raises(ValueError, match="belady: no such policy"):
        policy("belady", 1)

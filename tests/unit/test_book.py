"""The book of a router: who asked what of whom, who waits for whom, and what has passed."""

from __future__ import annotations

import random

import pytest

from hisee._core.book import Book, Open

CALL, DATA = 0x0111, 0x0114


def call(book, caller, target, corr):
    return book.enter(caller, corr, target, CALL, 1, 0, True)


def test_a_call_that_closes_a_circle_is_refused_with_the_chain():
    book = Book()
    assert call(book, 1, 2, 100) == []
    assert call(book, 2, 3, 101) == []
    assert call(book, 3, 1, 102) == [3, 1, 2, 3]
    assert call(book, 4, 4, 103) == [4, 4]
    assert book.leave(2, 101)
    assert call(book, 3, 1, 103) == []
    assert len(book) == 2


def test_a_wait_is_removed_only_by_its_own_answer_and_a_plain_request_is_none():
    book = Book()
    call(book, 1, 2, 100)
    assert not book.leave(1, 99)
    assert call(book, 2, 1, 101) == [2, 1, 2]
    assert book.enter(2, 102, 1, DATA, 3, 7) == []


def test_a_long_circle_tells_its_beginning():
    book = Book()
    for number in range(1, 1000):
        assert call(book, number, number + 1, number) == []
    chain = call(book, 1000, 1, 5)
    assert chain == [1000, *range(1, 64)]


@pytest.mark.req("R146")
def test_the_requests_to_a_dead_process_are_handed_out_once_and_its_own_are_forgotten():
    book = Book()
    call(book, 1, 2, 100)
    book.enter(3, 101, 2, DATA, 3, 77)
    call(book, 2, 9, 102)
    book.enter(1, 103, 9, DATA, 3, 78)
    assert sorted(book.end(2)) == sorted([Open(CALL, 1, 0, 1, 100, True), Open(DATA, 3, 77, 3, 101, False)])
    assert book.end(2) == [] and len(book) == 1
    assert call(book, 9, 1, 104) == [], "nobody waits for the dead"


def test_requests_are_counted_by_target_and_lane():
    book = Book()
    for corr, lane in enumerate((5, 5, 6, 10)):
        book.enter(1, corr, 2, DATA, lane, 0)
    assert (book.count(2), book.count(2, 1 << 5), book.count(2, 1 << 5 | 1 << 6), book.count(3)) == (4, 2, 3, 0)


def test_one_more_request_under_the_same_number_takes_its_place():
    book = Book()
    book.enter(1, 5, 2, DATA, 3, 0)
    book.enter(1, 5, 3, DATA, 3, 0)
    assert len(book) == 1 and book.end(2) == [] and book.end(3) == [Open(DATA, 3, 0, 1, 5, False)]


def test_it_agrees_with_a_dictionary_over_many_steps():
    book, known, dice = Book(), {}, random.Random(7)
    for step in range(20_000):
        caller, corr, target = dice.randrange(1, 40), dice.randrange(200), dice.randrange(1, 40)
        if dice.random() < 0.55:
            assert book.enter(caller, corr, target, DATA, 3, step) == []
            known[caller, corr] = (target, step)
        elif dice.random() < 0.98:
            assert book.leave(caller, corr) == (known.pop((caller, corr), None) is not None)
        else:
            orphans = {key: step for key, (target_of, step) in known.items() if target_of == target and key[0] != target}
            assert {(o.caller, o.corr): o.object for o in book.end(target)} == orphans
            known = {key: value for key, value in known.items() if value[0] != target and key[0] != target}
        assert len(book) == len(known)

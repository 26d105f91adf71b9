"""Whose turn it is, and which board each job gets."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from controller.assignment import assign, ranked
from controller.documents import JOB_SPEC
from controller.store import StoredJob
from tests.controller.samples import job_document


def job(number, user="", priority=0):
    spec = JOB_SPEC.validate_python(job_document(priority=priority))
    return StoredJob(str(number), spec, "queued", "", "", None, None, "", user=user)


def order(jobs, working=None, served_at=None):
    return [job.id for job in ranked(jobs, working or {}, served_at or {})]


class TestRank:
    def test_the_oldest_goes_first(self):
        """Jobs of one user and one priority keep their order."""
        assert ["1", "2", "3"] == order([job(1), job(2), job(3)])

    def test_a_higher_priority_goes_before_age(self):
        """Priority counts first, below zero too."""
        assert ["3", "1", "2"] == order([job(1), job(2, priority=-5), job(3, priority=1)])

    def test_users_take_turns(self):
        """Who submits one job need not wait for all of somebody else's."""
        assert ["1", "4", "2", "3"] == order([job(1, "ann"), job(2, "ann"), job(3, "ann"), job(4, "ben")])

    def test_a_user_with_boards_at_work_waits_for_one_with_none(self):
        """Boards that work for a user count as turns that were had."""
        assert ["2", "1"] == order([job(1, "ann"), job(2, "ben")], working={"ann": 1})

    def test_who_was_served_last_goes_last(self):
        """With a single board, users alternate, whoever submitted more."""
        jobs = [job(1, "ann"), job(2, "ann"), job(3, "ben")]
        assert "3" == order(jobs, served_at={"ann": "2026-01-01T00:00:01Z"})[0]
        assert "1" == order(jobs, served_at={"ann": "2026-01-01T00:00:01Z", "ben": "2026-01-01T00:00:02Z"})[0]


class TestAssign:
    def test_a_job_gets_the_board_that_it_prefers(self):
        """The first of its choices that is free."""
        assert {"1": "a", "2": "b"} == assign([("1", ["a", "b"]), ("2", ["a", "b"])], 2)

    def test_a_job_with_a_choice_makes_way_for_one_without(self):
        """Both get a board, though the older one has the only board of the younger first."""
        assert {"1": "b", "2": "a"} == assign([("1", ["a", "b"]), ("2", ["a"])], 2)

    def test_an_older_job_keeps_a_board(self):
        """Nobody makes way who would be left without."""
        assert {"1": "a"} == assign([("1", ["a"]), ("2", ["a"])], 1)

    def test_choices_are_asked_for_while_boards_are_free(self):
        """A long queue behind the last free board is not looked at."""

        def choices():
            yield "1", ["a"]
            raise AssertionError("there is no board left for another job")

        assert {"1": "a"} == assign(choices(), 1)

    @given(st.lists(st.sets(st.sampled_from("abcd")), max_size=6))
    def test_as_many_of_the_first_as_possible_are_served(self, wishes):
        """Against every possible assignment: the best by rank get boards, and no board is had twice."""
        found = assign([(str(number), sorted(wish)) for number, wish in enumerate(wishes)], 4)
        assert len(found) == len(set(found.values()))
        assert all(board in wishes[int(job)] for job, board in found.items())
        served = [str(number) in found for number in range(len(wishes))]
        assert max(possible(wishes), default=[]) == served


def possible(wishes):
    """Which jobs are served, for every way to give each of them one of its boards or none."""
    for boards in itertools.product(*([None, *sorted(wish)] for wish in wishes)):
        given_out = [board for board in boards if board]
        if len(given_out) == len(set(given_out)):
            yield [board is not None for board in boards]

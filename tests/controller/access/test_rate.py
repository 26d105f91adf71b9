"""How often one address may ask, on a clock that the test sets."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from controller.access.rate import RateLimit


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def app(clock):
    """At most five requests a second, ten at once."""
    made = FastAPI()
    made.get("/")(lambda: "answered")
    made.add_middleware(RateLimit, per_s=5.0, clock=clock)
    return made


def statuses(client, count):
    return [client.get("/").status_code for _ in range(count)]


def test_a_burst_is_answered_and_more_is_not(app):
    """The eleventh request of a moment is refused, with when to ask again."""
    client = TestClient(app)
    assert [200] * 10 + [429] == statuses(client, 11)
    refused = client.get("/")
    assert ("1", "application/problem+json") == (refused.headers["retry-after"], refused.headers["content-type"])
    assert "more than 5 requests a second" in refused.json()["detail"]


def test_time_fills_the_bucket(app, clock):
    """A second later five more are answered, an hour later no more than ten at once."""
    client = TestClient(app)
    statuses(client, 11)
    clock.now += 1
    assert [200] * 5 + [429] == statuses(client, 6)
    clock.now += 3600
    assert [200] * 10 + [429] == statuses(client, 11)


def test_addresses_do_not_share(app):
    """One that asks too often does not keep the others out."""
    statuses(TestClient(app, client=("192.0.2.1", 1)), 20)
    assert [200] == statuses(TestClient(app, client=("192.0.2.2", 1)), 1)


def test_addresses_are_forgotten(app, clock):
    """However many ask, what is remembered of them has a bound."""
    limit = RateLimit(app, per_s=5.0, clock=clock)
    for number in range(20_000):
        limit._take(f"address {number}")
    assert 10_000 == len(limit._buckets)

"""Tokens in the store: made once, kept as digests, revoked for good."""

import sqlite3
from contextlib import closing

import pytest

from controller.access.tokens import Caller, id_of
from controller.errors import ConflictError, NotFoundError
from controller.store import Store


@pytest.fixture
def store(tmp_path):
    opened = Store(f"sqlite:///{tmp_path / 'lab.sqlite3'}")
    opened.database.migrate()
    yield opened
    opened.close()


def caller(store, token):
    return store.tokens.caller(id_of(token), token)


def test_a_token_names_its_user_and_scope(store):
    """Whoever shows a token is its user, with what it allows; two tokens of one user are two."""
    first, second = store.tokens.create("ada", "submit"), store.tokens.create("ada", "read")
    assert first != second
    assert Caller("ada", "submit") == caller(store, first)
    assert Caller("ada", "read") == caller(store, second)


@pytest.mark.parametrize(
    ("scope", "allowed"), [("read", ["read"]), ("submit", ["read", "submit"]), ("admin", ["read", "submit", "admin"])]
)
def test_each_scope_holds_the_ones_before_it(scope, allowed):
    """Who may submit may read, and an admin may do everything."""
    assert allowed == [needed for needed in ("read", "submit", "admin") if Caller("ada", scope).may(needed)]


def test_a_token_with_another_secret_opens_nothing(store):
    """The id alone, which lists show, is of no use."""
    token = store.tokens.create("ada", "admin")
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert None is caller(store, forged)


@pytest.mark.parametrize(
    "text", ["", "gft_", "gft_0123abcd_short", "gft_0123ABCD_" + "a" * 43, "\x00", "gft_ü", "a" * 9999]
)
def test_what_is_no_token_has_no_id(text):
    """Nothing else is even looked up."""
    assert None is id_of(text)


def test_a_revoked_token_opens_nothing_and_leaves_the_controller_closed(store):
    """Revoking the last token does not let everybody in."""
    assert not store.tokens.are_in_use()
    token = store.tokens.create("ada", "admin")
    revoked = store.tokens.revoke(id_of(token))
    assert None is caller(store, token)
    assert [revoked] == store.tokens.all()
    assert store.tokens.are_in_use()
    with pytest.raises(ConflictError, match="was revoked at"):
        store.tokens.revoke(revoked.id)
    with pytest.raises(NotFoundError, match="tokens list"):
        store.tokens.revoke("ffffffff")


def test_the_database_holds_no_token(store, tmp_path):
    """Who reads the file cannot enter: neither the token nor its secret is anywhere in it."""
    secret = store.tokens.create("ada", "admin").split("_", 2)[2]
    with closing(sqlite3.connect(tmp_path / "lab.sqlite3")) as connection:
        dumped = "\n".join(connection.iterdump())
    assert "ada" in dumped
    assert secret not in dumped
    assert not [path for path in tmp_path.iterdir() if secret.encode() in path.read_bytes()]


def test_a_users_name_is_a_word(store):
    """A name that could not stand in a list or a log is refused."""
    with pytest.raises(ValueError, match="user must be"):
        store.tokens.create("ada lovelace\n", "read")

"""Tokens: who holds one, as digests. A revoked token's row stays: a controller once closed is never open again."""

from typing import cast

from sqlalchemy import exists, select

from controller.access.tokens import Caller, TokenScope, TokenView, digest, is_digest_of, new_token
from controller.errors import ConflictError, NotFoundError
from controller.instants import Clock, as_text
from controller.store.database import Database
from controller.tables import Token
from gradfilter.bench.schema.checks import check_word


class Tokens:
    """The tokens of all users."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, user: str, scope: TokenScope) -> str:
        """A new token of this user; nobody can read it again.

        Raises:
            ValueError: the user's name is no word.
        """
        check_word("user", user)
        token, token_id = new_token()
        row = Token(id=token_id, digest=digest(token), user=user, scope=scope, created_at=self._now(), revoked_at=None)
        with self._database.writing() as session:
            session.add(row)
        return token

    def all(self) -> list[TokenView]:
        """Every token ever made, oldest first."""
        with self._database.reading() as session:
            return [_view(row) for row in session.scalars(select(Token).order_by(Token.created_at, Token.id))]

    def revoke(self, token_id: str) -> TokenView:
        """Let a token open nothing any more.

        Raises:
            NotFoundError: there is no such token.
            ConflictError: it is revoked already.
        """
        with self._database.writing() as session:
            row = session.get(Token, token_id, with_for_update=True)
            if row is None:
                raise NotFoundError(f"there is no token {token_id[:120]!r}; `gradfilter tokens list` shows their ids.")
            if row.revoked_at is not None:
                raise ConflictError(f"token {token_id} was revoked at {row.revoked_at} already.")
            row.revoked_at = self._now()
            return _view(row)

    def caller(self, token_id: str, token: str) -> Caller | None:
        """Who shows this token, None when it opens nothing."""
        with self._database.reading() as session:
            row = session.get(Token, token_id)
            if row is None or not is_digest_of(row.digest, token) or row.revoked_at is not None:
                return None
            return Caller(row.user, cast("TokenScope", row.scope))

    def are_in_use(self) -> bool:
        """Whether any token was ever made: then nobody enters without one."""
        with self._database.reading() as session:
            return bool(session.scalar(select(exists().select_from(Token))))

    def _now(self) -> str:
        return as_text(self._clock())


def _view(row: Token) -> TokenView:
    return TokenView(
        id=row.id,
        user=row.user,
        scope=cast("TokenScope", row.scope),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )

"""The boards' tokens: one key in a file, one token a board."""

import pytest

from controller.access.board_tokens import BadKeyError, BoardTokens


def test_every_board_has_its_own_token(tmp_path):
    """Tokens differ by board and by lab, and stay the same over restarts."""
    tokens = BoardTokens.kept_in(tmp_path / "new" / "board.key")
    again = BoardTokens.kept_in(tmp_path / "new" / "board.key")
    elsewhere = BoardTokens.kept_in(tmp_path / "other.key")
    assert tokens.of("nano-1") == again.of("nano-1")
    assert 3 == len({tokens.of("nano-1"), tokens.of("nano-2"), elsewhere.of("nano-1")})
    assert tokens.is_of("nano-1", again.of("nano-1"))
    assert not tokens.is_of("nano-2", again.of("nano-1"))


def test_the_key_is_for_its_owner_alone(tmp_path):
    """Nobody else on the controller's machine reads it, and no half-written file stays beside it."""
    BoardTokens.kept_in(tmp_path / "board.key")
    assert ["board.key"] == [path.name for path in tmp_path.iterdir()]
    assert 0o600 == (tmp_path / "board.key").stat().st_mode & 0o777


@pytest.mark.parametrize("content", ["", "00ff", "no key", "ü"])
def test_a_file_that_holds_no_key_is_refused(tmp_path, content):
    """A broken file is not replaced by itself: every board would have to be told."""
    (tmp_path / "board.key").write_text(content)
    with pytest.raises(BadKeyError, match="must hold 32 bytes"):
        BoardTokens.kept_in(tmp_path / "board.key")

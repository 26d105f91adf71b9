"""Settings: from the environment and from TOML, refused in words."""

import os
import subprocess
import sys

import pytest

from controller.settings import Settings


def controller(folder, *, code, **environment):
    """Python in a folder, with settings in its environment."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


SHOW = "from controller.settings import Settings; s = Settings(); print(s.port, s.host, s.database)"


def test_defaults_listen_on_loopback(tmp_path):
    """Without any settings the controller is for this machine alone, with SQLite in its folder."""
    shown = controller(tmp_path, code=SHOW).stdout
    assert f"8100 127.0.0.1 sqlite:///{tmp_path}/var/controller/controller.sqlite3\n" == shown


def test_the_environment_wins_over_the_file(tmp_path):
    """A TOML file sets what the environment leaves out."""
    (tmp_path / "gradfilter-controller.toml").write_text('port = 1\nhost = "::1"\ndatabase_url = "sqlite:///x"\n')
    shown = controller(tmp_path, code=SHOW, GRADFILTER_CONTROLLER_PORT="2").stdout
    assert "2 ::1 sqlite:///x\n" == shown


@pytest.mark.parametrize(
    ("name", "value"), [("GRADFILTER_CONTROLLER_PORT", "many"), ("GRADFILTER_CONTROLLER_LEASE_S", "0")]
)
def test_a_setting_that_cannot_be_is_named(tmp_path, name, value):
    """The service does not start, names the variable and exits with 2."""
    ended = controller(tmp_path, code="from controller.service import run; run()", **{name: value})
    assert (2, True, "") == (ended.returncode, ended.stderr.startswith(f"{name}: "), ended.stdout)


def test_a_file_that_is_no_toml_is_refused(tmp_path):
    """The service says what is wrong in one line, without a stack trace, and exits with 2."""
    (tmp_path / "gradfilter-controller.toml").write_text("port = = 1\n")
    ended = controller(tmp_path, code="from controller.service import run; run()")
    assert (2, 1, "") == (ended.returncode, len(ended.stderr.splitlines()), ended.stdout)


def test_every_setting_is_described():
    """Each setting says what it is."""
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    "setting",
    [
        {"GRADFILTER_CONTROLLER_DATA_DIR": "/proc/nowhere"},
        {"GRADFILTER_CONTROLLER_DATABASE_URL": "nonsense://user:secret@host"},
    ],
)
def test_a_database_that_cannot_be_opened_is_said_in_one_line(tmp_path, setting):
    """The service names the settings to check, shows no password and no stack trace, and exits with 2."""
    ended = controller(tmp_path, code="from controller.service import run; run()", **setting)
    assert (2, 1, "") == (ended.returncode, len(ended.stderr.splitlines()), ended.stdout)
    assert next(iter(setting)) in ended.stderr
    assert "secret" not in ended.stderr

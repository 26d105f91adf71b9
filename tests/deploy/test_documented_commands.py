"""Every command of the deploying pages is one that tests run, or stands beside words that say that it is untested."""

import re
import textwrap
from pathlib import Path

import pytest

from tests.deploy.test_hosts_walk import walk

ROOT = Path(__file__).resolve().parents[2]
# What a span of code begins with that is a command, and no file or setting.
PROGRAMS = (
    "gradfilter ",
    "make ",
    "ssh ",
    "ssh-copy-id ",
    "sudo ",
    "cp ",
    "tar ",
    "python3 ",
    "systemctl ",
    "journalctl ",
    "export ",
    "/opt/gradfilter/worker/bin/python ",
)
# How a command begins, the file that runs it, and how it does there.
RUN_BY = [
    ("gradfilter deploy install", "tests/deploy/conftest.py", '.play("install")'),
    ("gradfilter deploy upgrade -i", "tests/deploy/test_hosts_releases.py", '.play("upgrade"'),
    ("gradfilter deploy rollback -i", "tests/deploy/test_hosts_releases.py", '.play("rollback")'),
    ("gradfilter deploy remove -i", "tests/deploy/test_hosts_releases.py", '.play("remove", "--limit"'),
    ("gradfilter deploy check", "tests/deploy/test_hosts_releases.py", '.play("check")'),
    ("gradfilter deploy profile -i", "tests/deploy/test_hosts_jtop.py", '.play("profile"'),
    ("gradfilter devices show", "tests/controller/test_cli_with_controller.py", '"devices", "show"'),
    ("gradfilter suite list", "tests/controller/test_suite_commands.py", 'gradfilter("list")'),
    ("make bundle BOARD=", "tests/deploy/hosts/bundles.py", "make_bundle("),
    ("make setup", "Makefile", "setup: $(SETUP)"),
    ("make test", "Makefile", "test-arm64: $(SETUP)"),
    ("ssh BOARD sudo", "tests/deploy/hosts/host.py", "sudo sh -c"),
    ("cp deploy/ansible/inventory.example.yml", "tests/deploy/test_deploy_command.py", "inventory.example.yml"),
    ("systemctl cat gradfilter-agent", "tests/deploy/test_hosts_walk.py", '"systemctl cat gradfilter-agent"'),
    ("journalctl -u gradfilter-agent", "tests/deploy/test_hosts_walk.py", '"journalctl -u gradfilter-agent"'),
    ("tar -xzf gradfilter-bundle", "tests/arm64.py", "unpack_archive("),
    ("python3 verify.py", "tests/arm64.py", '"/opt/bundle/verify.py"'),
    ("python3 install.py", "tests/arm64.py", '"/opt/bundle/install.py"'),
    ("sudo python3 install.py", "tests/arm64.py", '"/opt/bundle/install.py"'),
    (
        "export GRADFILTER_CONTROLLER=https://lab-server:8100 GRADFILTER_CA=",
        "tests/deploy/test_hosts_tls.py",
        '"GRADFILTER_CA"',
    ),
    ("/opt/gradfilter/worker/bin/python -m", "tests/arm64.py", '"-m", "gradfilter.bench.convolution_check"'),
    ("sudo cp -r python", "tests/arm64.py", '"cp", "-r", "/opt/bundle/python"'),
]


def commands(page):
    """Each command, and the paragraph or the item of a list that it stands in."""
    text = re.sub(r"^(#|[0-9]+\. |- )", r"\n\1", (ROOT / "deploy" / page).read_text(), flags=re.MULTILINE)
    for paragraph in text.split("\n\n"):
        lines = textwrap.dedent(paragraph).splitlines()
        block = [line.partition("  #")[0].strip() for line in lines] if paragraph.startswith("    ") else []
        spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", paragraph)]
        yield from ((found, paragraph) for found in [*block, *spans] if found.startswith(PROGRAMS))


@pytest.mark.parametrize("page", ["README.md", "boards.md"])
def test_command_is_run_by_a_test_or_marked(page):
    """The walk is run as it stands; of the rest, the table names who runs it."""
    known = (*(start for start, _, _ in RUN_BY), *walk().replace("pi5-1", "BOARD").splitlines())
    found = list(commands(page))
    assert len(found) > 10
    assert [] == [
        command
        for command, beside in found
        if not command.replace("pi5-1", "BOARD").startswith(known) and "untested" not in beside
    ]


@pytest.mark.parametrize(("start", "file", "how"), RUN_BY)
def test_command_is_run_as_the_table_says(start, file, how):
    """The file still holds the words that run it, and a page still has the command."""
    assert how in (ROOT / file).read_text()
    assert any(command.startswith(start) for page in ("README.md", "boards.md") for command, _ in commands(page))

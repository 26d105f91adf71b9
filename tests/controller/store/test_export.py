"""Everything as files: what is in them, what is left out, and checksums that hold."""

import hashlib
import json
from dataclasses import replace

import pandas as pd
import pytest

from controller.store import Store
from controller.store.artefacts import NewArtefact
from controller.store.export import export
from controller.store.letters import Letter
from gradfilter.bench.schema import Series
from tests.controller.databases import DATABASES, new_database
from tests.controller.samples import POWER, record
from tests.controller.stored import fill_results, leased, started

TRACE = b"\x1f\x8b\xff"


@pytest.fixture(params=DATABASES)
def store(request, tmp_path):
    """One measured run with three readings, and a token."""
    opened = Store(new_database(request, tmp_path))
    opened.database.migrate()
    lease = leased(opened, user="ada")
    series = [Series(POWER, [9.0, 10.0, 12.0], [0.0, None, 7.0])]
    opened.records.add(replace(record(started(opened, lease)), series=series), lease)
    fill_results(opened)
    opened.token = opened.tokens.create("ada", "admin")
    yield opened
    opened.close()


@pytest.mark.parametrize(("file_format", "read"), [("parquet", pd.read_parquet), ("csv", pd.read_csv)])
def test_every_table_and_series_is_there(store, tmp_path, file_format, read):
    """Any program reads them; documents are JSON within a cell."""
    export(store.database, tmp_path / "all", file_format)
    jobs, runs = (read(tmp_path / "all" / f"{name}.{file_format}") for name in ("jobs", "runs"))
    assert [("ada", "tiny_cnn")] == list(zip(jobs["user"], jobs["model"], strict=True))
    assert "baseline" == json.loads(jobs["spec"][0])["variants"][0]["name"]
    measurements = read(tmp_path / "all" / f"measurements.{file_format}")
    assert {runs["id"][0]} == set(measurements["run_id"])
    assert 0.2 in set(measurements[measurements["metric"] == "backward"]["value"])
    assert 3 == len(read(tmp_path / "all" / "series" / f"{runs['id'][0]}.{file_format}"))


def test_the_manifest_tells_of_every_file(store, tmp_path):
    """Whoever has the folder can tell whether it is whole."""
    folder = tmp_path / "all"
    export(store.database, folder, "parquet")
    manifest = json.loads((folder / "manifest.json").read_text())
    listed = {file["path"]: file for file in manifest["files"]}
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {*listed, "manifest.json"}
    for path, file in listed.items():
        content = (folder / path).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["size_bytes"], file["sha256"])
    assert 1 == listed["runs.parquet"]["rows"]


@pytest.mark.parametrize("file_format", ["parquet", "csv"])
def test_what_runs_left_is_there_byte_by_byte(store, tmp_path, file_format):
    """A profile is a file of its own, also one that is no text."""
    [run] = store.runs.of_job("1")
    store.artefacts.add(run.id, [NewArtefact("trace.json.gz", TRACE), NewArtefact("operators.csv", b"name\n")])
    files = export(store.database, tmp_path / "all", file_format)
    assert TRACE == (tmp_path / "all" / "artefacts" / f"{run.id}-trace.json.gz").read_bytes()
    listed = {file.path: file.sha256 for file in files if file.path.startswith("artefacts/")}
    assert hashlib.sha256(TRACE).hexdigest() == listed[f"artefacts/{run.id}-trace.json.gz"]
    assert 2 == len(listed)


def test_tokens_stay_behind(store, tmp_path):
    """Not even their digests leave, and the manifest says that they were left out, as are letters on their way."""
    store.letters.post("nano-1", Letter("letter-1", "GET", "/v1/device", None, None))
    export(store.database, tmp_path / "all", "csv")
    assert not (tmp_path / "all" / "letters.csv").exists()
    assert ["letters", "tokens"] == json.loads((tmp_path / "all" / "manifest.json").read_text())["left_out"]
    [token] = store.tokens.all()
    assert not [path for path in (tmp_path / "all").rglob("*.csv") if token.id in path.read_text()]


def test_a_folder_with_something_in_it_is_left_alone(store, tmp_path):
    """Two exports do not mix."""
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "mine").touch()
    with pytest.raises(FileExistsError, match="name a new folder"):
        export(store.database, tmp_path / "all", "csv")

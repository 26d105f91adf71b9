"""Everything that a controller knows, as files that any program reads: a table a file, and a manifest with checksums.

Tokens stay behind, and letters, which nobody waits for afterwards. The series of a run are a file of their own, and so
is each artefact, as they are stored.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.csv as arrow_csv
from pyarrow import parquet
from sqlalchemy import JSON, BigInteger, Boolean, Double, Integer, Table, func, select, text
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from controller import series
from controller.instants import as_text, utc_now
from controller.store.database import Database
from controller.tables import Artefact, Base, DroppedRow, LetterRow, SeriesDocument, Token

ExportFormat = Literal["parquet", "csv"]
MANIFEST = "manifest.json"
_LEFT_OUT = (LetterRow.__tablename__, Token.__tablename__)
_FILES_OF_THEIR_OWN = (Artefact.__tablename__, SeriesDocument.__tablename__)
_ROWS_AT_ONCE = 5000
_BYTES_AT_ONCE = 1 << 20
_TYPES: dict[type[TypeEngine[Any]], pa.DataType] = {
    Boolean: pa.bool_(),
    BigInteger: pa.int64(),
    Integer: pa.int64(),
    Double: pa.float64(),
}


@dataclass(frozen=True)
class ExportedFile:
    """One file of an export; path is relative to its folder.

    rows counts readings where it holds series, and is 0 of an artefact, which has none.
    """

    path: str
    rows: int
    size_bytes: int
    sha256: str


def export(database: Database, folder: Path, file_format: ExportFormat) -> list[ExportedFile]:
    """Write everything, as it is at one moment, into a folder that is empty or not there.

    Raises:
        FileExistsError: the folder has something in it.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty; name a new folder.")
    with database.snapshot() as session:
        elsewhere = (*_LEFT_OUT, *_FILES_OF_THEIR_OWN)
        tables = [table for table in Base.metadata.sorted_tables if table.name not in elsewhere]
        files = [_table(session, table, folder, file_format) for table in tables]
        files += _series(session, folder, file_format)
        files += _artefacts(session, folder)
        dropped = _dropped(session)
        revision = session.scalar(text("SELECT version_num FROM alembic_version"))
    manifest = {
        "created_at": as_text(utc_now()),
        "schema_revision": revision,
        "left_out": list(_LEFT_OUT),
        "dropped_before": dropped,
        "files": [asdict(file) for file in files],
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    return files


def _table(session: Session, table: Table, folder: Path, file_format: ExportFormat) -> ExportedFile:
    path = folder / f"{table.name}.{file_format}"
    schema = pa.schema([(column.name, _arrow_type(column.type)) for column in table.columns])
    rows = 0
    with _WRITERS[file_format](path, schema) as writer:
        found = session.execute(select(table), execution_options={"yield_per": _ROWS_AT_ONCE})
        for batch in found.mappings().partitions(_ROWS_AT_ONCE):
            writer.write_table(_arrow(batch, schema))
            rows += len(batch)
    return _described(folder, path, rows)


def _arrow(batch: Sequence[Any], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([{name: _plain(row[name]) for name in schema.names} for row in batch], schema=schema)


def _plain(value: Any) -> Any:
    """A cell; a document within one is written as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _arrow_type(kind: TypeEngine[Any]) -> pa.DataType:
    if isinstance(kind, JSON):
        return pa.string()
    return next((arrow for ours, arrow in _TYPES.items() if isinstance(kind, ours)), pa.string())


def _series(session: Session, folder: Path, file_format: ExportFormat) -> Iterator[ExportedFile]:
    (folder / "series").mkdir()
    query = select(SeriesDocument.run_id, SeriesDocument.parquet)
    for run_id, document in session.execute(query, execution_options={"yield_per": 100}):
        path = folder / "series" / f"{run_id}.{file_format}"
        path.write_bytes(document if file_format == "parquet" else series.to_csv(document).encode())
        yield _described(folder, path, parquet.ParquetFile(pa.BufferReader(document)).metadata.num_rows)


def _artefacts(session: Session, folder: Path) -> Iterator[ExportedFile]:
    """What runs left for people; some are large, so one at a time."""
    (folder / "artefacts").mkdir()
    query = select(Artefact.run_id, Artefact.name, Artefact.content)
    for run_id, name, content in session.execute(query, execution_options={"yield_per": 1}):
        path = folder / "artefacts" / f"{run_id}-{name}"
        path.write_bytes(content)
        yield _described(folder, path, rows=0)


def _dropped(session: Session) -> dict[str, int]:
    """What cannot be exported any more; the table of that name has every run with the reason."""
    runs, size = session.execute(select(func.count(), func.sum(DroppedRow.size_bytes))).one()
    return {"runs": runs, "size_bytes": int(size or 0)}


def _described(folder: Path, path: Path, rows: int) -> ExportedFile:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while read := file.read(_BYTES_AT_ONCE):
            checksum.update(read)
    return ExportedFile(str(path.relative_to(folder)), rows, path.stat().st_size, checksum.hexdigest())


_WRITERS: dict[ExportFormat, Callable[[Path, pa.Schema], Any]] = {
    "parquet": lambda path, schema: parquet.ParquetWriter(path, schema, compression="zstd"),
    "csv": arrow_csv.CSVWriter,
}

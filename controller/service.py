"""Starting the controller as a process: logs, settings, server."""

import gc
import sys
from collections.abc import Mapping
from socket import socket
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from controller.access.exposure import exposure
from controller.app import create_app
from controller.settings import Settings
from controller.store import Store

# How long open requests may take to their end when the service stops.
_FAREWELL_S = 2


def run() -> None:
    """Serve with the settings of the environment until told to stop; exit status 2 for settings that cannot be."""
    try:
        settings = Settings()
    except ValidationError as error:
        for one in error.errors():
            print(_not_as_expected(one), file=sys.stderr)  # noqa: T201 - before there is a log
        raise SystemExit(2) from error
    except (ValueError, OSError) as error:  # a file that is no TOML, or that must not be read
        print(f"the controller's settings cannot be read: {error}.", file=sys.stderr)  # noqa: T201 - as above
        raise SystemExit(2) from error
    _open_once(settings)
    serve(settings)


def _not_as_expected(error: Mapping[str, Any]) -> str:
    """What is wrong with one setting, or with several together; a database's address may hold a password."""
    name = ".".join(map(str, error["loc"]))
    if name in ("", "database_url"):
        return f"GRADFILTER_CONTROLLER_{name.upper() or '*'}: {error['msg']}."
    return f"GRADFILTER_CONTROLLER_{name.upper()}: {error['msg']}, got {error['input']!r}."


def _open_once(settings: Settings) -> None:
    """Bring the database up to date before the server starts, so that what stands in the way is said in one line."""
    try:
        store = Store(settings.database)
        store.database.migrate()
        asks_for_tokens = store.tokens.are_in_use()
        store.close()
    except (OSError, ImportError, SQLAlchemyError) as error:
        reason = str(error).splitlines()[0]
        advice = "Check GRADFILTER_CONTROLLER_DATA_DIR and GRADFILTER_CONTROLLER_DATABASE_URL"
        print(f"the database cannot be opened: {reason}. {advice}.", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from error
    if reason := exposure(settings.host, asks_for_tokens=asks_for_tokens):
        print(f"gradfilter controller: {reason}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2)


def serve(settings: Settings) -> None:
    """Serve until a signal ends it."""
    _set_up_logs(settings)
    structlog.get_logger().info("controller_starts", host=settings.host, port=settings.port)
    app = create_app(settings)
    _spare_what_stays()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=_FAREWELL_S,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    _Server(config, app).run()


def _spare_what_stays() -> None:
    """Have the garbage collector leave out what was imported: looking through it holds every request up for 130 ms."""
    gc.collect()
    gc.freeze()


class _Server(uvicorn.Server):
    """Ends the streams of followers first, since they would keep their connections open for ever."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Say goodbye, then close everything."""
        self._app.state.services.live.end()
        await super().shutdown(sockets)


def _set_up_logs(settings: Settings) -> None:
    """One line per event on standard error, for people or for machines."""
    as_json = settings.log_format == "json"
    renderer = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *([_plain_tracebacks()] if as_json else []),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _plain_tracebacks() -> structlog.processors.ExceptionRenderer:
    """Tracebacks as JSON without local variables, which hold tokens."""
    return structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

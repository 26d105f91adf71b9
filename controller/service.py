"""Starting the controller as a process: logs, settings, server."""

import sys

import structlog
import uvicorn
from pydantic import ValidationError

from controller.app import create_app
from controller.settings import Settings

# Followers of a job hold their connection open; at the end they are given this long to be told.
_FAREWELL_S = 2


def run() -> None:
    """Serve with the settings of the environment until told to stop; exit status 2 for settings that cannot be."""
    try:
        settings = Settings()
    except ValidationError as error:
        for one in error.errors():
            name = "GRADFILTER_CONTROLLER_" + ".".join(map(str, one["loc"])).upper()
            print(f"{name}: {one['msg']}, got {one['input']!r}.", file=sys.stderr)  # noqa: T201 - before there is a log
        raise SystemExit(2) from error
    serve(settings)


def serve(settings: Settings) -> None:
    """Serve until a signal ends it."""
    _set_up_logs(settings)
    structlog.get_logger().info("controller_starts", host=settings.host, port=settings.port)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=_FAREWELL_S,
    )


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
            *([structlog.processors.dict_tracebacks] if as_json else []),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )

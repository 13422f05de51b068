"""The log: JSON lines on standard error, without secrets."""

from __future__ import annotations

import logging
import sys
from typing import TextIO, cast

import structlog

from bridge.web.pages.hidden import LinksHidden
from webhooks.network_events import TokensHidden

# Libraries whose every step is not the operator's business.
_CHATTY = ("alembic", "dbos", "stamina", "stripe", "urllib3", "httpx")
_HIDDEN = (TokensHidden(), LinksHidden())


class _StandardError:
    """Whatever standard error is when a line is written: it may have been replaced since."""

    def write(self, text: str) -> int:
        """Write a text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Let it be seen."""
        sys.stderr.flush()


def configure_logging(level: str) -> None:
    """JSON lines on standard error, so that standard output stays the command's own."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=cast(TextIO, _StandardError())),
    )
    logging.basicConfig(level=number, stream=_StandardError())
    for hidden in _HIDDEN:
        logging.getLogger("uvicorn.access").addFilter(hidden)
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(number, logging.WARNING))

"""The log of requests shows no sign-in links."""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"(/account/[^/\s?]+/enter\?)\S+")


class LinksHidden(logging.Filter):
    """Takes the tokens of sign-in links out of the lines of uvicorn's access log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line pass, cleaned."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                _TOKEN.sub(r"\1…", each) if isinstance(each, str) else each for each in record.args
            )
        return True

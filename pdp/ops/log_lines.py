"""Python's log records as lines of the one JSON log."""

import logging
from datetime import UTC, datetime

from pdp.ops.line_log import LineLog


class LineHandler(logging.Handler):
    """Puts log records into a `LineLog`, which neither blocks nor raises.

    Args:
        lines: where they go.
    """

    def __init__(self, lines: LineLog) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Add one record."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower().replace("critical", "error"),
            "event": "log",
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["fault"] = logging.Formatter().formatException(record.exc_info)[-4000:]
        self._lines.add(line)

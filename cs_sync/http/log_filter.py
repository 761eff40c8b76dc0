"""What httpx logs, without the queries of its URLs."""

import logging

import httpx


class QueryLogFilter(logging.Filter):
    """Log filter that drops queries, with their keys and e-mail addresses, from httpx's lines."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten the URLs of a line and let it pass."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                arg.copy_with(query=None) if isinstance(arg, httpx.URL) else arg
                for arg in record.args
            )
        return True

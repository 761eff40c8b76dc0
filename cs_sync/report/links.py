"""Links from data: only plain web addresses are kept."""

from urllib.parse import urlsplit


def sanitize_link(link: str) -> str:
    """Return an http or https link with a host, else ""."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    return link if parts.scheme in ("http", "https") and parts.hostname else ""

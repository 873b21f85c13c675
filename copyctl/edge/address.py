"""Addresses of the outside world, looked at before anybody relies on them."""

from urllib.parse import urlsplit


def checked(url: str, *schemes: str) -> str:
    """The address as it is, if something could be there.

    Raises:
        ValueError: it is none: another scheme, no host, a host or port that cannot be.
    """
    try:
        parts = urlsplit(url)
        (parts.hostname or "").encode("idna")
        sound = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError as fault:
        raise ValueError(f"{url} is no address: {fault}") from None
    if not sound:
        raise ValueError(f"{url} is no address: it must be {' or '.join(schemes)}://host")
    return url

"""The error of a fetch that could not get, trust or understand its source."""


class FetchError(OSError):
    """A source could not be fetched, failed its checksum or is not as expected; the message has the remedy."""

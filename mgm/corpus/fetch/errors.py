"""The error of a fetch that could not get, trust or understand its source."""


class FetchError(OSError):
    """A source could not be fetched, failed its checksum or does not look as expected; says what to do."""

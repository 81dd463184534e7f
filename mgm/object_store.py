"""Object stores (s3://bucket/key) and their errors.

They are configured by the usual variables: AWS_ENDPOINT_URL (for stores other than Amazon's), AWS_REGION, AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE.
"""

import os
import re
from urllib.parse import urlsplit

from pyarrow import fs

S3 = "s3://"
_ATTEMPTS, _CONNECT_SECONDS, _REQUEST_SECONDS = 3, 5.0, 60.0


def open_bucket(bucket: str) -> fs.S3FileSystem:
    """Return the file system of a bucket. It makes few attempts, so that a wrong address is an error in seconds, not minutes."""
    endpoint = _endpoint()
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region and not endpoint:
        region = fs.resolve_s3_region(bucket)
    address = urlsplit(endpoint) if endpoint else None
    return fs.S3FileSystem(
        endpoint_override=address.netloc + address.path.rstrip("/") if address else None,
        scheme=address.scheme if address else "https",
        region=region,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        allow_delayed_open=True,  # a small object is one request
    )


def _endpoint() -> str | None:
    url = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    if url and not re.match(r"https?://[^/]", url):
        raise ValueError(
            f"environment variable AWS_ENDPOINT_URL: found {url!r}, expected http(s)://host:port"
        )
    return url or None


def at_endpoint() -> str:
    """Return words for errors that name the endpoint; none for Amazon's."""
    endpoint = _endpoint()
    return f" (at {endpoint})" if endpoint else ""


def explain_failure(place: str, error: str) -> str:
    """Return a remedy followed by the store's answer."""
    if "NETWORK_CONNECTION" in error or "curlCode" in error:
        where = _endpoint() or "Amazon's; AWS_ENDPOINT_URL names another"
        return f"{place}: the object store does not answer (endpoint: {where}): {error}"
    if any(
        mark in error for mark in ("ACCESS_DENIED", "Forbidden", "HTTP status 403", "INVALID_ACCESS_KEY_ID")
    ):
        return (
            f"{place}: the object store denies access{at_endpoint()}: no credentials, wrong ones, or no right to do this; "
            f"AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, give them: {error}"
        )
    return f"{place}: {error}"

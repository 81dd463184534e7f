"""A local S3 server, and the environment in which the project finds it."""

import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "corpora"
_REGION = "us-east-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "someone",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Store:
    """A bucket on a server of this machine."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.environment = CREDENTIALS | {"AWS_ENDPOINT_URL": self.endpoint, "AWS_DEFAULT_REGION": _REGION}
        self._client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=_REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )
        self._client.create_bucket(Bucket=BUCKET)

    def put(self, objects: Mapping[str, bytes]) -> None:
        """Writes objects by key."""
        for key, data in objects.items():
            self._client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def encryption(self, prefix: str) -> set[tuple[str | None, str | None]]:
        """The encryption and the key that each object below a prefix was written with."""
        listed = self._client.list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        heads = [self._client.head_object(Bucket=BUCKET, Key=entry["Key"]) for entry in listed["Contents"]]
        return {(head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")) for head in heads}


@contextmanager
def running() -> Iterator[Store]:
    """The server, on a free port."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    port = server.get_host_and_port()[1]
    # What an earlier server of this process held is still there.
    urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/reset", data=b"", timeout=30).close()
    try:
        yield Store(port)
    finally:
        server.stop()


def use(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the environment of this process."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)

"""The process that serves: a verified bundle, an address, and the end when it is asked to end."""

import ipaddress
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from flows.prediction import default_bundle, load_model
from flows.serving.app import Limits, build_app

TOKEN = "MGM_SERVE_TOKEN"
"""The variable with the token that requests must carry."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """The options of `mgm serve`.

    Attributes:
        bundle: a bundle's folder; None: the champion's, or the candidate's where there is no champion yet.
        host, port: the address.
        without_token: whether an address that other machines reach may be served without a token.
        limits: what is taken at most.
    """

    bundle: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    without_token: bool = False
    limits: Limits = field(default_factory=Limits)


def serve(options: ServeOptions) -> None:
    """Answer requests until the process is asked to end.

    Raises:
        ValueError: other machines could ask without a token.
        FileNotFoundError, ValueError: a fault of the bundle or its signature.
    """
    token = os.environ.get(TOKEN) or None
    if token is None and not options.without_token and not _is_loopback(options.host):
        raise ValueError(
            f"--host {options.host}: other machines reach this address, and environment variable {TOKEN} is not set; "
            "expected a token there, or --without-token"
        )
    folder = options.bundle or default_bundle()
    model = load_model(folder)
    _log.info("serving %s (%s) at http://%s:%d, docs at /docs", folder, model.bundle.id[:12], options.host, options.port)  # fmt: skip
    app = build_app(model, limits=options.limits, token=token)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", timeout_graceful_shutdown=30)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

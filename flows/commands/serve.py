"""`mgm serve`: a model that answers over HTTP."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.bundle_option import BUNDLE


def serve(
    *,
    bundle: Annotated[Path | None, BUNDLE] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="NUMBER", min=0, max=65535, help="Port to listen on.")] = 8000,
    max_texts: Annotated[int, typer.Option(min=1, help="Maximum number of texts in a request.")] = 1_000,
    max_megabytes: Annotated[float, typer.Option(min=0.001, help="Maximum size of a request.")] = 10.0,
    max_waiting: Annotated[int, typer.Option(min=1, help="Maximum number of waiting texts.")] = 10_000,
    without_token: Annotated[
        bool,
        typer.Option("--without-token", metavar="", help="Serve other machines without a token."),
    ] = False,
) -> None:
    """Serve predictions over HTTP: POST /predict, GET /health and /metadata, and their documentation at /docs.

    If MGM_SERVE_TOKEN is set, requests need the header `Authorization: Bearer TOKEN`; other machines are served only with it. If
    MGM_VERIFY_KEY is set, the bundle is verified before it is loaded. Restart the server after a promotion.
    """
    from flows.serving.app import Limits
    from flows.serving.server import ServeOptions
    from flows.serving.server import serve as run

    limits = Limits(texts=max_texts, megabytes=max_megabytes, waiting=max_waiting)
    run(ServeOptions(bundle=bundle, host=host, port=port, without_token=without_token, limits=limits))

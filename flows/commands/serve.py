"""`mgm serve`: a model that answers over HTTP."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    *,
    bundle: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="The bundle; default: the champion's, without one the candidate's."
        ),
    ] = None,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="NUMBER", min=0, max=65535, help="The port.")] = 8000,
    max_texts: Annotated[int, typer.Option(min=1, help="The texts of a request.")] = 1_000,
    max_megabytes: Annotated[float, typer.Option(min=0.001, help="The body of a request.")] = 10.0,
    max_waiting: Annotated[int, typer.Option(min=1, help="The texts that wait for the model.")] = 10_000,
    without_token: Annotated[
        bool,
        typer.Option("--without-token", metavar="", help="Serve other machines without asking for a token."),
    ] = False,
) -> None:
    """Answer over HTTP as `mgm predict --json` does: POST /predict, GET /health and /metadata, and a page of all at /docs.

    With MGM_SERVE_TOKEN set, requests must carry `Authorization: Bearer TOKEN`; an address that other machines reach needs it. A
    bundle is verified before it is loaded where MGM_VERIFY_KEY is set. Start it anew after a promotion.
    """
    from flows.serving.app import Limits
    from flows.serving.server import ServeOptions
    from flows.serving.server import serve as run

    limits = Limits(texts=max_texts, megabytes=max_megabytes, waiting=max_waiting)
    run(ServeOptions(bundle=bundle, host=host, port=port, without_token=without_token, limits=limits))

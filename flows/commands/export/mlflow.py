"""`mgm export mlflow`: a model for MLflow."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.bundle_option import BUNDLE


def mlflow(
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            help="Write the model to a new folder instead of registering it.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Registered model; default: the name of the project's folder."),
    ] = None,
    alias: Annotated[
        str, typer.Option(metavar="NAME", help="Alias that points to the new version.")
    ] = "champion",
    tracking_uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Server or store of MLflow; default: MLFLOW_TRACKING_URI."),
    ] = None,
    bundle: Annotated[Path | None, BUNDLE] = None,
) -> None:
    """Register the champion in MLflow, which can load and serve it without the project.

    The model answers as `mgm predict` does in this project, with its score.calibrate and score.abstain. Bundles stay signed and encrypted:
    where the model is loaded, MGM_VERIFY_KEY and MGM_ENCRYPTION_KEY apply. If the alias points to the same bundle already, nothing changes.
    """
    from flows.mlflow_export import MlflowOptions, export_mlflow

    options = MlflowOptions(bundle=bundle, output=output, name=name, alias=alias, tracking_uri=tracking_uri)
    print(*export_mlflow(options), sep="\n")

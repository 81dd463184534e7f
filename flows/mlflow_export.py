"""The export of a bundle to MLflow: a folder, or a version of a registered model under an alias."""

import importlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl

from flows import mlflow_model
from flows.prediction import default_bundle, load_model
from mgm.bundle.card import CARD
from mgm.errors import MissingExtra
from mgm.inference.model import Model
from mgm.inference.texts import TEXT

BUNDLE_TAG, VERSION_TAG = "mgm.bundle", "mgm.version"
EXAMPLE = ("Click Format, then Save.", "明月照高楼。")
"""The texts of the input example."""
_ENVIRONMENT = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
"""Set where the user has not: nothing about the use leaves this machine, and a server that does not answer is soon an error."""
_FOLDER = "bundle"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class MlflowOptions:
    """The options of `mgm export mlflow`.

    Attributes:
        bundle: a bundle's folder; None: the champion's, or the candidate's where there is no champion yet.
        output: the folder to write; None: the model is registered.
        name: the registered model; None: the project's folder has its name.
        alias: its alias that points to the new version.
        tracking_uri: MLflow's server or store; None: that of MLflow's own settings.
    """

    bundle: Path | None = None
    output: Path | None = None
    name: str | None = None
    alias: str = "champion"
    tracking_uri: str | None = None


def export_mlflow(options: MlflowOptions) -> list[str]:
    """Export a bundle as it lies in its folder, sealed and signed where it is, and return what was done, a line each.

    A version of the same bundle that has the alias already is left as it is.

    Raises:
        FileExistsError: the output is there already.
        FileNotFoundError, ValueError: a fault of the bundle or its signature; or MLflow refuses, or does not answer.
        MissingExtra: the extra `mlflow` is not installed.
    """
    if options.output is not None and options.output.exists():
        raise FileExistsError(f"{options.output}: is there already; expected a new folder")
    mlflow = _library()
    folder = options.bundle or default_bundle()
    model = load_model(folder)
    with _one_line_errors(mlflow), _plain_copy(folder) as copy:
        arguments = _model_arguments(mlflow, model, bundle=copy)
        if options.output is not None:
            mlflow.pyfunc.save_model(path=str(options.output), **arguments)
            return [
                f"{options.output}: bundle {model.bundle.id[:12]}; "
                f"`mlflow models serve -m {options.output} --env-manager local` serves it"
            ]
        return _register(mlflow, model, folder=folder, arguments=arguments, options=options)


def _register(
    mlflow: Any, model: Model, *, folder: Path, arguments: dict[str, Any], options: MlflowOptions
) -> list[str]:
    """Add a version to the registered model, and point its alias to it."""
    if options.tracking_uri is not None:
        mlflow.set_tracking_uri(options.tracking_uri)
    name = options.name or Path.cwd().name
    client = mlflow.MlflowClient()
    where = mlflow.get_registry_uri()
    serves = f"`mlflow models serve -m models:/{name}@{options.alias} --env-manager local` serves it"
    try:
        present = client.get_model_version_by_alias(name, options.alias)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        present = None
    if present is not None and present.tags.get(BUNDLE_TAG) == model.bundle.id:
        return [
            f"{where}: {name}, version {present.version}, has the alias {options.alias} and is bundle {model.bundle.id[:12]} already; "
            f"nothing was changed"
        ]
    mlflow.set_experiment(name)
    with mlflow.start_run(run_name=f"bundle {model.bundle.id[:12]}", tags={BUNDLE_TAG: model.bundle.id}):
        info = mlflow.pyfunc.log_model(name=_FOLDER, registered_model_name=name, **arguments)
    number = str(info.registered_model_version)
    for tag, value in ((BUNDLE_TAG, model.bundle.id), (VERSION_TAG, version("mgm"))):
        client.set_model_version_tag(name, number, tag, value)
    if (folder / CARD).is_file():
        client.update_model_version(name, number, description=(folder / CARD).read_text(encoding="utf-8"))
    # last, so that who follows the alias meets a version that is complete
    client.set_registered_model_alias(name, options.alias, number)
    return [
        f"{where}: {name}, version {number}, alias {options.alias}: bundle {model.bundle.id[:12]}; {serves}"
    ]


def _model_arguments(mlflow: Any, model: Model, *, bundle: Path) -> dict[str, Any]:
    """Return what a model is saved with, in a folder and in a registry alike."""
    example = pd.DataFrame({TEXT: list(EXAMPLE)})
    return {
        "loader_module": mlflow_model.__name__,
        "data_path": str(bundle),
        "signature": _signature(mlflow, model),
        "input_example": example,
        "pip_requirements": [f"mgm[mlflow]=={version('mgm')}"],
        "model_config": {"calibrate": model.options.calibrate, "abstain": dict(model.options.abstain)},
        "metadata": {"bundle": model.bundle.id},
    }


def _signature(mlflow: Any, model: Model) -> Any:
    """Return the types of the input, of the predictions of all tasks, and of the parameters."""
    types = mlflow.types.schema
    predictions = model.predict(list(EXAMPLE)).drop(TEXT).schema
    return mlflow.models.ModelSignature(
        inputs=types.Schema([types.ColSpec("string", TEXT)]),
        outputs=types.Schema(
            [types.ColSpec(_mlflow_type(types, t), name, required=False) for name, t in predictions.items()]
        ),
        params=types.ParamSchema(
            [
                types.ParamSpec("tasks", "string", [], (-1,)),
                types.ParamSpec("proba", "boolean", False),
                types.ParamSpec("corpus", "string", ""),
            ]
        ),
    )


def _mlflow_type(types: Any, dtype: Any) -> Any:
    if isinstance(dtype, pl.List):
        return types.Array(_mlflow_type(types, dtype.inner))
    if isinstance(dtype, pl.Struct):
        fields = [types.Property(field.name, _mlflow_type(types, field.dtype)) for field in dtype.fields]
        return types.Object(fields)
    if dtype.is_float():
        return types.DataType.double
    if dtype.is_integer():
        return types.DataType.long
    return types.DataType.boolean if dtype == pl.Boolean else types.DataType.string


@contextmanager
def _plain_copy(folder: Path) -> Iterator[Path]:
    """Yield a copy of a bundle's folder: MLflow would copy links to a data cache as links, and name the copy for the folder."""
    with tempfile.TemporaryDirectory() as place:
        yield Path(shutil.copytree(folder, Path(place, _FOLDER)))


@contextmanager
def _one_line_errors(mlflow: Any) -> Iterator[None]:
    """Raise what MLflow refuses as an error of one line."""
    try:
        yield
    except mlflow.exceptions.MlflowException as error:
        raise ValueError(f"MLflow: {' '.join(str(error).split())}") from error


def _library() -> Any:
    """Import MLflow when it is used: the extra is optional, and its import takes seconds."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        mlflow, *_ = map(importlib.import_module, ("mlflow", "mlflow.pyfunc", "mlflow.types.schema"))
    except ImportError as error:
        raise MissingExtra("mgm export mlflow: mlflow is not installed", extra="mlflow") from error
    if not _log.isEnabledFor(logging.DEBUG):
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
    return mlflow

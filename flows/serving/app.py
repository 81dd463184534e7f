"""The paths of the server: /predict, /health, /metadata, and /docs with the description of all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException
from fastapi_offline import FastAPIOffline
from pydantic import BaseModel, ConfigDict, Field

from flows.serving.batching import Batcher, Overloaded, Question
from flows.serving.limits import LimitedBodies, RequiredToken
from mgm.inference.model import Model
from mgm.scoring.isolation import ModelBroken

_DESCRIPTION = """\
Labels for texts, from one model for many tasks. `POST /predict` answers as `mgm predict --json` does; a text that cannot be predicted has the
reasons in `rejected` and nulls otherwise."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the server takes at most."""

    texts: int = 1_000
    """The texts of a request."""
    megabytes: float = 10.0
    """The body of a request."""
    waiting: int = 10_000
    """The texts that wait for the model."""
    batch: int = 256
    """The texts that are predicted together."""


class PredictRequest(BaseModel):
    """Texts, and how they are to be predicted."""

    model_config = ConfigDict(extra="forbid")

    texts: Annotated[list[str], Field(min_length=1, description="The texts.", examples=[["Click Format."]])]
    tasks: Annotated[
        list[str] | None,
        Field(description="These tasks alone; null: all, those that generate text only where there are no others."),
    ] = None  # fmt: skip
    proba: Annotated[bool, Field(description="Whether to give the probability of every label.")] = False
    corpus: Annotated[
        str | None, Field(description="The corpus whose text settings are used; null: the general ones.")
    ] = None


class PredictResponse(BaseModel):
    """The predictions of the texts, in their order."""

    bundle: Annotated[str, Field(description="The id of the model's bundle.")]
    predictions: list[dict[str, Any]]


class Health(BaseModel):
    """Whether the server answers."""

    status: str = "ok"
    waiting: Annotated[int, Field(description="Texts that wait for the model.")]


class TaskMetadata(BaseModel):
    """A task of the model."""

    kind: str
    labels: list[str]
    calibrated: Annotated[bool, Field(description="Whether its scores are calibrated.")] = False
    abstain: Annotated[
        float | None,
        Field(description="The precision that its labels have; null in place of others. null: there is always an answer."),
    ] = None  # fmt: skip


class Metadata(BaseModel):
    """The model that answers."""

    bundle: str
    mgm: str
    tasks: dict[str, TaskMetadata]
    corpora: list[str]
    limits: dict[str, float]


def build_app(model: Model, *, limits: Limits | None = None, token: str | None = None) -> FastAPI:
    """Return the server of a model.

    Args:
        model: answers.
        limits: what is taken at most.
        token: what requests must carry; None: nothing.
    """
    allowed = limits or Limits()
    batcher = Batcher(model, max_batch=allowed.batch, max_waiting=allowed.waiting)

    @asynccontextmanager
    async def working(_: FastAPI) -> AsyncIterator[None]:
        work = asyncio.create_task(batcher.run())
        yield
        work.cancel()

    app: FastAPI = FastAPIOffline(title="mgm", version=version("mgm"), description=_DESCRIPTION, lifespan=working)  # fmt: skip
    if token is not None:
        app.add_middleware(RequiredToken, token=token)
    app.add_middleware(LimitedBodies, max_bytes=int(allowed.megabytes * 1_000_000))

    @app.post("/predict", summary="Predict texts")
    async def predict(request: PredictRequest) -> PredictResponse:
        if len(request.texts) > allowed.texts:
            raise HTTPException(413, f"{len(request.texts):,} texts; expected at most {allowed.texts:,}")
        question = Question(
            tasks=None if request.tasks is None else tuple(request.tasks),
            proba=request.proba,
            corpus=request.corpus,
        )
        try:
            predictions = await batcher.predict(request.texts, question)
        except Overloaded as error:
            raise HTTPException(503, str(error), headers={"Retry-After": "1"}) from None
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        except ModelBroken as error:
            raise HTTPException(500, str(error)) from None
        return PredictResponse(bundle=model.bundle.id, predictions=predictions)

    @app.get("/health", summary="Whether the server answers")
    async def health() -> Health:
        return Health(waiting=batcher.waiting)

    @app.get("/metadata", summary="The model that answers")
    async def metadata() -> Metadata:
        tasks = {
            name: TaskMetadata(
                kind=kind,
                labels=model.labels(name),
                calibrated=model.calibrated.get(name, False),
                abstain=model.options.abstain.get(name),
            )
            for name, kind in model.tasks.items()
        }
        return Metadata(
            bundle=model.bundle.id,
            mgm=version("mgm"),
            tasks=tasks,
            corpora=model.corpora,
            limits=vars(allowed),
        )

    return app

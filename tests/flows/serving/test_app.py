"""The server of a model, asked over HTTP."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from flows.serving.app import Limits, build_app
from flows.serving.batching import Batcher, Overloaded, Question
from flows.serving.server import TOKEN, ServeOptions, serve
from mgm.inference.model import Model
from tests import tiny_corpora

TEXTS = ["Press Enter, 好吗？", " ", "明月照高楼。"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model.load(tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models")))


@pytest.fixture(scope="module")
def client(model: Model) -> Iterator[TestClient]:
    with TestClient(build_app(model, limits=Limits(texts=5, megabytes=0.01))) as client:
        yield client


def test_answers_are_those_of_predict(client: TestClient, model: Model) -> None:
    answer = client.post("/predict", json={"texts": TEXTS, "proba": True}).json()
    assert answer["bundle"] == model.bundle.id
    assert answer["predictions"] == model.predict(TEXTS, proba=True).drop("text").to_dicts()
    assert answer["predictions"][1]["rejected"] == ["text_too_short"]


def test_tasks_are_chosen_and_unknown_ones_named(client: TestClient) -> None:
    answer = client.post("/predict", json={"texts": TEXTS[:1], "tasks": ["dish"]}).json()
    assert set(answer["predictions"][0]) == {"dish", "dish_score", "rejected"}
    refused = client.post("/predict", json={"texts": TEXTS[:1], "tasks": ["dihs"]})
    assert refused.status_code == 422 and "did you mean 'dish'" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({"texts": []}, 422, "at least 1 item"),
        ({"text": ["a"]}, 422, "Field required"),
        ({"texts": ["a"], "task": "dish"}, 422, "Extra inputs"),
        ({"texts": ["a"] * 6}, 413, "6 texts; expected at most 5"),
        ({"texts": ["a" * 20_000]}, 413, "expected at most 10,000"),
    ],
    ids=["no texts", "no key", "unknown key", "too many", "too large"],
)
def test_a_request_that_cannot_be_answered(
    client: TestClient, body: dict[str, Any], status: int, detail: str
) -> None:
    refused = client.post("/predict", json=body)
    assert refused.status_code == status and detail in refused.text


def test_a_body_of_unannounced_length_is_limited(client: TestClient) -> None:
    def parts() -> Iterator[bytes]:
        yield b'{"texts": ["'
        for _ in range(30):
            yield b"a" * 1_000

    assert client.post("/predict", content=parts()).status_code == 413


def test_what_answers_says_what_it_is(client: TestClient, model: Model) -> None:
    assert client.get("/health").json() == {"status": "ok", "waiting": 0}
    metadata = client.get("/metadata").json()
    assert metadata["bundle"] == model.bundle.id and metadata["limits"]["texts"] == 5
    assert metadata["tasks"]["dish"] == {
        "kind": "classification",
        "labels": model.labels("dish"),
        "calibrated": False,
        "abstain": None,
    }
    assert "/predict" in client.get("/openapi.json").json()["paths"]


def test_the_page_of_the_paths_asks_no_other_host(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "swagger" in page and "http" not in page.replace("http://testserver", "")


def test_a_token_is_asked_for(model: Model) -> None:
    with TestClient(build_app(model, token="secret")) as client:
        ask = {"texts": TEXTS[:1]}
        assert client.get("/health").status_code == 200
        assert client.post("/predict", json=ask).status_code == 401
        wrong = client.post("/predict", json=ask, headers={"Authorization": "Bearer other"})
        assert wrong.status_code == 401 and wrong.headers["WWW-Authenticate"] == "Bearer"
        right = client.post("/predict", json=ask, headers={"Authorization": "Bearer secret"})
        assert right.status_code == 200


def test_other_machines_need_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(ValueError, match="other machines reach this address, .* MGM_SERVE_TOKEN"):
        serve(ServeOptions(bundle=Path("none"), host="0.0.0.0"))


def test_what_waits_is_predicted_together(model: Model) -> None:
    sizes: list[int] = []

    class Counted:
        def predict(self, texts: list[str], **options: Any) -> Any:
            sizes.append(len(texts))
            return model.predict(texts, **options)

    async def ask() -> tuple[list[Any], str]:
        batcher = Batcher(Counted(), max_batch=4, max_waiting=7)  # type: ignore[arg-type]
        asked = [asyncio.create_task(batcher.predict(TEXTS[i % 3 : i % 3 + 1], Question())) for i in range(6)]
        other = asyncio.create_task(batcher.predict(TEXTS[:1], Question(tasks=("dish",))))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded) as refused:
            await batcher.predict(TEXTS[:1], Question())
        work = asyncio.create_task(batcher.run())
        answers = await asyncio.gather(*asked)
        assert set((await other)[0]) == {"dish", "dish_score", "rejected"}
        assert batcher.waiting == 0
        work.cancel()
        return answers, str(refused.value)

    answers, refused = asyncio.run(ask())
    alone = model.predict(TEXTS).drop("text").to_dicts()
    assert answers == [[alone[i % 3]] for i in range(6)]
    assert sizes == [4, 2, 1] and "7 texts wait" in refused


def test_a_failure_is_the_requests_own(model: Model) -> None:
    async def ask() -> None:
        batcher = Batcher(model, max_batch=4, max_waiting=10)
        work = asyncio.create_task(batcher.run())
        with pytest.raises(ValueError, match="no such task"):
            await batcher.predict(TEXTS[:1], Question(tasks=("none",)))
        assert len(await batcher.predict(TEXTS[:1], Question())) == 1
        work.cancel()

    asyncio.run(ask())

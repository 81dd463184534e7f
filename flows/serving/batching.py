"""Requests that wait while the model works are predicted together: larger batches, with no waiting for them.

A prediction does not depend on its batch, so that no answer depends on what others ask.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from mgm.inference.model import Model


class Overloaded(Exception):
    """More texts wait than the server takes."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """How texts are to be predicted; texts of equal questions are predicted together."""

    tasks: tuple[str, ...] | None = None
    proba: bool = False
    corpus: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    texts: Sequence[str]
    question: Question
    answer: asyncio.Future[list[dict[str, Any]]] = field(compare=False)


class Batcher:
    """One model, one thread, and the requests that wait for them.

    Args:
        model: answers.
        max_batch: texts of one batch, unless a single request has more.
        max_waiting: texts that may wait; more are refused.
    """

    def __init__(self, model: Model, *, max_batch: int, max_waiting: int) -> None:
        self.model = model
        self.max_batch, self.max_waiting = max_batch, max_waiting
        self.waiting = 0
        """The number of texts that have no answer yet."""
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()

    async def predict(self, texts: Sequence[str], question: Question) -> list[dict[str, Any]]:
        """Return the predictions of texts, in their order.

        Raises:
            Overloaded: too many wait.
            ValueError: no such task or corpus.
        """
        if self.waiting and self.waiting + len(texts) > self.max_waiting:
            raise Overloaded(f"{self.waiting:,} texts wait; expected at most {self.max_waiting:,} with these")
        self.waiting += len(texts)
        try:
            answer: asyncio.Future[list[dict[str, Any]]] = asyncio.get_running_loop().create_future()
            await self._queue.put(_Waiting(texts=texts, question=question, answer=answer))
            return await answer
        finally:
            self.waiting -= len(texts)

    async def run(self) -> None:
        """Answer requests until it is cancelled."""
        left: _Waiting | None = None
        while True:
            batch = [left or await self._queue.get()]
            left = None
            size = len(batch[0].texts)
            while not self._queue.empty():
                following = self._queue.get_nowait()
                size += len(following.texts)
                if following.question != batch[0].question or size > self.max_batch:
                    left = following
                    break
                batch.append(following)
            await self._answer([waiting for waiting in batch if not waiting.answer.done()])

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        question = batch[0].question
        try:
            frame = await asyncio.to_thread(
                self.model.predict,
                [text for waiting in batch for text in waiting.texts],
                tasks=question.tasks,
                proba=question.proba,
                corpus=question.corpus,
            )
        except Exception as error:  # each of them gets it; the server goes on
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(error)
            return
        rows = frame.drop("text").to_dicts()
        for waiting in batch:
            mine, rows = rows[: len(waiting.texts)], rows[len(waiting.texts) :]
            if not waiting.answer.done():
                waiting.answer.set_result(mine)

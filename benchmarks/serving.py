"""How many texts a second `mgm serve` answers, beside the same model in one process. `python benchmarks/serving.py [--bundle FOLDER]`.

Asks a server process on loopback with so many clients at once, in requests of so many texts, and the same texts of the shipped help pages
through `Model.predict` in batches of the server's size, one thread each; writes benchmarks/results/serving.json. Cases alternate for a few
rounds and medians are kept. Compare the ratios: clients, server and system share the cores. Cost: about nine minutes, most of them for requests of one text.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import hardware
import httpx
import polars as pl

from mgm.inference.model import Model

RESULTS = Path("benchmarks/results/serving.json")
PACKAGES = ("torch", "fastapi", "uvicorn", "polars")
TEXTS, ROUNDS = 2_000, 3
CASES = [(1, 1), (8, 1), (1, 100), (8, 100)]
"""Clients at once, and texts of a request."""
IN_PROCESS = (1, 256)
"""Texts of a call of `Model.predict`."""


def paragraphs() -> list[str]:
    """Paragraphs of the shipped help pages, in English and Chinese."""
    pages = pl.read_parquet("data/samples/help.parquet", columns=["text"])["text"]
    found = pages.str.split("\n").explode().drop_nulls()
    return found.filter(found.str.len_chars() > 40).head(TEXTS).to_list()


def chunks(texts: list[str], size: int) -> list[list[str]]:
    """The texts in requests of this size."""
    return [texts[start : start + size] for start in range(0, len(texts), size)]


def asked(url: str, texts: list[str], *, clients: int, size: int) -> float:
    """Texts a second that so many clients get answers for."""
    requests = chunks(texts, size)
    with httpx.Client(timeout=120, limits=httpx.Limits(max_connections=clients)) as client:

        def ask(request: list[str]) -> int:
            answer = client.post(f"{url}/predict", json={"texts": request})
            answer.raise_for_status()
            return len(answer.json()["predictions"])

        start = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            answers = sum(pool.map(ask, requests))
        assert answers == len(texts)
        return answers / (time.perf_counter() - start)


def called(model: Model, texts: list[str], size: int) -> float:
    """Texts a second of calls in one process."""
    start = time.perf_counter()
    for request in chunks(texts, size):
        model.predict(request)
    return len(texts) / (time.perf_counter() - start)


def free_port() -> int:
    """A port that no server has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--bundle", type=Path, default=Path("models/candidate"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    texts, port = paragraphs(), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "flows.cli", "-q", "serve", "--bundle", str(arguments.bundle), "--port", str(port)]  # fmt: skip
    server = subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"})
    model = Model.load(arguments.bundle)
    speeds: dict[str, list[float]] = {}
    try:
        while True:
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.ConnectError:
                if server.poll() is not None:
                    raise SystemExit("the server has ended") from None
                time.sleep(0.2)
        asked(url, texts[:200], clients=2, size=50)
        called(model, texts[:200], 50)
        for _ in range(ROUNDS):
            for clients, size in CASES:
                name = f"served, {clients} clients, {size} texts a request"
                speeds.setdefault(name, []).append(asked(url, texts, clients=clients, size=size))
            for size in IN_PROCESS:
                name = f"in process, {size} texts a call"
                speeds.setdefault(name, []).append(called(model, texts, size))
    finally:
        server.terminate()
        server.wait()
    result = {
        "machine": hardware.machine(),
        "versions": hardware.versions(PACKAGES),
        "revision": hardware.revision(),
        "bundle": model.bundle.id,
        "texts": len(texts),
        "rounds": ROUNDS,
        "texts_per_second": {name: round(statistics.median(found), 1) for name, found in speeds.items()},
    }
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    arguments.results.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result["texts_per_second"], indent=1))


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    main()

"""The gate before scoring: the faults that stop a night before anything of it is scored, and their messages."""

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import cli
from flows import score as score_command
from flows.gates.suite import SUITES
from flows.night import NightRefused
from mgm.bundle.save import save_bundle
from mgm.profiling.detected_languages import DETECTED, detected_languages
from mgm.profiling.profile import CorpusProfile
from mgm.settings.gates import GateSettings
from tests import tiny_corpora
from tests.flows.gates.test_suites import BETWEEN, NOT_NULL, NULL, UNIQUE, Check
from tests.scoring.nights import score

NIGHT = 600
WARNED = GateSettings.model_validate({"score": {"drift": "warn"}})
DAY = date(2026, 1, 1)
OUT = Path("data/scored/nights") / DAY.isoformat()

Plant = Callable[[pl.DataFrame], pl.DataFrame]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle whose profile is of 540 training documents in English and 540 in Chinese."""
    config, profiles = tiny_corpora.settings(), {}
    features = tiny_corpora.prepared(
        config, {"menus": tiny_corpora.menus(900), "verses": tiny_corpora.verses(900)}
    )[0]
    for corpus, (part,) in features.items():
        profile = CorpusProfile([t for t in config.active_tasks() if corpus in t.corpora])
        profile.add(part.documents, part.types)
        train = part.documents.filter(pl.col("split") == "train")
        languages = detected_languages(train, part.types, settings=config.text.language)
        profiles[corpus] = profile.result() | {DETECTED: {"n": train.height, "counts": languages}}
    folder = tmp_path_factory.mktemp("models") / "bundle"
    save_bundle(folder, replace(tiny_corpora.bundle(config), profile={"corpora": profiles}))
    return folder


@pytest.fixture(scope="module")
def without_profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dvc.yaml").write_text("stages: {}\n")  # a project


def night(rows: int = NIGHT) -> pl.DataFrame:
    return tiny_corpora.menus(rows).select("doc_id", "text")


def chinese(rows: int = NIGHT) -> pl.DataFrame:
    return tiny_corpora.verses(rows).select("doc_id", "text")


def scored(documents: pl.DataFrame, bundle: Path, **more: Any) -> dict[str, Any]:
    documents.write_parquet("night.parquet")
    return score(DAY, "night.parquet", bundle, rescore=True, **({"as_corpus": "menus"} | more))


def hashes() -> dict[str, str]:
    """Of all that was scored: the tables, and what lies beside the night but for what a refusal writes."""
    files = [p for p in sorted(Path("data/scored").rglob("*")) if p.is_file()]
    new = ("gate_refused.json", "_shards.json")
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files if p.name not in new}


def found(name: str) -> list[dict[str, Any]]:
    verdict = json.loads((OUT / name).read_text(encoding="utf-8"))
    return [*verdict["failures"], *verdict["warnings"]]


def text(new: str | None, rows: int) -> Plant:
    return lambda f: f.with_columns(
        text=pl.when(pl.int_range(pl.len()) < rows).then(pl.lit(new)).otherwise("text")
    )


# Each with what the message says, and the settings where they are others.
FAULTS: list[tuple[Check, Plant, str, GateSettings]] = [
    (
        ("critical", NOT_NULL, "doc_id"),
        lambda f: f.with_columns(doc_id=pl.when(pl.col("doc_id") != "m7").then("doc_id")),
        "night.parquet: row 8, column 'doc_id': no value",
        GateSettings(),
    ),
    (
        ("critical", UNIQUE, "doc_id"),
        lambda f: f.with_columns(doc_id=pl.col("doc_id").replace("m7", "m3")),
        "night.parquet, row 8, column 'doc_id': 'm3' stands already in night.parquet, row 4",
        GateSettings(),
    ),
    (("warning", BETWEEN, "rows"), pl.DataFrame.clear, "min_value 1", GateSettings()),
    (
        ("warning", BETWEEN, "blank_share"),
        text(" \n", 5),
        '"examples": ["m0", "m1", "m2", "m3", "m4"]',
        GateSettings(),
    ),
    (("critical", BETWEEN, "blank_share"), text(None, 40), "gates.score.blank_stop", GateSettings()),
    (("warning", NULL, "drifted"), lambda _: chinese(), "above 0.25: en 100.0% -> 0.0%", WARNED),
    (("critical", NULL, "drifted_far"), lambda _: chinese(), "menus: languages psi", GateSettings()),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f[0][2]}-{f[0][1][21:]}-{f[0][0]}")
def test_a_planted_fault_fires_its_check_alone(bundle: Path, fault: Any) -> None:
    check, plant, expected_text, gates = fault
    if check[0] == "critical":
        with pytest.raises(NightRefused) as caught:
            scored(plant(night()), bundle, gates=gates)
        message = str(caught.value)
        assert {p.name for p in OUT.iterdir()} == {"gate_refused.json", "_shards.json"}
        (finding,) = found("gate_refused.json")
        for part in (
            "score.json",
            "menus",
            *check[1:],
            finding["observed"],
            finding["threshold"],
            expected_text,
        ):
            assert part in message
        assert message.splitlines()[0].startswith(f"the gate stops these documents ({check[2]}); nothing was")
    else:
        summary = scored(plant(night()), bundle, gates=gates)
        (finding,) = found("gate.json")
        assert summary["warnings"] == [f"{check[2]}: {finding['observed']}"]
        assert expected_text in json.dumps(finding, ensure_ascii=False)
    assert (finding["severity"], finding["expectation"], finding["column"]) == check
    assert finding["corpus"] == "menus"


def test_an_id_that_two_blocks_repeat_stops_the_night(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids are compared over the blocks that the gate evaluates, and the message names file and row."""
    monkeypatch.setattr("mgm.quality.spilled_rows.BLOCK_ROWS", 400)
    ids = pl.when(pl.col("doc_id") == "m599").then(pl.lit("m3")).otherwise("doc_id")
    with pytest.raises(NightRefused, match="2 of 600 rows") as caught:
        scored(night().with_columns(doc_id=ids), bundle)
    (finding,) = found("gate_refused.json")
    assert finding["column"] == "doc_id" and finding["rows"] == ["m3", "m3"]
    assert "row 600" in str(caught.value)


def test_every_check_of_the_suite_has_its_planted_fault() -> None:
    suite = json.loads((SUITES / "score.json").read_text(encoding="utf-8"))["expectations"]
    checks = {(e["severity"], e["type"], e["kwargs"]["column"]) for e in suite}
    elsewhere = {("warning", NOT_NULL, "compared_with")}
    assert {f[0] for f in FAULTS} | elsewhere == checks


@pytest.mark.parametrize("like", ["menus", None], ids=["one corpus", "all corpora"])
def test_a_night_like_training_passes_without_a_finding(bundle: Path, like: str | None) -> None:
    """A night like the training documents passes without a finding."""
    documents = night() if like else pl.concat([night(), chinese()])
    summary = scored(documents, bundle, as_corpus=like)
    assert summary["warnings"] == [] and summary["accepted_drift"] is False
    verdict = json.loads((OUT / "gate.json").read_text(encoding="utf-8"))
    assert verdict["passed"] and verdict["gate"] == "score" and verdict["corpus"] == like
    assert list(Path("reports/data_docs/score").rglob("*.html"))


def test_a_bundle_without_a_profile_that_compares_is_a_warning(without_profile: Path) -> None:
    assert [line.split(":")[0] for line in scored(chinese(), without_profile)["warnings"]] == [
        "compared_with"
    ]


WORDS = ["carburettor", "gasket", "piston", "torque", "axle", "valve", "clutch"]


def other_words() -> pl.DataFrame:
    """As the menus are, in other words of English."""
    swap = {
        old: WORDS[i % len(WORDS)]
        for i, old in enumerate(
            ["Stir", "soup", "Bake", "cake", "Fry", "fish", "oil", "Salt", "press", "hot", "well", "Press"]
        )
    }
    return night().with_columns(pl.col("text").str.replace_many(list(swap), list(swap.values())))


def halved() -> pl.DataFrame:
    length = pl.col("text").str.len_chars() // 2
    return night().with_columns(text=pl.col("text").str.slice(0, length))


@pytest.mark.parametrize(
    ("documents", "aspect"),
    [
        (chinese, "languages psi"),
        (other_words, "vocabulary js"),
        (halved, "characters_per_document psi"),
    ],
    ids=["another language", "other words", "shorter texts"],
)
def test_a_drifted_night_stops_and_leaves_the_old_output(
    bundle: Path, documents: Callable[[], pl.DataFrame], aspect: str
) -> None:
    """A drifted night stops and leaves the old output as it was."""
    scored(night(), bundle)
    before = hashes()
    assert {Path(p).name for p in before} > {"summary.json", "gate.json", "00000000000000000001.json"}
    with pytest.raises(NightRefused, match=f"menus: {aspect}"):
        scored(documents(), bundle)
    assert hashes() == before
    assert found("gate_refused.json")[0]["column"] == "drifted_far"
    scored(night(), bundle)
    assert not (OUT / "gate_refused.json").exists()


def test_a_user_may_accept_drift_and_the_summary_says_so(bundle: Path) -> None:
    summary = scored(chinese(), bundle, accept_drift=True)
    assert summary["predictions"] == NIGHT and summary["accepted_drift"] is True
    (warning,) = summary["warnings"]
    assert warning.startswith("drifted: ") and "menus: languages: psi" in warning
    page = Path(f"reports/nights/{DAY}.html").read_text(encoding="utf-8")
    assert "drift was accepted with --accept-drift" in page and "above 0.25: en 100.0% -&gt; 0.0%" in page
    assert '<td>languages</td><td class="wrap">Population stability index</td>' in page
    with pytest.raises(NightRefused, match="blank_share"):
        scored(text(None, 100)(night()), bundle, accept_drift=True)


@pytest.mark.parametrize("rows", [1, 199], ids="{} documents".format)
def test_a_small_night_is_not_judged_by_drift(bundle: Path, rows: int) -> None:
    assert scored(chinese(rows), bundle)["warnings"] == []


def test_without_a_corpus_a_night_is_compared_with_all(bundle: Path) -> None:
    """Without a corpus the night is compared with all of them together."""
    with pytest.raises(NightRefused, match="all corpora: languages: psi .*en 50.0% -> 0.0%"):
        scored(chinese(), bundle, as_corpus=None)


def test_the_sample_does_not_depend_on_the_order(bundle: Path) -> None:
    # The first 600 are like training; of a sample of 500, half are not.
    gates = GateSettings.model_validate({"score": {"sample": 500}})
    half = chinese().with_columns(pl.format("z{}", "doc_id").alias("doc_id"))
    with pytest.raises(NightRefused, match="menus: languages: psi .*n 500 against 540"):
        scored(pl.concat([night(), half]), bundle, gates=gates)


def test_the_command_line_refuses_and_accepts_drift(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command line refuses a night, and scores it when told to; without Prefect, which other tests run."""
    monkeypatch.setattr(score_command, "score_flow", score_command.score_flow.fn)
    monkeypatch.setattr(score_command.server, "start_temporary", lambda: None)
    chinese().write_parquet("night.parquet")
    arguments = ["score", "--date", str(DAY), "--input", "night.parquet", "--bundle", str(bundle)]
    arguments += ["--as-corpus", "menus"]

    assert cli.main(arguments) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "error: the gate stops these documents (drifted_far); nothing was scored" in printed.err
    assert "above 0.25: en 100.0% -> 0.0%" in printed.err
    assert not (OUT / "summary.json").exists()

    assert cli.main([*arguments, "--accept-drift"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"night {DAY}, revision 1: scored {NIGHT} of {NIGHT} documents; 0 rejected")
    assert "warning: drifted: " in printed.err


def test_temporary_folders_are_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Prefect shows what Great Expectations logs, whose notes of temporary folders are filtered out."""
    logger = logging.getLogger("great_expectations.data_context.types.base")
    with caplog.at_level(logging.INFO, logger=logger.name):
        logger.info("Created temporary directory")
        logger.warning("a warning")
    assert [record.message for record in caplog.records] == ["a warning"]

"""`mgm export review`: the documents to annotate, as Label Studio, JSONL and CSV have them."""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows import exit_codes
from flows.cli import main
from mgm.files import write_json
from tests import tiny_corpora


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MGM_VERIFY_KEY", raising=False)
    tiny_corpora.menus().write_ndjson("menus.jsonl")
    tiny_corpora.verses().write_ndjson("verses.jsonl")
    return tmp_path


@pytest.fixture
def review(bundle: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `mgm export review --bundle BUNDLE ...`; returns status, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["export", "review", "--bundle", str(bundle), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_labels_that_may_be_wrong_and_documents_without(review: Any) -> None:
    """Each row says why it was chosen; what has a label is there for doubt, what has none for the other two."""
    status, printed, errors = review("menus.jsonl", "--task", "dish", "--n", "6", "-o", "todo.jsonl")
    assert status == 0, errors
    rows = pl.read_ndjson("todo.jsonl")
    assert rows.columns == ["doc_id", "text", "dish", "dish_predicted", "dish_score", "dish_reason", "dish_measure"]  # fmt: skip
    assert rows.height == rows["doc_id"].n_unique() == rows["text"].n_unique()
    is_doubted = rows["dish_reason"] == "doubt"
    assert rows["dish"].is_not_null().equals(is_doubted) and is_doubted.any() and not is_doubted.all()
    assert printed.startswith(f"todo.jsonl: {rows.height} of 30 documents (")
    assert "put the result into data/corrections/menus" in printed


@pytest.mark.parametrize(
    ("task", "corpus", "control", "kind"),
    [
        ("dish", "menus", "Choices", "choices"),
        ("price", "menus", "Number", "number"),
        ("keys", "menus", "Labels", "labels"),
        ("themes", "verses", "Choices", "choices"),
    ],
)
def test_every_kind_comes_back_from_label_studio(
    review: Any, task: str, corpus: str, control: str, kind: str
) -> None:
    """The predictions, submitted as they are, are the labels that `mgm import` finds under the documents' own ids."""
    status, printed, errors = review("--task", task, "--n", "4", f"{corpus}.jsonl", "--as-corpus", corpus)
    assert status == 0, errors
    written = Path(f"review_{task}.json")
    tasks = json.loads(written.read_text(encoding="utf-8"))
    (view,) = [e for e in ElementTree.parse(written.with_suffix(".xml")).getroot() if e.tag == control]
    assert view.attrib["name"] == task and f"review_{task}.xml: the labelling interface" in printed
    for number, item in enumerate(tasks):
        (prediction,) = item["predictions"]
        assert prediction["model_version"].startswith("mgm ")
        assert {result["type"] for result in prediction["result"]} <= {kind}
        item |= {"id": number, "annotations": [{"result": prediction["result"], "completed_by": 1}]}
    write_json(Path("export.json"), tasks)
    assert main(["import", "label-studio", "export.json", "-o", "back.parquet"]) == 0
    back = pl.read_parquet("back.parquet")
    assert back["doc_id"].to_list() == [item["data"]["doc_id"] for item in tasks]
    assert back["text"].to_list() == [item["data"]["text"] for item in tasks]
    assert set(back.columns) <= {"doc_id", "text", task}


def test_a_night_as_csv(review: Any) -> None:
    """Without a label column documents are ranked by uncertainty and disagreement."""
    Path("params.yaml").write_text(json.dumps(tiny_corpora.SETTINGS), encoding="utf-8")
    Path("incoming").mkdir()
    night = tiny_corpora.menus().select("doc_id", "text")
    night.write_ndjson("incoming/2026-01-02.jsonl")
    status, _, errors = review("--task", "dish", "--night", "2026-01-02", "--format", "csv", "--n", "2")
    assert status == 0, errors
    rows = pl.read_csv("review_dish.csv")
    assert rows["dish_reason"].to_list() == ["uncertainty", "disagreement"] and rows["dish"].is_null().all()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["menus.jsonl", "--task", "dsh"], "--task 'dsh': the bundle has no such task (did you mean 'dish'?)"),
        (["--task", "dish"], "nothing to choose from: expected files, --night DATE or --as-corpus CORPUS"),
        (["menu.jsonl", "--task", "dish"], "menu.jsonl: no such file or folder"),
        (["menus.jsonl", "--task", "dish", "--night", "2026-01-02"], "expected no files beside it"),
        (["menus.jsonl", "--task", "dish", "-o", "a.txt"], "a.txt: expected a name that ends in .json"),
        (["menus.jsonl", "--task", "dish", "-o", "a.csv", "--format", "jsonl"], "expected a name that ends in .jsonl"),
        (["empty.jsonl", "--task", "dish"], "empty.jsonl: it is empty"),
        (["bare.jsonl", "--task", "dish"], "bare.jsonl: no column 'text'"),
        (["menus.jsonl", "--task", "dish", "--as-corpus", "menu"], "corpus 'menu': this bundle was not trained on it"),
        (["blank.jsonl", "--task", "dish"], "no document can be ranked by uncertainty, disagreement, doubt: 1 read, 1 rejected"),
        (["rows.jsonl", "--task", "price", "--by", "uncertainty"], "no document can be ranked by uncertainty"),
    ],
    ids=["task", "no input", "no file", "two inputs", "suffix", "format", "empty", "no text", "corpus", "blank", "measure"],
)  # fmt: skip
def test_wrong_use_is_one_line(review: Any, arguments: list[str], says: str) -> None:
    Path("empty.jsonl").write_text("", encoding="utf-8")
    Path("bare.jsonl").write_text('{"doc_id": "a"}\n', encoding="utf-8")
    Path("blank.jsonl").write_text('{"doc_id": "a", "text": " "}\n', encoding="utf-8")
    Path("rows.jsonl").write_text('{"doc_id": "a", "text": "Press Enter."}\n', encoding="utf-8")
    status, _, errors = review(*arguments)
    assert status == exit_codes.FAILED
    assert errors.startswith("error: ") and says in errors and errors.count("\n") == 1
    assert not list(Path().glob("review_*"))


def test_unknown_choices_are_wrong_use(review: Any) -> None:
    for option in ("--by", "--format"):
        status, _, errors = review("menus.jsonl", "--task", "dish", option, "doubts")
        assert status == exit_codes.MISUSED and f"{option}: 'doubts'; expected" in errors

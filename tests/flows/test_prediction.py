"""`mgm predict`: texts, lines and files in, lines, JSON and tables out."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from flows import exit_codes
from flows.cli import main
from flows.file_format import FileFormat
from flows.prediction_inputs import frames_of_source
from mgm.inference.model import Model
from mgm.settings.corpora import CorpusSettings
from tests import tiny_corpora
from tests.flows.conftest import SOURCE

TEXTS = ["Press Enter, 好吗？", " ", "明月照高楼。"]
FRAME = pl.DataFrame({"doc_id": ["a", "b", "c"], "text": TEXTS})


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_corpora.saved_bundle(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def model(bundle: Path) -> Model:
    return Model.load(bundle)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MGM_VERIFY_KEY", raising=False)
    FRAME.write_ndjson("in.jsonl")
    return tmp_path


@pytest.fixture
def mgm_predict(bundle: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `mgm predict --bundle BUNDLE ...`; returns status, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(["predict", "--bundle", str(bundle), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def put_on_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def json_rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_texts_are_answered_in_lines(mgm_predict: Any, model: Model) -> None:
    status, out, err = mgm_predict(*TEXTS)
    row = model.predict(TEXTS[0]).row(0, named=True)
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "Press Enter, 好吗？"
    assert lines[1] == f"  dish    {row['dish']} {row['dish_score']:.2f}"
    start, end = row["keys"][0]["start"], row["keys"][0]["end"]
    assert f"'{TEXTS[0][start:end]}' key {row['keys'][0]['score']:.2f}" in lines[2]
    assert lines[3] == f"  price   {row['price']:.4g}"
    assert lines[4].startswith(f"  themes  {row['themes'][0]} {row['themes_score'][0]:.2f}")
    assert "  rejected: text_too_short" in lines
    assert err == "1 of 3 texts rejected: text_too_short 1\n"


def test_json_lines_are_the_rows_of_predict(mgm_predict: Any, model: Model) -> None:
    status, out, _ = mgm_predict(*TEXTS, "--json", "--proba")
    assert status == 0
    assert json_rows(out) == model.predict(TEXTS, proba=True).to_dicts()


def test_probabilities_and_words_stand_below_a_task(mgm_predict: Any, model: Model) -> None:
    text = "Stir the soup, then press Enter."
    _, out, _ = mgm_predict(text, "--tasks", "dish,price", "--proba", "--explain")
    lines = out.splitlines()
    explained = model.explain(text, "dish")
    best = explained.top(1).row(0, named=True)
    assert lines[2].startswith(f"         {explained.label} {explained.score:.2f}, ")
    assert lines[3].startswith(f"         {explained.target}: {best['word']} {best['contribution']:+.2f}, ")
    assert lines[5].startswith("         the value: ")


def test_lines_of_standard_input(mgm_predict: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte order mark and both kinds of line ends are no text; an empty line is one."""
    for arguments in ([], ["-"]):
        put_on_stdin(monkeypatch, "\ufeffPress Enter.\r\n\n明月照高楼。".encode())
        status, out, _ = mgm_predict(*arguments, "--json", "--tasks", "price")
        assert status == 0
        assert [row["text"] for row in json_rows(out)] == ["Press Enter.", "", "明月照高楼。"]
        assert [row["rejected"] for row in json_rows(out)] == [None, ["text_too_short"], None]


@pytest.mark.parametrize("suffix", ["parquet", "jsonl", "csv", "tsv.gz"])
def test_file_to_file(mgm_predict: Any, model: Model, suffix: str) -> None:
    """Every row of the input is one of the output, by its id; lists in CSV are JSON."""
    FRAME.write_parquet("in.parquet")
    status, out, err = mgm_predict(
        "in.parquet", "-o", f"out/p.{suffix}", "--explain", "--tasks", "dish,themes"
    )
    assert (status, out) == (0, "")
    assert err == f"out/p.{suffix}: 3 rows\n1 of 3 texts rejected: text_too_short 1\n"
    path = Path("out", f"p.{suffix}")
    expected = model.predict(FRAME, tasks=["dish", "themes"]).drop("text")
    if suffix in ("parquet", "jsonl"):
        read = pl.read_parquet(path) if suffix == "parquet" else pl.read_ndjson(path)
        assert_frame_equal(read.select(expected.columns), expected)
        word = model.explain(TEXTS[0], "dish").top(1).to_dicts()[0]
        assert read["dish_explained"][0]["words"][0] == word
        assert read["dish_explained"].is_null().to_list() == [False, True, False]
    else:
        read = pl.read_csv(path, separator="\t" if "tsv" in suffix else ",")
        assert read["dish"].to_list() == expected["dish"].to_list()
        assert [None if v is None else json.loads(v) for v in read["themes"]] == expected["themes"].to_list()
        assert json.loads(read["rejected"][1]) == ["text_too_short"]


def test_files_by_other_columns(mgm_predict: Any, model: Model) -> None:
    FRAME.rename({"doc_id": "key", "text": "body"}).write_csv("in.csv")
    expected = model.predict(TEXTS, tasks="price")["price"].to_list()
    _, out, _ = mgm_predict(
        "in.csv", "--text-column", "body", "--id-column", "key", "--json", "--tasks", "price"
    )
    assert [(row["doc_id"], row["price"]) for row in json_rows(out)] == list(
        zip("abc", expected, strict=True)
    )
    _, out, _ = mgm_predict("in.csv", "--text-column", "body", "--json", "--tasks", "price")
    assert [row["doc_id"] for row in json_rows(out)] == ["1", "2", "3"]
    _, out, _ = mgm_predict("in.jsonl", "in.jsonl", "--json", "--tasks", "price")
    assert [row["doc_id"] for row in json_rows(out)] == ["a", "b", "c"] * 2


def test_corpus_settings_reject_more(mgm_predict: Any) -> None:
    assert mgm_predict("ab", "--as-corpus", "verses")[2] == "1 of 1 texts rejected: text_too_short 1\n"
    assert mgm_predict("ab")[2] == ""


def test_champion_is_the_default(folder: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    identity = Model.load(bundle).bundle.id
    (folder / "models" / "store").mkdir(parents=True)
    shutil.copytree(bundle, folder / "models" / "store" / identity, copy_function=os.link)
    pointer = {"bundle": identity, "promoted_at": "2026-11-30T01:00:00Z"}
    (folder / "models" / "champion.json").write_text(json.dumps(pointer))
    assert main(["predict", "Press Enter.", "--tasks", "price"]) == 0
    assert capsys.readouterr().out.startswith("Press Enter.\n  price  ")


def test_the_candidate_answers_where_there_is_no_champion(
    folder: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "models").mkdir()
    (folder / "models" / "candidate").symlink_to(bundle)
    assert main(["predict", "Press Enter.", "--tasks", "price"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("Press Enter.\n  price  ")
    assert printed.err == "there is no champion yet; using models/candidate\n"


def test_no_champion_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predict", "Press Enter."]) == exit_codes.FAILED
    assert capsys.readouterr().err == (
        "error: models/champion.json: there is no champion; run `mgm promote`, or pass --bundle models/candidate\n"
    )


def test_champion_that_is_not_in_the_store(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "models").mkdir()
    (folder / "models" / "champion.json").write_text('{"bundle": "abc", "promoted_at": "2026-11-30"}')
    assert main(["predict", "Press Enter."]) == exit_codes.FAILED
    assert capsys.readouterr().err == (
        "error: models/store/abc: the champion is not in the store; try `dvc pull models/store/abc.dvc`\n"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.jsonl"], "nowhere.jsonl: no such file or folder; --text treats it as a text"),
        (["nowhere.csv.gz"], "nowhere.csv.gz: no such file or folder"),
        (["in.jsonl", "Press Enter."], "'in.jsonl' is a file or folder and 'Press Enter.' is a text"),
        (["empty.jsonl"], "empty.jsonl: it is empty; expected at least one row"),
        (["headed.csv"], "headed.csv: it is empty; expected at least one row"),
        (["in.jsonl", "--text-column", "txt"], "no column 'txt' (did you mean 'text'?); --text-column NAME"),
        (["in.jsonl", "--id-column", "id"], "no column 'id' (valid: doc_id, text)"),
        (["latin.csv"], "the file looks like cp1252: --encoding names its encoding"),
        (["latin.csv", "--encoding", "latin-7"], "--encoding 'latin-7': expected the name of an encoding"),
        (["x", "--tasks", "prize"], "task 'prize': the bundle has no such task (did you mean 'price'?)"),
        (["x", "--tasks", "dish,"], "task '': the bundle has no such task"),
        (["x", "--as-corpus", "menu"], "corpus 'menu': this bundle was not trained on it"),
        (["x", "-o", "out.xls"], "out.xls: unknown format of an output; expected one of .parquet"),
        (["x", "-o", "s3://bucket/out.csv"], "not written to other places than folders; expected a path"),
        (["in.jsonl", "-o", "in.jsonl"], "in.jsonl: it is an input; expected another file for the output"),
        (["folder", "-o", "folder/in.jsonl"], "folder/in.jsonl: it is an input"),
        (["x", "--bundle", "damaged"], "damaged/manifest.json: not the manifest of a bundle"),
        (["x", "--bundle", "old"], "old/manifest.json: bundle format 1: expected"),
    ],
    ids=[
        "file",
        "compressed file",
        "file and text",
        "no rows",
        "a header alone",
        "text column",
        "id column",
        "encoding",
        "no encoding",
        "task",
        "empty task",
        "corpus",
        "format of the output",
        "address of the output",
        "input as output",
        "file of the input as output",
        "damaged bundle",
        "old bundle",
    ],
)
def test_errors_are_one_line(mgm_predict: Any, arguments: list[str], says: str) -> None:
    Path("empty.jsonl").touch()
    Path("folder").mkdir()
    FRAME.write_ndjson("folder/in.jsonl")
    Path("headed.csv").write_text("doc_id,text\n")
    Path("latin.csv").write_bytes("doc_id,text\na,é\n".encode("latin-1"))
    for name, manifest in (("damaged", "["), ("old", '{"format": 1, "files": {}}')):
        Path(name).mkdir()
        Path(name, "manifest.json").write_text(manifest)
    status, out, err = mgm_predict(*arguments)
    assert (status, out) == (exit_codes.FAILED, "")
    assert err.startswith("error: ") and says in err
    assert err.count("\n") == 1


def test_files_that_do_not_tell_how_they_are_written(
    mgm_predict: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By options that have the names of a corpus's settings; standard input has an encoding alone."""
    rows = 'doc_id|text\na|"He said \\"Grüße\\", and left."\nb|"x|y"\n'
    Path("in.csv").write_bytes(rows.encode("cp1252"))
    options = ["--encoding", "cp1252", "--separator", "|", "--quote", '"', "--escape", "\\"]
    assert mgm_predict("in.csv", *options, "-o", "out.jsonl")[0] == 0
    assert [row["doc_id"] for row in json_rows(Path("out.jsonl").read_text())] == ["a", "b"]
    put_on_stdin(monkeypatch, "Grüße\n你好\n".encode("gb18030"))
    status, out, _ = mgm_predict("--encoding", "gb18030", "--json")
    assert (status, [row["text"] for row in json_rows(out)]) == (0, ["Grüße", "你好"])
    put_on_stdin(monkeypatch, b"\xff\xff\n")
    assert mgm_predict("--encoding", "gb18030")[2].startswith(
        "error: standard input: not gb18030 (--encoding): "
    )


def test_a_corpus_says_how_its_files_are_written(tmp_path: Path) -> None:
    (tmp_path / "in.tsv").write_bytes("id;body\na;Grüße\n".encode("cp1252"))
    corpus = CorpusSettings(encoding="cp1252", separator=";")
    for dialect in (
        FileFormat().dialect(corpus),
        FileFormat(separator=";").dialect(CorpusSettings(encoding="cp1252")),
    ):
        frames = frames_of_source(tmp_path / "in.tsv", id_column="id", text_column="body", dialect=dialect)
        assert pl.concat(frames).rows() == [("a", "Grüße")]


def test_standard_input_without_texts(mgm_predict: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_stdin(monkeypatch, b"")
    assert mgm_predict()[2] == "error: standard input is empty; expected one text in each line\n"
    put_on_stdin(monkeypatch, b"fine\n\xff\n")
    assert (
        mgm_predict()[2]
        == "error: standard input: line 2: not UTF-8 (byte 0xff: invalid start byte); --encoding names another\n"
    )


def test_a_failed_run_leaves_no_output(mgm_predict: Any) -> None:
    Path("bad.jsonl").write_text('{"text": "Press Enter."}\n{"text": 5}\n')
    Path("out.csv").write_text("of before")
    status, _, err = mgm_predict("bad.jsonl", "-o", "out.csv")
    assert status == exit_codes.FAILED and "row 2, column 'text'" in err
    assert Path("out.csv").read_text() == "of before"
    assert not list(Path().glob("out.csv.*"))


@pytest.mark.parametrize(
    "arguments", [["x", "--json", "-o", "out.csv"], ["--text"]], ids=["two outputs", "no text"]
)
def test_wrong_use_is_exit_2(mgm_predict: Any, arguments: list[str]) -> None:
    assert mgm_predict(*arguments)[0] == exit_codes.MISUSED


def test_terminal_without_texts_is_wrong_use(mgm_predict: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    status, _, err = mgm_predict()
    assert status == exit_codes.MISUSED
    assert "expected a text, a file, or texts on standard input" in err


def test_name_of_a_file_as_text(mgm_predict: Any) -> None:
    _, out, _ = mgm_predict("--text", "in.jsonl", "--tasks", "price")
    assert out.startswith("in.jsonl\n  price")
    _, out, _ = mgm_predict("see the file in.jsonl", "--tasks", "price")
    assert out.startswith("see the file in.jsonl\n")


@pytest.mark.slow
def test_predictions_need_no_orchestration(bundle: Path, folder: Path) -> None:
    """In an empty folder, without params.yaml, and without importing Prefect, DVC, Great Expectations or Ray."""
    code = """
import sys
import mgm
light = "torch" not in sys.modules and "polars" not in sys.modules
print(light, mgm.load(sys.argv[1]).predict("Press Enter.", tasks="price").height)
from flows.cli import main
assert main(["predict", "--bundle", sys.argv[1], "Press Enter.", "--explain", "--json"]) == 0
heavy = {"prefect", "dvc", "great_expectations", "ray", "deltalake", "sklearn"}
print("heavy:", *sorted({module.partition(".")[0] for module in sys.modules} & heavy))
"""
    (folder / "in.jsonl").unlink()
    done = subprocess.run(
        [sys.executable, "-c", code, str(bundle)],
        capture_output=True, text=True, cwd=folder, env={"PYTHONPATH": str(SOURCE)}, check=True,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0] == "True 1"
    assert lines[-1] == "heavy:"
    assert list(folder.iterdir()) == []

"""Exports of each format: written by hand, and by the libraries whose formats they are."""

import json
from pathlib import Path
from typing import Any

import conllu
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.cli import main
from mgm.corpus.annotations import Imported, ImportOptions, import_annotations
from mgm.corpus.annotations.annotators import DISAGREEMENT
from mgm.corpus.annotations.corpus_table import TWICE
from mgm.corpus.annotations.doccano import NO_JSON, OTHER_TEXTS
from mgm.corpus.annotations.hugging_face import NO_TEXT as NO_ROW_TEXT
from mgm.corpus.annotations.hugging_face import WRONG_TAGS
from mgm.corpus.annotations.label_studio import CANCELLED, NO_COLUMN, NO_TEXT, NO_VALUE
from mgm.corpus.annotations.offsets import OTHER_TEXT, OUTSIDE
from mgm.corpus.annotations.token_columns import NO_COLUMNS
from mgm.corpus.annotations.token_columns import OTHER_TEXT as OTHER_TOKENS

CONLL = """\
-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O
German JJ B-NP B-MISC

Peter NNP B-NP I-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- -X- O

# NN I-NP O
BRUSSELS NNP I-NP I-LOC
"""
CONLLU = """\
# newdoc id = d1
# sent_id = s1
# text = Don't go to Oslo!
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\t_\t_\t0\troot\t_\t_
2\tn't\tnot\tPART\t_\t_\t0\troot\t_\t_
3\tgo\tgo\tVERB\t_\t_\t0\troot\t_\t_
3.1\tnow\tnow\tADV\t_\t_\t_\t_\t_\t_
4\tto\tto\tADP\t_\t_\t0\troot\t_\t_
5\tOslo\tOslo\tPROPN\t_\t_\t0\troot\t_\tNER=B-LOC|SpaceAfter=No
6\t!\t!\tPUNCT\t_\t_\t0\troot\t_\t_

"""


def imported(
    folder: Path, content: str | list[Any] | dict[str, Any], name: str, /, *, format: str, **options: Any
) -> tuple[pl.DataFrame, Imported]:
    """Write an export, import it, and return the corpus and what is said about it."""
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    (folder / name).write_text(text, encoding="utf-8")
    return read(format, folder / name, into=folder, **options)


def read(format: str, *paths: Path, into: Path, **options: Any) -> tuple[pl.DataFrame, Imported]:
    result = import_annotations(
        format, paths, output=into / "corpus.parquet", options=ImportOptions(**options)
    )
    frame = pl.read_parquet(into / "corpus.parquet")
    assert len(frame) == result.rows
    return frame, result


def found(row: dict[str, Any], column: str = "entities") -> list[tuple[str, str]]:
    return [(row["text"][span["start"] : span["end"]], span["label"]) for span in row[column]]


def reasons(result: Imported) -> list[str]:
    return [item.reason for item in result.dropped]


# ---- CoNLL and IOB


def test_conll_2003_has_documents_of_sentences(tmp_path: Path) -> None:
    frame, result = imported(tmp_path, CONLL, "eng.train", format="conll")
    first, second = frame.to_dicts()
    assert first["text"] == "EU rejects German\nPeter Blackburn" and first["doc_id"] == "eng.train-1"
    assert found(first) == [("EU", "ORG"), ("German", "MISC"), ("Peter Blackburn", "PER")]
    assert found(second) == [("BRUSSELS", "LOC")] and second["text"].startswith("# ")
    assert not result.dropped and result.columns == {"entities": "4 spans of 4 labels in 2 of 2 rows"}


def test_columns_of_conll_are_chosen_by_number(tmp_path: Path) -> None:
    frame, _ = imported(tmp_path, CONLL, "a.conll", format="conll", tags="3", task="chunks")
    assert found(frame.to_dicts()[0], "chunks")[1] == ("rejects", "VP")
    with pytest.raises(ValueError, match=r"a\.conll: line 3: no column '5' .* from 1 to 4"):
        imported(tmp_path, CONLL, "a.conll", format="conll", tags="5")


def test_without_marks_a_sentence_is_a_document(tmp_path: Path) -> None:
    frame, result = imported(tmp_path, "李 S-PER\n来 O\n\n去 O\n坏\n", "zh.bio", format="iob")
    assert frame["text"].to_list() == ["李来"] and found(frame.to_dicts()[0]) == [("李", "PER")]
    (item,) = result.dropped
    assert (item.reason, item.place) == (NO_COLUMNS, f"{tmp_path / 'zh.bio'}: line 5")
    assert json.loads((tmp_path / "corpus.dropped.jsonl").read_text())["doc_id"] == "zh-2"


def test_lines_of_token_and_tag(tmp_path: Path) -> None:
    frame, result = imported(
        tmp_path, "I|PRP|O saw|VBD|O New|NNP|B-GPE York|NNP|I-GPE\na|b|c|d\n", "a.iob", format="iob"
    )
    assert found(frame.to_dicts()[0]) == [("New York", "GPE")]
    assert reasons(result) == [NO_COLUMNS]


def test_conllu_has_the_text_as_it_was(tmp_path: Path) -> None:
    frame, _ = imported(tmp_path, CONLLU, "a.conllu", format="conll", tags="NER")
    (row,) = frame.to_dicts()
    assert (row["doc_id"], row["text"]) == ("d1", "Don't go to Oslo!") and found(row) == [("Oslo", "LOC")]
    frame, _ = imported(tmp_path, CONLLU, "a.conllu", format="conll", task="upos")
    assert found(frame.to_dicts()[0], "upos") == [("go", "VERB"), ("to", "ADP"), ("Oslo", "PROPN"), ("!", "PUNCT")]  # fmt: skip


def test_conllu_as_its_library_writes_it(tmp_path: Path) -> None:
    sentences = conllu.parse(CONLLU)
    del sentences[0].metadata["text"]
    (tmp_path / "a.conllu").write_text("".join(sentence.serialize() for sentence in sentences))
    frame, _ = read("conll", tmp_path / "a.conllu", into=tmp_path)
    assert frame["text"].to_list() == ["Don't go to Oslo!"]


def test_conllu_whose_tokens_are_not_those_of_its_text(tmp_path: Path) -> None:
    content = CONLLU + CONLLU.replace("to Oslo!", "to Rome!").replace("d1", "d2")
    frame, result = imported(tmp_path, content, "a.conllu", format="conll")
    assert frame["doc_id"].to_list() == ["d1"] and reasons(result) == [OTHER_TOKENS]


def test_files_named_for_splits_give_the_splits(tmp_path: Path) -> None:
    for name in ("eng.train", "eng.testa", "eng.testb"):
        (tmp_path / name).write_text(CONLL)
    frame, _ = read("conll", *sorted(tmp_path.iterdir()), into=tmp_path)
    assert frame["split"].unique().sort().to_list() == ["test", "train", "valid"] and len(frame) == 6


# ---- Label Studio


def task(
    number: int, text: str, *results: dict[str, Any] | list[dict[str, Any]], **more: Any
) -> dict[str, Any]:
    """Return a task with one annotation for each list of results."""
    annotations = [
        {"completed_by": who, "result": result if isinstance(result, list) else [result]} | more
        for who, result in enumerate(results, 1)
    ]
    return {"id": number, "data": {"text": text}, "annotations": annotations}


def labelled(start: int, end: int, text: str, label: str = "LOC") -> dict[str, Any]:
    value = {"start": start, "end": end, "text": text, "labels": [label]}
    return {"from_name": "ner", "to_name": "text", "type": "labels", "value": value}


def chosen(*classes: str, name: str = "topic") -> dict[str, Any]:
    return {"from_name": name, "to_name": "text", "type": "choices", "value": {"choices": list(classes)}}


def test_label_studio_offsets_with_emoji_and_line_breaks(tmp_path: Path) -> None:
    text = "💩 in Oslo\r\nand Rome"
    frame, result = imported(
        tmp_path,
        [
            task(1, text, [labelled(6, 10, "Oslo"), labelled(15, 19, "Rome")]),
            task(2, "罗马", labelled(0, 2, "Rom")),
        ],
        "a.json",
        format="label-studio",
    )
    assert found(frame.to_dicts()[0], "ner") == [("Oslo", "LOC"), ("Rome", "LOC")]
    assert frame["ner"].to_list()[1] is None and reasons(result) == [OTHER_TEXT]
    assert result.dropped[0].column == "ner" and result.dropped[0].row_stays


def test_label_studio_by_majority_and_by_rows(tmp_path: Path) -> None:
    both = [
        task(
            1, "Rome", [chosen("a"), labelled(0, 4, "Rome")], [chosen("a")], [chosen("b"), labelled(0, 3, "Rom")]
        ),
        task(2, "Oslo", chosen("a"), chosen("b")),
    ]  # fmt: skip
    frame, result = imported(tmp_path, both, "a.json", format="label-studio")
    assert frame["topic"].to_list() == ["a", None]
    assert reasons(result) == [DISAGREEMENT] and frame["ner"].to_list()[0] == []
    frame, _ = imported(tmp_path, both, "a.json", format="label-studio", annotators="rows")
    assert frame["doc_id"].to_list() == ["1-1", "1-2", "1-3", "2-1", "2-2"]
    assert frame["group"].to_list() == ["1", "1", "1", "2", "2"]
    assert frame["topic"].to_list() == ["a", "a", "b", "a", "b"]


def test_label_studio_drops_what_is_no_label_and_says_why(tmp_path: Path) -> None:
    tasks = [
        task(1, "a", {"from_name": "box", "type": "rectanglelabels", "value": {}}),
        task(2, "a", {"from_name": "topic", "type": "choices", "value": {}}),
        task(3, "a", chosen("x"), was_cancelled=True),
        task(4, " ", chosen("x")),
        task(5, "b", chosen("x", "y"), ground_truth=True),
        task(5, "again", chosen("x")),
    ]
    frame, result = imported(tmp_path, tasks, "a.json", format="label-studio")
    assert reasons(result) == [NO_COLUMN, NO_VALUE, CANCELLED, NO_TEXT, TWICE]
    assert frame["doc_id"].to_list() == ["1", "2", "3", "5"]
    assert frame["topic"].to_list() == [None, None, None, ["x", "y"]]


def test_label_studio_numbers_texts_and_taxonomies(tmp_path: Path) -> None:
    results = [
        {"from_name": "stars", "type": "rating", "value": {"rating": 4}},
        {"from_name": "title", "type": "textarea", "value": {"text": ["A title"]}},
        {"from_name": "kind", "type": "taxonomy", "value": {"taxonomy": [["food", "tea"]]}},
    ]
    frame, _ = imported(tmp_path, [task(1, "a", results)], "a.json", format="label-studio")
    assert frame.select("kind", "stars", "title").row(0) == ("food / tea", 4.0, "A title")


def test_label_studio_json_min(tmp_path: Path) -> None:
    spans = [{"start": 0, "end": 4, "text": "Oslo", "labels": ["LOC"]}]
    records = [
        {"id": 1, "text": "Oslo", "ner": spans, "topic": {"choices": ["a", "b"]}, "annotator": 1, "lead_time": 2.5},
        {"id": 2, "text": "no", "topic": "a", "annotator": 1},
        {"id": 2, "text": "no", "topic": "a", "annotator": 2},
    ]  # fmt: skip
    frame, _ = imported(tmp_path, records, "a.json", format="label-studio")
    assert found(frame.to_dicts()[0], "ner") == [("Oslo", "LOC")]
    assert frame["topic"].to_list() == [["a", "b"], ["a"]]


def test_label_studio_text_under_another_key(tmp_path: Path) -> None:
    tasks = [{"id": 1, "data": {"review": "good", "url": "x"}, "annotations": []}]
    with pytest.raises(ValueError, match="which of review, url is the text"):
        imported(tmp_path, tasks, "a.json", format="label-studio")
    assert len(imported(tmp_path, tasks, "a.json", format="label-studio", text="review")[0]) == 1


# ---- doccano


def lines(*rows: dict[str, Any] | str) -> str:
    return "\n".join(row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows)


def test_doccano_spans_of_every_version(tmp_path: Path) -> None:
    content = lines(
        {"id": 1, "text": "💩 Oslo", "label": [[2, 6, "LOC"]]},
        {
            "id": 2,
            "text": "罗马",
            "entities": [{"id": 9, "label": "LOC", "start_offset": 0, "end_offset": 2}],
        },
        {"id": 3, "text": "none", "label": []},
        {"id": 4, "text": "bad", "label": [[0, 9, "LOC"]]},
        "no JSON",
        {"id": 5, "text": "not labelled"},
    )
    frame, result = imported(tmp_path, content, "a.jsonl", format="doccano")
    rows = frame.to_dicts()
    assert [found(row) for row in rows[:3]] == [[("Oslo", "LOC")], [("罗马", "LOC")], []]
    assert [row["entities"] for row in rows[3:]] == [None, None]
    assert sorted(reasons(result)) == sorted([NO_JSON, OUTSIDE])


def test_doccano_classes_are_one_or_several(tmp_path: Path) -> None:
    one = lines({"text": "a", "label": ["x"]}, {"text": "b", "label": ["y"]})
    frame, _ = imported(tmp_path, one, "a.jsonl", format="doccano", task="topic")
    assert frame["topic"].to_list() == ["x", "y"]
    several = lines({"text": "a", "label": ["x", "y"]}, {"text": "b", "label": []})
    frame, _ = imported(tmp_path, several, "a.jsonl", format="doccano")
    assert frame["label"].to_list() == [["x", "y"], []]


def test_doccano_files_of_annotators_become_one(tmp_path: Path) -> None:
    for name, label, text in (("ann", "x", "a"), ("bob", "x", "a"), ("cleo", "y", "b")):
        (tmp_path / f"{name}.jsonl").write_text(lines({"id": 1, "text": text, "label": [label]}))
    frame, result = read("doccano", *sorted(tmp_path.iterdir()), into=tmp_path)
    assert frame["label"].to_list() == ["x"] and reasons(result) == [OTHER_TEXTS]


# ---- libraries


@pytest.mark.slow
def test_docbin_as_spacy_writes_it(tmp_path: Path) -> None:
    spacy = pytest.importorskip("spacy")
    from spacy.tokens import Doc, DocBin, Span

    nlp = spacy.blank("en")
    first = nlp("💩 Ann flew to Oslo.")
    first.ents = [Span(first, 1, 2, "PER"), Span(first, 4, 5, "LOC")]
    first.spans["trip"] = [Span(first, 1, 5, "TRIP")]
    first.cats = {"travel": 1.0, "home": 0.0}
    unlabelled = Doc(nlp.vocab, words=["罗马", "。"], spaces=[False, False])
    DocBin(docs=[first, unlabelled], store_user_data=True).to_disk(tmp_path / "a.spacy")
    frame, _ = read("spacy", tmp_path / "a.spacy", into=tmp_path)
    one, two = frame.to_dicts()
    assert found(one) == [("Ann", "PER"), ("Oslo", "LOC")] and one["categories"] == "travel"
    assert found(one, "trip") == [("Ann flew to Oslo", "TRIP")]
    assert two["text"] == "罗马。" and two["entities"] is None and two["categories"] is None
    (tmp_path / "b.spacy").write_bytes(b"no DocBin")
    with pytest.raises(ValueError, match=r"b\.spacy: no DocBin"):
        read("spacy", tmp_path / "b.spacy", into=tmp_path)


@pytest.mark.slow
def test_hugging_face_datasets_as_their_library_writes_them(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    labels = datasets.ClassLabel(names=["neg", "pos"])
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": labels, "stars": datasets.Value("int64")}
    )
    rows = {"text": ["good", "坏", ""], "label": [1, 0, -1], "stars": [5, 1, 3]}
    train = datasets.Dataset.from_dict(rows, features=features)
    both = datasets.DatasetDict({"train": train, "test": train.select([0])})
    both.save_to_disk(str(tmp_path / "saved"))
    frame, result = read("hf", tmp_path / "saved", into=tmp_path / "first")
    assert frame.rows() == [
        ("train-1", "good", "train", "pos", 5.0),
        ("train-2", "坏", "train", "neg", 1.0),
        ("test-1", "good", "test", "pos", 5.0),
    ]
    assert [item.place for item in result.dropped] == [f"{tmp_path / 'saved'}: train row 3"]
    parquet = tmp_path / "parquet"
    parquet.mkdir()
    for name, split in both.items():
        split.to_parquet(str(parquet / f"{name}-00000-of-00001.parquet"))
    again, _ = read("hf", parquet, into=tmp_path)
    assert again.equals(frame)


@pytest.mark.slow
def test_hugging_face_tokens_and_tags(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    tags = datasets.Sequence(datasets.ClassLabel(names=["O", "B-PER", "I-PER"]))
    features = datasets.Features({"tokens": datasets.Sequence(datasets.Value("string")), "ner_tags": tags})
    rows = {"tokens": [["Ann", "Lee", "left"], ["李", "来"]], "ner_tags": [[1, 2, 0], [1, 0]]}
    datasets.Dataset.from_dict(rows, features=features).save_to_disk(str(tmp_path / "saved"))
    frame, _ = read("hf", tmp_path / "saved", into=tmp_path)
    assert [found(row) for row in frame.to_dicts()] == [[("Ann Lee", "PER")], [("李", "PER")]]


# ---- what cannot be imported


@pytest.mark.parametrize(
    ("format", "name", "content", "message"),
    [
        ("conl", "a.conll", CONLL, "'conl' is no format of exports .did you mean 'conll'"),
        ("conll", "a.conll", "word\n", r"a\.conll: line 1: 'word' has one column; expected a token and its tag"),
        ("conll", "a.conll", b"caf\xe9 O\n", r"a\.conll: line 1: byte 4 of the line is no UTF-8"),
        ("conll", "a.conll", "", "no document is left; nothing was written"),
        ("label-studio", "a.json", "{", r"a\.json: no JSON"),
        ("label-studio", "a.json", "[1]", r"a\.json: expected an array of tasks"),
    ],
    ids=["format", "one column", "encoding", "empty", "no JSON", "no tasks"],
)  # fmt: skip
def test_one_line_says_what_is_wrong(
    tmp_path: Path, format: str, name: str, content: str | bytes, message: str
) -> None:
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read(format, tmp_path / name, into=tmp_path)
    assert not (tmp_path / "corpus.parquet").exists()


def test_hugging_face_folders_that_are_none(tmp_path: Path) -> None:
    folder = tmp_path / "dataset"
    folder.mkdir()
    with pytest.raises(ValueError, match="no dataset; expected"):
        read("hf", folder, into=tmp_path)
    pl.DataFrame({"a": ["x"], "b": ["y"]}).write_parquet(folder / "train.parquet")
    with pytest.raises(ValueError, match="which of the columns a, b is the text"):
        read("hf", folder, into=tmp_path)
    with pytest.raises(ValueError, match=r"corpus\.parquet: lies in what is read"):
        read("hf", folder, into=folder)


def test_labels_called_as_a_column_of_rows(tmp_path: Path) -> None:
    tasks = [task(1, "a", chosen("x", name="lang"))]
    frame, _ = imported(tmp_path, tasks, "a.json", format="label-studio")
    assert frame.columns == ["doc_id", "text", "lang_label"]


def test_labels_of_two_forms_in_one_column(tmp_path: Path) -> None:
    rating = {"from_name": "topic", "type": "rating", "value": {"rating": 4}}
    with pytest.raises(ValueError, match=r"task 2: column 'topic': number .* expected classes"):
        imported(tmp_path, [task(1, "a", chosen("x")), task(2, "b", rating)], "a.json", format="label-studio")


# ---- datasets without their library: the files as it lays them


def dataset(**columns: tuple[pa.Array, dict[str, Any]]) -> tuple[pa.Table, dict[str, Any]]:
    """Return a table and its features: column to values and feature."""
    table = pa.table({name: values for name, (values, _) in columns.items()})
    features = {name: feature for name, (_, feature) in columns.items()}
    about = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
    return table.replace_schema_metadata(about), features


STRING, NUMBER = {"dtype": "string", "_type": "Value"}, {"dtype": "int64", "_type": "Value"}
POLARITY = {"names": ["neg", "pos"], "_type": "ClassLabel"}


def test_parquet_of_a_dataset_has_names_for_its_classes(tmp_path: Path) -> None:
    spans = pa.array(
        [[{"start": 0, "end": 4, "label": "ADJ"}], None, [], [{"start": 0, "end": 9, "label": "ADJ"}]]
    )
    table, _ = dataset(
        id=(pa.array(["a", "b", "c", "d"]), STRING),
        sentence=(pa.array(["good", "坏", "ok", "odd"]), STRING),
        label=(pa.array([1, 0, -1, 9]), POLARITY),
        topics=(pa.array([["x", "y"], ["x"], [], None]), [STRING]),
        spans=(spans, {}),
        stars=(pa.array([5, 1, 3, None]), NUMBER),
        checked=(pa.array([True, False, True, None]), {"dtype": "bool", "_type": "Value"}),
    )
    (tmp_path / "set").mkdir()
    pq.write_table(table, tmp_path / "set" / "validation-00000-of-00001.parquet")
    frame, result = read("hf", tmp_path / "set", into=tmp_path)
    assert frame["doc_id"].to_list() == ["a", "b", "c", "d"]
    assert frame["label"].to_list() == ["pos", "neg", None, None]
    assert frame["topics"].to_list() == [["x", "y"], ["x"], [], None]
    assert frame["checked"].to_list() == ["true", "false", "true", None]
    assert frame["stars"].to_list() == [5.0, 1.0, 3.0, None] and len(frame["spans"][0]) == 1
    assert [(item.column, item.row_stays) for item in result.dropped] == [("label", True), ("spans", True)]
    with pytest.raises(ValueError, match="no column 'txt' for --text-column; expected one of id, sentence"):
        read("hf", tmp_path / "set", into=tmp_path, text="txt")


def test_saved_dataset_of_tokens_and_tags(tmp_path: Path) -> None:
    tags = {"feature": {"names": ["O", "B-PER", "I-PER"], "_type": "ClassLabel"}, "_type": "Sequence"}
    table, features = dataset(
        tokens=(pa.array([["Ann", "Lee", "left"], ["李"], ["a"], None]), {"feature": STRING}),
        ner_tags=(pa.array([[1, 2, 0], [1], [0, 0], None]), tags),
    )
    folder = tmp_path / "set" / "train"
    folder.mkdir(parents=True)
    with pa.OSFile(str(folder / "data.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data.arrow"}]}))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    (folder.parent / "dataset_dict.json").write_text(json.dumps({"splits": ["train"]}))
    frame, result = read("hf", folder.parent, into=tmp_path, task="people")
    assert [found(row, "people") for row in frame.to_dicts()] == [[("Ann Lee", "PER")], [("李", "PER")]]
    assert frame["split"].to_list() == ["train", "train"]
    assert reasons(result) == [WRONG_TAGS, NO_ROW_TEXT]
    assert len(read("hf", folder, into=tmp_path)[0]) == 2
    (tmp_path / "other").mkdir()
    pq.write_table(table.select(["tokens"]), tmp_path / "other" / "train.parquet")
    with pytest.raises(ValueError, match="which of the columns tokens has the tags"):
        read("hf", tmp_path / "other", into=tmp_path)
    (folder / "data.arrow").write_bytes(b"no stream")
    with pytest.raises(ValueError, match=r"data\.arrow: damaged"):
        read("hf", folder, into=tmp_path)
    (folder / "state.json").write_text("{}")
    with pytest.raises(ValueError, match="no dataset of `save_to_disk`"):
        read("hf", folder, into=tmp_path)


def test_the_command_says_what_it_made_and_dropped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_text(
        lines({"id": 1, "text": "Oslo ", "entities": [[0, 5, "LOC"]]}, {"id": 2, "text": "x", "label": [[0, 9, "LOC"]]})
    )  # fmt: skip
    assert main(["import", "doccano", "a.jsonl", "-o", "c.parquet"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "c.parquet: 2 rows" and said[-1] == "next: mgm init DIR --data c.parquet"
    assert "  blanks at the edges of 1 spans were cut off" in said
    assert f"dropped 1 labels: {OUTSIDE}" in said and "all that was dropped: c.dropped.jsonl" in said
    assert main(["import", "doccano", "a.jsonl", "-o", "c.parquet", "--join", "tab"]) == 2
    assert "--join" in capsys.readouterr().err
    assert main(["import", "doccano", "a.jsonl", "-o", "c.csv"]) == 1
    assert "c.csv: expected a name that ends in .parquet" in capsys.readouterr().err

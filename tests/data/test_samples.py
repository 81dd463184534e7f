"""The shipped sample corpora: their contract, their size, and the scripts that rebuild them."""

import hashlib
import importlib
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest
import yaml

SAMPLES = Path(__file__).resolve().parents[2] / "data" / "samples"
NAMES = ["help", "help_pairs_en", "help_pairs_zh", "poems"]
SPAN = pl.Struct({"start": pl.Int32, "end": pl.Int32, "label": pl.String})
TASKS: dict[str, dict[str, pl.DataType | type[pl.DataType]]] = {
    "help": {"module": pl.String, "ui_terms": pl.List(SPAN), "title": pl.String},
    "help_pairs_en": {"translate_zh": pl.String},
    "help_pairs_zh": {"translate_en": pl.String},
    "poems": {"themes": pl.List(pl.String), "dynasty": pl.String},
}
BASE = ["doc_id", "text", "lang", "group"]
EDITIONS = {"en": "en-US/", "zh": "zh-CN/"}
SIZE_BUDGET = 12_000_000


def read(name: str) -> pl.DataFrame:
    return pl.read_parquet(SAMPLES / f"{name}.parquet")


def split_of(group: str) -> str:
    n = int(hashlib.blake2b(group.encode("utf-8"), digest_size=8).hexdigest(), 16) % 10
    return "test" if n < 2 else "valid" if n == 2 else "train"


@pytest.fixture
def rebuild(monkeypatch: pytest.MonkeyPatch):
    """Import a module of data/samples/rebuild, which are scripts beside each other and no package."""
    monkeypatch.syspath_prepend(str(SAMPLES / "rebuild"))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_the_document_contract(name: str) -> None:
    frame = read(name)
    assert dict(frame.schema) == dict.fromkeys(BASE, pl.String) | TASKS[name]
    assert frame.select(BASE).null_count().sum_horizontal().item() == 0
    assert set(frame["lang"].unique()) <= {"en", "zh"}


@pytest.mark.parametrize("name", NAMES)
def test_doc_ids_are_unique_and_sorted(name: str) -> None:
    doc_ids = read(name)["doc_id"]
    assert doc_ids.n_unique() == len(doc_ids)
    assert doc_ids.to_list() == sorted(doc_ids)


def test_files_stay_small() -> None:
    assert sum((SAMPLES / f"{name}.parquet").stat().st_size for name in NAMES) < SIZE_BUDGET


def test_help_has_every_page_in_both_editions() -> None:
    frame = read("help")
    pages = {lang: set(frame.filter(lang=lang)["group"]) for lang in ("en", "zh")}
    assert len(pages["en"]) == 2560
    assert pages["en"] == pages["zh"]
    assert frame["module"].n_unique() == 9
    assert frame["module"].to_list() == [group.split("/")[1] for group in frame["group"]]


def test_ui_terms_lie_inside_the_text_and_are_trimmed() -> None:
    spans = (
        read("help")
        .select("doc_id", "text", "ui_terms")
        .explode("ui_terms")
        .drop_nulls("ui_terms")
        .unnest("ui_terms")
    )
    term = pl.col("text").str.slice(pl.col("start"), pl.col("end") - pl.col("start"))
    spans = spans.with_columns(term=term, previous_end=pl.col("end").shift(1).over("doc_id"))
    assert spans.filter(
        (pl.col("start") < 0)
        | (pl.col("start") >= pl.col("end"))
        | (pl.col("end") > pl.col("text").str.len_chars())
    ).is_empty()
    assert all(term == term.strip() and "\n" not in term for term in spans["term"])
    assert spans.filter(pl.col("previous_end") > pl.col("start")).is_empty(), (
        "spans overlap or are not sorted"
    )
    assert set(spans["label"].unique()) == {"menuitem", "literal", "input", "keycode", "emph"}


def test_pairs_share_their_pages_group_and_so_its_split() -> None:
    pages = set(read("help")["group"])
    for name, lang in (("help_pairs_en", "en"), ("help_pairs_zh", "zh")):
        frame = read(name)
        assert set(frame["lang"]) == {lang}
        assert set(frame["group"]) <= pages
        page = frame["doc_id"].str.strip_prefix(EDITIONS[lang]).str.split("#").list.first()
        assert page.to_list() == frame["group"].to_list()


def test_pairs_are_one_set_read_in_two_directions() -> None:
    key = pl.col("doc_id").str.slice(len(EDITIONS["en"])).alias("key")
    forward = read("help_pairs_en").select(key, "group", en="text", zh="translate_zh")
    backward = read("help_pairs_zh").select(key, "group", en="translate_en", zh="text")
    assert forward.sort("key").equals(backward.sort("key"))
    assert forward.select("en", "zh").is_unique().all()
    assert forward.filter(pl.col("en") == pl.col("zh")).is_empty()
    assert forward["zh"].str.contains(r"\p{Han}").all()


def test_themes_are_those_of_the_committed_list_and_frequent_enough() -> None:
    listed = yaml.safe_load((SAMPLES / "rebuild" / "poem_themes.yaml").read_text("utf-8"))
    frame = read("poems").drop_nulls("themes")
    assert set(frame["themes"].explode()) == set(listed["themes"])
    assert all(themes and themes == sorted(set(themes)) for themes in frame["themes"].to_list())
    assert frame["doc_id"].str.starts_with("tang/").all()
    train = frame.filter(pl.Series([split_of(group) == "train" for group in frame["group"]]))
    assert train["themes"].explode().value_counts()["count"].min() >= listed["min_train"]


def test_dynasty_is_balanced_and_poems_carry_no_editorial_brackets() -> None:
    frame = read("poems")
    counts = dict(frame.drop_nulls("dynasty")["dynasty"].value_counts().iter_rows())
    assert counts == {"Tang": 6000, "Song": 6000}
    assert not frame["text"].str.contains(r"[（）〖〗〔〕\[\]{}]").any()
    assert (frame["text"].str.len_chars() > 0).all()


def test_licences_name_every_file_and_its_rows() -> None:
    text = (SAMPLES / "LICENSES.md").read_text("utf-8")
    for name in NAMES:
        assert f"| {name}.parquet | {read(name).height:,} |" in text


PAGE = """<html><body><p>header</p><div id="DisplayArea"><h1 id="hd_1">The Title</h1>
<p id="par_1">Press <span class="switchinline"><span hidden="true" class="MAC"><span
class="keycode">Command</span></span><span hidden="true"
id="default1"><span class="keycode">Ctrl</span></span></span>+F, then
<span class="emph">the <span class="menuitem"> Find </span> bar</span>.</p>
<ul><li><p id="par_2"><span class="emph">All of it</span>.</p></li></ul>
<table><tr><td>字<span class="literal">甲𠀀</span></td><td>two<br>lines</td></tr></table>
<pre><code>
    Sub Main
        Print
    End Sub
</code></pre></div><footer>debug</footer></body></html>"""


def test_page_text_keeps_one_alternative_and_the_innermost_terms(rebuild) -> None:
    page = rebuild("help_page").read_page(PAGE.encode(), "swriter")
    assert page.title == "The Title"
    assert page.text == (
        "Press Ctrl+F, then the Find bar.\nAll of it.\n字甲𠀀\ntwo\nlines\nSub Main\n    Print\nEnd Sub"
    )
    terms = [(page.text[start:end], label) for start, end, label in page.spans]
    assert terms == [("Ctrl", "keycode"), ("Find", "menuitem"), ("甲𠀀", "literal")]
    assert page.paragraphs == {("par_1", 1): "Press Ctrl+F, then the Find bar.", ("par_2", 1): "All of it."}


def test_page_without_display_area_is_refused(rebuild) -> None:
    with pytest.raises(ValueError, match="DisplayArea, found 0"):
        rebuild("help_page").read_page(b"<html><body><p>x</p></body></html>", "scalc")


@pytest.mark.parametrize(
    ("paragraphs", "expected"),
    [
        (["[爽]節在重九，", "物華新雨餘。"], "爽節在重九，\n物華新雨餘。"),
        (["四海（一作「萬（千）里」）同。", "（見卷二。", "）。"], "四海同。"),
        (["丈夫無伎藝，（項云。", "）虛霑。", "〖1〗徐淮，原作「徐涵」。"], "丈夫無伎藝，虛霑。"),
        (["織御{革斿}韁。", "（出處（未詳。", "）。"], "織御□韁。"),
    ],
)
def test_poem_loses_its_editorial_notes(rebuild, paragraphs: list[str], expected: str) -> None:
    assert rebuild("poem_text").poem_text(paragraphs) == expected


@pytest.mark.parametrize(
    ("title", "series"),
    [
        ("帝京篇十首 一", "帝京篇十首"),
        ("初夏六首  其五", "初夏六首"),
        ("句  其一○", "句"),
        ("唐享昊天樂 第十一", "唐享昊天樂"),
        ("決絕[詞]三首 二", "決絕詞三首"),
        ("感事二十韻", "感事二十韻"),
    ],
)
def test_series_title_has_no_number(rebuild, title: str, series: str) -> None:
    assert rebuild("poem_text").series_title(title) == series

"""The translation memory: the targets of the most similar training documents."""

import numpy as np
import polars as pl
import pytest

from mgm.evaluation import translation_memory
from mgm.evaluation.translation_memory import TranslationMemory
from mgm.text.features import FeaturePart
from tests import generation_corpora

CONFIG = generation_corpora.settings()
TASK = next(task for task in CONFIG.active_tasks() if task.name == "into_zh")
PAIRS = {
    "Save the file.": "保存文件。",
    "Open the file menu and press Enter.": "打开文件菜单并按回车。",
    "Delete all cells of the table.": "删除表格的所有单元格。",
    "删除 Access 数据库。": "删除数据库",
    "Insert a chart into the document, then choose a style.": "在文档中插入图表，然后选择样式。",
}
QUERIES = {
    "Open the edit menu and press Enter.": "打开文件菜单并按回车。",
    "请删除 Access 的数据库。": "删除数据库",
    "Delete the cells of a table.": "删除表格的所有单元格。",
}


def orders(texts: dict[str, str], split: str, group: str = "") -> pl.DataFrame:
    names = [f"{split}{i}" for i in range(len(texts))]
    return pl.DataFrame(
        {
            "doc_id": names,
            "text": list(texts),
            "lang": "en",
            "group": [group or name for name in names],
            "split": split,
            "into_zh": list(texts.values()),
            "dish": "soup",
        }
    )


def parts(*frames: pl.DataFrame) -> list[FeaturePart]:
    """Each frame as a part of features, with its own table of words."""
    made = []
    for frame in frames:
        corpora = {"orders": frame, "notices": generation_corpora.notices(5)}
        if not frame.filter(split="train").height:  # subwords are trained on targets
            corpora["orders"] = pl.concat([frame, generation_corpora.orders(5)])
        (part,) = generation_corpora.prepared(CONFIG, corpora)[0]["orders"]
        kept = part.documents["doc_id"].is_in(frame["doc_id"].implode())
        made.append(FeaturePart(part.documents.filter(kept), part.types))
    return made


MEMORY, ASKED = parts(orders(PAIRS, "train"), orders(QUERIES, "test"))


def test_the_most_similar_source_gives_its_target() -> None:
    """Also where the memory has more parts than one, whose tables of words differ."""
    found = TranslationMemory([MEMORY], TASK).look_up(ASKED)
    assert found.nearest.to_list() == list(QUERIES.values()) == found.fuzzy.to_list()
    halves = [FeaturePart(MEMORY.documents[rows], MEMORY.types) for rows in (slice(0, 2), slice(2, None))]
    again = TranslationMemory([*halves, ASKED], TASK).look_up(ASKED)
    assert again.nearest.to_list() == list(QUERIES.values())


def test_similarity_is_that_of_a_dense_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    """In blocks of one document too."""
    memory = TranslationMemory([MEMORY], TASK)
    dense = memory._tfidf(translation_memory._count_ngrams(ASKED, memory.num_ngrams)).toarray()
    assert np.linalg.norm(dense, axis=1) == pytest.approx(1)
    best = (dense @ memory.tfidf_FD.toarray()).argmax(1)
    monkeypatch.setattr(translation_memory, "_MAX_SCORES", 1)
    assert memory.look_up(ASKED).nearest.to_list() == memory.targets.gather(best).to_list()


def test_no_target_is_of_the_same_group() -> None:
    same, asked = parts(orders(PAIRS, "train", "page"), orders(PAIRS, "test", "page"))
    other = FeaturePart(same.documents[:1].with_columns(group=pl.lit("other")), same.types)
    found = TranslationMemory([same, other], TASK).look_up(asked)
    assert set(found.nearest) | set(found.fuzzy) <= {"保存文件。", ""}
    assert found.nearest[0] == "保存文件。"


def test_edit_distance_ranks_by_characters() -> None:
    """By n-grams the first is as similar as the second; as a text the second is."""
    memory, asked = parts(
        orders({"cake wants Tom": "蛋糕", "Tom wants a cake": "汤姆"}, "train"),
        orders({"Tom wants cake": ""}, "test"),
    )
    found = TranslationMemory([memory], TASK).look_up(asked)
    assert (found.nearest[0], found.fuzzy[0]) == ("蛋糕", "汤姆")


def test_without_a_training_document_texts_are_empty() -> None:
    found = TranslationMemory([ASKED], TASK).look_up(ASKED)
    assert found.nearest.to_list() == found.fuzzy.to_list() == ["", "", ""]


def test_a_large_memory_is_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation_memory, "MAX_DOCUMENTS", 2)
    first, *_, last = PAIRS.values()
    assert TranslationMemory([MEMORY, MEMORY], TASK).targets.to_list() == [first, last]

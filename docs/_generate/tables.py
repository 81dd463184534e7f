"""The page of the tables' schemas, from the functions that make the tables."""

import polars as pl

from docs._generate.markdown import table
from mgm.corpus.contract import document_schema
from mgm.corpus.parts import REJECTS
from mgm.evaluation.prediction_table import table_schema
from mgm.model.predict import prediction_schema
from mgm.scoring.delta import with_date
from mgm.scoring.night import night_schema
from mgm.tasks import TASK_KINDS, Task
from mgm.tasks.columns import output_names
from mgm.text.segmentation.documents import token_schema
from mgm.text.stopwords import CONTENT_SCHEMA
from mgm.text.vocabulary import SCHEMA as VOCABULARY

INTRODUCTION = """\
# Tables

A table between stages is a folder of Parquet parts in a fixed order. Its file `_parts.json`, which is written last, lists the parts with their
rows and hashes; read only those. Nights are two Delta tables. The examples have one task of each kind, named for it.

Between stages, the columns of a task have a prefix, so that a task may be called `group` or `words`: `label:a_task`, `label_ids:a_task`,
`prediction:a_task`, `score:a_task`. Nights and `mgm predict` have `a_task` and `a_task_score`.

"""


def _as_users_read_it(tasks: list[Task]) -> pl.Schema:
    schema = prediction_schema(tasks)
    return pl.Schema({name: schema[column] for column, name in output_names(schema).items()})


def page() -> str:
    """Return the page as Markdown."""
    tasks = [Task(name=f"a_{kind}", kind=kind, corpora=["corpus"], labels=("x",)) for kind in TASK_KINDS]
    documents = document_schema(tasks)
    calibrated = {task.name: True for task in tasks if task.spec.has_probabilities}
    sections: list[tuple[str, str, pl.Schema]] = [
        (
            "Documents",
            "`data/documents/<corpus>` after ingest, `data/clean/<corpus>` after cleaning, `data/unique/<corpus>` after deduplication.",
            documents,
        ),
        (
            "Tokens",
            "`data/tokens/<corpus>`: words, sentences and paragraphs as lists, with offsets into the raw text.",
            token_schema(documents),
        ),
        ("Content words", "`data/content/<corpus>`: a flag for each word of `data/tokens`.", CONTENT_SCHEMA),
        ("Vocabulary", "`data/features/vocabulary.parquet`.", VOCABULARY),
        ("Rejects", "`data/rejects/<stage>/<corpus>`; the table `score.rejects` also has a date.", REJECTS),
        ("Predictions of the test split", "`data/predictions/<corpus>`.", table_schema(tasks)),
        (
            "Nights",
            "The table `score.table`, partitioned by `date`. `<task>_calibrated` says whether `score.calibrate` was on; null in nights of "
            "versions before.",
            with_date(night_schema(_as_users_read_it(tasks), calibrated)),
        ),
    ]
    return INTRODUCTION + "\n".join(
        f"## {title}\n\n{text}\n\n{table(['column', 'type'], [(f'`{name}`', f'`{kind}`') for name, kind in schema.items()])}"
        for title, text, schema in sections
    )

"""A text a document."""

from mgm.report.kinds.presentation import TaskPresentation

GENERATION = TaskPresentation(
    first_metric="chrF",
    answer="a text",
    baselines={
        "lead": "the first sentence",
        "copy": "the document itself",
        "memory": "the target of the training document with the most similar n-grams",
        "fuzzy": "the target of the training document with the smallest edit distance",
    },
    metrics_note=(
        "BLEU and chrF are of the whole split by sacreBLEU, ROUGE and exact matches means over documents; all from 0 to 1."
    ),
)

"""Label spaces, and labels as numbers: the columns `label_ids:<task>`. One module a kind of task."""

from mgm.text.labels import (  # noqa: F401  importing a kind registers it
    classification,
    generation,
    multilabel,
    regression,
    tagging,
)
from mgm.text.labels.encoder import LABEL_ENCODERS, UNSEEN, LabelEncoder, label_ids
from mgm.text.labels.encoding import count_unseen, drop_rare, encode
from mgm.text.labels.spaces import (
    LabelCounts,
    add_counts,
    build_label_spaces,
    count_labels,
    find_rare_labels,
    flat_labels,
    load,
    save,
)

__all__ = [
    "LABEL_ENCODERS",
    "UNSEEN",
    "LabelCounts",
    "LabelEncoder",
    "add_counts",
    "build_label_spaces",
    "count_labels",
    "count_unseen",
    "drop_rare",
    "encode",
    "find_rare_labels",
    "flat_labels",
    "label_ids",
    "load",
    "save",
]

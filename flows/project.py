"""The folders and files of a project, relative to its root, as dvc.yaml names them."""

from pathlib import Path

RESOLVED_SETTINGS = Path(".mgm/settings.json")
"""The installed version and all settings with their defaults, in a project that has no code of its own."""
SUITES = Path("suites")
"""The gates' suites of expectations, in such a project."""

DATA = Path("data")
RAW = DATA / "raw"
"""The rows that a project was made with."""
RESOURCES = DATA / "resources"
"""Word lists and vectors that users bring."""
ENCODERS = DATA / "encoders"
"""Pretrained encoders that users bring, a folder each."""
FETCHED = DATA / "fetched"
CORPORA = DATA / "corpora"
"""The settings of each enabled corpus, a file each."""
DOCUMENTS = DATA / "documents"
CLEAN = DATA / "clean"
UNIQUE = DATA / "unique"
TOKENS = DATA / "tokens"
CONTENT = DATA / "content"
"""Flags of the words that carry content, and the stopwords of each corpus."""
REJECTS = DATA / "rejects"

FEATURES = DATA / "features"
VOCABULARY = FEATURES / "vocabulary.parquet"
LABELS = FEATURES / "labels.json"
PROFILE = FEATURES / "profile.json"
LEXICONS = FEATURES / "lexicons"
"""The lists of terms that taggers read."""
VECTORS = DATA / "vectors"
ENCODED = DATA / "encoded"
"""The vectors of a pretrained encoder beside the features, and the encoder that they are of."""
PRETRAINED = DATA / "pretrained"
TEACHERS = DATA / "teachers"
"""The predicted scores of teachers, a file for each teacher."""
TAUGHT = DATA / "taught"
"""The teachers' mean predictions beside the features."""
CHECKPOINTS = DATA / "checkpoints"
STUDY = DATA / "study"

CANDIDATE = Path("models/candidate")
FIRST_FIT = Path("models/first_fit")
"""The bundle of the fit on train alone, where the candidate was fitted again (`train.refit`); else a note."""
PREDICTIONS = DATA / "predictions"
EXPLANATIONS = DATA / "explanations"

REPORTS = Path("reports")
STAGES = REPORTS / "stages"
"""The statistics that stages leave for gates and the report."""
GATES = REPORTS / "gates"
METRICS = REPORTS / "metrics.json"
TRAINING = REPORTS / "training.json"
PROMOTION = REPORTS / "promotion.json"
"""The verdict on the candidate."""
CARD = REPORTS / "card.md"
"""The candidate's model card, which `mgm promote` puts into the bundle."""
PAGE = REPORTS / "report.html"


def rejects_folder(stage: str, corpus: str) -> Path:
    """Return the folder of the rows that a stage drops."""
    return REJECTS / stage / corpus

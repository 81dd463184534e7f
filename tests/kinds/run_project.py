"""Run every stage over one corpus in this process, then promote and score a night: `python run_project.py CORPUS NIGHT`."""

import importlib
import sys
from datetime import date


def main(corpus: str, night_file: str) -> None:
    """Run all stages in the order of the graph; stop at the first that fails."""
    stages = [
        ("ingest", corpus), ("gate", "ingest", corpus), ("clean", corpus), ("deduplicate", corpus), ("gate", "clean", corpus),
        ("tokenize", corpus), ("stopwords", corpus), ("features",), ("gate", "features"), ("vectors",), ("pretrain",),
        ("teachers",), ("train",), ("evaluate",), ("explain",), ("verdict",), ("report",),
    ]  # fmt: skip
    for name, *arguments in stages:
        if importlib.import_module(f"flows.stages.{name}").main(*arguments):
            sys.exit(f"stage {name} failed")
    from flows import night, promotion
    from flows.scoring_options import ScoringOptions, load_settings

    print(promotion.promote())
    settings, gates, _ = load_settings()
    options = ScoringOptions(source=night_file, as_corpus=corpus)
    print(night.score_date(date(2026, 1, 1), options, settings=settings, gates=gates))


if __name__ == "__main__":
    main(*sys.argv[1:])

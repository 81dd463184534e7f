"""`mgm generate`: the generation tasks alone."""


def generate() -> None:
    """Train only the generation tasks of the enabled corpora, in data/generation, with the settings in run_generation.

    Stages that are up to date are skipped.
    """
    from flows.generation import FOLDER, run_generation
    from flows.results import result_lines

    run_generation()
    print(*result_lines(FOLDER), f"in {FOLDER}", sep="\n")

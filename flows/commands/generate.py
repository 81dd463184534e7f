"""`mgm generate`: the generation tasks alone."""


def generate() -> None:
    """Train the generation tasks of the enabled corpora alone, in data/generation, with the settings of run_generation.

    What has run before is not run again.
    """
    from flows.generation import FOLDER, run_generation
    from flows.results import result_lines

    run_generation()
    print(*result_lines(FOLDER), f"in {FOLDER}", sep="\n")

"""`mgm generate`: the generation tasks alone."""


def generate() -> None:
    """Train only the generation tasks of the enabled corpora, in data/generation, with the settings in run_generation.

    Stages that are up to date are skipped. The last lines say how the texts compare with the best baseline, whether validation still
    rises, and how long more epochs take on this machine.
    """
    from flows.generation import FOLDER, run_generation
    from flows.generation_outlook import lines_after
    from flows.results import result_lines

    run_generation()
    print(*result_lines(FOLDER), f"in {FOLDER}", *lines_after(FOLDER), sep="\n")

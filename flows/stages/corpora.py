"""Stage: params.yaml -> the settings of each enabled corpus, a file each. `python -m flows.stages.corpora`.

The stages of a corpus depend on its file, so that a corpus without an entry in `corpora` needs none, and a change of one corpus's
settings reruns no other.
"""

from flows.project import CORPORA
from flows.stages.command_line import run_stage
from mgm.files import write_json
from mgm.settings.core import CoreSettings


def main() -> None:
    """Write the settings of the enabled corpora."""
    settings = CoreSettings.load()
    for name in settings.enabled:
        write_json(CORPORA / f"{name}.json", settings.corpora[name].model_dump(mode="json"))


if __name__ == "__main__":
    run_stage(main)

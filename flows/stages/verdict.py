"""reports/metrics.json + verdict.floors -> reports/promotion.json. A refused candidate is no failure of
this stage."""

from flows.stages._common import CANDIDATE, REPORTS, read_json, run_stage, write_json
from mgm.evaluation.verdict import judge
from mgm.model.bundle import bundle_id
from mgm.settings import Settings


def main() -> None:
    promotion = judge(
        read_json(REPORTS / "metrics.json"), Settings.load().verdict.floors, bundle_id(CANDIDATE)
    )
    write_json(REPORTS / "promotion.json", promotion)
    print(f"{promotion['verdict']}: bundle {promotion['bundle'][:12]}", *promotion["reasons"], sep="\n  ")


if __name__ == "__main__":
    run_stage(main)

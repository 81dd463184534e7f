"""`mgm doctor`: what would stop a run."""

from dataclasses import asdict
from typing import Annotated

from flows.commands.json_output import JSON, print_json
from flows.exit_codes import DONE, FAILED


def doctor(as_json: Annotated[bool, JSON] = False) -> int:
    """Check the installation, the machine and the project, one line for each check; exit code 1 if a run would fail.

    The keys of --json: ok (true or false), checks (name, status: ok, warning or failed, message).
    """
    from flows import doctor as checkup

    checks = checkup.run_checks()
    failed = any(check.status == checkup.FAILED for check in checks)
    if as_json:
        print_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            print(f"{check.status:<8} {check.name:<11} {check.message}")
    return FAILED if failed else DONE

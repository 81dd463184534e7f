"""What would stop a run in this folder, checked before one is started: `mgm doctor`."""

import base64
import os
import platform
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from packaging.requirements import Requirement

from flows import environment, keys
from flows.champion import checked_out, read_champion
from flows.errors import message
from flows.graph import DVC_YAML
from flows.project import FETCHED
from flows.stage_names import check_stage_names
from flows.store_encryption import ALGORITHM, S3, is_as_set, read_remotes
from flows.word_lists import check_word_lists
from mgm.native import load_kernels, vector_bits, why_missing
from mgm.settings.core import PARAMS
from mgm.settings.settings import Settings
from mgm.settings.views.scoring import ScoringSettings
from mgm.settings.yaml_file import YAMLError, load_yaml

OK, WARNING, FAILED = "ok", "warning", "failed"

SHOWN_PACKAGES = ("torch", "polars", "dvc", "prefect", "great-expectations")
MIN_FREE_DISK_GIB = 1
LOW_DISK_GIB = 5
LOW_MEMORY_GIB = 2
PREFECT_YAML = Path("prefect.yaml")
NIGHTLY = ":nightly_score"
"""The end of the entrypoint of deployments that score nights."""
_GIB = 1 << 30
_SERVER_SECONDS = 3
_GOOD = 200


@dataclass(frozen=True, kw_only=True)
class Check:
    """The outcome of a check: ok, a warning, or failed, which would stop a run."""

    name: str
    status: str
    message: str


def run_checks(root: Path = Path()) -> list[Check]:
    """Return the outcome of all checks; those of a project only where there is one.

    A check that fails by an error of a setting or a file holds its message.
    """
    checks = [*_guarded(root, _INSTALLATION), *_guarded(root, _MACHINE)]
    if not (root / DVC_YAML).is_file() and not (root / PARAMS).is_file():
        hint = "no project in this folder, so the installation alone was checked; `mgm init` makes one"
        return [*checks, Check(name="project", status=WARNING, message=hint)]
    return [*checks, *_guarded(root, _PROJECT)]


def _guarded(root: Path, checks: Mapping[str, Callable[[Path], tuple[str, str]]]) -> Iterator[Check]:
    for name, check in checks.items():
        try:
            status, text = check(root)
        except (ValueError, OSError) as error:
            status, text = FAILED, message(error)
        yield Check(name=name, status=status, message=text)


def _python(_: Path) -> tuple[str, str]:
    text = f"{platform.python_version()} ({sys.executable})"
    required = Requirement(f"python{_metadata()['Requires-Python'] or ''}")
    if not required.specifier.contains(platform.python_version(), prereleases=True):
        return FAILED, f"{text}; expected {required.specifier}"
    return OK, text


def _packages(_: Path) -> tuple[str, str]:
    versions = [f"mgm {_metadata()['Version']}", *(f"{n} {_version(n) or 'missing'}" for n in SHOWN_PACKAGES)]
    unmet = [line for requirement in _requirements("") if (line := _unmet(requirement))]
    if unmet:
        return FAILED, f"{', '.join(versions)}; not as mgm requires: {', '.join(unmet)}"
    return OK, ", ".join(versions)


def _kernels(_: Path) -> tuple[str, str]:
    reason = why_missing()
    if reason is not None:
        return WARNING, f"none, so that scoring is slower, with the same results: {reason}"
    library = load_kernels()
    assert library is not None
    return OK, f"compiled, with vectors of {vector_bits(library)} bits on this processor"


def _extras(_: Path) -> tuple[str, str]:
    installed, absent = list[str](), list[str]()
    for extra in sorted(_metadata().get_all("Provides-Extra") or []):
        complete = not any(map(_unmet, _requirements(extra)))
        (installed if complete else absent).append(extra)
    return OK, f"{', '.join(installed) or 'none'} installed; not installed: {', '.join(absent) or 'none'}"


def _git(root: Path) -> tuple[str, str]:
    if shutil.which("git") is None:
        return WARNING, "not installed, so that no run is tied to a revision of the project"
    version = _output("git", "--version", root=root).removeprefix("git version ")
    if _output("git", "rev-parse", "--is-inside-work-tree", root=root) != "true":
        return WARNING, f"{version}; this folder is in no repository, so that no run is tied to a revision"
    if not _output("git", "rev-parse", "--verify", "--quiet", "HEAD", root=root):
        return WARNING, f"{version}; the repository has no commit, so that no run is tied to a revision"
    return OK, version


def _disk(root: Path) -> tuple[str, str]:
    free = shutil.disk_usage(root).free / _GIB
    text = f"{free:.1f} GiB free"
    if free < MIN_FREE_DISK_GIB:
        return FAILED, f"{text}; expected at least {MIN_FREE_DISK_GIB}"
    return (WARNING if free < LOW_DISK_GIB else OK), text


def _memory(_: Path) -> tuple[str, str]:
    if "SC_AVPHYS_PAGES" not in os.sysconf_names:  # of Linux
        return OK, "not measured on this system"
    page = os.sysconf("SC_PAGE_SIZE")
    free, total = (page * os.sysconf(name) / _GIB for name in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"))
    available = _available_memory_gib() or free
    status = WARNING if available < LOW_MEMORY_GIB else OK
    return status, f"{available:.1f} of {total:.1f} GiB available"


def _available_memory_gib() -> float | None:
    """Return the memory that is free or could be freed, as Linux estimates it."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith("MemAvailable:")), None)
    return None if kib is None else int(kib) / (1 << 20)


def _processors(_: Path) -> tuple[str, str]:
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return OK, f"{os.cpu_count()} cores, {torch.get_num_threads()} threads of torch, {gpu}"


def _statistics(_: Path) -> tuple[str, str]:
    changed = [
        f"{name}={os.environ[name]}"
        for name in environment.STATISTICS
        if os.environ.get(name, environment.STATISTICS[name]) != environment.STATISTICS[name]
    ]
    if changed:
        return WARNING, f"not all statistics about use are off: {', '.join(changed)}"
    return OK, "nothing about use is sent"


def _prefect(_: Path) -> tuple[str, str]:
    url = os.environ.get("PREFECT_API_URL")
    if not url:
        return OK, "PREFECT_API_URL is not set; commands start a server of their own"
    if not url.startswith(("http://", "https://")):
        return FAILED, f"PREFECT_API_URL: {url!r}: expected an address such as http://127.0.0.1:4200/api"
    password, base = os.environ.get("PREFECT_API_AUTH_STRING"), url.rstrip("/")
    try:
        if (status := _answer(f"{base}/health")) != _GOOD:
            return WARNING, f"PREFECT_API_URL: {url} answers with {status}"
        if _answer(f"{base}/admin/version") == _GOOD:
            return WARNING, (
                f"{url} runs commands for whoever reaches it; start it with PREFECT_SERVER_API_AUTH_STRING, "
                "and set PREFECT_API_AUTH_STRING to the same here"
            )
        if password is None or _answer(f"{base}/admin/version", password) != _GOOD:
            found = "is not set" if password is None else "is not the server's"
            return (
                FAILED,
                f"PREFECT_API_AUTH_STRING {found}, and {url} requires the one that it was started with",
            )
        return OK, f"{url} answers, and asks for its password"
    except OSError as error:
        reason = getattr(error, "reason", error)
        return FAILED, f"PREFECT_API_URL: {url} does not answer ({reason}); start the server, or unset it"


def _answer(url: str, password: str | None = None) -> int:
    """Return the status of an answer."""
    encoded = None if password is None else base64.b64encode(password.encode()).decode()
    headers = {} if encoded is None else {"Authorization": f"Basic {encoded}"}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_SERVER_SECONDS
        ) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def _keys(_: Path) -> tuple[str, str]:
    signing, verifying, opening = keys.signing_key(), keys.verify_key(), keys.encryption_key()
    if signing is not None and verifying is not None:
        from mgm.bundle.signing import is_pair

        if not is_pair(signing, verifying):
            return FAILED, f"{signing} and {verifying} do not belong together; see `mgm keys`"
    texts = [
        f"{keys.SIGNING_KEY}: {signing or 'not set, promoted bundles are not signed'}",
        f"{keys.VERIFY_KEY}: {verifying or 'not set, signatures are not required'}",
        f"{keys.ENCRYPTION_KEY}: {opening.source if opening else 'not set, promoted bundles are in the clear'}",
    ]
    return OK, "; ".join(texts)


def _stages(root: Path) -> tuple[str, str]:
    check_stage_names([], root)
    if not (root / ".dvc").is_dir():
        return FAILED, f"{DVC_YAML}, but no folder .dvc; run `dvc init`, or `dvc init --no-scm` without Git"
    return OK, f"{DVC_YAML} and .dvc"


def _params(root: Path) -> tuple[str, str]:
    settings = Settings.load(root / PARAMS)
    tasks = ", ".join(task.name for task in settings.active_tasks())
    return OK, f"{PARAMS} is valid; tasks: {tasks}"


def _corpora(root: Path) -> tuple[str, str]:
    enabled = Settings.load(root / PARAMS).enabled
    missing = {name: place for name, place in enabled.items() if not _is_there(root, place)}
    fetched = {name for name, place in missing.items() if _is_fetchable(place)}
    lost = [
        f"{name}: {place}: no such file or folder" for name, place in missing.items() if name not in fetched
    ]
    if lost:
        return FAILED, "; ".join(lost)
    to_come = f"; {', '.join(sorted(fetched))} will be fetched" if fetched else ""
    return OK, f"enabled: {', '.join(enabled)}{to_come}"


def _word_lists(root: Path) -> tuple[str, str]:
    sizes = check_word_lists(root)
    return OK, ", ".join(f"{name}: {size:,} words or terms" for name, size in sizes.items()) or "none"


def _is_there(root: Path, place: str) -> bool:
    return "://" in place or (root / place).exists()  # what lies in an object store is not looked for


def _is_fetchable(place: str) -> bool:
    from mgm.corpus.fetch import CORPORA

    return Path(place).parent == FETCHED and Path(place).stem in CORPORA


def _champion(root: Path) -> tuple[str, str]:
    champion = read_champion(root)
    if champion is None:
        return OK, "none yet; `mgm promote` makes the candidate the first"
    folder = checked_out(champion.bundle, root)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: the champion is not in the store; try `dvc pull {folder}.dvc`")
    from mgm.bundle.contents import read_contents
    from mgm.bundle.load import load_contents
    from mgm.bundle.signing import check_signature

    contents = read_contents(folder)
    if contents.id != champion.bundle:
        raise ValueError(f"{folder}: holds bundle {contents.id}, not the one it is named for")
    signature = ""
    if (public_key := keys.verify_key()) is not None:
        check_signature(contents, public_key)
        signature = ", its signature and that of the pointer hold"
    bundle = load_contents(contents, key=keys.encryption_key())
    tasks = ", ".join(task.name for task in bundle.tasks)
    return OK, f"{champion.bundle[:12]} since {champion.promoted_at}, predicts {tasks}{signature}"


def _tables(root: Path) -> tuple[str, str]:
    from mgm.scoring.delta import check_folder

    score = ScoringSettings.load(root / PARAMS).score
    try:
        for place in (score.table, score.rejects):
            check_folder(place if "://" in place else str(root / place))
    except ValueError as error:  # training and predicting work all the same
        return WARNING, f"no night can be scored: {error}"
    return OK, f"predictions in {score.table}, rejects in {score.rejects}"


def _texts(root: Path) -> tuple[str, str]:
    """Return which places of a project hold text, or what was learnt from it, in the clear."""
    settings, is_sealed = Settings.load(root / PARAMS), keys.encryption_key() is not None
    score, storage = settings.score, settings.storage
    encryption = storage.encryption or os.environ.get(ALGORITHM)
    places = ["data, models/candidate, models/first_fit and reports"]
    if not is_sealed:
        places += [
            f"models/store and {score.staging_dir} with its staged shards ({keys.ENCRYPTION_KEY} is not set)"
        ]
    if score.reject_values == "plain" and not (score.rejects.startswith("s3://") and encryption):
        places.append(f"{score.rejects} (score.reject_values is plain)")
    if score.table.startswith("s3://"):
        places += [] if encryption else [f"{score.table} (storage.encryption is not set)"]
    else:
        places.append(score.table)
    if settings.compute.ray.storage is not None:
        places.append(f"{settings.compute.ray.storage} (compute.ray.storage)")
    remotes = list(read_remotes(root))
    for remote in remotes:
        if not remote.url.startswith(S3):
            places.append(f"DVC's remote {remote.name}")
        elif remote.options[0] is None:
            places.append(f"DVC's remote {remote.name} (storage.encryption)")
    text = f"in the clear, unless the disk or the store encrypts them: {'; '.join(places)}"
    others = [remote.name for remote in remotes if not is_as_set(remote, storage)]
    if others:
        return (
            WARNING,
            f"DVC's remote {', '.join(others)} does not ask for storage.encryption yet, which `mgm run` writes; {text}",
        )
    return OK, text


def _nights(root: Path) -> tuple[str, str]:
    path = root / PREFECT_YAML
    now = datetime.now(UTC)
    if not path.is_file():
        return OK, f"no {PREFECT_YAML}; the clock says {now:%Y-%m-%d %H:%M} UTC"
    try:
        deployments = load_yaml(path.read_text(encoding="utf-8")).get("deployments") or []
    except (YAMLError, AttributeError) as error:
        raise ValueError(f"{path}: not valid YAML of deployments: {error}") from error
    ignored = [
        f"{deployment.get('name')}: the parameter timezone {zone} is ignored, take it out"
        for deployment in deployments
        if (zone := (deployment.get("parameters") or {}).get("timezone")) is not None
        and any(zone != (schedule.get("timezone") or "UTC") for schedule in deployment.get("schedules") or [])
    ]
    for deployment in deployments:
        if str(deployment.get("entrypoint")).endswith(NIGHTLY):
            _check_intervals(path, deployment)
    texts = [
        f"{deployment.get('name')}: {_times_text(schedule)} in {_zone_text(path, schedule.get('timezone') or 'UTC', now=now)}"
        for deployment in deployments
        for schedule in deployment.get("schedules") or []
    ]
    text = "; ".join([*texts, *ignored]) or f"{path.name} has no schedule"
    return (WARNING if ignored else OK), text


def _check_intervals(path: Path, deployment: dict[str, Any]) -> None:
    """Check that no schedule of a deployment of nights is an interval that loses dates."""
    for fields in deployment.get("schedules") or []:
        if "interval" in fields:
            # imported here, since nothing else of these checks needs Prefect, which takes a second
            from prefect.client.schemas.schedules import IntervalSchedule

            from flows.night_schedule import check_interval

            names = ("interval", "anchor_date", "timezone")
            try:
                check_interval(IntervalSchedule(**{name: fields[name] for name in names if name in fields}))
            except ValueError as error:
                reason = str(error).splitlines()[0]
                raise ValueError(f"{path}: {deployment.get('name')}: {reason}") from error


def _times_text(schedule: dict[str, Any]) -> str:
    """Return when a schedule starts runs."""
    return str(schedule.get("cron") or schedule.get("rrule") or f"every {schedule.get('interval')} seconds")


def _zone_text(path: Path, zone: str, *, now: datetime) -> str:
    try:
        there = now.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(
            f"{path}: timezone {zone!r}: no such zone, expected a name such as Europe/Berlin"
        ) from error
    return f"{zone}, now {there:%Y-%m-%d %H:%M}"


def _output(*command: str, root: Path) -> str:
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.strip()


def _metadata() -> metadata.PackageMetadata:
    try:
        return metadata.metadata("mgm")
    except metadata.PackageNotFoundError as error:
        raise ValueError("mgm is not installed in this Python; run `pip install` in its folder") from error


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _requirements(extra: str) -> list[Requirement]:
    """Return what mgm requires without extras, or what one of its extras adds, on this system."""
    requirements = map(Requirement, metadata.requires("mgm") or [])
    return [
        requirement
        for requirement in requirements
        if ("extra" in str(requirement.marker)) == bool(extra)
        and (requirement.marker is None or requirement.marker.evaluate({"extra": extra}))
    ]


def _unmet(requirement: Requirement) -> str | None:
    """Return in words what is wrong about an installed package; None: nothing."""
    version = _version(requirement.name)
    if version is None:
        return f"{requirement.name} is missing"
    if not requirement.specifier.contains(version, prereleases=True):
        return f"{requirement.name} {version}, expected {requirement.specifier}"
    return None


_INSTALLATION = {
    "python": _python,
    "packages": _packages,
    "kernels": _kernels,
    "extras": _extras,
    "statistics": _statistics,
}
_MACHINE = {
    "git": _git,
    "disk": _disk,
    "memory": _memory,
    "processors": _processors,
    "prefect": _prefect,
    "keys": _keys,
}
_PROJECT = {
    "stages": _stages,
    "settings": _params,
    "corpora": _corpora,
    "lists": _word_lists,
    "champion": _champion,
    "texts": _texts,
    "nights": _tables,
    "schedules": _nights,
}

"""A new project in a folder: settings, stages, suites, deployments, and a Git and a DVC repository around them (`mgm init`)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flows.file_format import FileFormat
from flows.gates import suite
from flows.params_schema import MODELINE, SCHEMA, schema_text
from flows.project import DATA, RAW, REPORTS, SUITES
from flows.project_template import PACKAGED_NAMES
from mgm.corpus.proposal import Proposal, propose, propose_training
from mgm.corpus.raw_tables import read_whole, table_file, table_format, write_table
from mgm.corpus.readers.input_files import COMPRESSIONS
from mgm.files import write_text
from mgm.settings.corpus_names import corpus_name
from mgm.settings.settings import PARAMS, Settings
from mgm.settings.yaml_file import dump_yaml, dump_yaml_line, load_yaml
from mgm.tasks.names import free_name

TEMPLATE = Path(__file__).parent / "template"
README, GITIGNORE = Path("README.md"), Path(".gitignore")
_RENAMED = {Path(name): Path(place) for place, name in PACKAGED_NAMES.items()} | {
    Path("gitignore"): GITIGNORE
}
_DVC_CONFIG = """\
[core]
    analytics = false
    check_update = false{no_scm}
[cache]
    type = "reflink,hardlink,symlink,copy"
"""

_HEADER = f"""\
{MODELINE}
# The settings of this project that differ from the defaults. After a run .mgm/settings.json has all of them, with their defaults;
# `mgm docs` says what each does, and an unknown name is an error that names the nearest one.
"""
_EMPTY_PARAMS = (
    _HEADER
    + """
# The corpora, each with the place of its rows.
enabled:
  notes: data/raw/notes.csv

# The columns of a corpus, where they have other names than doc_id, text, lang, group and split.
corpora:
  notes:
    lang: detect            # en, zh, mixed or other; detect: find the language of each document

# What is to be predicted: columns of the corpora.
tasks:
  label: {kind: classification, corpora: [notes]}
"""
)


@dataclass(frozen=True, kw_only=True)
class NewCorpus:
    """A file of rows for a new project."""

    name: str
    source: Path
    proposal: Proposal
    written: FileFormat = field(default_factory=FileFormat)
    """How the file is written, as far as it does not tell it."""

    @property
    def settings(self) -> dict[str, Any]:
        """The corpus's entry of `corpora`. A copy with changes is written anew, so that it needs no settings but of its numbers."""
        kept = ("decimal",) if self.proposal.changes else tuple(self.written.settings)
        return self.proposal.columns | {k: v for k, v in self.written.settings.items() if k in kept}

    @property
    def place(self) -> Path:
        """The place of the copy in the project, named for the corpus; one with changes is not compressed."""
        suffix = self.source.name.removeprefix(stem(self.source)).lower()
        if self.proposal.changes:
            suffix = table_format(table_file(self.source))
        return RAW / f"{self.name}{suffix}"

    def copy_to(self, folder: Path) -> None:
        """Write the rows into a project, changed as proposed."""
        target = folder / self.place
        if self.proposal.changes:
            rows = read_whole(table_file(self.source), dialect=self.written.dialect())
            write_table(self.proposal.rewritten(rows), target)
        else:
            shutil.copyfile(self.source, target)


def create_project(
    folder: Path, data: Sequence[Path] = (), *, written: FileFormat | None = None
) -> list[str]:
    """Lay a project into a folder, which is made where it is missing, and return lines that say what it has and what to do next.

    A README.md that is there stays, and a .gitignore gets lines; nothing else is overwritten.

    Args:
        folder: the place of the project.
        data: files of rows, each of which becomes a corpus with the settings that its columns suggest. They are copied.
        written: how they are written, as far as they do not tell it.

    Raises:
        FileExistsError: the folder has a file that would be overwritten.
        NotADirectoryError: it is a file.
        FileNotFoundError, ValueError: a file of rows cannot be read, or suggests no task.
    """
    corpora = new_corpora(data, written)
    params = params_text(corpora) if corpora else _EMPTY_PARAMS
    Settings.parse(load_yaml(params))
    files = {PARAMS: params, SCHEMA: schema_text()} | template_files(folder.resolve().name)
    _require_free(folder, [*files, *(corpus.place for corpus in corpora)])
    _write(folder, files)
    for corpus in corpora:
        corpus.copy_to(folder)
    is_new_repository = begin_repositories(folder)
    if corpora:
        run_dvc(folder, "add", "--quiet", *(corpus.place.as_posix() for corpus in corpora))
    if is_new_repository:
        tracked = [f"{corpus.place}.dvc" for corpus in corpora] + [str(RAW / GITIGNORE)] * bool(corpora)
        _commit(folder, [*map(str, files), ".dvc", ".dvcignore", *tracked])
    lines = [f"{folder}: a project of mgm {version('mgm')}"]
    for corpus in corpora:
        lines.append(
            f"{corpus.name}: {corpus.proposal.rows:,} rows of {corpus.source}, copied to {corpus.place}"
        )
        lines += [f"  {column}: {reason}" for column, reason in corpus.proposal.reasons.items()]
    if corpora:
        return [*lines, f"next: read {folder / PARAMS}, and in {folder} run `mgm run`"]
    hint = f"next: put rows into {folder / RAW}, name them and their columns in {folder / PARAMS}, and in {folder} run `mgm run`"
    return [*lines, hint]


def new_corpora(data: Sequence[Path], written: FileFormat | None = None) -> list[NewCorpus]:
    """Return a corpus for each file, named for it.

    Raises:
        FileNotFoundError, ValueError: a file cannot be read, suggests no task, or has the name of another.
    """
    corpora: list[NewCorpus] = []
    written = written or FileFormat()
    for source in data:
        name = corpus_name(stem(source))
        if any(corpus.name == name for corpus in corpora):
            raise ValueError(
                f"{source}: another file gives the corpus {name!r}; expected files of different names"
            )
        proposal = propose(source, dialect=written.dialect())
        corpora.append(NewCorpus(name=name, source=source, proposal=proposal, written=written))
    return corpora


def stem(source: Path) -> str:
    """Return a file's name without the suffixes of its format and its compression."""
    name = source.with_suffix("") if source.suffix.lower() in COMPRESSIONS else source
    return name.stem


def params_text(corpora: Sequence[NewCorpus]) -> str:
    """Return a params.yaml of what differs from the defaults, with the reason for each task."""
    tasks: dict[str, tuple[dict[str, Any], str]] = {}
    columns = {corpus.name: dict(corpus.settings) for corpus in corpora}
    for corpus in corpora:
        renamed = corpus.proposal.columns.get("columns", {})
        for task, settings in corpus.proposal.tasks.items():
            column = renamed.get(task, task)
            if task in tasks and tasks[task][0]["kind"] == settings["kind"]:
                tasks[task][0]["corpora"].append(corpus.name)
                continue
            name = free_name(f"{task}_{corpus.name}" if task in tasks else task, tasks)
            if name != task:  # the same name for another thing
                others = {t: c for t, c in columns[corpus.name].get("columns", {}).items() if t != task}
                columns[corpus.name]["columns"] = others | {name: column}
            entry = {"kind": settings["kind"], "corpora": [corpus.name], **settings}
            tasks[name] = (entry, corpus.proposal.reasons[column])
    train = propose_training(sum(corpus.proposal.rows for corpus in corpora)) if corpora else {}
    sections = [
        _HEADER,
        "# The corpora, each with the place of its rows.\n"
        + dump_yaml({"enabled": {corpus.name: corpus.place.as_posix() for corpus in corpora}}),
        "# The columns of a corpus, where they have other names than doc_id, text, lang, group and split.\n"
        + dump_yaml({"corpora": columns}),
        "# What is predicted, by the columns of the corpora.\ntasks:\n"
        + "".join(_task_line(name, entry, reason=reason) for name, (entry, reason) in tasks.items()),
    ]
    if train:
        sections.append("# With few rows an epoch is few steps.\n" + dump_yaml({"train": train}))
    return "\n".join(sections)


def _task_line(name: str, entry: dict[str, Any], *, reason: str) -> str:
    return f"  {dump_yaml_line({name: entry})}  # {reason.removeprefix(entry['kind']).strip()}\n"


def template_files(name: str) -> dict[Path, str]:
    """Return the files of a project without its settings, by their path in it.

    Args:
        name: the project's name, which its README has.
    """
    sources = sorted(path for path in TEMPLATE.rglob("*") if path.is_file())
    texts = {path.relative_to(TEMPLATE): path.read_text(encoding="utf-8") for path in sources}
    files = {_RENAMED.get(path, path): text for path, text in texts.items()}
    files[README] = files[README].format(name=name, version=version("mgm"))
    suites = {
        SUITES / path.name: path.read_text(encoding="utf-8") for path in sorted(suite.SUITES.glob("*.json"))
    }
    return files | suites


def _require_free(folder: Path, files: Iterable[Path]) -> None:
    """Check that no file would be overwritten.

    Raises:
        FileExistsError, NotADirectoryError: one would be.
    """
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder}: a file; expected a folder, or the name of a new one")
    for path in files:
        if path not in (README, GITIGNORE) and (folder / path).exists():
            raise FileExistsError(
                f"{folder / path}: there already; `mgm init` overwrites nothing, expected another folder"
            )


def _write(folder: Path, files: Mapping[Path, str]) -> None:
    for path, text in files.items():
        target = folder / path
        if path == README and target.exists():
            continue
        if path == GITIGNORE and target.exists():
            text = target.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + text
        write_text(target, text)
    for made in (RAW, REPORTS, DATA):
        (folder / made).mkdir(parents=True, exist_ok=True)


def begin_repositories(folder: Path) -> bool:
    """Make the folder a DVC repository, within the Git repository that it lies in or a new one; return whether that is new.

    Where there is no Git, DVC works without: everything but experiments and comparisons of commits.
    """
    has_git = shutil.which("git") is not None
    is_new = has_git and not _is_inside_git(folder)
    if is_new:
        subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    if not (folder / ".dvc").is_dir():
        is_root = (folder / ".git").exists()
        run_dvc(folder, "init", "--quiet", *([] if is_root else ["--subdir" if has_git else "--no-scm"]))
        no_scm = "" if has_git else "\n    no_scm = true"
        write_text(folder / ".dvc" / "config", _DVC_CONFIG.format(no_scm=no_scm))
    return is_new


def _commit(folder: Path, files: Sequence[str]) -> None:
    """Make the first commit, of these files: DVC's experiments and the training's log need one."""
    subprocess.run(["git", "add", "--", *files], cwd=folder, check=True)
    named = (
        subprocess.run(
            ["git", "config", "user.email"], cwd=folder, capture_output=True, check=False
        ).returncode
        == 0
    )
    identity = [] if named else ["-c", "user.name=mgm", "-c", "user.email=mgm@localhost"]
    message = f"A project of mgm {version('mgm')}"
    subprocess.run(["git", *identity, "commit", "--quiet", "--message", message], cwd=folder, check=True)


def _is_inside_git(folder: Path) -> bool:
    done = subprocess.run(
        ["git", "rev-parse", "--is-inside-work-tree"], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and done.stdout.strip() == "true"


def run_dvc(folder: Path, *arguments: str) -> None:
    """Run DVC in a project's folder without output.

    Raises:
        ChildProcessError: it ended with an error; the message has its last line.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise ChildProcessError(
            f"{folder}: dvc {' '.join(arguments)} ended with {done.returncode}: {''.join(last)}"
        )

"""The champion: models/champion.json names a folder of models/store. Read here, moved by promotion.py.

With keys (keys.py) the pointer is signed, and has a counter: who cannot sign can neither point at another bundle nor bring an
older pointer back.

No gate lists the champion's profile as a dependency in dvc.yaml, on purpose: a promotion must not make gates, and all stages
behind them, run again on data that has not changed. A comparison with the champion of its day stays until
the data changes.
"""

import re
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from flows import keys, pointer_memory
from mgm.bundle.contents import read_listed
from mgm.bundle.sealing import SUFFIX
from mgm.bundle.signing import is_text_signed
from mgm.files import read_json, to_json
from mgm.profiling.layout import Profile, parse_profiles, read_profiles

CHAMPION = Path("models/champion.json")
STORE = Path("models/store")
PROFILE = "profile.json"
_BUNDLE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
"""Names of folders within the store; the real ones are SHA-256 in hexadecimal."""


@dataclass(frozen=True)
class Champion:
    """The content of models/champion.json: bundle ids (the store's folders)."""

    bundle: str
    promoted_at: str
    previous: str | None = None
    earlier: list[str] = field(default_factory=list)
    """The champions before `previous`, newest first."""
    counter: int = 0
    """The number of the pointer's changes; 0: it was written by a version that did not count."""
    signature: str | None = None
    """Of all other fields; null: it was not signed."""

    def __post_init__(self) -> None:
        """Check that each bundle is a folder of the store, and no way out of it."""
        if not isinstance(self.earlier, list):
            raise ValueError(f"earlier: {self.earlier!r}: expected a list of bundles")
        names = {"bundle": self.bundle, "previous": self.previous}
        for key, name in [*names.items(), *(("earlier", name) for name in self.earlier)]:
            if name is None and key == "previous":
                continue
            if not isinstance(name, str) or not _BUNDLE.fullmatch(name):
                raise ValueError(f"{key}: {name!r:.80}: expected the name of a folder of {STORE}")
        if not isinstance(self.counter, int) or self.counter < 0:
            raise ValueError(f"counter: {self.counter!r:.80}: expected a number from 0 on")
        if not isinstance(self.signature, str | None):
            raise ValueError(f"signature: {self.signature!r:.80}: expected a text")

    @property
    def signed_text(self) -> bytes:
        """The text that the signature is of."""
        fields = asdict(self)
        del fields["signature"]
        return to_json(fields).encode()


def read_champion(root: Path = Path(), *, is_verified: bool = True) -> Champion | None:
    """Return the present champion, or None before the first promotion.

    With a public key (keys.py) its signature must hold, and it must be no older than what this machine has seen.

    Args:
        root: the project's folder.
        is_verified: False: whatever its signature is, for those who are about to sign it.

    Raises:
        ValueError: models/champion.json is not a champion's pointer, its signature is missing or does not hold, or it is an older
            one.
    """
    path = root / CHAMPION
    if not path.is_file():
        return None
    try:
        champion = Champion(**read_json(path))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(
            f"{path}: not a champion's pointer (bundle, promoted_at, previous): {error}"
        ) from error
    if is_verified and (public_key := keys.verify_key()) is not None:
        _check_pointer(champion, root, public_key=public_key)
    return champion


def _check_pointer(champion: Champion, root: Path, *, public_key: Path) -> None:
    path, newest = root / CHAMPION, pointer_memory.newest_counter(root, public_key=public_key)
    if champion.signature is None:
        raise ValueError(
            f"{path}: not signed, and {keys.VERIFY_KEY} is set, so the champion is not trusted; "
            "who has the signing key runs `mgm champion --sign`"
        )
    if not is_text_signed(champion.signed_text, champion.signature, public_key=public_key):
        raise ValueError(
            f"{path}: its signature does not hold for the key {public_key}, so the champion is not trusted"
        )
    if champion.counter < newest:
        memory = pointer_memory.memory_path(root, public_key=public_key)
        raise ValueError(
            f"{path}: counter {champion.counter}: older than {newest}, which this machine has seen ({memory}), so the "
            "champion is not trusted; to go back on purpose run `mgm rollback`"
        )
    if champion.counter > newest:
        pointer_memory.remember_counter(champion.counter, root, public_key=public_key)


def bundle_folder(bundle: str, root: Path = Path()) -> Path:
    """Return the folder of a bundle in the store."""
    return root / STORE / bundle


def checked_out(bundle: str, root: Path = Path()) -> Path:
    """Return the folder of a bundle in the store, made from DVC's cache where it is missing and the cache has it.

    It is missing in a workspace that DVC makes for a queued experiment, where only what the stages name is checked out.

    Raises:
        ValueError: it is a link, or has links to files outside of DVC's cache.
    """
    folder = bundle_folder(bundle, root)
    versioned = folder.with_name(f"{folder.name}.dvc").relative_to(root)
    if not folder.is_dir() and (root / versioned).is_file():
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", "checkout", "--quiet", str(versioned)]
        subprocess.run(command, cwd=root, capture_output=True, check=False)
    _check_links(folder, root)
    return folder


def _check_links(folder: Path, root: Path) -> None:
    """Check that a folder of the store leads nowhere else; DVC may link files, and only files, to its cache."""
    if folder.is_symlink():
        raise ValueError(_describe_link(folder))
    links = [path for path in folder.iterdir() if path.is_symlink()] if folder.is_dir() else []
    if not links:
        return
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    cache = (root / done.stdout.strip()).resolve() if done.returncode == 0 and done.stdout.strip() else None
    for link in links:
        if cache is None or not link.resolve().is_relative_to(cache):
            raise ValueError(_describe_link(link))


def _describe_link(link: Path) -> str:
    return f"{link}: a link to {link.readlink()}, which leaves the store; expected what the link is for"


def champion_folder() -> Path:
    """Return the folder of the present champion's bundle.

    Raises:
        FileNotFoundError: there is no champion, or its bundle is not in the store.
        ValueError: models/champion.json is not a champion's pointer.
    """
    champion = read_champion()
    if champion is None:
        raise FileNotFoundError(
            f"{CHAMPION}: there is no champion; run `mgm promote`, or pass --bundle models/candidate"
        )
    folder = checked_out(champion.bundle)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: the champion is not in the store; try `dvc pull {folder}.dvc`")
    return folder


def champion_profiles() -> dict[str, Profile] | None:
    """Return the champion's profiles by corpus, without those of another layout; None: there is no champion.

    They are empty where there is nothing to compare with: the champion's bundle is neither in the store nor in DVC's cache, or
    its profiles are of another layout.

    Raises:
        ValueError: the pointer or the profile is malformed.
    """
    champion = read_champion()
    if champion is None:
        return None
    folder = checked_out(champion.bundle)
    if (folder / f"{PROFILE}{SUFFIX}").is_file():
        content = read_listed(folder, PROFILE, key=keys.encryption_key())
        return parse_profiles(content, folder / PROFILE)
    return read_profiles(folder / PROFILE) if (folder / PROFILE).is_file() else {}


def champion_profile(corpus: str) -> Profile | None:
    """Return the champion's profile of a corpus; None where no comparable one exists.

    Raises:
        ValueError: the pointer or the profile is malformed.
    """
    return (champion_profiles() or {}).get(corpus)

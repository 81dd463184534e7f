"""Signatures of bundles, by a pair of elliptic-curve keys: who holds the private key vouches for every file of the folder.

The manifest's hashes reveal a damaged bundle; whoever can write the folder can write the manifest too, but not the signature. By OpenSSF model signing (https://github.com/sigstore/model-transparency), method `key`, without a network.
The same keys sign short texts, such as the pointer to the champion, by ECDSA.
"""

import base64
import binascii
import hashlib
import os
import re
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any

from mgm.bundle.contents import SIGNATURE, BundleContents, memory_of, read_contents
from mgm.errors import MissingExtra

_TEXT = b"mgm text 1\n"
"""What precedes a text where it is signed, so that the signature of a bundle is never one of a text."""


def sign(folder: Path, private_key: Path) -> bool:
    """Write the signature of all that lies in `folder` into it.

    Args:
        folder: a bundle.
        private_key: a PEM file without a password, on P-256, P-384 or P-521.

    Returns:
        Whether it was written; False: a signature by this key holds already.

    Raises:
        FileNotFoundError: there is no key.
        MissingExtra: the extra `sign` is not installed.
        ValueError: the key cannot be used.
    """
    _key_file(private_key, "private")
    hashing, signing, _ = _library()
    try:
        config = signing.Config().use_elliptic_key_signer(private_key=private_key)
        public = _public_half(private_key)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{private_key}: expected a private elliptic-curve key in PEM, without a password: {error}"
        ) from error
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(public)
        file.flush()
        if _is_signed(folder, Path(file.name)):
            return False
    # The file may be a link to a data cache, which must not be written through.
    (folder / SIGNATURE).unlink(missing_ok=True)
    config.set_hashing_config(_hashing(hashing)).sign(folder, folder / SIGNATURE)
    return True


def check_signature(contents: BundleContents, public_key: Path) -> None:
    """Check that a bundle's files are just what the holder of the private key signed.

    Args:
        contents: the files, which are not read again.
        public_key: a PEM file, the other half of the private key.

    Raises:
        FileNotFoundError: there is no key.
        MissingExtra: the extra `sign` is not installed.
        ValueError: not signed, signed with another key, or a file was altered, added or taken away since; or the key
            cannot be used.
    """
    _key_file(public_key, "public")
    _, _, verifying = _library()
    folder = contents.folder
    try:
        config = verifying.Config().use_elliptic_key_verifier(public_key=public_key)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{public_key}: expected a public elliptic-curve key in PEM: {error}") from error
    if SIGNATURE not in contents.files:
        raise ValueError(
            f"{folder / SIGNATURE}: missing: the bundle is not signed, and a public key is set, so it is not loaded"
        )
    try:
        with tempfile.NamedTemporaryFile(suffix=".sig") as file:
            file.write(bytes(contents.files[SIGNATURE]))
            file.flush()
            config.set_hashing_config(_HashesInMemory(contents)).verify(folder, Path(file.name))
    # For a forged signature the library raises any error of its parsers.
    except Exception as error:
        # The library's message is a list's repr, which may escape the quotes.
        altered = re.findall(r"Hash mismatch for \\?'([^'\\]+)", str(error))
        why = f"{', '.join(altered)} altered since" if altered else str(error) or type(error).__name__
        raise ValueError(
            f"{folder}: its signature does not hold for the key {public_key}, so the bundle is not loaded: {why}"
        ) from error


def sign_text(text: bytes, private_key: Path) -> str:
    """Return the signature of a text, in Base64.

    Raises:
        FileNotFoundError: there is no key.
        ValueError: the key cannot be used.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    _key_file(private_key, "private")
    try:
        key = serialization.load_pem_private_key(private_key.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{private_key}: expected a private elliptic-curve key in PEM, without a password: {error}"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{private_key}: expected a private elliptic-curve key, in PEM")
    return base64.b64encode(key.sign(_TEXT + text, _ecdsa(key))).decode()


def is_text_signed(text: bytes, signature: str, *, public_key: Path) -> bool:
    """Return whether a signature of `sign_text` is of this text and by the other half of this key.

    Raises:
        FileNotFoundError: there is no key.
        ValueError: the key cannot be used.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec

    _key_file(public_key, "public")
    key = _load_public_key(public_key)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError(f"{public_key}: expected a public elliptic-curve key, in PEM")
    try:
        key.verify(base64.b64decode(signature, validate=True), _TEXT + text, _ecdsa(key))
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def key_fingerprint(public_key: Path) -> str:
    """Return the SHA-256 of a public key, whatever the file's form.

    Raises:
        FileNotFoundError: there is no key.
        ValueError: the key cannot be used.
    """
    from cryptography.hazmat.primitives import serialization

    _key_file(public_key, "public")
    content = _load_public_key(public_key).public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(content).hexdigest()


def _load_public_key(path: Path) -> Any:
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_pem_public_key(path.read_bytes())
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: expected a public elliptic-curve key in PEM: {error}") from error


def _ecdsa(key: Any) -> Any:
    """Return ECDSA with the hash that is as long as the key."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    by_size = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
    return ec.ECDSA(by_size.get(key.curve.key_size, hashes.SHA512()))


def generate_keys(private_key: Path, public_key: Path) -> None:
    """Write a new pair of keys on P-256 in PEM; the private one for its owner's eyes alone, without a password.

    Raises:
        FileExistsError: one of the files is there; keys are not overwritten.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    for path in (private_key, public_key):
        if path.exists():
            raise FileExistsError(f"{path}: is there already, and keys are not overwritten")
        path.parent.mkdir(parents=True, exist_ok=True)
    content = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(private_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    public_key.write_bytes(_public_half(private_key))


def is_pair(private_key: Path, public_key: Path) -> bool:
    """Return whether two files are the halves of one pair.

    Raises:
        ValueError: one is no key of its kind in PEM.
    """
    from cryptography.hazmat.primitives import serialization

    encoding = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    halves = []
    for path, which, read in (
        (private_key, "private", lambda: _public_half(private_key)),
        (
            public_key,
            "public",
            lambda: serialization.load_pem_public_key(public_key.read_bytes()).public_bytes(*encoding),
        ),
    ):
        try:
            halves.append(read())
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: expected a {which} key in PEM, without a password: {error}") from error
    return halves[0] == halves[1]


class _HashesInMemory:
    """The hashes of files in memory, as the library asks for them where it would read a folder."""

    def __init__(self, contents: BundleContents) -> None:
        self._contents = contents

    def hash(self, folder: Path, *, files_to_hash: object = None) -> Any:
        """Return the library's list of the files and their hashes."""
        assert files_to_hash is None, "only where unsigned files are ignored"
        from model_signing import manifest

        items = [
            manifest.FileManifestItem(
                path=PurePosixPath(name),
                digest=manifest.hashing.Digest("sha256", hashlib.sha256(memory_of(content)).digest()),
            )
            for name, content in sorted(self._contents.files.items())
            if name != SIGNATURE
        ]
        files = {"method": "files", "hash_type": "sha256", "allow_symlinks": True}
        return manifest.Manifest(folder.name, items, manifest.SerializationType.from_args(files))

    def add_ignored_paths(self, *, model_path: object, paths: object) -> None:
        """Ignore nothing but the signature, whatever a signature wishes."""


def _is_signed(folder: Path, public_key: Path) -> bool:
    try:
        check_signature(read_contents(folder), public_key)
    except ValueError:
        return False
    return True


def _public_half(private_key: Path) -> bytes:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(private_key.read_bytes(), password=None)
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _key_file(path: Path, which: str) -> None:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected the {which} key of the bundles' signatures")


def _hashing(hashing: Any) -> Any:
    # Files may be links to a data cache; their content is hashed.
    config = hashing.Config().set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)
    return config.set_allow_symlinks(True)


def _library() -> tuple[Any, Any, Any]:
    """Import the library when a key is used: the extra is optional, and its import takes seconds."""
    try:
        from model_signing import hashing, signing, verifying
    except ImportError as error:
        raise MissingExtra(
            "a key for signed bundles is set, but model-signing is not installed", extra="sign"
        ) from error
    return hashing, signing, verifying

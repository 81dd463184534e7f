"""A file as a stream of bytes, decompressed where its name says so."""

from pathlib import Path

import pyarrow as pa


def open_stream(file: Path) -> pa.NativeFile:
    try:
        return pa.input_stream(str(file), compression="detect")
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{file}: cannot be opened: {error}") from error

"""The tensors of a safetensors file in memory; large ones are views of it, so that nothing is copied that need not be.

The library's own function copies every tensor; its other one opens the file a second time.
Source: the documentation of safetensors, section Format.
"""

import json
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Bytes = NDArray[np.uint8]

_LENGTH_BYTES = 8
_MAX_HEADER_BYTES = 1 << 24
_METADATA = "__metadata__"
_VIEWED_BYTES = 16 << 20
"""From this size a tensor is a view: large ones are looked up in, while the bits of products depend on how memory is aligned."""
_TYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def view_tensors(content: bytes | Bytes) -> dict[str, Tensor]:
    """Return the tensors of a file's content, by name.

    Large ones lie in the memory of `content`, unless it cannot be written to, of which a copy is made first.

    Raises:
        ValueError: it is no such file, or has gaps, or types that are not read here.
    """
    data = np.frombuffer(content, dtype=np.uint8)
    if not data.flags.writeable:
        data = data.copy()
    header, data = _split(data)
    tensors, end = dict[str, Tensor](), 0
    for name, fields in sorted(header.items(), key=lambda item: _start(*item)):
        tensors[name], end = _tensor(name, fields, data=data, start=end)
    if end != len(data):
        raise ValueError(f"{len(data):,} bytes of tensors; expected {end:,} as its header says")
    return tensors


def _split(data: Bytes) -> tuple[dict[str, Any], Bytes]:
    """Return the header and the bytes that follow it."""
    length = int.from_bytes(data[:_LENGTH_BYTES].tobytes(), "little")
    end = _LENGTH_BYTES + length
    if len(data) < end or length > _MAX_HEADER_BYTES:
        raise ValueError(
            f"not a file of safetensors: a header of {length:,} bytes in {len(data):,}; expected at most {_MAX_HEADER_BYTES:,}"
        )
    try:
        header = json.loads(data[_LENGTH_BYTES:end].tobytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a file of safetensors: its header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise TypeError(
            f"not a file of safetensors: its header is {type(header).__name__}; expected an object"
        )
    header.pop(_METADATA, None)
    return header, data[end:]


def _start(name: str, fields: Any) -> tuple[int, int]:
    """Return where the bytes of a tensor begin and end."""
    try:
        start, end = fields["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError(f"{name!r}: no data_offsets in its header; expected two numbers") from error
    if type(start) is not int or type(end) is not int:
        raise ValueError(f"{name!r}: data_offsets {fields['data_offsets']!r:.80}; expected two numbers")
    return start, end


def _tensor(name: str, fields: dict[str, Any], *, data: Bytes, start: int) -> tuple[Tensor, int]:
    """Return a tensor, whose bytes must begin at `start`, and where they end."""
    dtype, shape = _TYPES.get(str(fields.get("dtype"))), fields.get("shape")
    if dtype is None:
        raise ValueError(f"{name!r}: dtype {fields.get('dtype')!r:.80}; expected one of {', '.join(_TYPES)}")
    if not isinstance(shape, list) or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"{name!r}: shape {shape!r:.80}; expected sizes")
    size = math.prod(shape) * dtype.itemsize
    if _start(name, fields) != (start, start + size) or start + size > len(data):
        raise ValueError(
            f"{name!r}: {dtype} {shape!s:.80} at bytes {fields['data_offsets']!s:.80} of {len(data):,}; expected {start:,} to {start + size:,}"
        )
    part = data[start : start + size]
    tensor = torch.from_numpy(part)
    if size < _VIEWED_BYTES or part.ctypes.data % dtype.itemsize:
        tensor = tensor.clone()  # where torch aligns its memory
    return (tensor.view(dtype) if size else torch.empty(0, dtype=dtype)).reshape(shape), start + size

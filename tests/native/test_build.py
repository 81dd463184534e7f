"""The kernels as each compiler makes them."""

import ctypes
import importlib.util
import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mgm import native
from mgm.native.build import compile_kernels, system_compiler, zig_compiler
from tests.model.compiled.frozen_dense import FROZEN as FROZEN_DENSE
from tests.model.compiled.frozen_dense import frozen_dense
from tests.model.compiled.frozen_pooled import FROZEN as FROZEN_POOLED
from tests.model.compiled.frozen_pooled import FROZEN_NORMALISED, frozen_normalised, frozen_pooled
from tests.model.compiled.frozen_records import FROZEN as FROZEN_RECORDS
from tests.model.compiled.frozen_records import frozen_records
from tests.model.wide.frozen_logits import (
    FROZEN,
    FROZEN_OF_INTEGERS,
    frozen_logits,
    frozen_logits_of_integers,
)

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KERNEL_TESTS = (
    "tests/model/wide/test_compiled.py",
    "tests/model/compiled",
    "tests/text/segmentation/test_pieces.py",
    "tests/text/segmentation/test_numbered_words.py",
    "tests/text/cleaning/test_plain.py",
    "tests/text/test_shapes.py",
)
COMPILERS = {
    "system": system_compiler(),
    "zig": zig_compiler() if importlib.util.find_spec("ziglang") else None,
}


@pytest.mark.parametrize("name", COMPILERS)
@pytest.mark.parametrize(
    "flags",
    [(), ("-O1",), ("-DFOR_NEWER_PROCESSORS=",)],
    ids=["as_released", "less_optimised", "for_the_oldest_processors"],
)
def test_every_compiler_gives_the_same_bits(
    name: str, flags: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if COMPILERS[name] is None:
        pytest.skip("this compiler is not installed")
    library = tmp_path / "kernels.so"
    compile_kernels(library, COMPILERS[name], flags=flags)
    monkeypatch.setattr(native, "LIBRARY", library)
    assert native.why_missing() is None
    assert frozen_logits() == FROZEN
    assert frozen_logits_of_integers() == FROZEN_OF_INTEGERS
    assert frozen_pooled() == FROZEN_POOLED
    assert frozen_normalised() == FROZEN_NORMALISED
    assert frozen_records() == FROZEN_RECORDS
    assert frozen_dense() == FROZEN_DENSE


@pytest.mark.skipif(platform.machine() != "x86_64", reason="other processors have no versions of functions")
@pytest.mark.parametrize("name", COMPILERS)
def test_every_compiler_uses_what_the_processor_has(name: str, tmp_path: Path) -> None:
    """The runtime that zig links has a test of the processor that finds nothing."""
    if COMPILERS[name] is None:
        pytest.skip("this compiler is not installed")
    library = tmp_path / "kernels.so"
    compile_kernels(library, COMPILERS[name])
    flags = set(re.findall(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)[0].split())
    expected = 512 if "avx512f" in flags else 256 if "avx2" in flags else 128
    assert native.vector_bits(ctypes.CDLL(str(library))) == expected


def test_no_address_outside_of_its_arrays_is_read(tmp_path: Path) -> None:
    """The tests of the kernels under the address and undefined-behaviour sanitizers of gcc."""
    if system_compiler() is None:
        pytest.skip("there is no C compiler")
    library = tmp_path / "kernels.so"
    sanitized = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1")
    # the loader would choose between functions before the sanitizer is ready
    compile_kernels(library, flags=(*sanitized, "-DFOR_NEWER_PROCESSORS="))
    found = subprocess.run(
        [*(system_compiler() or []), "-print-file-name=libasan.so"], capture_output=True, text=True
    )
    runtime = Path(found.stdout.strip())
    if not runtime.is_file():
        pytest.skip("the compiler has no address sanitizer")
    code = (
        "import sys, pathlib; from mgm import native; native.LIBRARY = pathlib.Path(sys.argv[1]);"
        "assert native.why_missing() is None, native.why_missing(); import pytest;"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', *sys.argv[2:]]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(library), *KERNEL_TESTS],
        cwd=ROOT,
        env=os.environ | {"LD_PRELOAD": str(runtime), "ASAN_OPTIONS": "detect_leaks=0"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert ctypes.sizeof(ctypes.c_void_p) == 8


def test_without_a_compiler_mgm_is_installed_all_the_same(tmp_path: Path) -> None:
    """A wheel is built, and says that it has no kernels."""
    sources = tmp_path / "src"
    (sources / "mgm").parent.mkdir()
    for name in ("mgm", "flows", "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(sources / name)], check=True)
    (sources / "mgm/native/kernels.so").unlink(missing_ok=True)
    options = ["--no-deps", "--no-build-isolation", "-v", "--wheel-dir", str(tmp_path)]
    environment = os.environ | {"PATH": str(tmp_path / "no_programs"), "PYTHONPATH": _without_zig(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(sources)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "mgm is installed without compiled kernels" in done.stdout + done.stderr
    (wheel,) = tmp_path.glob("mgm-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"mgm/native/sources/kernels.h", "mgm/native/sources/words.c"} < set(
        names
    ) and "mgm/native/kernels.so" not in names


def _without_zig(folder: Path) -> str:
    """A folder that hides an installed ziglang."""
    (folder / "hidden").mkdir()
    (folder / "hidden" / "ziglang.py").write_text("raise SystemExit(1)\n", encoding="utf-8")
    return str(folder / "hidden")

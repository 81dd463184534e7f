"""The command that compiles the kernels. It imports nothing of this package, since setup.py runs it before anything is installed.

`python mgm/native/build.py` compiles them in place, for a clone that is used without installing it.
"""

import hashlib
import platform
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = sorted(Path(__file__).with_name("sources").glob("*.[ch]"))
LIBRARY = Path(__file__).with_name("kernels").with_suffix(".so")
# Without contraction a product and a sum are rounded each, on every machine.
_FLAGS = [
    "-std=c11",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-shared",
    "-Wall",
    "-Wextra",
    "-fvisibility=default",
]
_X86_64 = "x86-64-v2"
"""The oldest processors that the kernels run on: those of 2009, as those of RHEL 9."""


def system_compiler() -> list[str] | None:
    """Return the command of the system's C compiler; None: there is none."""
    return next(([name] for name in ("cc", "gcc", "clang") if shutil.which(name)), None)


def zig_compiler() -> list[str]:
    """Return the command of the C compiler in the package ziglang, which needs no system."""
    return [sys.executable, "-m", "ziglang", "cc"]


def source_hash() -> str:
    """Return the hash of the sources, which the library carries."""
    return hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()


def compile_kernels(library: Path, compiler: list[str] | None = None, *, flags: tuple[str, ...] = ()) -> None:
    """Compile the kernels into `library`.

    Args:
        library: the file to write.
        compiler: the command of the C compiler; None: the system's, or else zig's.
        flags: further options of the compiler.

    Raises:
        CalledProcessError: the compiler failed, or there is none.
    """
    command = compiler or system_compiler() or zig_compiler()
    machine = [f"-march={_X86_64}"] if platform.machine() in ("x86_64", "AMD64") else []
    if "ziglang" in command:
        # an old glibc, so that the library runs on the machines that the wheel's other packages run on
        target = {"x86_64": "x86_64-linux-gnu.2.17", "aarch64": "aarch64-linux-gnu.2.17"}.get(
            platform.machine()
        )
        if sys.platform == "linux" and target:
            machine = ["-target", target]
            if platform.machine() == "x86_64":
                machine.append(f"-mcpu={_X86_64.replace('-', '_')}")
    library.parent.mkdir(parents=True, exist_ok=True)
    carried_hash = f'-DSOURCE_HASH="{source_hash()}"'
    sources = [str(path) for path in SOURCES if path.suffix == ".c"]
    subprocess.run(
        [*command, *_FLAGS, *machine, carried_hash, *flags, *sources, "-o", str(library)], check=True
    )


if __name__ == "__main__":
    compile_kernels(LIBRARY)

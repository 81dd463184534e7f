"""Compiles mgm's kernels when it is installed; everything else about the package stands in pyproject.toml.

With the C compiler of the system, or else that of the package ziglang, which pip then gets for the build alone. Where the kernels do
not compile, mgm is installed without them, and works the same, slower.
"""

import runpy
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

build = runpy.run_path(str(Path(__file__).parent / "mgm" / "native" / "build.py"))


class BuildKernels(build_ext):
    """Compiles with mgm/native/build.py, into a plain library that every version of Python loads."""

    def get_ext_filename(self, fullname: str) -> str:
        """Return the path of the library."""
        return str(Path(*fullname.split(".")).with_suffix(".so"))

    def build_extension(self, ext: Extension) -> None:
        """Compile the kernels, or say why there are none."""
        library = Path(self.get_ext_fullpath(ext.name))
        try:
            build["compile_kernels"](library)
        except (OSError, subprocess.CalledProcessError) as error:
            self.warn(f"mgm is installed without compiled kernels, so that scoring is slower: {error}")
            library.unlink(missing_ok=True)

    def copy_extensions_to_source(self) -> None:
        """Copy the library beside its source, for an editable installation, if it was compiled."""
        if all((Path(self.build_lib) / self.get_ext_filename(ext.name)).is_file() for ext in self.extensions):
            super().copy_extensions_to_source()

    def get_outputs(self) -> list[str]:
        """Return the library, if it was compiled."""
        return [path for path in super().get_outputs() if Path(path).is_file()]


class Wheel(bdist_wheel):
    """A wheel of this system for any version of Python: the kernels are no extension module."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tags of Python, its binary interface and the system."""
        return "py3", "none", super().get_tag()[2]


setup(
    ext_modules=[Extension("mgm.native.kernels", [])],
    cmdclass={"build_ext": BuildKernels, "bdist_wheel": Wheel},
    setup_requires=[] if build["system_compiler"]() else ["ziglang>=0.14"],
)

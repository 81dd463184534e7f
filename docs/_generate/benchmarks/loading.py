"""Time and memory of loading a bundle."""

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the time and memory of loading a bundle, in the clear and sealed."""
    result = load_result("loading")
    seconds, peaks = result["cpu_seconds"], result["peak_megabytes"]
    names = {
        "plain": "in the clear",
        "sealed": "encrypted",
        "read and hash": "read the weights and hash them",
    }
    rows = [
        (
            text,
            f"{seconds[name]:.2f}",
            f"{seconds[name] / seconds['read and hash']:.1f}",
            f"{peaks[name] / result['megabytes']:.1f}" if name in peaks else "",
        )
        for name, text in names.items()
    ]
    return (
        f"A bundle of {result['megabytes']:,.0f} MB.\n\n"
        + table(["how", "CPU seconds", "of reading and hashing", "memory, of the bundle's size"], rows)
        + "\n"
        + origin(result)
    )

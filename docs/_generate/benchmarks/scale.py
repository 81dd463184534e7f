"""Growth of the stages with the documents, and what follows for very many."""

from typing import Any

from docs._generate.benchmarks.results import load_result, origin
from docs._generate.markdown import table

ONE_PROCESS = "one process"


def render() -> str:
    """Return how each stage grows, what the extrapolated numbers of documents take, and the copies that were found."""
    result = load_result("scale")
    sections = [_growth(result)]
    sections += [_extrapolated(result, int(n)) for n in result["extrapolated"]]
    sections += [_compared(result, way) for way in result["runs"] if way != ONE_PROCESS]
    return "\n".join([*sections, _copies(result), origin(result)])


def _growth(result: dict[str, Any]) -> str:
    rows = [
        (
            stage,
            f"{min(one['sizes']):,} to {max(one['sizes']):,}",
            one["cpu_seconds"]["growth"],
            "" if one["exponent"] is None else f"{one['exponent']:.2f}",
            f"{_per_document(one['cpu_seconds'], max(one['sizes'])) * 1e6:,.0f}",
            f"{one['memory_bytes']['start'] / 2**20:,.0f} MiB",
            f"{one['memory_bytes']['slope']:,.0f}",
            f"{one['disk_bytes']['slope']:,.0f}",
        )
        for stage, one in result["growth"].items()
    ]
    header = [
        "stage",
        "documents",
        "time grows as",
        "exponent",
        "microseconds a document",
        "memory of any corpus",
        "bytes of memory a document",
        "bytes of disk a document",
    ]
    return table(header, rows)


def _per_document(fitted: dict[str, float], n: int) -> float:
    """Return the slope by document; that of n log n at this n."""
    return fitted["slope"] if fitted["growth"] == "n" else fitted["slope"] * (n.bit_length() - 1)


def _extrapolated(result: dict[str, Any], n: int) -> str:
    stages = result["extrapolated"][str(n)]
    workers = list(next(iter(stages.values()))["hours"])
    rows = [
        (
            stage,
            *(f"{taken['hours'][number]:,.2f}" for number in workers),
            f"{taken['memory_gib']:,.1f}",
            f"{taken['disk_gb']:,.1f}",
            f"{taken['temporary_gb']:,.1f}",
        )
        for stage, taken in stages.items()
    ]
    hours = [f"**{sum(taken['hours'][number] for taken in stages.values()):,.2f}**" for number in workers]
    rows.append(
        (
            "**all, one after another**",
            *hours,
            f"**{max(taken['memory_gib'] for taken in stages.values()):,.1f}**",
            f"**{sum(taken['disk_gb'] for taken in stages.values()):,.1f}**",
            f"**{max(taken['temporary_gb'] for taken in stages.values()):,.1f}**",
        )
    )
    columns = ["hours", *(f"hours, {number} workers" for number in workers[1:])]
    header = ["stage", *columns, "GiB of memory", "GB of disk", "GB of temporary files"]
    return f"Extrapolated to {n:,} documents:\n\n{table(header, rows)}"


def _compared(result: dict[str, Any], way: str) -> str:
    """Return what the stages took in one process and in another way, of the largest number of documents that both were measured on."""
    one, other = (result["runs"][name] for name in (ONE_PROCESS, way))
    n = max(set(one) & set(other), key=int)
    rows = [
        (
            stage,
            *(f"{runs[n][stage]['cpu_seconds']:,.1f}" for runs in (one, other)),
            *(f"{runs[n][stage]['peak_memory_mib']:,.0f}" for runs in (one, other)),
        )
        for stage in other[n]
        if stage in one[n]
    ]
    header = ["stage", f"CPU seconds, {ONE_PROCESS}", f"{way}", f"MiB of memory, {ONE_PROCESS}", f"{way}"]
    return (
        f"{int(n):,} documents in {ONE_PROCESS} and with {way} on the same machine:\n\n{table(header, rows)}"
    )


def _copies(result: dict[str, Any]) -> str:
    rows = [
        (
            f"{int(n):,}",
            f"{of['exact']['planted']:,}",
            f"{of['exact']['recall']:.2%}",
            f"{of['near']['planted']:,}",
            f"{of['near']['recall']:.2%}",
            f"{of['near']['dropped']:,}" if "dropped" in of["near"] else "",
            f"{of['dropped_without_planted_original']:,}",
        )
        for n, of in result["copies"].items()
    ]
    header = [
        "documents",
        "exact copies planted",
        "found",
        "near copies planted",
        "found",
        "of these dropped",
        "dropped that no copy was planted of",
    ]
    text = (
        "Planted copies that deduplication found, and dropped or kept in the split of their originals:\n\n"
        + table(header, rows)
    )
    if "judged" in result:
        judged = result["judged"]
        text += (
            f"\nOf {judged['documents']:,} real documents deduplication drops {judged['near_copies']:,} as near copies, with `near: {judged.get('near', 'drop')}`. "
            f"Of {judged['pairs']} pairs of a dropped document and the one that is kept for it, which were read, {judged['different']} are different"
            f" ({judged.get('planted_pairs', 0)} of them are of planted copies).\n"
        )
    return text

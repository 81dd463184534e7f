"""The CRF of a span task by the documents that it learns from, without and with lists of terms."""

from docs._generate.benchmarks.results import has_result, load_result, origin
from docs._generate.markdown import table


def render() -> str:
    """Return the F1 of spans and the features with a weight, for each number of documents and lists."""
    if not has_result("crf_documents"):
        return "Not measured yet.\n"
    result = load_result("crf_documents")
    rows = [
        (
            f"{point['documents']:,}",
            ", ".join(f"`{name}`" for name in result["lists"]) if point["lexicons"] else "none",
            f"{point['f1']:.3f}",
            f"{point['features']:,}",
            f"{point['seconds']:.0f}",
        )
        for point in result["curve"]
    ]
    head = ["documents", "lists", "span F1", "features with a weight", "seconds"]
    return f"Task `{result['task']}`.\n\n" + table(head, rows) + "\n" + origin(result)

"""The report's section about provenance: what the run was made of."""

from mgm.evaluation.sources import Sources

HASHED = (("params.yaml",), ("dvc.lock",), ("models", "candidate", "manifest.json"))


def provenance_page(sources: Sources, facts: dict[str, str]) -> list[tuple[str, str]]:
    """Bundle, seed, whatever `facts` adds (revision, versions, hardware, time: what no file says), and hashes."""
    promotion = sources.json("reports", "promotion.json", expected=False) or {}
    hashes = [(f"SHA-256 of {'/'.join(f)}", sources.hash_of(*f) or "missing") for f in HASHED]
    return [
        ("bundle", promotion.get("bundle", "missing")),
        ("seed", str(sources.settings.seed)),
        *facts.items(),
        *hashes,
    ]

"""Lists of places for the lexicons that benchmarks/crf_documents.py compares. `python benchmarks/place_lists.py WORKSPACE`.

Writes data/resources/china.txt, the divisions of China with and without their last word, such as 省 and 市 (package cpca, MIT), and
world.txt, the Chinese names of countries and regions (CLDR in the package Babel, Unicode License). Both come from `pip install cpca Babel`,
and no one's labels: nothing is committed. Then name both in `text.lexicons` of peoples_daily and run `dvc repro gate_features`.
"""

import csv
import re
import sys
from pathlib import Path

LAST_WORD = re.compile("(特别行政区|自治区|自治州|自治县|省|市|县|区)$")
CHINESE = re.compile("[一-鿿·]{2,}")


def places_of_china() -> set[str]:
    """The names of provinces, cities and districts, and what is left of them without the last word."""
    import cpca

    file = Path(cpca.__file__).parent / "resources" / "adcodes.csv"
    with file.open(encoding="utf-8") as lines:
        names = {row["name"] for row in csv.DictReader(lines)}
    return names | {LAST_WORD.sub("", name) for name in names}


def places_of_the_world() -> set[str]:
    """The names of countries and regions."""
    from babel import Locale

    return set(Locale("zh").territories.values())


def main() -> None:
    folder = Path(sys.argv[1]) / "data" / "resources"
    folder.mkdir(parents=True, exist_ok=True)
    for name, places in {"china": places_of_china(), "world": places_of_the_world()}.items():
        terms = sorted(place for place in places if CHINESE.fullmatch(place))
        (folder / f"{name}.txt").write_text("".join(f"{term}\n" for term in terms), encoding="utf-8")
        print(f"{name}.txt: {len(terms):,} places")


if __name__ == "__main__":
    main()

"""Makes dictionary.npz of the files of jieba 0.42.1: `python -m mgm.text.jieba.pack FOLDER`, that of the package `jieba`.

rjieba carries the same files; tests/text/test_jieba.py compares its words and tags with those of the kernel.
"""

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mgm.text.jieba.segmenter import DICTIONARY, FIRST_CHARACTER, LAST_CHARACTER
from mgm.text.part_of_speech import tag_id

_STATES = "BEMS"
"""A character begins, ends or continues a word, or is one."""
_PLACES = "BMES"
"""The same in the model of tags."""
_IMPOSSIBLE = -3.14e100


def pack(jieba: Path, to: Path) -> None:
    """Write the words with Han characters alone, their frequencies and tags, and the model for words that are not there."""
    words: dict[str, tuple[int, int]] = {}
    total = 0
    for line in (jieba / "dict.txt").read_text(encoding="utf-8").splitlines():
        word, frequency, tag = line.split(" ")
        total += int(frequency)
        if all(FIRST_CHARACTER <= ord(character) <= LAST_CHARACTER for character in word):
            words[word] = int(frequency), tag_id(tag)
    nodes = sorted({word[:size] for word in words for size in range(1, len(word) + 1)}, key=_by_depth)
    place = {node: i for i, node in enumerate(nodes)}
    num_children = np.zeros(len(nodes), np.uint16)
    for node in nodes:
        if len(node) > 1:
            num_children[place[node[:-1]]] += 1
    frequencies = sorted({frequency for frequency, _ in words.values()})
    number_of = {frequency: i for i, frequency in enumerate(frequencies, start=1)} | {0: 0}
    start, transition, emission = _model(jieba)
    emitted = sorted(
        {c for state in emission.values() for c in state if FIRST_CHARACTER <= ord(c) <= LAST_CHARACTER}
    )
    arrays: dict[str, np.ndarray] = {
        "character": np.array([ord(node[-1]) for node in nodes], np.uint16),
        "num_children": num_children,
        "frequency": np.array([number_of[words.get(node, (0, 0))[0]] for node in nodes], np.uint16),
        "tag": np.array([words.get(node, (0, 0))[1] for node in nodes], np.int8),
        "frequencies": np.array(frequencies, np.int64),
        "total": np.array(total, np.int64),
        "emitted": np.array([ord(character) for character in emitted], np.uint16),
        "emission": np.array([[emission[s].get(c, _IMPOSSIBLE) for s in _STATES] for c in emitted]),
        "start": np.array([start["B"], start["S"]]),
        "transition": np.array([[transition[a].get(b, _IMPOSSIBLE) for b in _STATES] for a in _STATES]),
    }
    np.savez(to, allow_pickle=False, **(arrays | _model_of_tags(jieba)))


def _by_depth(node: str) -> tuple[int, str]:
    return len(node), node


def _model(folder: Path) -> Iterator[dict]:
    for name in ("start", "trans", "emit"):
        yield _read(folder / "finalseg" / f"prob_{name}.py")


def _read(file: Path) -> dict:
    return runpy.run_path(str(file))["P"]


def _model_of_tags(jieba: Path) -> dict[str, np.ndarray]:
    """Return the model for the tags of words that are not in the dictionary: states are a place within a word and a tag."""
    folder = jieba / "posseg"
    start, transition, emission = (_read(folder / f"prob_{name}.py") for name in ("start", "trans", "emit"))
    tags = sorted({tag for _, tag in start})
    states = [(place, tag) for place in _PLACES for tag in tags]
    number_of = {state: i for i, state in enumerate(states)}
    possible = _read(folder / "char_state_tab.py")
    of_characters: dict[str, list[tuple[int, float]]] = {}
    for character in sorted(possible.keys() | {c for of_state in emission.values() for c in of_state}):
        if FIRST_CHARACTER <= ord(character) <= LAST_CHARACTER:
            found = [
                (number_of[s], emission[s].get(character, _IMPOSSIBLE))
                for s in possible.get(character, states)
            ]
            of_characters[character] = sorted(pair for pair in found if pair[1] > _IMPOSSIBLE)
    pairs = [pair for _, of_character in sorted(of_characters.items()) for pair in of_character]
    steps = {
        len(states) * number_of[a] + number_of[b]: value
        for a, following in transition.items()
        for b, value in following.items()
    }
    return {
        "tagged": np.array(sorted(map(ord, of_characters)), np.uint16),
        "num_states": np.array([len(of_characters[c]) for c in sorted(of_characters)], np.uint16),
        "tagged_state": np.array([state for state, _ in pairs], np.uint8),
        "tagged_emission": np.array([value for _, value in pairs]),
        "tag_start": np.array([start.get(state, _IMPOSSIBLE) for state in states]),
        "tag_transition_at": np.array(sorted(steps), np.uint16),
        "tag_transition": np.array([steps[at] for at in sorted(steps)]),
        "tag_of": np.array([*map(tag_id, tags), tag_id("x")], np.int8),
    }


if __name__ == "__main__":
    pack(Path(sys.argv[1]), DICTIONARY)

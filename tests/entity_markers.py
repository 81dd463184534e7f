"""Sentences in English and Chinese with marked entities, as the README's examples of other tasks have them: which pair or
person is marked decides the label, so that without markers one text would have two."""

from itertools import product
from typing import Any

EN_PEOPLE = ["Ada Lind", "Tom Reyes", "Mia Okafor", "Jan Novak", "Eva Brandt", "Omar Haddad", "Lena Fischer"]
EN_FIRMS = ["Acme", "Globex", "Initech", "Umbra", "Vertex"]
EN_CITIES = ["Oslo", "Lima", "Cairo", "Turin", "Quito"]
EN_SENTENCES = [
    "{person} works for {firm} and lives in {city}.",
    "{person}, who lives in {city}, works for {firm}.",
    "For years {person} has worked for {firm}, but {person_again} still lives in {city}.",
]
ZH_PEOPLE = ["王芳", "李伟", "张敏", "刘洋", "陈静", "赵磊", "周婷"]
ZH_FIRMS = ["远山公司", "长河银行", "新星报社", "白云酒店", "东海大学"]
ZH_CITIES = ["北京", "上海", "杭州", "成都", "西安"]
ZH_SENTENCES = [
    "{person}在{firm}工作，家住{city}。",
    "{person}家住{city}，在{firm}上班。",
    "家住{city}的{person}在{firm}任职。",
]
JOBS = ["painter", "chemist", "pilot", "lawyer"]


def marked(name: str, marker: str, space: str) -> str:
    return f"#{marker}{space}{name}{space}#{marker}_end"


def relations(lang: str) -> list[dict[str, Any]]:
    """Two rows a sentence: who works for whom, and who lives where. Every other sentence has its places labelled."""
    people, firms, cities, sentences, space = {
        "en": (EN_PEOPLE, EN_FIRMS, EN_CITIES, EN_SENTENCES, " "),
        "zh": (ZH_PEOPLE, ZH_FIRMS, ZH_CITIES, ZH_SENTENCES, ""),
    }[lang]
    rows = []
    for number, (person, firm, city, sentence) in enumerate(product(people, firms, cities, sentences)):
        if number % 3:
            continue
        for relation in ("works_for", "lives_in"):
            works = relation == "works_for"
            text = sentence.format(
                person=marked(person, "e1", space),
                person_again="she",
                firm=marked(firm, "e2", space) if works else firm,
                city=city if works else marked(city, "e2", space),
            )
            start = text.index(city)
            places = [{"start": start, "end": start + len(city), "label": "city"}] if number % 2 else None
            rows.append(
                {
                    "doc_id": f"{lang}{number}-{relation}",
                    "text": text,
                    "lang": lang,
                    "sentence": f"{lang}{number}",
                    "relation": relation,
                    "places": places,
                }
            )
    return rows


def persons() -> list[dict[str, Any]]:
    """Two rows a sentence: either of two persons is marked, and the label is what this one is."""
    rows = []
    pairs = [(a, b, x, y) for a, b, x, y in product(EN_PEOPLE, EN_PEOPLE, JOBS, JOBS) if a != b and x != y]
    for number, (first, second, job, other) in enumerate(pairs[::4]):
        for which, (one, two) in enumerate(
            ((marked(first, "p", " "), second), (first, marked(second, "p", " ")))
        ):
            sentence = (
                f"{one}, a {job}, met the {other} {two}."
                if number % 2
                else f"The {job} {one} wrote to {two}, a {other}."
            )
            rows.append(
                {
                    "doc_id": f"s{number}-{which + 1}",
                    "text": sentence,
                    "lang": "en",
                    "sentence": f"s{number}",
                    "occupation": other if which else job,
                }
            )
    return rows

"""Spellings that several steps of the text pipeline must agree on."""

from mgm.settings.text import Mask

PLACEHOLDERS: dict[Mask, str] = {
    "url": "<URL>",
    "email": "<EMAIL>",
    "ip": "<IP>",
    "phone": "<PHONE>",
    "number": "<NUMBER>",
}
"""The placeholder that cleaning puts for each kind of identifier, in the order in which kinds are searched for; segmentation
keeps each of them as one word."""

# An ASCII word boundary: a Unicode one makes the whole expression run on its slow engine, twice as long.
EMOTICON = r"[:;=]-?[()]+|:-?[DPp](?-u:\b)|<3"
"""An emoticon, as a regular expression of Polars: it is one word, and no punctuation."""

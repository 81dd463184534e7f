"""Chinese words and their parts of speech as jieba finds them, by a kernel that gives what rjieba gives in a fraction of the time."""

from mgm.text.jieba.segmenter import FIRST_CHARACTER, LAST_CHARACTER, Jieba, load_jieba

__all__ = ["FIRST_CHARACTER", "LAST_CHARACTER", "Jieba", "load_jieba"]

/* Words of Chinese as jieba cuts them, mgm.text.jieba. */

#ifndef MGM_JIEBA_H
#define MGM_JIEBA_H

#include "kernels.h"

typedef struct {
    /* the words as a trie, whose nodes stand in the order of their depth: the children of a node follow one another */
    const uint16_t *node_of;   /* of each character from FIRST_HAN on: 1 + the node where a word with it begins; 0: none */
    const uint32_t *child;     /* of each node its first child; those of the last end with one more */
    const uint16_t *character; /* of each node */
    const uint16_t *frequency; /* of each node: that of its word, a place in `log`; 0: it ends no word */
    const int8_t *tag;         /* of each node: the part of speech of its word */
    const double *log;         /* the logarithm of the share of a frequency */
    const double *emission;    /* of each character, in each State: the logarithm of its probability */
    /* the model of tags, whose states are a place within a word and one of TAGS */
    const uint32_t *tagged;       /* of each character the first of its states, and where those of the last end */
    const uint8_t *tagged_state;  /* in rising order */
    const double *tagged_emission;
    const double *tag_start;      /* of each state */
    const double *tag_transition; /* from each state to each */
    const int8_t *tag_of;         /* the part of speech of each of TAGS, and behind them that of a word that the model lacks */
    double unknown;            /* the logarithm of the share of a word that is not there */
    double begins, is_single;  /* those of the two states of a first character */
    double transition[16];
} Jieba;

typedef struct {
    uint16_t *point; /* (capacity,) the characters of a run, less FIRST_HAN */
    int32_t *end;    /* (capacity,) gets the end of each word, in characters */
    int32_t *next;   /* (capacity,) of the best words from each character on, the end of the first */
    double *best;    /* (capacity + 1,) and their logarithm */
    uint8_t *before; /* (4 * capacity,) the best state before each state of each character */
    int64_t capacity;
} JiebaSpace;

/* Cut a run of Han characters in UTF-8 of three bytes each, those that `node_of` has; return the words, whose ends are in `space`;
   -1: no memory. */
int64_t jieba_cut(const Jieba *jieba, const uint8_t *at, int64_t bytes, JiebaSpace *space);

void jieba_free(JiebaSpace *space);

#endif

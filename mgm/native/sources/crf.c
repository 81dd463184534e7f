/* Conditional random fields, mgm.training.crf_solver. */

#include "kernels.h"
#include "lanes.h"

#include <math.h>

#define MAX_GAP 60.0f /* as _MAX_SCORE_GAP in mgm.model.heads.crf */

typedef struct {
    int64_t tags, features;  /* and the features that all words have together */
    const int64_t *start;    /* words + 1: of the features of each word */
    const int32_t *feature;
    const int64_t *pair;     /* features + 1: of the pairs of each feature and a tag */
    const int32_t *pair_tag;
    const float *weight;     /* of each pair */
    const uint8_t *used;     /* whether a feature has a weight that is not 0: few have, and these bytes stay in the cache */
    const float *first;      /* tags: the exponential of the score of a first tag */
    const float *transition; /* tags x tags: the same of a transition, 0 where there is none */
    const float *transposed; /* the same, by the tag that follows */
    const int32_t *gold;     /* words */
} Field;

enum { AHEAD = 24 }; /* features whose pairs are fetched before they are read */

/* Rows of tags are `lanes` vectors long; behind the last tag stand zeros. */
static inline __attribute__((always_inline)) float total(const Lanes *row, int64_t lanes) {
    Lanes sum = row[0];
    for (int64_t k = 1; k < lanes; k++) sum += row[k];
    return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

static inline __attribute__((always_inline)) float normalize(Lanes *row, int64_t lanes) {
    float sum = total(row, lanes), share = 1 / sum;
    for (int64_t k = 0; k < lanes; k++) row[k] *= share;
    return sum;
}

/* Write the product of a row of tags and a square table of them. */
static inline __attribute__((always_inline)) void multiply(const Lanes *row, const Lanes *table, Lanes *to, int64_t tags,
                                                           int64_t lanes) {
    const float *factor = (const float *)row;
    for (int64_t k = 0; k < lanes; k++) to[k] = factor[0] * table[k];
    for (int64_t i = 1; i < tags; i++)
        for (int64_t k = 0; k < lanes; k++) to[k] += factor[i] * table[i * lanes + k];
}

/* Write a table of tags with rows of whole vectors. */
static void widen(const float *from, int64_t rows, int64_t tags, Lanes *to, int64_t lanes) {
    memset(to, 0, (size_t)(rows * lanes) * sizeof *to);
    for (int64_t i = 0; i < rows; i++) memcpy(to + i * lanes, from + i * tags, (size_t)tags * sizeof *from);
}

/* The scores of a word's tags as exponentials of their distance from the highest, which is returned. */
static inline __attribute__((always_inline)) float score_word(const Field *field, int64_t word, Lanes *factors, int64_t lanes,
                                                              double *gold) {
    float *factor = (float *)factors;
    int64_t end = field->start[word + 1];
    memset(factors, 0, (size_t)lanes * sizeof *factors);
    for (int64_t at = field->start[word]; at < end; at++) {
        int32_t feature = field->feature[at];
        if (at + AHEAD < field->features) __builtin_prefetch(field->pair + field->feature[at + AHEAD]);
        if (!field->used[feature]) continue;
        for (int64_t p = field->pair[feature]; p < field->pair[feature + 1]; p++)
            factor[field->pair_tag[p]] += field->weight[p];
    }
    *gold += factor[field->gold[word]];
    float highest = factor[0];
    for (int64_t j = 1; j < field->tags; j++) highest = factor[j] > highest ? factor[j] : highest;
    for (int64_t k = 0; k < lanes; k++) {
        Lanes gap = factors[k] - highest;
        Integers is_far = gap < -MAX_GAP;
        replace_lanes(&gap, &is_far, -MAX_GAP);
        exponentials(&gap);
        factors[k] = gap;
    }
    for (int64_t j = field->tags; j < lanes * LANES; j++) factor[j] = 0;
    return highest;
}

/* Go forward and backward over sentences from word `word` on.

   `error` gets for each of their words the probability of each tag, less 1 for the right one. `expected` gets the expected counts
   of first tags, then those of transitions; `loss` the log-partition less the scores that words give to the right tags. */
FOR_NEWER_PROCESSORS
int mgm_crf_errors(const Field *field, int64_t word, const int64_t *length, int64_t sentences, float *error, double *expected,
                   double *loss) {
    int64_t tags = field->tags, lanes = (tags + LANES - 1) / LANES, longest = 0;
    for (int64_t s = 0; s < sentences; s++)
        if (length[s] > longest) longest = length[s];
    Lanes *memory = malloc((size_t)((2 * longest + 3 * tags + 5) * lanes) * sizeof(Lanes));
    if (memory == NULL) return NO_MEMORY;
    Lanes *factor = memory, *alpha = factor + longest * lanes, *count = alpha + longest * lanes;
    Lanes *transition = count + tags * lanes, *transposed = transition + tags * lanes, *first = transposed + tags * lanes;
    Lanes *beta = first + lanes, *joint = beta + lanes, *reach = joint + lanes, *row = reach + lanes;
    widen(field->transition, tags, tags, transition, lanes);
    widen(field->transposed, tags, tags, transposed, lanes);
    widen(field->first, 1, tags, first, lanes);
    double sum = 0, gold = 0;
    memset(expected, 0, (size_t)(tags * (tags + 1)) * sizeof(double));
    for (int64_t s = 0; s < sentences; word += length[s++]) {
        for (int64_t t = 0; t < length[s]; t++) {
            Lanes *now = alpha + t * lanes, *here = factor + t * lanes;
            sum += score_word(field, word + t, here, lanes, &gold);
            if (t == 0)
                memcpy(now, first, (size_t)lanes * sizeof *now);
            else
                multiply(now - lanes, transition, now, tags, lanes);
            for (int64_t k = 0; k < lanes; k++) now[k] *= here[k];
            sum += log(normalize(now, lanes));
        }
        memset(count, 0, (size_t)(tags * lanes) * sizeof *count);
        for (int64_t k = 0; k < lanes; k++) beta[k] = (Lanes){0} + 1;
        for (int64_t t = length[s] - 1; t >= 0; t--) {
            const Lanes *here = factor + t * lanes;
            float *of_word = error + (word + t) * tags;
            for (int64_t k = 0; k < lanes; k++) row[k] = alpha[t * lanes + k] * beta[k];
            normalize(row, lanes);
            memcpy(of_word, row, (size_t)tags * sizeof *of_word);
            of_word[field->gold[word + t]] -= 1;
            if (t == 0) break;
            const Lanes *before = alpha + (t - 1) * lanes;
            for (int64_t k = 0; k < lanes; k++) joint[k] = here[k] * beta[k];
            multiply(joint, transposed, reach, tags, lanes);
            for (int64_t k = 0; k < lanes; k++) row[k] = before[k] * reach[k];
            float share = 1 / total(row, lanes);
            for (int64_t i = 0; i < tags; i++) {
                float of_tag = ((const float *)before)[i] * share;
                for (int64_t k = 0; k < lanes; k++) count[i * lanes + k] += of_tag * joint[k];
            }
            memcpy(beta, reach, (size_t)lanes * sizeof *beta);
            normalize(beta, lanes);
        }
        for (int64_t j = 0; j < tags && length[s]; j++) expected[j] += ((const float *)row)[j];
        for (int64_t i = 0; i < tags; i++)
            for (int64_t j = 0; j < tags; j++)
                expected[tags + i * tags + j] += (double)((const float *)(count + i * lanes))[j] * field->transition[i * tags + j];
    }
    *loss = sum - gold;
    free(memory);
    return DONE;
}

/* Sum the errors of the words of each feature from `from` to `to`, at the tags of its pairs. `word` lists the words of a feature
   from `start` on. */
void mgm_crf_slopes(const Field *field, const int64_t *start, const int32_t *word, const float *error, int64_t from, int64_t to,
                    double *slope) {
    for (int64_t f = from; f < to; f++)
        for (int64_t p = field->pair[f]; p < field->pair[f + 1]; p++) {
            const float *column = error + field->pair_tag[p];
            double sum = 0;
            for (int64_t at = start[f]; at < start[f + 1]; at++) {
                if (at + AHEAD < field->features) __builtin_prefetch(error + word[at + AHEAD] * field->tags);
                sum += column[word[at] * field->tags];
            }
            slope[p] = sum;
        }
}

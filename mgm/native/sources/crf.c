/* Conditional random fields, mgm.training.crf_solver. */

#include "kernels.h"

#include <math.h>

#define MAX_GAP 60.0f /* as _MAX_SCORE_GAP in mgm.model.heads.crf */

typedef struct {
    int64_t tags;
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

static float normalize(float *values, int64_t count) {
    float sum = 0;
    for (int64_t i = 0; i < count; i++) sum += values[i];
    for (int64_t i = 0; i < count; i++) values[i] /= sum;
    return sum;
}

/* The scores of a word's tags as exponentials of their distance from the highest, which is returned. */
static float score_word(const Field *field, int64_t word, float *factor, double *gold) {
    memset(factor, 0, (size_t)field->tags * sizeof(float));
    for (int64_t at = field->start[word]; at < field->start[word + 1]; at++) {
        int32_t feature = field->feature[at];
        if (!field->used[feature]) continue;
        for (int64_t p = field->pair[feature]; p < field->pair[feature + 1]; p++)
            factor[field->pair_tag[p]] += field->weight[p];
    }
    *gold += factor[field->gold[word]];
    float highest = factor[0];
    for (int64_t j = 1; j < field->tags; j++)
        if (factor[j] > highest) highest = factor[j];
    for (int64_t j = 0; j < field->tags; j++) {
        float gap = highest - factor[j];
        factor[j] = expf(gap < MAX_GAP ? -gap : -MAX_GAP);
    }
    return highest;
}

/* Go forward and backward over sentences from word `word` on.

   `error` gets for each of their words the probability of each tag, less 1 for the right one. `expected` gets the expected counts
   of first tags, then those of transitions; `loss` the log-partition less the scores that words give to the right tags. */
int mgm_crf_errors(const Field *field, int64_t word, const int64_t *length, int64_t sentences, float *error, double *expected,
                   double *loss) {
    int64_t tags = field->tags, longest = 0, rows;
    for (int64_t s = 0; s < sentences; s++)
        if (length[s] > longest) longest = length[s];
    rows = 2 * longest + tags + 3;
    float *memory = malloc((size_t)(rows * tags) * sizeof(float));
    if (memory == NULL) return NO_MEMORY;
    float *factor = memory, *alpha = factor + longest * tags, *count = alpha + longest * tags, *beta = count + tags * tags;
    float *joint = beta + tags;
    double sum = 0, gold = 0;
    memset(expected, 0, (size_t)(tags * (tags + 1)) * sizeof(double));
    for (int64_t s = 0; s < sentences; word += length[s++]) {
        for (int64_t t = 0; t < length[s]; t++) {
            float *now = alpha + t * tags, *here = factor + t * tags;
            sum += score_word(field, word + t, here, &gold);
            if (t == 0) {
                memcpy(now, field->first, (size_t)tags * sizeof(float));
            } else {
                memset(now, 0, (size_t)tags * sizeof(float));
                for (int64_t i = 0; i < tags; i++) {
                    const float *row = field->transition + i * tags;
                    float before = now[i - tags];
                    for (int64_t j = 0; j < tags; j++) now[j] += before * row[j];
                }
            }
            for (int64_t j = 0; j < tags; j++) now[j] *= here[j];
            sum += log(normalize(now, tags));
        }
        memset(count, 0, (size_t)(tags * tags) * sizeof(float));
        for (int64_t j = 0; j < tags; j++) beta[j] = 1;
        for (int64_t t = length[s] - 1; t >= 0; t--) {
            float *here = factor + t * tags, *row = error + (word + t) * tags;
            for (int64_t j = 0; j < tags; j++) row[j] = alpha[t * tags + j] * beta[j];
            normalize(row, tags);
            if (t > 0) {
                float all = 0, *reach = row - tags; /* of the word before, which is written next */
                const float *before = alpha + (t - 1) * tags;
                memset(reach, 0, (size_t)tags * sizeof(float));
                for (int64_t j = 0; j < tags; j++) joint[j] = here[j] * beta[j];
                for (int64_t j = 0; j < tags; j++) {
                    const float *column = field->transposed + j * tags;
                    for (int64_t i = 0; i < tags; i++) reach[i] += column[i] * joint[j];
                }
                for (int64_t i = 0; i < tags; i++) all += before[i] * reach[i];
                for (int64_t i = 0; i < tags; i++) {
                    float share = before[i] / all;
                    for (int64_t j = 0; j < tags; j++) count[i * tags + j] += share * joint[j];
                }
                memcpy(beta, reach, (size_t)tags * sizeof(float));
                normalize(beta, tags);
            } else {
                for (int64_t j = 0; j < tags; j++) expected[j] += row[j];
            }
            row[field->gold[word + t]] -= 1;
        }
        for (int64_t i = 0; i < tags * tags; i++) expected[tags + i] += (double)count[i] * field->transition[i];
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
            for (int64_t at = start[f]; at < start[f + 1]; at++) sum += column[word[at] * field->tags];
            slope[p] = sum;
        }
}

/* Windows of words in training: the sums of their words' projections, the maxima of these, and their gradients, mgm.model.window_sums. */

#include "kernels.h"

typedef struct {
    int64_t size, width;     /* words of a window, and numbers of a projection */
    const float *projection; /* `size` rows of `width` numbers a word, one for each place in a window */
    const int64_t *word;     /* the words of all documents */
    const int64_t *start;    /* the first word of each document, and the end of the last one */
    const int64_t *lead;     /* how many words each document's lead has */
    int64_t documents;
} Windows;

/* A window: the word of its first place, and the places of it that lie in its document. */
typedef struct {
    const int64_t *word;
    int64_t first, end;
} Window;

static inline Window window_around(const Windows *windows, int64_t document, int64_t at) {
    int64_t begin = at - (windows->size - 1) / 2;
    int64_t before = windows->start[document] - begin, left = windows->start[document + 1] - begin;
    return (Window){windows->word + begin, before > 0 ? before : 0, left < windows->size ? left : windows->size};
}

/* Write the sum of a window's projections, in the order of its words. */
static inline __attribute__((always_inline)) void sum_window(const Windows *windows, Window window, float *restrict sum) {
    int64_t size = windows->size, width = windows->width;
    const float *row = windows->projection + (window.word[window.first] * size + window.first) * width;
    for (int64_t k = 0; k < width; k++) sum[k] = row[k];
    for (int64_t p = window.first + 1; p < window.end; p++) {
        row = windows->projection + (window.word[p] * size + p) * width;
        for (int64_t k = 0; k < width; k++) sum[k] += row[k];
    }
}

/* Write the sum of the window around each word of some documents. */
FOR_NEWEST_PROCESSORS
void mgm_window_sums(const Windows *windows, int64_t first, int64_t end, float *sum) {
    for (int64_t d = first; d < end; d++)
        for (int64_t at = windows->start[d]; at < windows->start[d + 1]; at++)
            sum_window(windows, window_around(windows, d, at), sum + at * windows->width);
}

/* Write the maxima of the windows of some documents and of those around the words of their leads, and the word around which each
   stands: two tables with a row for each document. Without words it is 0, and the place -1.

   `sum` has room for one window. Of equal windows the first counts. */
FOR_NEWEST_PROCESSORS
void mgm_window_maxima(const Windows *windows, int64_t first, int64_t end, float *maxima, int32_t *places, float *sum) {
    int64_t width = windows->width, table = windows->documents * width;
    for (int64_t d = first; d < end; d++) {
        float *restrict maximum = maxima + d * width;
        int32_t *restrict place = places + d * width;
        int64_t start = windows->start[d], length = windows->start[d + 1] - start;
        for (int64_t k = 0; k < width; k++) {
            maximum[k] = maximum[table + k] = 0;
            place[k] = place[table + k] = -1;
        }
        for (int64_t i = 0; i < length; i++) {
            sum_window(windows, window_around(windows, d, start + i), sum);
            int32_t at = (int32_t)(start + i);
            if (i == 0) {
                for (int64_t k = 0; k < width; k++) {
                    maximum[k] = sum[k];
                    place[k] = at;
                }
            } else {
                for (int64_t k = 0; k < width; k++) {
                    int is_higher = sum[k] > maximum[k];
                    maximum[k] = is_higher ? sum[k] : maximum[k];
                    place[k] = is_higher ? at : place[k];
                }
            }
            if (i + 1 == windows->lead[d]) {
                memcpy(maximum + table, maximum, (size_t)width * sizeof *maximum);
                memcpy(place + table, place, (size_t)width * sizeof *place);
            }
        }
    }
}

/* Add the gradients of sums to those of the projections, in some of the columns. */
FOR_NEWEST_PROCESSORS
void mgm_window_sum_gradients(const Windows *windows, int64_t first, int64_t end, const float *of_sum, float *of_projection) {
    int64_t size = windows->size, width = windows->width;
    for (int64_t d = 0; d < windows->documents; d++)
        for (int64_t at = windows->start[d]; at < windows->start[d + 1]; at++) {
            Window window = window_around(windows, d, at);
            const float *restrict from = of_sum + at * width;
            for (int64_t p = window.first; p < window.end; p++) {
                float *restrict to = of_projection + (window.word[p] * size + p) * width;
                for (int64_t k = first; k < end; k++) to[k] += from[k];
            }
        }
}

/* Add the gradients of maxima to those of the projections of their windows, in some of the columns. */
void mgm_window_maximum_gradients(const Windows *windows, int64_t first, int64_t end, const float *of_maximum,
                                  const int32_t *place, float *of_projection) {
    int64_t size = windows->size, width = windows->width;
    for (int table = 0; table < 2; table++)
        for (int64_t d = 0; d < windows->documents; d++, of_maximum += width, place += width)
            for (int64_t k = first; k < end; k++) {
                if (of_maximum[k] == 0 || place[k] < 0) continue;
                Window window = window_around(windows, d, place[k]);
                for (int64_t p = window.first; p < window.end; p++)
                    of_projection[(window.word[p] * size + p) * width + k] += of_maximum[k];
            }
}

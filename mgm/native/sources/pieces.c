/* Texts to pieces, mgm.text.segmentation.pieces. */

#include "pieces.h"
#include "spellings.h"

/* Cut texts into pieces: words, and runs of Han characters.

   `text` has the UTF-8 of all texts, from offset[i] to offset[i + 1] each. Of each piece, `number` is its place among the
   distinct ones, `start` its offset in code points, `gap` that before it; `count` is the number of pieces of a text, -1 where a
   character has no class. Of each distinct one `first_byte` and `bytes` say where it stands. All arrays must hold as many as there
   are bytes. `sizes` gets the number of pieces and of distinct ones. */
int mgm_find_pieces(const uint8_t *text, const int64_t *offset, int64_t texts, const uint8_t *classes, int32_t *count,
                    int32_t *number, int32_t *start, uint8_t *gap, int64_t *first_byte, int32_t *bytes, int64_t *sizes) {
    Distinct distinct;
    int64_t pieces = 0;
    if (allocate_distinct(&distinct, first_byte, bytes) != DONE) return NO_MEMORY;
    for (int64_t i = 0; i < texts; i++) {
        Text rest = {text + offset[i], text + offset[i + 1], classes};
        if (!is_visible_ascii(rest.at, rest.end) && !is_known(&rest)) {
            count[i] = -1;
            continue;
        }
        int64_t before = pieces, position = 0;
        const uint8_t *at = rest.at, *last = at, *first;
        for (uint8_t since; next_piece(&rest, &at, &first, &since); last = first, pieces++) {
            Spelling spelling = spelling_of(first, at - first, text + offset[texts]);
            int64_t own = number_of(&distinct, text, &spelling);
            if (own < 0) {
                free(distinct.slot);
                return NO_MEMORY;
            }
            number[pieces] = (int32_t)own;
            position += characters_between(last, first);
            start[pieces] = (int32_t)position;
            gap[pieces] = since;
        }
        count[i] = (int32_t)(pieces - before);
    }
    free(distinct.slot);
    sizes[0] = pieces;
    sizes[1] = distinct.size;
    return DONE;
}

/* The wide part of documents, mgm.model.wide: logits by n-grams of words and characters. */

#include "integers.h"
#include "kernels.h"

/* ---- what is read ---- */

/* What the wide part reads of a distinct word, in half a line of the processor's cache. */
typedef struct {
    uint32_t id;                 /* 0: unknown */
    int32_t row, lead_row;       /* the rows of the word itself, and of the word in the first sentence; -1: none */
    uint32_t characters;         /* of a Chinese word, whose n-grams are across words; 0: of any other */
    uint32_t ngram, ngram_count; /* where its n-grams begin, and how many have a row */
    float scale, square;         /* of the sum of its n-grams' rows, where it has one */
} Type;

/* Rows of weights, one for each n-gram that has any. */
typedef struct {
    const void *rows;
    const float *idf, *factor; /* the factor is the IDF times the scale of the row's integers */
} NgramTable;

typedef struct {
    /* documents */
    int64_t documents;
    const int64_t *sentences;       /* (documents,) sentences of each */
    const int64_t *sentence_length; /* words of each sentence */
    const int64_t *word;            /* the type of each word */
    /* types */
    const Type *types;
    const int32_t *ngram;                        /* rows of the table of characters */
    const int64_t *character, *character_offset; /* of Chinese types */
    /* weights */
    NgramTable words, characters;
    int64_t has_integers;               /* whether rows are 16-bit integers, not floats */
    int64_t row_bytes, outputs, stride; /* bytes of a row, its numbers, and those that are added: the others are 0 */
    const int32_t *word_row_of, *chinese_row_of; /* the row of each bucket; -1: none */
    int64_t word_buckets, chinese_buckets, chinese_min, chinese_max, character_rows;
    const float *sublinear; /* 1 + log(count), of counts up to that of the longest document's n-grams */
    /* of types the sums of their n-grams' rows, each times its IDF, mgm_sum_ngrams */
    const int16_t *sums;
    int64_t summed_types; /* those from here on have none */
} Wide;

/* ---- counts of the items of one document ---- */

typedef struct {
    uint32_t *place; /* open addressing: 0, or 1 + the position of an item */
    uint32_t *item, *count; /* in the order of first occurrence */
    uint64_t slots, capacity;
    uint32_t size;
} Counts;

/* Forget all items, and make room for `occurrences` others. */
static int counts_begin(Counts *counts, uint64_t occurrences) {
    uint64_t slots = 64;
    while (slots < 2 * occurrences) slots *= 2;
    if (slots > counts->capacity) {
        free(counts->place);
        counts->capacity = 0;
        counts->place = malloc(2 * slots * sizeof(uint32_t));
        if (counts->place == NULL) return NO_MEMORY;
        counts->capacity = slots;
        counts->item = counts->place + slots;
        counts->count = counts->item + slots / 2;
    }
    memset(counts->place, 0, slots * sizeof(uint32_t));
    counts->slots = slots;
    counts->size = 0;
    return DONE;
}

/* Count an item. Items are rows of tables, whose last bits are spread as well as a hash. */
static inline void counts_add(Counts *counts, uint32_t item, uint32_t count) {
    uint64_t mask = counts->slots - 1, slot = item & mask;
    for (uint32_t at; (at = counts->place[slot]) != 0; slot = (slot + 1) & mask)
        if (counts->item[at - 1] == item) {
            counts->count[at - 1] += count;
            return;
        }
    counts->item[counts->size] = item;
    counts->count[counts->size] = count;
    counts->place[slot] = ++counts->size;
}

/* ---- sums of rows ---- */

/* A row, and what it is multiplied by. */
typedef struct {
    const void *row;
    float value;
} Term;

enum { LINE = 64 };

FOR_NEWEST_PROCESSORS
static void add_rows(const Wide *wide, const Term *term, uint64_t size, float *restrict sum) {
    uint64_t i = 0;
    for (; i + 4 <= size; i += 4) {
        const float *a = term[i].row, *b = term[i + 1].row, *c = term[i + 2].row, *d = term[i + 3].row;
        float p = term[i].value, q = term[i + 1].value, r = term[i + 2].value, s = term[i + 3].value;
        for (int64_t k = 0; k < wide->stride; k++) sum[k] += (p * a[k] + q * b[k]) + (r * c[k] + s * d[k]);
    }
    for (; i < size; i++) {
        const float *a = term[i].row;
        for (int64_t k = 0; k < wide->stride; k++) sum[k] += term[i].value * a[k];
    }
}

FOR_NEWEST_PROCESSORS
static void add_integer_rows(const Wide *wide, const Term *term, uint64_t size, float *restrict sum) {
    uint64_t i = 0;
    for (; i + 4 <= size; i += 4) {
        const int16_t *a = term[i].row, *b = term[i + 1].row, *c = term[i + 2].row, *d = term[i + 3].row;
        float p = term[i].value, q = term[i + 1].value, r = term[i + 2].value, s = term[i + 3].value;
        for (int64_t k = 0; k < wide->stride; k++)
            sum[k] += (p * (float)a[k] + q * (float)b[k]) + (r * (float)c[k] + s * (float)d[k]);
    }
    for (; i < size; i++) {
        const int16_t *a = term[i].row;
        for (int64_t k = 0; k < wide->stride; k++) sum[k] += term[i].value * (float)a[k];
    }
}

/* ---- the n-grams of one document ---- */

/* What a document has of an n-gram of characters: its occurrences, the words that have it (a word without a sum is two), what the
   sums of words hold of it, and of its square. */
typedef float Tally __attribute__((vector_size(16)));

enum { OCCURRENCES, WORDS, SUMMED, SQUARED };

/* Memory for one document. */
typedef struct {
    Counts types, ngrams;
    Tally *tally;   /* (character_rows,) zeros, before and after */
    uint32_t *list; /* n-grams or buckets */
    Tally *listed;  /* of the n-grams of the list */
    Term *term;
    uint64_t terms;
} Document;

/* Add a term, and send for its row, which the processor's second cache keeps until all terms of the document are known. */
static inline void add_term(const Wide *wide, Document *document, const void *row, float value) {
    for (int64_t byte = 0; byte < wide->row_bytes; byte += LINE) __builtin_prefetch((const char *)row + byte, 0, 2);
    document->term[document->terms++] = (Term){row, value};
}

static inline const void *row_of_table(const Wide *wide, const NgramTable *table, uint32_t row) {
    return (const char *)table->rows + (int64_t)row * wide->row_bytes;
}

/* Give the values of the terms from `first` on, whose squares have this sum, the length 1/sqrt(2). */
static void normalise_terms(Document *document, uint64_t first, double square) {
    float factor = square > 0 ? (float)(1 / __builtin_sqrt(2 * square)) : 0;
    for (uint64_t i = first; i < document->terms; i++) document->term[i].value *= factor;
}

/* Add the terms of the n-grams that are counted. */
static void add_counted(const Wide *wide, const NgramTable *table, Document *document) {
    const Counts *counts = &document->ngrams;
    uint64_t first = document->terms;
    double square = 0;
    for (uint32_t i = 0; i < counts->size; i++) {
        uint32_t row = counts->item[i];
        float weight = wide->sublinear[counts->count[i]], value = weight * table->idf[row];
        square += (double)value * value;
        add_term(wide, document, row_of_table(wide, table, row), weight * table->factor[row]);
    }
    normalise_terms(document, first, square);
}

/* Write the rows of buckets over them, without those that have none; they are on their way. Return how many they are. */
static uint64_t rows_of_buckets(const int32_t *row_of, uint32_t *list, uint64_t size) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < size; i++) {
        int32_t row = row_of[list[i]];
        list[kept] = (uint32_t)row;
        kept += row >= 0;
    }
    return kept;
}

/* List the buckets of the pairs of neighbours in a sentence, each hash changed by `kind`; return their number. */
static uint64_t list_pairs(const Wide *wide, const int64_t *word, int64_t words, uint64_t kind, uint32_t *list) {
    uint64_t size = 0, before = 0;
    for (int64_t i = 0; i < words; i++) {
        uint64_t id = wide->types[word[i]].id;
        uint32_t bucket = bucket_of(mix((before * FIRST + id * SECOND) ^ kind), (uint64_t)wide->word_buckets);
        __builtin_prefetch(wide->word_row_of + bucket);
        list[size] = bucket;
        size += (before != 0) & (id != 0);
        before = id;
    }
    return size;
}

/* Add the words and pairs of a document, and once more those of its first sentence, as far as they have rows. */
static int add_words(const Wide *wide, const int64_t *word, const int64_t *sentence_length, int64_t sentences, int64_t words,
                     Document *document) {
    Counts *counts = &document->ngrams;
    int64_t lead = sentences > 0 ? sentence_length[0] : 0;
    if (counts_begin(counts, 2 * (uint64_t)(words + lead)) != DONE) return NO_MEMORY;
    uint64_t size = list_pairs(wide, word, lead, THIRD, document->list);
    const int64_t *of_sentence = word;
    for (int64_t s = 0; s < sentences; of_sentence += sentence_length[s++])
        size += list_pairs(wide, of_sentence, sentence_length[s], 0, document->list + size);
    for (uint32_t t = 0; t < document->types.size; t++) {
        int32_t row = wide->types[document->types.item[t]].row;
        if (row >= 0) counts_add(counts, (uint32_t)row, document->types.count[t]);
    }
    for (int64_t i = 0; i < lead; i++) {
        int32_t row = wide->types[word[i]].lead_row;
        if (row >= 0) counts_add(counts, (uint32_t)row, 1);
    }
    size = rows_of_buckets(wide->word_row_of, document->list, size);
    for (uint64_t i = 0; i < size; i++) counts_add(counts, document->list[i], 1);
    add_counted(wide, &wide->words, document);
    return DONE;
}

enum { LONGEST_CHINESE_NGRAM = 16 };

/* Add the n-grams within words, and of the characters of Chinese words those across words, up to the next other word. */
static int add_chinese(const Wide *wide, const int64_t *word, const int64_t *sentence_length, int64_t sentences, uint64_t most,
                       Document *document) {
    Counts *counts = &document->ngrams;
    uint64_t begun[LONGEST_CHINESE_NGRAM] = {0}; /* the hash of the n-gram of each length that ends at the last character */
    uint64_t buckets = (uint64_t)wide->chinese_buckets, size = 0;
    if (counts_begin(counts, most) != DONE) return NO_MEMORY;
    for (int64_t s = 0; s < sentences; word += sentence_length[s++]) {
        int64_t run = 0; /* characters of the present run */
        for (int64_t i = 0; i < sentence_length[s]; i++) {
            const Type *type = wide->types + word[i];
            if (type->characters == 0) {
                run = 0;
                for (uint32_t g = 0; g < type->ngram_count; g++) counts_add(counts, (uint32_t)wide->ngram[type->ngram + g], 1);
                continue;
            }
            for (int64_t c = wide->character_offset[word[i]]; c < wide->character_offset[word[i] + 1]; c++) {
                uint64_t point = (uint64_t)wide->character[c] * FIRST;
                if (run < wide->chinese_max) run++;
                for (int64_t length = run; length > 1; length--) begun[length - 1] = begun[length - 2] * SECOND + point;
                begun[0] = point;
                for (int64_t length = wide->chinese_min; length <= run; length++) {
                    uint32_t bucket = bucket_of(mix(begun[length - 1]), buckets);
                    __builtin_prefetch(wide->chinese_row_of + bucket);
                    document->list[size++] = bucket;
                }
            }
        }
    }
    size = rows_of_buckets(wide->chinese_row_of, document->list, size);
    for (uint64_t i = 0; i < size; i++) counts_add(counts, document->list[i], 1);
    add_counted(wide, &wide->characters, document);
    return DONE;
}

/* List the n-grams within the words of a document that the sums of words do not hold as they should: those of several words, and
   those of words without a sum. Return their number. */
static uint64_t list_shared(const Wide *wide, Document *document) {
    enum { WORDS_AHEAD = 4 };
    const Counts *types = &document->types;
    for (uint32_t t = 0; t < types->size; t++) {
        if (t + WORDS_AHEAD < types->size) {
            const Type *next = wide->types + types->item[t + WORDS_AHEAD];
            for (uint32_t g = 0; g < next->ngram_count; g += LINE / sizeof(int32_t)) __builtin_prefetch(wide->ngram + next->ngram + g);
        }
        const Type *type = wide->types + types->item[t];
        int has_sum = types->item[t] < wide->summed_types;
        float count = (float)types->count[t], weight = has_sum ? wide->sublinear[types->count[t]] : 0;
        Tally of_type = {count, has_sum ? 1 : 2, weight, weight * weight};
        for (const int32_t *at = wide->ngram + type->ngram, *end = at + type->ngram_count; at < end; at++)
            document->tally[*at] += of_type;
    }
    uint64_t size = 0;
    for (uint32_t t = 0; t < types->size; t++) {
        const Type *type = wide->types + types->item[t];
        for (const int32_t *at = wide->ngram + type->ngram, *end = at + type->ngram_count; at < end; at++) {
            Tally all = document->tally[*at];
            document->tally[*at] = (Tally){0};
            document->list[size] = (uint32_t)*at;
            document->listed[size] = all;
            size += all[WORDS] > 1;
        }
    }
    return size;
}

/* Add the n-grams within the words of a document that has no Chinese: the sums of its words, and what corrects them. */
static void add_within_words(const Wide *wide, int64_t most, Document *document) {
    const Counts *types = &document->types;
    const NgramTable *table = &wide->characters;
    uint64_t first = document->terms, size = list_shared(wide, document);
    double square = 0;
    for (uint32_t t = 0; t < types->size; t++) {
        uint32_t at = types->item[t];
        if (at >= wide->summed_types) continue;
        float weight = wide->sublinear[types->count[t]];
        square += (double)(weight * weight) * wide->types[at].square;
        add_term(wide, document, (const char *)wide->sums + at * wide->row_bytes, weight * wide->types[at].scale);
    }
    for (uint64_t i = 0; i < size; i++) {
        uint32_t row = document->list[i];
        Tally all = document->listed[i];
        int64_t count = (int64_t)all[OCCURRENCES]; /* of more than 2^24 occurrences it is rounded */
        float idf = table->idf[row], weight = wide->sublinear[count < most ? count : most];
        square += ((double)(weight * weight) - all[SQUARED]) * ((double)idf * idf);
        add_term(wide, document, row_of_table(wide, table, row), (weight - all[SUMMED]) * table->factor[row]);
    }
    normalise_terms(document, first, square);
}

/* Count the types of a document; return whether one is Chinese, or -1 without memory. */
static int count_types(const Wide *wide, const int64_t *word, int64_t words, Counts *types) {
    int has_chinese = 0;
    if (counts_begin(types, (uint64_t)words) != DONE) return -1;
    for (int64_t i = 0; i < words; i++) {
        counts_add(types, (uint32_t)word[i], 1);
        has_chinese |= wide->types[word[i]].characters > 0;
    }
    return has_chinese;
}

/* ---- documents ---- */

/* The most occurrences of n-grams that a document has. */
static uint64_t bound(const Wide *wide, const int64_t *word, int64_t words) {
    uint64_t total = 4 * (uint64_t)words, characters = 0;
    for (int64_t i = 0; i < words; i++) {
        const Type *type = wide->types + word[i];
        characters += type->ngram_count + (uint64_t)type->characters * (uint64_t)wide->chinese_max;
    }
    return characters > total ? characters : total;
}

static int64_t words_of(const int64_t *sentence_length, int64_t sentences) {
    int64_t words = 0;
    for (int64_t s = 0; s < sentences; s++) words += sentence_length[s];
    return words;
}

/* The most occurrences of n-grams in a document of the batch: the length that `sublinear` needs, less one. */
int64_t mgm_wide_bound(const Wide *wide) {
    uint64_t most = 0;
    const int64_t *word = wide->word, *length = wide->sentence_length;
    for (int64_t d = 0; d < wide->documents; length += wide->sentences[d++]) {
        int64_t words = words_of(length, wide->sentences[d]);
        uint64_t of_document = bound(wide, word, words);
        most = of_document > most ? of_document : most;
        word += words;
    }
    return (int64_t)most;
}

static int document_begin(Document *document, const Wide *wide, uint64_t most) {
    *document = (Document){0};
    document->tally = calloc((size_t)wide->character_rows + 1, sizeof(Tally));
    document->list = malloc((most + 1) * sizeof(uint32_t));
    document->listed = malloc((most + 1) * sizeof(Tally));
    document->term = malloc((3 * most + 1) * sizeof(Term));
    return document->tally == NULL || document->list == NULL || document->listed == NULL || document->term == NULL ? NO_MEMORY : DONE;
}

static void document_end(Document *document) {
    free(document->types.place);
    free(document->ngrams.place);
    free(document->tally);
    free(document->list);
    free(document->listed);
    free(document->term);
}

/* Add the wide part's logits to `logits` (documents, outputs), which hold the bias; `most` is mgm_wide_bound. */
int mgm_wide_logits(const Wide *wide, int64_t most, float *logits) {
    Document document;
    float *sum = malloc(((size_t)wide->stride + 1) * sizeof(float));
    int status = document_begin(&document, wide, (uint64_t)most);
    if (sum == NULL) status = NO_MEMORY;
    const int64_t *word = wide->word, *length = wide->sentence_length;
    for (int64_t d = 0; d < wide->documents && status == DONE; length += wide->sentences[d++], logits += wide->outputs) {
        int64_t sentences = wide->sentences[d], words = words_of(length, sentences);
        int has_chinese = count_types(wide, word, words, &document.types);
        document.terms = 0;
        status = has_chinese < 0 ? NO_MEMORY : add_words(wide, word, length, sentences, words, &document);
        if (status != DONE) break;
        if (has_chinese) status = add_chinese(wide, word, length, sentences, bound(wide, word, words), &document);
        else add_within_words(wide, most, &document);
        if (status != DONE) break;
        memset(sum, 0, (size_t)wide->stride * sizeof(float));
        if (wide->has_integers) add_integer_rows(wide, document.term, document.terms, sum);
        else add_rows(wide, document.term, document.terms, sum);
        for (int64_t k = 0; k < wide->outputs; k++) logits[k] += sum[k];
        word += words;
    }
    document_end(&document);
    free(sum);
    return status;
}

/* ---- rows of integers ---- */

enum { LANES = 16, AHEAD = 24, ROWS_AHEAD = 4 };

/* Write each row, in this order, as integers of at most `limit`, times a scale of its own. */
FOR_NEWER_PROCESSORS
void mgm_quantize_rows(const float *all, const int64_t *order, int64_t rows, int64_t columns, float limit, int16_t *to,
                       int64_t to_stride, float *scale) {
    for (int64_t i = 0; i < rows; i++, to += to_stride) {
        const float *from = all + order[i] * columns;
        if (i + ROWS_AHEAD < rows)
            for (int64_t k = 0; k < columns; k += LANES) __builtin_prefetch(all + order[i + ROWS_AHEAD] * columns + k);
        float largest = largest_size(from, columns);
        scale[i] = 0;
        if (!(largest > 1e-30f)) continue;
        scale[i] = largest / limit;
        float factor = limit / largest;
        for (int64_t k = 0; k < columns; k++) to[k] = quantize(from[k] * factor, limit);
    }
}

/* Write for each type the sum of the rows of its n-grams, each times its IDF, as integers with a scale; and into the type this scale
   and the sum of the squares of the IDF.

   Of a document whose words have no n-gram in common, the sums of the words are that of the n-grams: fewer rows to read. The types'
   n-grams follow one another; rows are a multiple of LANES numbers, as many as are summed in registers. */
FOR_NEWER_PROCESSORS
int mgm_sum_ngrams(Type *type, int64_t types, const int32_t *ngram, const NgramTable *table, int64_t stride, float limit,
                   int16_t *of_type) {
    const int64_t first = 0;
    float *sum = malloc(((size_t)stride + 1) * sizeof(float));
    if (sum == NULL) return NO_MEMORY;
    uint32_t all = types > 0 ? type[types - 1].ngram + type[types - 1].ngram_count : 0;
    for (int64_t t = 0; t < types; t++, type++, of_type += stride) {
        double square = 0;
        for (uint32_t g = type->ngram; g < type->ngram + type->ngram_count; g++) {
            float idf = table->idf[ngram[g]];
            square += (double)idf * idf;
            if (g + AHEAD < all)
                for (int64_t k = 0; k < stride; k += LINE / 2)
                    __builtin_prefetch((const int16_t *)table->rows + ngram[g + AHEAD] * stride + k);
        }
        for (int64_t k = 0; k < stride; k += LANES) {
            float part[LANES] = {0};
            for (uint32_t g = type->ngram; g < type->ngram + type->ngram_count; g++) {
                const int16_t *row = (const int16_t *)table->rows + ngram[g] * stride + k;
                float value = table->factor[ngram[g]];
                for (int at = 0; at < LANES; at++) part[at] += value * (float)row[at];
            }
            memcpy(sum + k, part, sizeof part);
        }
        memset(of_type, 0, (size_t)stride * sizeof(int16_t));
        mgm_quantize_rows(sum, &first, 1, stride, limit, of_type, stride, &type->scale);
        type->square = (float)square;
    }
    free(sum);
    return DONE;
}

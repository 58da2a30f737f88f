/* fuzz_inspect.c - fuzz target: any bytes, and what is left of them when they are cut, before `troth token`. */
#include "fuzz.h"

#include <string.h>

#include "../../tools/platform.h"
#include "../../tools/token_read.h"

/* All that the readers need of a platform. */
void platform_wipe(void *memory, size_t size)
{
    memset(memory, 0, size);
}

/* What may stand in a terminal or in JSON: no control character but the newlines of the text itself. */
static void check_text(const struct text *text, bool lines)
{
    FUZZ_CHECK(!text->failed);
    for (size_t i = 0; i < text->length; i++) {
        unsigned char c = (unsigned char)text->bytes[i];
        FUZZ_CHECK((c >= 0x20 && c != 0x7F) || (lines && c == '\n'));
    }
}

/* Brackets outside of strings are closed in the order in which they were opened, which here is as good as a parser. */
static void check_json(const struct text *text)
{
    char open[256];
    size_t depth = 0;
    bool string = false;
    for (size_t i = 0; i < text->length; i++) {
        char c = text->bytes[i];
        if (string) {
            i += c == '\\';
            string = c != '"';
        } else if (c == '"') {
            string = true;
        } else if (c == '[' || c == '{') {
            FUZZ_CHECK(depth < sizeof open);
            open[depth++] = c;
        } else if (c == ']' || c == '}') {
            FUZZ_CHECK(depth > 0 && open[depth - 1] == (c == ']' ? '[' : '{'));
            depth--;
        }
    }
    FUZZ_CHECK(depth == 0 && !string);
}

static void inspect(const uint8_t *data, size_t size)
{
    struct token_out out = {.start = data};
    struct text text = TEXT_INIT;
    struct text json = TEXT_INIT;
    token_read(&out, (troth__bytes){data, size});
    FUZZ_CHECK(!out.failed && out.depth == 0 && out.count <= TOKEN_PARTS_MAX);
    for (size_t i = 0; i < out.count; i++) {
        FUZZ_CHECK(out.parts[i].offset <= size);
        FUZZ_CHECK(out.parts[i].depth <= (i == 0 ? 0 : out.parts[i - 1].depth + 1));
    }
    token_print(&out, &text);
    token_print_json(&out, &json);
    check_text(&text, true);
    check_text(&json, false);
    check_json(&json);
    text_free(&text);
    text_free(&json);
    token_out_free(&out);
}

/* The same bytes as text: what is decoded is no longer than what was there, nor than its block of memory. */
static void decode(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size);
    size_t count = 0;
    FUZZ_CHECK(bytes != NULL);
    if (token_from_hex((const char *)data, size, bytes, &count)) {
        FUZZ_CHECK(count > 0 && count <= size / 2);
    }
    if (token_from_base64((const char *)data, size, bytes, &count)) {
        FUZZ_CHECK(count > 0 && count <= size / 4 * 3 + 2);
        inspect(bytes, count);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    inspect(data, size);
    /* A block of its own, so that reading behind the cut is seen. */
    if (size > 1) {
        decode(data, size);
        size_t cut = 1 + (data[size / 2] * 257u + data[size - 1]) % (size - 1);
        uint8_t *copy = malloc(cut);
        FUZZ_CHECK(copy != NULL);
        memcpy(copy, data, cut);
        inspect(copy, cut);
        free(copy);
    }
    return 0;
}

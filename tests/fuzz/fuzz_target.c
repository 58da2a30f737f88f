/* fuzz_target.c - fuzz target: any bytes as the authorisation data in which an initiator says whom it means. */
#include "fuzz.h"

#include <string.h>

#include "name.h"
#include "portability.h"
#include "target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct troth__target_said said = {NULL, false}, again = {NULL, false};
    troth_error error = TROTH_ERROR_INIT;

    troth_status status = troth__target_read((troth__bytes){data, size}, &said, &error);
    FUZZ_CHECK(status == TROTH_OK || status == TROTH_E_BAD_TOKEN || status == TROTH_E_MEMORY);
    FUZZ_CHECK((status == TROTH_OK) == (error.text[0] == '\0'));
    if (said.name != NULL) {
        FUZZ_CHECK(said.name[0] != '\0' && troth__utf8_valid(said.name, strlen(said.name)));
        FUZZ_CHECK(strlen(said.name) <= size / 2 * 3);
    }
    /* The same once more says the same, whatever was said before. */
    FUZZ_CHECK(troth__target_read((troth__bytes){data, size}, &again, &error) == status);
    FUZZ_CHECK(again.unverified == said.unverified && (again.name == NULL) == (said.name == NULL));
    FUZZ_CHECK(again.name == NULL || strcmp(again.name, said.name) == 0);
    troth__free(said.name);
    troth__free(again.name);
    return 0;
}

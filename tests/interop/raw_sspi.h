/* raw_sspi.h - what the raw SSPI peer was told to do, and its messages. */
#ifndef TROTH_TESTS_INTEROP_RAW_SSPI_H
#define TROTH_TESTS_INTEROP_RAW_SSPI_H

#define SECURITY_WIN32
#include <winsock2.h>
#include <windows.h>
#include <security.h>
#include <stdbool.h>
#include <stddef.h>

#include "raw_wire.h"

#define SIZES_MAX 32

/* Ends of a run: exit codes, those of raw-gss. */
enum { GOOD = 0, SSPI_FAILED = 1, USAGE = 2, PEER_CLOSED = 3, WRONG_ANSWER = 4, FAULT_DONE = 5 };

struct raw_options {
    bool initiator;
    enum framing framing;
    const wchar_t *package;
    wchar_t target[256];
    unsigned long flags; /* of ISC_REQ_... */
    size_t sizes[SIZES_MAX];
    int messages;
    const char *address;
    int connections;
    bool encrypt;
    int drop_after;  /* -1: never */
    int stall_after; /* -1: never */
    const char *garbage;
    const char *fault;
};

struct raw_flag_name {
    const char *name; /* NULL after the last */
    unsigned long isc;
    unsigned long asc;
};

extern struct raw_options raw_options;
extern const struct raw_flag_name raw_flag_names[];

/* Fills raw_options, or says on stderr how it is used and returns false. */
bool raw_options_parse(int argc, char **argv);

/* Says what failed and how. Returns SSPI_FAILED. */
int raw_failed(const char *what, SECURITY_STATUS status);

/* The message's sizes on this context; call once, after the handshake. */
int raw_message_sizes(CtxtHandle *context);

/* Seals (or only signs) length bytes of plain into whole, of FRAME_MAX bytes. */
int raw_seal(CtxtHandle *context, bool encrypt, const void *plain, size_t length, unsigned char *whole, size_t *size);

/* Opens a message in place. */
int raw_open(CtxtHandle *context, unsigned char *whole, size_t size, unsigned char **plain, size_t *length,
             bool *encrypted);

/* A code over a message, of at most 64 bytes. */
int raw_sign(CtxtHandle *context, const void *plain, size_t length, unsigned char code[64], size_t *size);
int raw_verify(CtxtHandle *context, const void *plain, size_t length, const unsigned char *code, size_t size);

#endif

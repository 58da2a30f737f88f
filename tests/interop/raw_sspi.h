/* raw_sspi.h - what the raw SSPI peer was told to do beyond raw_options.h, and its messages. */
#ifndef TROTH_TESTS_INTEROP_RAW_SSPI_H
#define TROTH_TESTS_INTEROP_RAW_SSPI_H

#define SECURITY_WIN32
#include <winsock2.h>
#include <windows.h>
#include <security.h>
#include <stdbool.h>
#include <stddef.h>

#include "raw_options.h"

/* "Negotiate" or "Kerberos". */
extern const wchar_t *raw_sspi_package;

#define RAW_TARGET_UNITS 256

/* SVC@HOST, as raw-gss has it, becomes SVC/HOST; SVC/HOST[@REALM] is taken as it stands. False: it is not UTF-8. */
bool raw_sspi_target(wchar_t target[RAW_TARGET_UNITS]);

/* Says what failed and how. Returns API_FAILED. */
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

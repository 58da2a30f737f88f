/*
 * token_read.h - the readers of `troth token`: each takes bytes of one sort and says what stands in their clear parts.
 * They take any bytes, trust no length, and never say what is secret or sealed: of that only how long it is.
 */
#ifndef TROTH_TOOLS_TOKEN_READ_H
#define TROTH_TOOLS_TOKEN_READ_H

#include "der.h"
#include "token_out.h"

/* Everything that a capture may hold: frames are taken off, then each token is read. */
void token_read(struct token_out *out, troth__bytes input);

/* One token of any sort, without a frame around it. Tokens in tokens are read a few levels deep. */
void token_read_one(struct token_out *out, troth__bytes token);

/* One token would be read here, told by its first bytes. */
bool token_looks_like_one(troth__bytes bytes);

/* NegTokenInit or NegTokenResp (RFC 4178 section 4.2), and a NegoEx message ([MS-NEGOEX] section 2.2). */
void token_read_spnego(struct token_out *out, troth__bytes token);
void token_read_negoex(struct token_out *out, troth__bytes token);

/* AP-REQ, AP-REP, KRB-ERROR and the names of other messages (RFC 4120 section 5), without a frame. */
void token_read_kerberos(struct token_out *out, troth__bytes token);

/* What follows the OID in a frame of Kerberos (RFC 4121 section 4.1) or IAKERB: a TOK_ID and a token. */
void token_read_kerberos_framed(struct token_out *out, troth__bytes content, bool iakerb);

/* "NTLMSSP" ([MS-NLMP] section 2.2.1). */
void token_read_ntlm(struct token_out *out, troth__bytes token);

/* Per-message tokens: RFC 4121 section 4.2.6, and the older ones of RFC 1964 section 1.2 behind their frame. */
void token_read_message(struct token_out *out, troth__bytes token);
void token_read_message_old(struct token_out *out, troth__bytes token);

/*
 * The bytes of a text: pairs of hexadecimal digits (blanks, colons, commas and "0x" aside); base64, also of URLs, with
 * an HTTP header's beginning before it. bytes has room for length. False where it is another text, or an empty one.
 */
bool token_from_hex(const char *text, size_t length, uint8_t *bytes, size_t *count);
bool token_from_base64(const char *text, size_t length, uint8_t *bytes, size_t *count);

/* What all of them need. */
uint32_t token_le32(const uint8_t *bytes);
uint32_t token_be32(const uint8_t *bytes);
uint32_t token_be16(const uint8_t *bytes);
uint32_t token_le16(const uint8_t *bytes);
bool token_begins(troth__bytes bytes, const void *with, size_t length);

/* An OID in figures with dots, and its name where it is known. */
void token_say_oid(struct token_out *out, const uint8_t *at, const char *name, troth__bytes oid);

/* A walk of its own through bytes; what is damaged counts for the whole. */
struct troth__der_walk token_walk(struct token_out *out, troth__bytes bytes);

#endif

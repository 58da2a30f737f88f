/* certificate.h - what tls-server-end-point asks of an X.509 certificate: which hash its signature was made with. */
#ifndef TROTH_SRC_CERTIFICATE_H
#define TROTH_SRC_CERTIFICATE_H

#include "bytes.h"
#include "troth/bindings.h"

/* The length of a hash, or 0 for a value that is none. */
size_t troth__hash_length(troth_hash hash);

/* Its name as NIST writes it, "SHA-256"; "?" for a value that is none. Static. */
const char *troth__hash_name(troth_hash hash);

/*
 * Reads the hash of a certificate's signature (RFC 5280 section 4.1.1.2), MD5 and SHA-1 having become SHA-256. Nothing
 * is verified: that the certificate is the server's and good is for the TLS library to say. error is begun.
 * Returns TROTH_OK; TROTH_E_ARGUMENT: not one certificate in DER; TROTH_E_UNSUPPORTED: no hash, several, or unknown.
 */
troth_status troth__certificate_hash(troth__bytes certificate, troth_hash *hash, troth_error *error);

#endif

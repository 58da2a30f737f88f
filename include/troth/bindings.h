/*
 * bindings.h - Troth over TLS: channel bindings built from what the caller's TLS library knows of its connection.
 *
 * Both ends build the bindings of the same type, each from its own end of the TLS connection, and give them to their
 * contexts (troth_context_options.bindings). Whoever stands in between with a TLS connection to each end has two
 * channels, and bindings that differ. docs/bindings.md tells which type to choose and what each one guarantees.
 *
 *     troth_tls_bindings tls = TROTH_TLS_BINDINGS_INIT;
 *     status = troth_bindings_tls_exporter(value, 32, &tls, &error);
 *     options.bindings = &tls.bindings;
 *
 * No call here allocates, blocks or keeps anything: the caller owns the structure, and the context copies it. They may
 * be called by any thread at any time. The conventions are those of troth.h.
 */
#ifndef TROTH_BINDINGS_H
#define TROTH_BINDINGS_H

#include "troth/troth.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The hashes that a certificate's signature can name. MD5 and SHA-1 never stand here: SHA-256 takes their place. */
typedef enum troth_hash {
    TROTH_HASH_UNSET = 0,
    TROTH_HASH_SHA224 = 1,
    TROTH_HASH_SHA256 = 2,
    TROTH_HASH_SHA384 = 3,
    TROTH_HASH_SHA512 = 4,
    TROTH_HASH_SHA3_224 = 5,
    TROTH_HASH_SHA3_256 = 6,
    TROTH_HASH_SHA3_384 = 7,
    TROTH_HASH_SHA3_512 = 8
} troth_hash;

#define TROTH_TLS_BINDINGS_SIZE 96

/*
 * The bindings of one TLS connection. bindings points into data: do not copy or move the structure while that is in
 * use. Filling it again replaces what it had; nothing needs to be freed.
 */
typedef struct troth_tls_bindings {
    size_t size;
    troth_bindings bindings;               /* for troth_context_options.bindings; after a failure empty */
    troth_hash hash;                       /* tls-server-end-point: the one that was used; otherwise UNSET */
    uint8_t data[TROTH_TLS_BINDINGS_SIZE]; /* the type's name, a colon, and the value (RFC 5056 section 2.1) */
    uint64_t reserved[4];                  /* zero */
} troth_tls_bindings;

#define TROTH_TLS_BINDINGS_INIT                                                                                        \
    {                                                                                                                  \
        .size = sizeof(troth_tls_bindings)                                                                             \
    }

/*
 * tls-server-end-point (RFC 5929 section 4): the hash of the TLS server's certificate, taken with the hash of the
 * certificate's signature.
 *
 * certificate  the DER of the server's own certificate, as it went over the wire: in the server the one that this
 *              connection presented, in the client the one that the peer presented. Not PEM, not the chain
 *
 * Returns TROTH_OK; TROTH_E_ARGUMENT (not one certificate in DER; a structure without its size); TROTH_E_UNSUPPORTED
 * (the certificate's signature has no hash of its own, as Ed25519 and Ed448, or more than one, or is unknown: this type
 * is then not defined; or this build has nothing to compute the hash with); TROTH_E_FAILURE (the system's hash failed).
 */
TROTH_API troth_status troth_bindings_tls_server_end_point(const void *certificate, size_t length,
                                                           troth_tls_bindings *bindings, troth_error *error);

/*
 * Which hash tls-server-end-point takes for a certificate, for callers who compute it themselves: that of
 * signatureAlgorithm, SHA-256 in place of MD5 and SHA-1 (RFC 5929 section 4.1); for RSASSA-PSS that of its parameters
 * (RFC 4055 section 3.1; where they name none, SHA-1 and so SHA-256).
 *
 * hash  set on TROTH_OK
 *
 * Returns TROTH_OK, TROTH_E_ARGUMENT, TROTH_E_UNSUPPORTED, as above. Works in every build.
 */
TROTH_API troth_status troth_bindings_certificate_hash(const void *certificate, size_t length, troth_hash *hash,
                                                       troth_error *error);

/*
 * tls-server-end-point from a hash of the whole DER that the caller has computed.
 *
 * hash    what troth_bindings_certificate_hash said
 * digest  the result; its length must be that of the hash (28, 32, 48 or 64)
 *
 * Returns TROTH_OK, TROTH_E_ARGUMENT. Works in every build.
 */
TROTH_API troth_status troth_bindings_tls_server_end_point_hashed(troth_hash hash, const void *digest, size_t length,
                                                                  troth_tls_bindings *bindings, troth_error *error);

/*
 * tls-exporter (RFC 9266): the value that the TLS library exports (RFC 8446 section 7.5, RFC 5705) with the label
 * "EXPORTER-Channel-Binding", without the quotes, and an empty context. The same for both ends.
 *
 * value   32 bytes
 *
 * It tells connections apart with TLS 1.3, and with TLS 1.2 only where the extended master secret (RFC 7627) was
 * negotiated and renegotiation is off: the caller sees to that (RFC 9266 section 4.2).
 *
 * Returns TROTH_OK, TROTH_E_ARGUMENT (another length).
 */
TROTH_API troth_status troth_bindings_tls_exporter(const void *value, size_t length, troth_tls_bindings *bindings,
                                                   troth_error *error);

/*
 * tls-unique (RFC 5929 section 3): the first Finished message of the TLS connection's newest handshake, its
 * verify_data alone without the handshake header. In a full handshake that is the client's, in a resumed one the
 * server's. TLS 1.2 and earlier; not defined for TLS 1.3 (RFC 8446 appendix C.5), and without the extended master
 * secret (RFC 7627) not unique. For peers that have nothing better.
 *
 * finished  12 to 64 bytes
 *
 * Returns TROTH_OK, TROTH_E_ARGUMENT (another length).
 */
TROTH_API troth_status troth_bindings_tls_unique(const void *finished, size_t length, troth_tls_bindings *bindings,
                                                 troth_error *error);

#ifdef __cplusplus
}
#endif

#endif

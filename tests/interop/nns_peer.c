/*
 * nns_peer.c - a peer as .NET's NegotiateStream is one, by [MS-NNS] over raw GSSAPI, with nothing of the library's:
 * SPNEGO in handshake records, then 63 KiB writes in little-endian frames. As acceptor it echoes what it reads.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <gssapi/gssapi.h>
#include <gssapi/gssapi_ext.h>
#include <gssapi/gssapi_krb5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "raw_wire.h"

#define LIFE_SECONDS 120

/* [MS-NNS] 2.2.1 */
#define DONE 0x14
#define ERROR 0x15
#define IN_PROGRESS 0x16
/* What .NET writes at once, and the largest frame that it reads. */
#define WRITE_MAX (63u * 1024u)
#define READ_MAX (64u * 1024u)

enum { GOOD = 0, GSS_FAILED = 1, USAGE = 2, PEER_CLOSED = 3, WRONG_ANSWER = 4, REFUSED = 5 };

static struct {
    int initiator;
    const char *address;
    const char *target;
    const char *fault; /* "refuse", "flip", "progress" */
    OM_uint32 flags;
    int krb5;
    size_t amount; /* bytes that the initiator sends, and wants back */
} options;

static gss_OID_desc spnego = {6, (void *)(size_t) "\x2b\x06\x01\x05\x05\x02"};
static gss_OID_desc krb5 = {9, (void *)(size_t) "\x2a\x86\x48\x86\xf7\x12\x01\x02\x02"};

static int send_all(int fd, const unsigned char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);

        if (sent <= 0) {
            perror("send");
            return PEER_CLOSED;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
    return GOOD;
}

/* 1: all came; 0: the end, before the first; -1: cut. */
static int receive_all(int fd, unsigned char *bytes, size_t length)
{
    size_t got = 0;

    while (got < length) {
        ssize_t part = recv(fd, bytes + got, length - got, 0);

        if (part <= 0)
            return got == 0 && part == 0 ? 0 : -1;
        got += (size_t)part;
    }
    return 1;
}

static int send_record(int fd, int type, const void *payload, size_t length)
{
    static unsigned char record[5 + 65535];

    record[0] = (unsigned char)type;
    record[1] = 1;
    record[2] = 0;
    record[3] = (unsigned char)(length >> 8);
    record[4] = (unsigned char)length;
    if (length > 0)
        memcpy(record + 5, payload, length);
    printf("sent: %02x %zu\n", (unsigned)type, length);
    return send_all(fd, record, 5 + length);
}

static int send_error(int fd, unsigned long code)
{
    unsigned char payload[8] = {0};

    for (int i = 7; i >= 0; i--, code >>= 8)
        payload[i] = (unsigned char)code;
    return send_record(fd, ERROR, payload, sizeof payload);
}

static unsigned char record_payload[65535];

static int receive_record(int fd, int *type, size_t *length)
{
    unsigned char header[5];

    if (receive_all(fd, header, 5) != 1)
        return PEER_CLOSED;
    *type = header[0];
    *length = (size_t)header[3] << 8 | header[4];
    if (*length > 0 && receive_all(fd, record_payload, *length) != 1)
        return PEER_CLOSED;
    printf("received: %02x %02x%02x %zu\n", (unsigned)*type, header[1], header[2], *length);
    if (header[1] != 1 || header[2] != 0)
        return WRONG_ANSWER;
    if (*type == ERROR) {
        printf("refused:");
        for (size_t i = 0; i < *length; i++)
            printf(" %02x", record_payload[i]);
        printf("\n");
        return REFUSED;
    }
    return *type == DONE || *type == IN_PROGRESS ? GOOD : WRONG_ANSWER;
}

static OM_uint32 step(gss_ctx_id_t *context, gss_name_t target, gss_buffer_t in, gss_buffer_t out, OM_uint32 *flags)
{
    OM_uint32 minor;

    if (options.initiator)
        return gss_init_sec_context(&minor, GSS_C_NO_CREDENTIAL, context, target, options.krb5 ? &krb5 : &spnego,
                                    options.flags, 0, GSS_C_NO_CHANNEL_BINDINGS, in, NULL, out, flags, NULL);
    return gss_accept_sec_context(&minor, context, GSS_C_NO_CREDENTIAL, in, GSS_C_NO_CHANNEL_BINDINGS, NULL, NULL, out,
                                  flags, NULL, NULL);
}

/* One step's word to the peer, as [MS-NNS] 3.1.5 and 3.2.5 have it. */
static int answer(int fd, OM_uint32 major, int complete, int remote_done, gss_buffer_t out)
{
    if (GSS_ERROR(major)) {
        send_error(fd, 0x8009030CuL);
        return GSS_FAILED;
    }
    if (options.fault != NULL && strcmp(options.fault, "refuse") == 0) {
        send_error(fd, 0x8009030CuL);
        return REFUSED;
    }
    if (options.fault != NULL && strcmp(options.fault, "flip") == 0)
        ((unsigned char *)out->value)[out->length - 5] ^= 0x10;
    if (options.fault != NULL && strcmp(options.fault, "progress") == 0)
        complete = 0;
    if (complete && options.initiator && out->length == 0 && remote_done)
        return GOOD; /* nothing is left to say */
    return send_record(fd, complete ? DONE : IN_PROGRESS, out->value, out->length);
}

static int handshake(int fd, gss_ctx_id_t *context)
{
    gss_name_t target = GSS_C_NO_NAME;
    int mine = options.initiator, complete = 0, remote_done = 0, result = GOOD, type = 0;
    OM_uint32 minor, flags = 0;

    if (options.initiator) {
        gss_buffer_desc text = {strlen(options.target), (void *)(size_t)options.target};

        if (GSS_ERROR(gss_import_name(&minor, &text, GSS_C_NT_HOSTBASED_SERVICE, &target)))
            return GSS_FAILED;
    }
    while (result == GOOD && !(complete && remote_done)) {
        gss_buffer_desc in = {0, record_payload}, out = GSS_C_EMPTY_BUFFER;
        OM_uint32 major;

        if (!mine) {
            result = receive_record(fd, &type, &in.length);
            remote_done = type == DONE;
            if (result == GOOD && complete && !remote_done)
                result = WRONG_ANSWER;
        }
        mine = 0;
        if (result != GOOD || complete)
            break; /* 3.1.5.4: an initiator that is complete ignores what is in the last record */
        major = step(context, target, &in, &out, &flags);
        complete = major == GSS_S_COMPLETE;
        if (complete && !options.initiator)
            remote_done = 1; /* it has the last word */
        result = answer(fd, major, complete, remote_done, &out);
        gss_release_buffer(&minor, &out);
    }
    gss_release_name(&minor, &target);
    printf("flags: %s%s%s\n", flags & GSS_C_MUTUAL_FLAG ? "mutual " : "", flags & GSS_C_CONF_FLAG ? "conf " : "",
           flags & GSS_C_IDENTIFY_FLAG ? "identify" : "");
    return result;
}

static int write_bytes(int fd, gss_ctx_id_t context, const unsigned char *bytes, size_t length)
{
    int result = GOOD;

    while (length > 0 && result == GOOD) {
        gss_buffer_desc plain = {length < WRITE_MAX ? length : WRITE_MAX, (void *)(size_t)bytes};
        gss_buffer_desc wrapped = GSS_C_EMPTY_BUFFER;
        unsigned char *frame;
        OM_uint32 minor;
        int encrypted = 0;

        if (gss_wrap(&minor, context, 1, GSS_C_QOP_DEFAULT, &plain, &encrypted, &wrapped) != GSS_S_COMPLETE ||
            !encrypted)
            return GSS_FAILED;
        frame = malloc(4 + wrapped.length);
        if (frame == NULL)
            return GSS_FAILED;
        for (int i = 0; i < 4; i++)
            frame[i] = (unsigned char)(wrapped.length >> (8 * i));
        memcpy(frame + 4, wrapped.value, wrapped.length);
        printf("wrote: %zu\n", wrapped.length);
        result = send_all(fd, frame, 4 + wrapped.length);
        free(frame);
        gss_release_buffer(&minor, &wrapped);
        bytes += plain.length;
        length -= plain.length;
    }
    return result;
}

/* 1: a frame; 0: the end; -1: what .NET throws at. */
static int read_frame(int fd, gss_ctx_id_t context, gss_buffer_t plain)
{
    static unsigned char frame[READ_MAX];
    unsigned char header[4];
    gss_buffer_desc wrapped = {0, frame};
    OM_uint32 minor;
    int encrypted = 0, come = receive_all(fd, header, 4);

    plain->value = NULL;
    plain->length = 0;
    if (come != 1)
        return come;
    for (int i = 0; i < 4; i++)
        wrapped.length |= (size_t)header[i] << (8 * i);
    printf("read: %zu\n", wrapped.length);
    if (wrapped.length <= 4 || wrapped.length > READ_MAX || receive_all(fd, frame, wrapped.length) != 1)
        return -1;
    if (gss_unwrap(&minor, context, &wrapped, plain, &encrypted, NULL) != GSS_S_COMPLETE || !encrypted)
        return -1;
    return 1;
}

static int talk(int fd, gss_ctx_id_t context)
{
    unsigned char *sent = malloc(options.amount + 1);
    size_t echoed = 0;
    int result = GOOD, come = 1;

    for (size_t i = 0; sent != NULL && i < options.amount; i++)
        sent[i] = (unsigned char)(i * 13 + (i >> 8));
    if (options.initiator)
        result = sent == NULL ? GSS_FAILED : write_bytes(fd, context, sent, options.amount);
    while (result == GOOD && come == 1 && (!options.initiator || echoed < options.amount)) {
        gss_buffer_desc plain;
        OM_uint32 minor;

        come = read_frame(fd, context, &plain);
        if (come < 0 || (come == 0 && options.initiator))
            result = WRONG_ANSWER;
        else if (come == 1 && !options.initiator)
            result = write_bytes(fd, context, plain.value, plain.length);
        else if (come == 1 && (plain.length > options.amount - echoed ||
                               (plain.length > 0 && memcmp(plain.value, sent + echoed, plain.length) != 0)))
            result = WRONG_ANSWER;
        echoed += plain.length;
        if (plain.length == 0)
            free(plain.value); /* MIT 1.20 allocates for an empty message, and its release frees none */
        else
            gss_release_buffer(&minor, &plain);
    }
    printf("echoed: %zu\n", echoed);
    free(sent);
    return result;
}

static int parse(int argc, char **argv)
{
    options.flags = GSS_C_MUTUAL_FLAG | GSS_C_CONF_FLAG | GSS_C_IDENTIFY_FLAG; /* .NET's defaults */
    options.initiator = argc > 2 && strcmp(argv[1], "init") == 0;
    options.address = argc > 2 ? argv[2] : NULL;
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--target") == 0)
            options.target = argv[i + 1];
        else if (strcmp(argv[i], "--amount") == 0)
            options.amount = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--fault") == 0)
            options.fault = argv[i + 1];
        else if (strcmp(argv[i], "--without") == 0 && strcmp(argv[i + 1], "mutual") == 0)
            options.flags &= ~(OM_uint32)GSS_C_MUTUAL_FLAG;
        else if (strcmp(argv[i], "--mechanism") == 0)
            options.krb5 = strcmp(argv[i + 1], "krb5") == 0;
        else
            return 0;
    }
    return options.address != NULL && (!options.initiator || options.target != NULL);
}

int main(int argc, char **argv)
{
    gss_ctx_id_t context = GSS_C_NO_CONTEXT;
    OM_uint32 minor;
    int fd, result;

    setvbuf(stdout, NULL, _IOLBF, 0);
    alarm(LIFE_SECONDS);
    if (!parse(argc, argv)) {
        fputs("usage: nns-peer init|accept ADDR:PORT [--target SVC@HOST] [--amount BYTES] [--without mutual]\n"
              "  [--mechanism krb5] [--fault refuse|flip|progress]\n",
              stderr);
        return USAGE;
    }
    fd = options.initiator ? wire_connect(options.address) : wire_listen(options.address);
    if (fd >= 0 && !options.initiator) {
        int listener = fd;

        fd = wire_accept(listener);
        close(listener);
    }
    if (fd < 0)
        return PEER_CLOSED;
    result = handshake(fd, &context);
    if (result == GOOD)
        result = talk(fd, context);
    gss_delete_sec_context(&minor, &context, GSS_C_NO_BUFFER);
    close(fd);
    printf("end: %d\n", result);
    return result;
}

/* test_portability.c - shows that waits end in time, writes are whole, and no peer's end raises a signal. */
#include "support.h"

#include <time.h>

#include "portability.h"

#define SHORT_MS 50

static int64_t soon(void)
{
    return troth__monotonic_ms() + SHORT_MS;
}

/* The wait lasted until the deadline, give or take a tick of the slowest clock (16 ms on Windows). */
static void assert_waited_since(int64_t begun)
{
    int64_t spent = troth__monotonic_ms() - begun;

    assert_true(spent >= SHORT_MS - 20);
    assert_true(spent < SHORT_MS + 5000);
}

static void addresses_are_told_from_names(void **state)
{
    static const char *const addresses[] = {"127.0.0.1",  "255.255.255.255", "::",           "::1",
                                            "[::1]",      "2001:db8::1",     "fe80::1%eth0", "[fe80::1%2]",
                                            "[10.0.0.1]", "::ffff:10.0.0.1", "FE80::A"};
    static const char *const names[] = {
        "",
        "localhost",
        "10",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.1.example",
        "a.b.c.d",
        "[",
        "[]",
        "]",
        "::g",
        "1.2.3.4.5",
        "::1 ",
        "%",
        "example:80",
        "10.0.0.1%eth0",
        "1:2:3:4:5:6:7:8:9",
        "an-address-has-at-most-so-many-characters-and-this-is-longer-than-all-of-them"};

    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++)
        if (!troth__is_ip_address(addresses[i]))
            fail_msg("%s is an address", addresses[i]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (troth__is_ip_address(names[i]))
            fail_msg("\"%s\" is no address", names[i]);
}

static void the_clocks_tell_the_time(void **state)
{
    int64_t ours = troth__now();
    int64_t theirs = (int64_t)time(NULL);
    int64_t before = troth__monotonic_ms();

    (void)state;
    assert_true(ours >= theirs - 5 && ours <= theirs + 5);
    assert_true(troth__monotonic_ms() >= before);
}

struct counting {
    troth__mutex *mutex;
    long count;
};

static void count_up(void *argument)
{
    struct counting *counting = argument;

    for (int i = 0; i < 20000; i++) {
        troth__mutex_lock(counting->mutex);
        counting->count++;
        troth__mutex_unlock(counting->mutex);
    }
}

static void a_mutex_keeps_threads_apart(void **state)
{
    struct counting counting = {troth__mutex_new(), 0};
    struct support_thread *threads[3];

    (void)state;
    assert_non_null(counting.mutex);
    for (size_t i = 0; i < 3; i++)
        threads[i] = support_thread_start(count_up, &counting);
    for (size_t i = 0; i < 3; i++)
        support_thread_join(threads[i]);
    assert_int_equal(counting.count, 60000);
    troth__mutex_free(counting.mutex);
    troth__mutex_free(NULL);
}

static void a_mutex_without_memory_is_null(void **state)
{
    (void)state;
    support_fail_allocation(1);
    assert_null(troth__mutex_new());
}

static void what_is_written_arrives(void **state)
{
    (void)state;
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        struct support_pair pair = support_pair_open();
        char text[8] = {0};
        int native = 1;

        if (nonblocking)
            support_nonblocking(pair.ours);
        assert_int_equal(troth__socket_write(pair.ours, (troth__bytes){(const uint8_t *)"abcdefg", 7}, soon(), &native),
                         TROTH__IO_OK);
        assert_int_equal(native, 0);
        support_receive(pair.theirs, text, 7);
        assert_string_equal(text, "abcdefg");
        assert_int_equal(troth__socket_write(pair.ours, (troth__bytes){(const uint8_t *)"x", 1}, soon(), &native),
                         TROTH__IO_OK);
        support_receive(pair.theirs, text, 1);
        assert_int_equal(text[0], 'x');
        support_pair_close(&pair);
    }
}

static void reading_waits_for_all_the_bytes(void **state)
{
    (void)state;
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        struct support_pair pair = support_pair_open();
        uint8_t buffer[8];
        size_t received = 99;
        int native = 1;
        int64_t begun;

        if (nonblocking)
            support_nonblocking(pair.ours);
        support_send(pair.theirs, "abcde", 5);
        assert_int_equal(troth__socket_read(pair.ours, buffer, 3, TROTH__FOREVER, &received, &native), TROTH__IO_OK);
        assert_int_equal(received, 3);
        assert_memory_equal(buffer, "abc", 3);

        begun = troth__monotonic_ms();
        assert_int_equal(troth__socket_read(pair.ours, buffer, 3, soon(), &received, &native), TROTH__IO_TIMEOUT);
        assert_waited_since(begun);
        assert_int_equal(received, 2);
        assert_memory_equal(buffer, "de", 2);

        /* A cancelled wait loses nothing that comes later. */
        support_send(pair.theirs, "fgh", 3);
        assert_int_equal(troth__socket_read(pair.ours, buffer, 3, TROTH__FOREVER, &received, &native), TROTH__IO_OK);
        assert_memory_equal(buffer, "fgh", 3);
        support_pair_close(&pair);
    }
}

static void a_deadline_that_has_passed_ends_at_once(void **state)
{
    struct support_pair pair = support_pair_open();
    uint8_t buffer[4];
    size_t received = 0;
    int native = 0;

    (void)state;
    assert_int_equal(troth__socket_read(pair.ours, buffer, 1, troth__monotonic_ms() - 1000, &received, &native),
                     TROTH__IO_TIMEOUT);
    assert_int_equal(received, 0);
    support_pair_close(&pair);
}

static void an_end_of_file_is_closed_and_counts_what_came(void **state)
{
    struct support_pair pair = support_pair_open();
    uint8_t buffer[4];
    size_t received = 0;
    int native = 0;

    (void)state;
    support_send(pair.theirs, "ab", 2);
    support_close(&pair.theirs);
    assert_int_equal(troth__socket_read(pair.ours, buffer, 4, TROTH__FOREVER, &received, &native), TROTH__IO_CLOSED);
    assert_int_equal(received, 2);
    support_pair_close(&pair);
}

static void a_reset_is_closed_and_raises_no_signal(void **state)
{
    struct support_pair pair = support_pair_open();
    uint8_t buffer[4];
    size_t received = 0;
    int native = 0;

    (void)state;
    support_reset(&pair.theirs);
    assert_int_equal(troth__socket_read(pair.ours, buffer, 4, TROTH__FOREVER, &received, &native), TROTH__IO_CLOSED);
    assert_int_equal(received, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(troth__socket_write(pair.ours, (troth__bytes){(const uint8_t *)"abc", 3}, soon(), &native),
                         TROTH__IO_CLOSED);
    support_pair_close(&pair);
}

static void a_peer_that_never_reads_meets_the_deadline(void **state)
{
    enum { BIG = 32 * 1024 * 1024 };
    uint8_t *big = calloc(1, BIG);

    (void)state;
    assert_non_null(big);
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        struct support_pair pair = support_pair_open();
        int native = 0;
        int64_t begun = troth__monotonic_ms();

        support_small_buffers(pair.ours);
        support_small_buffers(pair.theirs);
        if (nonblocking)
            support_nonblocking(pair.ours);
        assert_int_equal(troth__socket_write(pair.ours, (troth__bytes){big, BIG}, soon(), &native), TROTH__IO_TIMEOUT);
        assert_waited_since(begun);
        support_pair_close(&pair);
    }
    free(big);
}

struct big_peer {
    troth_socket socket;
    uint8_t *data;
    size_t length;
    bool whole;
};

static void receive_big(void *argument)
{
    struct big_peer *peer = argument;

    peer->whole = support_try_receive(peer->socket, peer->data, peer->length);
}

static void a_write_in_many_parts_is_whole(void **state)
{
    enum { BIG = 3 * 1024 * 1024 };
    struct support_pair pair = support_pair_open();
    uint8_t *big = malloc(BIG);
    struct big_peer peer = {pair.theirs, malloc(BIG), BIG, false};
    struct support_thread *thread;
    int native = 0;

    (void)state;
    assert_non_null(big);
    assert_non_null(peer.data);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (uint8_t)(i * 31 >> 3);
    support_small_buffers(pair.ours);
    support_nonblocking(pair.ours);
    thread = support_thread_start(receive_big, &peer);
    assert_int_equal(troth__socket_write(pair.ours, (troth__bytes){big, BIG}, TROTH__FOREVER, &native), TROTH__IO_OK);
    support_thread_join(thread);
    assert_true(peer.whole);
    assert_memory_equal(peer.data, big, BIG);
    support_pair_close(&pair);
    free(peer.data);
    free(big);
}

static void what_is_no_socket_fails_with_the_systems_text(void **state)
{
    struct support_pair pair = support_pair_open();
    troth_socket gone = pair.ours;
    uint8_t buffer[1] = {0};
    size_t received = 0;
    int native = 0;
    char text[256];

    (void)state;
    support_pair_close(&pair);
    assert_int_equal(troth__socket_read(gone, buffer, 1, soon(), &received, &native), TROTH__IO_FAILED);
    assert_int_not_equal(native, 0);
    assert_ptr_equal(troth__socket_error_text(native, text, sizeof text), text);
    assert_true(strlen(text) > 3);
    native = 0;
    assert_int_equal(troth__socket_write(gone, (troth__bytes){buffer, 1}, soon(), &native), TROTH__IO_FAILED);
    assert_int_not_equal(native, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_told_from_names),
        cmocka_unit_test(the_clocks_tell_the_time),
        cmocka_unit_test(a_mutex_keeps_threads_apart),
        support_allocation_test(a_mutex_without_memory_is_null),
        cmocka_unit_test(what_is_written_arrives),
        cmocka_unit_test(reading_waits_for_all_the_bytes),
        cmocka_unit_test(a_deadline_that_has_passed_ends_at_once),
        cmocka_unit_test(an_end_of_file_is_closed_and_counts_what_came),
        cmocka_unit_test(a_reset_is_closed_and_raises_no_signal),
        cmocka_unit_test(a_peer_that_never_reads_meets_the_deadline),
        cmocka_unit_test(a_write_in_many_parts_is_whole),
        cmocka_unit_test(what_is_no_socket_fails_with_the_systems_text),
    };

    support_sockets_start();
    return cmocka_run_group_tests_name("portability", tests, NULL, NULL);
}

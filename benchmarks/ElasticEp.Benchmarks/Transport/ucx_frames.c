/* The least that a program can do to move frames as the RDMA transport does, making the same calls of UCX: the bound for the C# one.
 * cc -O2 ucx_frames.c -o ucx_frames -lucp; ucx_frames TRANSPORTS SIZE COUNT EAGER_LIMIT prints the seconds from the first frame to the answer
 * to the last one. SIZE 0 makes COUNT round trips of a message with a head and nothing else. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/wait.h>
#include <ucp/api/ucp.h>

enum { FRAME = 2, CLEAR = 3, PIECE = 4, LAST = 6, HEADER = 104, SMALL_HEADER = 40 };

static ucp_worker_h worker;
static ucp_ep_h endpoint;
static char *memory;
static size_t size, eager_limit;
static long frames, cleared, answers;
static int is_receiver;

static void check(ucs_status_t status, const char *what)
{
    if (status != UCS_OK) {
        fprintf(stderr, "%s: %s\n", what, ucs_status_string(status));
        exit(1);
    }
}

static void wait_for(ucs_status_ptr_t request, const char *what)
{
    if (UCS_PTR_IS_ERR(request))
        check(UCS_PTR_STATUS(request), what);
    if (request == NULL)
        return;
    while (ucp_request_check_status(request) == UCS_INPROGRESS)
        ucp_worker_progress(worker);
    check(ucp_request_check_status(request), what);
    ucp_request_free(request);
}

static void received(void *request, ucs_status_t status, size_t length, void *data)
{
    check(status, "receive");
    frames++;
    ucp_request_free(request);
}

static ucs_status_t message(void *arg, const void *header, size_t header_length, void *data, size_t length, const ucp_am_recv_param_t *param)
{
    switch (((const char *)header)[1]) {
    case FRAME:
        if (size <= eager_limit) {
            memcpy(memory, data, length);
            frames++;
        } else {
            cleared++;
        }
        return UCS_OK;
    case CLEAR:
        cleared++;
        return UCS_OK;
    case PIECE: {
        ucp_request_param_t receive = {.op_attr_mask = UCP_OP_ATTR_FIELD_CALLBACK, .cb.recv_am = received};
        ucs_status_ptr_t request = ucp_am_recv_data_nbx(worker, data, memory, length, &receive);
        if (UCS_PTR_IS_ERR(request))
            check(UCS_PTR_STATUS(request), "receive");
        if (request == NULL)
            frames++;
        return UCS_INPROGRESS;
    }
    default:
        answers++;
        return UCS_OK;
    }
}

static void send_message(char kind, size_t header_length, const void *data, size_t length, unsigned flags)
{
    char header[HEADER] = {1, kind};
    ucp_request_param_t param = {.op_attr_mask = UCP_OP_ATTR_FIELD_FLAGS, .flags = flags};
    wait_for(ucp_am_send_nbx(endpoint, 0, header, header_length, data, length, &param), "send");
}

static void until(const long *counter, long value)
{
    while (*counter < value)
        ucp_worker_progress(worker);
}

static void serve(long from, long count)
{
    for (long i = from + 1; i <= from + count; i++) {
        if (size > eager_limit) {
            until(&cleared, i);
            send_message(CLEAR, SMALL_HEADER, NULL, 0, UCP_AM_SEND_FLAG_EAGER);
        }
        until(&frames, i);
        if (size == 0)
            send_message(LAST, HEADER, NULL, 0, UCP_AM_SEND_FLAG_EAGER);
    }
    if (size > 0)
        send_message(LAST, HEADER, NULL, 0, UCP_AM_SEND_FLAG_EAGER);
}

static void run(long from, long count)
{
    long before = answers;
    for (long i = from + 1; i <= from + count; i++) {
        int is_eager = size <= eager_limit;
        send_message(FRAME, HEADER, memory, is_eager ? size : 0, UCP_AM_SEND_FLAG_EAGER);
        if (!is_eager) {
            until(&cleared, i);
            send_message(PIECE, SMALL_HEADER, memory, size, UCP_AM_SEND_FLAG_RNDV);
        } else if (size == 0) {
            until(&answers, i);
        }
    }
    if (size > 0)
        until(&answers, before + 1);
}

static void start(const char *transports)
{
    ucp_config_t *config;
    ucp_context_h context;
    check(ucp_config_read(NULL, NULL, &config), "config");
    check(ucp_config_modify(config, "TLS", transports), "TLS");
    if (strcmp(transports, "tcp") != 0)
        check(ucp_config_modify(config, "MM_ERROR_HANDLING", "y"), "MM_ERROR_HANDLING");
    ucp_params_t params = {.field_mask = UCP_PARAM_FIELD_FEATURES | UCP_PARAM_FIELD_MT_WORKERS_SHARED, .features = UCP_FEATURE_AM | UCP_FEATURE_WAKEUP, .mt_workers_shared = 1};
    check(ucp_init(&params, config, &context), "init");
    ucp_config_release(config);
    ucp_worker_params_t worker_params = {.field_mask = UCP_WORKER_PARAM_FIELD_THREAD_MODE, .thread_mode = UCS_THREAD_MODE_SERIALIZED};
    check(ucp_worker_create(context, &worker_params, &worker), "worker");
    ucp_am_handler_param_t handler = {
        .field_mask = UCP_AM_HANDLER_PARAM_FIELD_ID | UCP_AM_HANDLER_PARAM_FIELD_FLAGS | UCP_AM_HANDLER_PARAM_FIELD_CB,
        .flags = UCP_AM_FLAG_WHOLE_MSG | UCP_AM_FLAG_PERSISTENT_DATA,
        .cb = message};
    check(ucp_worker_set_am_recv_handler(worker, &handler), "handler");
}

static void read_all(int file, void *data, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t count = read(file, (char *)data + at, length - at);
        if (count <= 0)
            exit(1);
        at += count;
    }
}

static void failed(void *arg, ucp_ep_h failed_endpoint, ucs_status_t status)
{
}

static void join(int in, int out)
{
    ucp_worker_attr_t attributes = {.field_mask = UCP_WORKER_ATTR_FIELD_ADDRESS};
    size_t length;
    check(ucp_worker_query(worker, &attributes), "address");
    if (write(out, &attributes.address_length, sizeof(size_t)) < 0 || write(out, attributes.address, attributes.address_length) < 0)
        exit(1);
    read_all(in, &length, sizeof(length));
    char *address = malloc(length);
    read_all(in, address, length);
    ucp_ep_params_t params = {
        .field_mask = UCP_EP_PARAM_FIELD_REMOTE_ADDRESS | UCP_EP_PARAM_FIELD_ERR_HANDLING_MODE | UCP_EP_PARAM_FIELD_ERR_HANDLER,
        .address = (const ucp_address_t *)address,
        .err_mode = UCP_ERR_HANDLING_MODE_PEER,
        .err_handler.cb = failed};
    check(ucp_ep_create(worker, &params, &endpoint), "endpoint");
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int up[2], down[2];
    size = atol(argv[2]);
    eager_limit = atol(argv[4]);
    long count = atol(argv[3]), warm = count / 10 + 1;
    if (pipe(up) < 0 || pipe(down) < 0)
        return 1;
    pid_t child = fork();
    is_receiver = child == 0;
    start(argv[1]);
    memory = aligned_alloc(64, (size + 63) / 64 * 64 + 64);
    memset(memory, 1, size + 64);
    join(is_receiver ? down[0] : up[0], is_receiver ? up[1] : down[1]);
    if (is_receiver) {
        serve(0, warm);
        serve(warm, count);
        char end;
        read_all(down[0], &end, 1);
        return 0;
    }
    run(0, warm);
    double started = now();
    run(warm, count);
    printf("%.9f\n", now() - started);
    if (write(down[1], "", 1) < 0)
        return 1;
    waitpid(child, NULL, 0);
    return 0;
}

#include "identity/remote_ask.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/date.h"
#include "identity/remote_document.h"
#include "json/writer.h"

enum {
    CONNECTIONS = 16,
    RESPONSE_BYTES_MAX = 256 * 1024,
    LOGIN_BYTES_MAX = 4096,
    ARENA_BLOCK_BYTES = 16 * 1024,
    ARENA_BYTES_MAX = 1024 * 1024
};

/* Before a token of ours ends, a new one is fetched. */
#define EARLY_NS (60 * NS_PER_S)
#define LOGIN_RETRY_NS NS_PER_S

struct remote_asker {
    struct client *client;
    struct clock *clock;
    int64_t timeout_ns;
    struct arena arena; /* of the texts of the options */
    struct slice url;   /* with "/v3", without '/' at its end */
    struct remote_user user;
    pthread_mutex_t lock; /* of what follows; held while somebody logs in */
    char token[REMOTE_TOKEN_MAX];
    size_t token_len;
    uint64_t generation; /* of the token */
    int64_t expires_ns;
    int64_t no_login_before_ns;
};

static struct status copy_options(struct remote_asker *asker, const struct remote_options *from) {
    struct slice url = from->url;
    while (slice_ends_with(url, SLICE("/"))) url.len--;
    struct slice parts[] = {url, slice_ends_with(url, SLICE("/v3")) ? SLICE("") : SLICE("/v3")};
    asker->url = arena_join(&asker->arena, parts, ARRAY_LEN(parts));
    asker->user = (struct remote_user){
        .name = arena_dup(&asker->arena, from->user.name),
        .password = arena_dup(&asker->arena, from->user.password),
        .domain = arena_dup(&asker->arena, from->user.domain),
        .project = arena_dup(&asker->arena, from->user.project),
        .project_domain = arena_dup(&asker->arena, from->user.project_domain),
    };
    return arena_ok(&asker->arena);
}

struct status remote_asker_open(const struct remote_options *options, struct note *note,
                                struct remote_asker **ret_asker) {
    struct client_options client = {.ca_file = options->ca_file, .connections = CONNECTIONS};
    struct remote_asker *asker = calloc(1, sizeof *asker);
    if (asker == NULL) return status_of(STATUS_NO_MEMORY);
    asker->clock = options->clock;
    asker->timeout_ns = options->timeout_ns;
    arena_init(&asker->arena, ARENA_BLOCK_BYTES, ARENA_BYTES_MAX);
    CHECK(pthread_mutex_init(&asker->lock, NULL) == 0);
    struct status s = copy_options(asker, options);
    if (is_ok(s)) s = client_open(&client, note, &asker->client);
    if (!is_ok(s)) {
        remote_asker_close(&asker);
        return s;
    }
    *ret_asker = asker;
    return s;
}

void remote_asker_close(struct remote_asker **asker) {
    struct remote_asker *closing = *asker;
    if (closing == NULL) return;
    *asker = NULL;
    struct slice password = closing->user.password;
    if (password.len > 0) explicit_bzero((void *)(uintptr_t)password.ptr, password.len);
    explicit_bzero(closing->token, sizeof closing->token);
    client_close(&closing->client);
    pthread_mutex_destroy(&closing->lock);
    arena_fini(&closing->arena);
    free(closing);
}

/* --- logging in --- */

/* A domain may be given by its id, and "default" is the id of the one that is called Default. */
static void write_domain(struct json_writer *w, struct slice domain) {
    json_key(w, "domain");
    json_begin_object(w);
    json_member_string(w, slice_eq(domain, SLICE("default")) ? "id" : "name", domain);
    json_end_object(w);
}

static void write_login(const struct remote_user *user, struct json_writer *w) {
    json_begin_object(w);
    json_key(w, "auth");
    json_begin_object(w);
    json_key(w, "identity");
    json_begin_object(w);
    json_key(w, "methods");
    json_begin_array(w);
    json_write_str(w, "password");
    json_end_array(w);
    json_key(w, "password");
    json_begin_object(w);
    json_key(w, "user");
    json_begin_object(w);
    json_member_string(w, "name", user->name);
    json_member_string(w, "password", user->password);
    write_domain(w, user->domain);
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
    json_key(w, "scope");
    json_begin_object(w);
    json_key(w, "project");
    json_begin_object(w);
    json_member_string(w, "name", user->project);
    write_domain(w, user->project_domain);
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
    json_end_object(w);
}

static struct status keep_token(struct remote_asker *asker, const struct client_response *response,
                                struct note *note) {
    struct slice token = client_header_find(response, "X-Subject-Token");
    bool good = token.len > 0 && token.len < sizeof asker->token &&
                is_ok(remote_token_expiry(response->body, &asker->expires_ns));
    if (!good) return note_status(note, STATUS_IO, "Keystone: no token in the answer to a login");
    memcpy(asker->token, token.ptr, token.len);
    asker->token_len = token.len;
    asker->generation++;
    return status_ok();
}

static struct status send_login(struct remote_asker *asker, struct arena *arena,
                                struct note *note) {
    char bytes[LOGIN_BYTES_MAX];
    struct buf body;
    struct json_writer w;
    struct client_response response;
    struct client_header headers[] = {{"Content-Type", SLICE("application/json")},
                                      {"Accept", SLICE("application/json")}};
    buf_init_fixed(&body, bytes, sizeof bytes);
    json_writer_init(&w, &body);
    write_login(&asker->user, &w);
    if (!is_ok(buf_ok(&body))) return note_status(note, STATUS_INVALID, "a login too long");
    struct client_request request = {
        .method = "POST",
        .url = arena_printf(arena, "%.*s/auth/tokens?nocatalog", SLICE_FMT(asker->url)),
        .headers = headers,
        .header_count = ARRAY_LEN(headers),
        .body = buf_slice(&body),
        .deadline_ns = asker->timeout_ns,
        .response_bytes_max = RESPONSE_BYTES_MAX};
    struct status s = client_send(asker->client, &request, arena, note, &response);
    explicit_bzero(bytes, sizeof bytes);
    TRY(s);
    if (response.status == 201) return keep_token(asker, &response, note);
    bool denied = response.status == 401 || response.status == 403;
    return note_status(note, denied ? STATUS_DENIED : STATUS_IO,
                       "Keystone answers %d to the login of '%.*s' in project '%.*s'",
                       response.status, SLICE_FMT(slice_take(asker->user.name, 80)),
                       SLICE_FMT(slice_take(asker->user.project, 80)));
}

/* With the lock held. */
static struct status login(struct remote_asker *asker, struct note *note) {
    struct arena arena;
    arena_init(&arena, ARENA_BLOCK_BYTES, ARENA_BYTES_MAX);
    struct status s = send_login(asker, &arena, note);
    arena_fini(&arena);
    if (is_ok(s)) return s;
    asker->token_len = 0;
    asker->no_login_before_ns = clock_mono_ns(asker->clock) + LOGIN_RETRY_NS;
    return s;
}

struct status remote_asker_login(struct remote_asker *asker, struct note *note) {
    pthread_mutex_lock(&asker->lock);
    struct status s = login(asker, note);
    pthread_mutex_unlock(&asker->lock);
    return s;
}

/* A token of ours that is not of generation `refused`. */
static struct status token_of(struct remote_asker *asker, uint64_t refused, struct arena *arena,
                              struct note *note, struct slice *ret_token,
                              uint64_t *ret_generation) {
    struct status s = status_ok();
    pthread_mutex_lock(&asker->lock);
    bool good = asker->token_len > 0 && asker->generation != refused &&
                clock_wall_ns(asker->clock) < asker->expires_ns - EARLY_NS;
    if (!good && clock_mono_ns(asker->clock) < asker->no_login_before_ns) {
        s = note_status(note, STATUS_BUSY, "Keystone: the login has just failed");
    } else if (!good) {
        s = login(asker, note);
        if (status_is(s, STATUS_DENIED)) s = status_of(STATUS_IO);
    }
    if (is_ok(s)) {
        *ret_token = arena_dup(arena, slice_of(asker->token, asker->token_len));
        *ret_generation = asker->generation;
        s = arena_ok(arena);
    }
    pthread_mutex_unlock(&asker->lock);
    return s;
}

/* --- asking --- */

static struct status send_get(struct remote_asker *asker, struct slice path, struct slice subject,
                              struct slice token, struct arena *arena, struct note *note,
                              struct client_response *ret_response) {
    struct client_header headers[] = {{"Accept", SLICE("application/json")},
                                      {"X-Auth-Token", token},
                                      {"X-Subject-Token", subject}};
    struct slice parts[] = {asker->url, path};
    struct client_request request = {.method = "GET",
                                     .url = arena_join(arena, parts, ARRAY_LEN(parts)),
                                     .headers = headers,
                                     .header_count = subject.len > 0 ? 3 : 2,
                                     .deadline_ns = asker->timeout_ns,
                                     .response_bytes_max = RESPONSE_BYTES_MAX};
    return client_send(asker->client, &request, arena, note, ret_response);
}

/* Anything else is no answer to our question, and so no knowledge about anybody. */
static struct status judge(const struct client_response *response, struct slice path,
                           struct note *note) {
    if (response->status == 200) return status_ok();
    if (response->status == 404) return status_of(STATUS_NOT_FOUND);
    struct slice shown = slice_take(path, slice_find_char(path, '?'));
    if (response->status == 401 || response->status == 403) {
        return note_status(note, STATUS_IO,
                           "Keystone answers %d to GET /v3%.*s: the service user may not ask this",
                           response->status, SLICE_FMT(slice_take(shown, 40)));
    }
    return note_status(note, STATUS_BUSY, "Keystone answers %d to GET /v3%.*s", response->status,
                       SLICE_FMT(slice_take(shown, 40)));
}

struct status remote_asker_get(struct remote_asker *asker, struct slice path, struct slice subject,
                               struct arena *arena, struct note *note, struct slice *ret_body) {
    struct client_response response = {.status = 0};
    uint64_t generation = 0;
    /* A token that Keystone takes no longer is changed for a new one, once. */
    for (int attempt = 0; attempt < 2; attempt++) {
        struct slice token;
        TRY(token_of(asker, generation, arena, note, &token, &generation));
        TRY(send_get(asker, path, subject, token, arena, note, &response));
        if (response.status != 401) break;
    }
    TRY(judge(&response, path, note));
    *ret_body = response.body;
    return status_ok();
}

/* SPDX-License-Identifier: MIT */
#include "lib/fetch/http_impl.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/io.h"
#include "lib/base/mem.h"

/* seconds; bytes of a refusal that are looked at; addresses that a file may have moved to, one after the other */
enum { LONGEST_WAIT = 600, SAID = 300, MOVES = 10 };

struct km_http {
    km_http_options o;
    CURL *curl;
    char why[CURL_ERROR_SIZE];
    double wait; /* seconds that the server asked for */
    unsigned random;
    /* of the request that is under way */
    km_http_request *rq;
    km_http_facts *facts;
    char said[SAID + 1]; /* the body of an answer that is no file */
};

void km_http_start(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

km_http *km_http_new(const km_http_options *o)
{
    km_http *h = KM_NEW(km_http);
    h->o = *o;
    h->curl = curl_easy_init();
    KM_ASSERT(h->curl);
    h->random = (unsigned)(km_seconds() * 1e6) ^ (unsigned)getpid() ^ (unsigned)(uintptr_t)h;
    return h;
}

void km_http_free(km_http *h)
{
    if (!h) return;
    curl_easy_cleanup(h->curl);
    free(h);
}

void km_http_count(km_http *h, int64_t n)
{
    if (h->o.on_bytes && n) h->o.on_bytes(h->o.arg, n);
}

/* -- what the server says */

static void copy_text(char *to, size_t room, const char *from, size_t n)
{
    while (n > 0 && (from[n - 1] == '\r' || from[n - 1] == '\n' || from[n - 1] == ' ')) n--;
    while (n > 0 && *from == ' ') from++, n--;
    if (n >= room) n = 0; /* too long to be compared */
    memcpy(to, from, n);
    to[n] = 0;
}

static void take_link(km_http_facts *f, const char *line, size_t n)
{
    char text[1024];
    copy_text(text, sizeof text, line, n);
    char *rel = strstr(text, "rel=\"next\""), *begin = NULL;
    for (char *p = text; rel && p < rel; p++)
        if (*p == '<') begin = p + 1;
    if (begin) copy_text(f->next, sizeof f->next, begin, strcspn(begin, ">"));
}

static void take_range(km_http_facts *f, const char *text)
{
    long long first, last, total;
    if (sscanf(text, " bytes %lld-%lld/%lld", &first, &last, &total) == 3 && first >= 0 && last >= first &&
        total > last) {
        f->first = first;
        f->total = total;
        if (f->n < 0) f->n = last - first + 1;
        if (f->n != last - first + 1) f->first = -1; /* it contradicts itself */
    } else if (sscanf(text, " bytes */%lld", &total) == 1 && total >= 0) {
        f->total = total;
    }
}

/* Each answer on the way begins anew; the last one counts. */
static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    km_http *h = arg;
    km_http_facts *f = h->facts;
    char text[512];
    n *= size;
    copy_text(text, sizeof text, line, n);
    if (strncasecmp(text, "HTTP/", 5) == 0) {
        const char *code = strchr(text, ' ');
        *f = (km_http_facts){.status = code ? atoi(code) : 0, .total = -1, .first = -1, .n = -1};
    } else if (strncasecmp(text, "Content-Length:", 15) == 0) {
        char *end;
        f->n = strtoll(text + 15, &end, 10);
        if (f->n < 0 || *end) f->n = -1;
        if (f->status == 200) f->total = f->n;
    } else if (strncasecmp(text, "Content-Range:", 14) == 0) {
        take_range(f, text + 14);
    } else if (strncasecmp(text, "ETag:", 5) == 0) {
        copy_text(f->etag, sizeof f->etag, text + 5, strlen(text + 5));
    } else if (strncasecmp(text, "Last-Modified:", 14) == 0) {
        copy_text(f->modified, sizeof f->modified, text + 14, strlen(text + 14));
    } else if (strncasecmp(line, "Link:", 5) == 0) {
        take_link(f, line + 5, n - 5);
    }
    return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    km_http *h = arg;
    n *= size;
    if (h->facts->status == 200 || h->facts->status == 206) return h->rq->sink(h->rq->arg, h->facts, p, n) ? n : 0;
    size_t have = strlen(h->said), take = n < SAID - have ? n : SAID - have;
    for (size_t i = 0; i < take; i++) h->said[have + i] = (char)((unsigned char)p[i] < ' ' ? ' ' : p[i]);
    h->said[have + take] = 0;
    return n;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)arg, (void)a, (void)b, (void)c, (void)d;
    return km_interrupted();
}

/* -- one request */

static bool may_pass(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        return true;
    default:
        return false;
    }
}

static void set_up(km_http *h, const km_http_request *rq, const char *url, struct curl_slist **headers)
{
    CURL *c = h->curl;
    char range[64], line[192];
    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "km-fetch/" KM_VERSION " (kinematic)");
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, strncasecmp(rq->url, "https:", 6) == 0 ? "https" : "http,https");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)h->o.timeout);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)h->o.timeout);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, h->why);
    curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(c, CURLOPT_HEADERDATA, h);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    if (rq->n) {
        int n = snprintf(range, sizeof range, "%lld-", (long long)rq->first);
        if (rq->n > 0) snprintf(range + n, sizeof range - (size_t)n, "%lld", (long long)(rq->first + rq->n - 1));
        curl_easy_setopt(c, CURLOPT_RANGE, range);
    }
    if (rq->n && rq->opt_if_range) {
        snprintf(line, sizeof line, "If-Range: %s", rq->opt_if_range);
        *headers = curl_slist_append(*headers, line);
        curl_easy_setopt(c, CURLOPT_HTTPHEADER, *headers);
    }
}

/* What an answer that is no file means. */
static km_status judge(km_http *h, const char *url, km_err *err)
{
    int status = h->facts->status;
    curl_off_t wait = 0;
    curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &wait);
    h->wait = (double)wait;
    km_fail(err, KM_SYSTEM, "%.150s: HTTP %d%s%.60s", url, status, *h->said ? ": " : "", h->said);
    if (status != 408 && status != 425 && status != 429 && status < 500) return KM_SYSTEM;
    if (wait > LONGEST_WAIT)
        return km_fail(err, KM_SYSTEM, "%.150s: HTTP %d: the server asks to come back in %lld minutes", url, status,
                       (long long)wait / 60);
    return 1;
}

/* Asks an address, in one of the places of its host; *ret_moved is the address that it names instead, or NULL. */
static km_status ask(km_http *h, const km_http_request *rq, const char *url, CURLcode *ret_code, char **ret_moved,
                     km_err *err)
{
    struct curl_slist *headers = NULL;
    char *to = NULL;
    int place;
    KM_TRY(km_http_place(h->o.locks, url, &place, err));
    *h->said = *h->why = 0;
    set_up(h, rq, url, &headers);
    *ret_code = curl_easy_perform(h->curl);
    curl_slist_free_all(headers);
    if (place >= 0) close(place);
    curl_easy_getinfo(h->curl, CURLINFO_REDIRECT_URL, &to);
    *ret_moved = *ret_code == CURLE_OK && to ? km_strdup(to) : NULL;
    return KM_OK;
}

km_status km_http_once(km_http *h, km_http_request *rq, km_http_facts *facts, km_err *err)
{
    *facts = (km_http_facts){.total = -1, .first = -1, .n = -1};
    rq->refused = (km_err){0};
    h->rq = rq;
    h->facts = facts;
    h->wait = 0;
    CURLcode code = CURLE_OK;
    char *url = km_strdup(rq->url), *moved;
    km_status status;
    for (int moves = 0; (status = ask(h, rq, url, &code, &moved, err)) == KM_OK && moved; moves++) {
        free(url), url = moved;
        if (moves < MOVES) continue;
        status = km_fail(err, KM_SYSTEM, "%.150s: moved more than %d times", rq->url, MOVES);
        break;
    }
    free(url);
    KM_TRY(status);
    if (km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted");
    if (rq->refused.code) {
        km_fail(err, rq->refused.code, "%s", rq->refused.msg);
        return rq->refused.code == KM_SYSTEM ? 1 : rq->refused.code;
    }
    if (code == CURLE_OK && (facts->status == 200 || facts->status == 206)) return KM_OK;
    if (code == CURLE_OK) return judge(h, rq->url, err);
    km_fail(err, KM_SYSTEM, "%.150s: %.90s", rq->url, *h->why ? h->why : curl_easy_strerror(code));
    return may_pass(code) ? 1 : KM_SYSTEM;
}

km_status km_http_wait(km_http *h, int *tries, bool brought, km_err *err)
{
    *tries = brought ? 0 : *tries + 1;
    if (*tries >= h->o.tries) return KM_SYSTEM;
    double back_off = 0.2 * (double)(1u << (*tries < 9 ? *tries : 9));
    double jitter = 0.5 + 0.5 * rand_r(&h->random) / RAND_MAX;
    double until = km_seconds() + (h->wait > back_off ? h->wait : back_off * jitter);
    while (km_seconds() < until) {
        if (km_interrupted()) return km_fail(err, KM_INTERRUPTED, "interrupted");
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return KM_OK;
}

/* -- into memory */

typedef struct text {
    km_http_request *rq;
    char *p;
    size_t n, room, most;
} text;

static bool take_text(void *arg, const km_http_facts *facts, const void *p, size_t n)
{
    text *t = arg;
    (void)facts;
    if (n > t->most - t->n) {
        km_fail(&t->rq->refused, KM_INPUT, "%.150s: more than %zu bytes", t->rq->url, t->most);
        return false;
    }
    if (t->n + n + 1 > t->room) t->p = km_realloc(t->p, t->room = 2 * (t->n + n + 1));
    memcpy(t->p + t->n, p, n);
    t->n += n;
    return true;
}

km_status km_http_get(km_http *h, const char *url, size_t most, char **ret, size_t *ret_n, km_http_facts *opt_facts,
                      km_err *err)
{
    km_http_facts own, *facts = opt_facts ? opt_facts : &own;
    km_http_request rq = {.url = url, .sink = take_text};
    text t = {.rq = &rq, .most = most, .room = 1, .p = km_alloc(1)};
    rq.arg = &t;
    *ret = NULL;
    km_status status;
    for (int tries = 0; (status = km_http_once(h, &rq, facts, err)) == 1;) {
        t.n = 0;
        if ((status = km_http_wait(h, &tries, false, err)) < 0) break;
    }
    if (status < 0) {
        free(t.p);
        return status;
    }
    t.p[t.n] = 0;
    *ret = t.p;
    *ret_n = t.n;
    return KM_OK;
}

typedef struct piece {
    km_http_request *rq;
    uint8_t *out;
    int64_t n, total, have;
} piece;

static bool take_piece(void *arg, const km_http_facts *f, const void *p, size_t n)
{
    piece *r = arg;
    if (f->status != 206 || f->first != r->rq->first || (r->total >= 0 && f->total != r->total) ||
        (int64_t)n > r->n - r->have) {
        km_fail(&r->rq->refused, KM_SYSTEM, "%.150s: %s", r->rq->url,
                f->status == 200 ? "the server sends no byte ranges" : "the server sends another range than asked for");
        return false;
    }
    memcpy(r->out + r->have, p, n);
    r->have += (int64_t)n;
    return true;
}

km_status km_http_range(km_http *h, const char *url, int64_t first, int64_t n, int64_t total, void *out, km_err *err)
{
    km_http_facts facts;
    km_http_request rq = {.url = url, .sink = take_piece};
    piece r = {.rq = &rq, .out = out, .n = n, .total = total};
    rq.arg = &r;
    for (int tries = 0; r.have < n;) {
        int64_t had = r.have;
        rq.first = first + had;
        rq.n = n - had;
        km_status status = km_http_once(h, &rq, &facts, err);
        if (status < 0) return status;
        km_http_count(h, r.have - had);
        if (r.have == n) break;
        if (status == KM_OK) km_fail(err, KM_SYSTEM, "%.150s: %lld bytes too few", url, (long long)(n - r.have));
        KM_TRY(km_http_wait(h, &tries, r.have > had, err));
    }
    return KM_OK;
}

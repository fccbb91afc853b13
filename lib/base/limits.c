/* SPDX-License-Identifier: MIT */
#include "lib/base/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { PATH = 4096 };

/* The first number in a file of one number; -1 when there is none ("max", no such file). */
static int64_t number_in(const char *path)
{
    int64_t value = -1;
    FILE *f = fopen(path, "r");
    if (!f) return -1;
    if (fscanf(f, "%" SCNd64, &value) != 1) value = -1;
    fclose(f);
    return value;
}

/* The number behind a name in a file of such lines; -1 when it is not there. */
static int64_t number_of(const char *path, const char *name)
{
    char line[256];
    int64_t value = -1;
    size_t n = strlen(name);
    FILE *f = fopen(path, "r");
    if (!f) return -1;
    while (value < 0 && fgets(line, sizeof line, f))
        if (!strncmp(line, name, n) && sscanf(line + n, "%" SCNd64, &value) != 1) value = -1;
    fclose(f);
    return value;
}

static int64_t system_available(void)
{
    int64_t kib = number_of("/proc/meminfo", "MemAvailable:");
    return kib < 0 ? -1 : kib * 1024;
}

static int64_t least(int64_t a, int64_t b) { return b < 0 || (a >= 0 && a < b) ? a : b; }

/* The names in one version of control groups. */
typedef struct version {
    const char *base, *limit, *used, *prefix; /* prefix of the names in memory.stat */
} version;
static const version v1 = {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"};
static const version v2 = {"/sys/fs/cgroup", "memory.max", "memory.current", ""};

/* Pages of files that the group holds: given up when memory is asked for. */
static int64_t file_pages(const version *v, const char *group)
{
    char path[2 * PATH], name[64];
    int64_t bytes = 0;
    snprintf(path, sizeof path, "%s%s/memory.stat", v->base, group);
    for (int active = 0; active < 2; active++) {
        snprintf(name, sizeof name, "%s%sactive_file ", v->prefix, active ? "" : "in");
        int64_t n = number_of(path, name);
        bytes += n > 0 ? n : 0;
    }
    return bytes;
}

/* What a group and all groups above it leave; group, a path below the base, is cut short. */
static int64_t group_available(const version *v, char *group)
{
    char path[2 * PATH];
    int64_t left = -1;
    for (;;) {
        snprintf(path, sizeof path, "%s%s/%s", v->base, group, v->limit);
        int64_t limit = number_in(path);
        snprintf(path, sizeof path, "%s%s/%s", v->base, group, v->used);
        int64_t used = number_in(path) - file_pages(v, group);
        if (limit >= 0 && used >= 0) left = least(left, limit > used ? limit - used : 0);
        char *slash = strrchr(group, '/');
        if (!slash) return left;
        *slash = '\0';
    }
}

static int64_t cgroup_available(void)
{
    char line[PATH];
    int64_t left = -1;
    FILE *f = fopen("/proc/self/cgroup", "r");
    if (!f) return -1;
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *group++ = '\0';
        if (controllers[1] == '\0') left = least(left, group_available(&v2, group));
        else if (strstr(controllers + 1, "memory")) left = least(left, group_available(&v1, group));
    }
    fclose(f);
    return left;
}

static int64_t address_space_available(void)
{
    struct rlimit r;
    int64_t pages = number_in("/proc/self/statm");
    if (getrlimit(RLIMIT_AS, &r) != 0 || r.rlim_cur == RLIM_INFINITY || pages < 0) return -1;
    int64_t used = pages * sysconf(_SC_PAGESIZE), limit = (int64_t)r.rlim_cur;
    return limit > used ? limit - used : 0;
}

int64_t km_memory_available(void)
{
    int64_t left = least(least(system_available(), cgroup_available()), address_space_available());
    return left < 0 ? INT64_MAX : left;
}

int64_t km_memory_allowed(int64_t asked) { return asked ? asked : km_memory_available(); }

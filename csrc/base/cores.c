#define _GNU_SOURCE                         /* sched_getaffinity */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/threads.h"

/* Cores that a cgroup's quota pays for ("quota period" in cpu.max), rounded up; `most` where there is no limit. */
static int pr_quota(const char *group, int most) {
    char path[600];
    long quota, period;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
    FILE *file = fopen(path, "re");
    if (!file) return most;
    int found = fscanf(file, "%ld %ld", &quota, &period);       /* "max 100000": no number, no limit */
    fclose(file);
    if (found != 2 || quota <= 0 || period <= 0) return most;
    long cores = (quota - 1) / period + 1;
    return cores < most ? (int)cores : most;
}

/* The path of this process's group below /sys/fs/cgroup (version 2), or "". */
static void pr_group(char *out, size_t bytes) {
    char line[512];
    out[0] = 0;
    FILE *file = fopen("/proc/self/cgroup", "re");
    if (!file) return;
    while (fgets(line, sizeof line, file))
        if (!strncmp(line, "0::/", 4)) {
            line[strcspn(line, "\n")] = 0;
            snprintf(out, bytes, "%s", line + 3);
        }
    fclose(file);
}

int pr_usable_cores(void) {
    cpu_set_t set;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    char group[512];
    pr_group(group, sizeof group);
    for (;;) {                              /* every ancestor's limit holds too */
        cores = pr_quota(group, cores);
        char *slash = strrchr(group, '/');
        if (!slash) break;
        *slash = 0;
    }
    return cores < 1 ? 1 : cores;
}

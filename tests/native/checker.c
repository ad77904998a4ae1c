/* Compares every fast kernel with plain loops, exactly.  checker [--bench] [--level NAME] [--rounds N] [NAME ...] */
#include "check.h"

#include "peak.h"

check_options options = {.rounds = 300};
pr_pool *pools[4];
extern int64_t comparisons, failures;

#define CHECK(name, run, bench) void run(void); void bench(void);
#include "checks.def"
#undef CHECK

static const check checks[] = {
#define CHECK(name, run, bench) {#name, run, bench},
#include "checks.def"
#undef CHECK
};

void check_none(void) {}

static uint32_t level_named(const char *name) {
    for (int i = 0; pr_level_name(i); i++)
        if (!strcmp(pr_level_name(i), name)) return 1u << i;
    printf("there is no level %s\n", name);
    exit(2);
}

/* Levels that run here: the CPU's, and those that this build imitates (see simde/immintrin.h). */
static uint32_t runnable_levels(void) {
#ifdef PR_CHECK_IMITATES
    return pr_cpu_levels() | PR_CHECK_IMITATES;
#else
    return pr_cpu_levels();
#endif
}

int main(int argc, char **argv) {
    int bench = 0, named = 0;
    options.levels = runnable_levels();
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--bench")) bench = 1;
        else if (!strcmp(argv[i], "--level") && i + 1 < argc) options.levels = level_named(argv[++i]);
        else if (!strcmp(argv[i], "--rounds") && i + 1 < argc) options.rounds = atoi(argv[++i]);
        else if (argv[i][0] != '-') named = 1;
        else return printf("checker [--bench] [--level NAME] [--rounds N] [NAME ...]\n"), 2;
    }
    pr_message message;
    for (int n = 1; n < 4; n++)
        if (pr_pool_open(n, &pools[n], &message) != PR_OK) return puts(message.text), 2;
    if (bench) {
        options.peak = measured_peak();
        printf("peak of one core, measured: %.1f GFLOP/s\n", options.peak);
    }
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        int chosen = !named;
        for (int j = 1; j < argc; j++) chosen |= !strcmp(argv[j], checks[i].name);
        if (!chosen || (bench && checks[i].bench == check_none)) continue;
        int64_t before = comparisons;
        printf("%s\n", checks[i].name);
        if (bench) checks[i].bench();
        else checks[i].run();
        if (!bench) printf("  %lld comparisons\n", (long long)(comparisons - before));
    }
    for (int n = 1; n < 4; n++) pr_pool_close(pools[n]);
    printf(failures ? "%lld FAILED of %lld\n" : "all right (%lld wrong of %lld)\n", (long long)failures,
           (long long)comparisons);
    return failures != 0;
}

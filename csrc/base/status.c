#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>

pr_status pr_fail(pr_message *message, pr_status status, const char *format, ...) {
    if (message) {
        va_list args;
        va_start(args, format);
        vsnprintf(message->text, sizeof message->text, format, args);
        va_end(args);
    }
    return status;
}

"""The C library: handles, shape rules, errors."""

/* Preloaded into a client, makes its copies from one file system to another take seconds, as those of films do: 20 MB/s.
 *
 * libtorrent copies with copy_file_range, or with pwrite where it cannot; either may do less than it was asked. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static const size_t MOST = 1 << 20;

static size_t slowly(size_t size) {
    if (size > MOST) size = MOST;
    nanosleep(&(struct timespec){0, (long)size * 50}, NULL);
    return size;
}

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *into, size_t size, unsigned flags) {
    ssize_t (*real)(int, off64_t *, int, off64_t *, size_t, unsigned) = dlsym(RTLD_NEXT, "copy_file_range");
    return real(from, at, to, into, slowly(size), flags);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    ssize_t (*real)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
    return real(file, data, slowly(size), at);
}

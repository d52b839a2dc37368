/* Preloaded into bookd: a wall clock that is a year ahead. `faketime` would move the clock of librdkafka's timed waits too,
 * which then last a year. */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
  long failed = syscall(SYS_clock_gettime, clock, at);
  if (!failed && clock == CLOCK_REALTIME) at->tv_sec += 365L * 24 * 60 * 60;
  return (int)failed;
}

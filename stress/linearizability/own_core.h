// Moves threads to different cores. A system often leaves threads that start
// together on one core until they are done.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_OWN_CORE_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_OWN_CORE_H_

#if defined(__linux__)
#include <sched.h>
#endif

#include <cstdint>

namespace holdfast::stress {

// Keeps the calling thread on one of the cores that the process may use, chosen
// by its number. Does nothing if the system cannot do that.
inline void MoveToOwnCore(uint32_t thread) {
#if defined(__linux__)
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return;
  uint32_t left = thread % static_cast<uint32_t>(CPU_COUNT(&cores));
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (!CPU_ISSET(core, &cores) || left-- != 0) continue;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    static_cast<void>(sched_setaffinity(0, sizeof(cores), &cores));
    return;
  }
#else
  static_cast<void>(thread);
#endif
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_OWN_CORE_H_

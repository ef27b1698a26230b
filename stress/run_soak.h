// Runs the checks that the configuration names on HandleTable as it is, with
// its value size and bits of generations.

#ifndef HOLDFAST_STRESS_RUN_SOAK_H_
#define HOLDFAST_STRESS_RUN_SOAK_H_

#include <cstddef>

#include "config.h"
#include "report.h"

namespace holdfast::stress {

// Requires that Validate(config) is OK and that kBytes is config.value_bytes.
// run_soak.cc is compiled once for each size, to be compiled side by side.
template <size_t kBytes>
Verdict RunSoak(const Config& config);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_RUN_SOAK_H_

// Runs the checks that the configuration names, on HandleTable itself, with the
// value size and the generation bits of the configuration.

#ifndef HOLDFAST_STRESS_RUN_SOAK_H_
#define HOLDFAST_STRESS_RUN_SOAK_H_

#include <cstddef>

#include "config.h"
#include "report.h"

namespace holdfast::stress {

// Requires that Validate(config) is OK and that kBytes is config.value_bytes.
// run_soak.cc is compiled once for each size, so that the compilations can run
// at the same time.
template <size_t kBytes>
Verdict RunSoak(const Config& config);

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_RUN_SOAK_H_

// What Diagnose and GetStats conclude from generations.

#ifndef HOLDFAST_INTERNAL_SLOT_OBSERVERS_H_
#define HOLDFAST_INTERNAL_SLOT_OBSERVERS_H_

#include <algorithm>
#include <cstdint>

#include "holdfast/diagnosis.h"
#include "holdfast/internal/generation.h"
#include "holdfast/options.h"

namespace holdfast::internal {

// The state of a handle that has the generation `issued`, if its slot has the
// generation `found`. `Limits` is a GenerationLimits.
template <typename Limits>
Diagnosis DiagnoseGenerations(Generation issued, Generation found) noexcept {
  if (!issued.IsLive() || issued.number() > Limits::kLastLive.number()) {
    return {HandleState::kForeign, 0};
  }
  if (found == issued) return {HandleState::kLive, 0};
  if (found.number() < issued.number()) return {HandleState::kNeverIssued, 0};
  const uint64_t ended = (found.number() - issued.number() + 1) / 2;
  return {
      found == Limits::kRetired ? HandleState::kRetired : HandleState::kStale,
      ended};
}

// Counts the first stats->high_water of `slots`, and fills in the fields of
// `stats` that depend on that.
template <typename Limits, typename Slots>
void CountSlots(const Slots& slots, TableStats* stats) noexcept {
  uint64_t oldest = 0;
  for (uint64_t index = 0; index < stats->high_water; ++index) {
    const Generation generation = slots.ObservedGeneration(index);
    stats->live += generation.IsLive();
    stats->retired += generation == Limits::kRetired;
    oldest = std::max(oldest, generation.number());
  }
  stats->free = stats->high_water - stats->live - stats->retired;
  stats->last_generation = Limits::kLastLive.number();
  stats->oldest_generation = std::min(oldest, stats->last_generation);
}

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_OBSERVERS_H_

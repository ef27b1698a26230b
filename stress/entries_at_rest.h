// The part of Worker that is called while no worker runs, and the anchors
// (values that stay pinned for a whole round). Included by worker.h alone.

#ifndef HOLDFAST_STRESS_ENTRIES_AT_REST_H_
#define HOLDFAST_STRESS_ENTRIES_AT_REST_H_

#include "worker.h"  // IWYU pragma: keep

namespace holdfast::stress {

template <typename Table>
auto Worker<Table>::Verify() -> Rest {
  Rest rest;
  for (uint32_t k = 0; k < kPrivate; ++k) {
    const Handle handle = entries_[k].handle;
    if (!handle) continue;
    const std::optional<Value> value = table().Read(handle);
    if (!value && clears()) {
      Vanish(k);
      continue;
    }
    ExpectThat(Check::kOwnRead, value && *value == ValueOf(k), handle,
               "at rest, the last value written", [&] {
                 return absl::StrCat(Text(value), ", not ",
                                     ValueOf(k).DebugString());
               });
    ++rest.live;
  }
  for (uint32_t j = 0; j < kContended; ++j) VerifyContended(j, &rest);
  for (const uint64_t bits : stale_) {
    if (bits == 0) continue;
    Expect(Check::kStale, !table().Contains(Handle::FromBits(bits)),
           Handle::FromBits(bits), "at rest, a stale handle to be refused",
           "Contains returned true");
  }
  return rest;
}

template <typename Table>
void Worker<Table>::Forget() {
  for (uint32_t k = 0; k < kEntries; ++k) {
    entries_[k].handle = Handle();
    // order: relaxed, all, as nobody else runs.
    board().bits[k].store(0, std::memory_order_relaxed);
  }
  for (uint32_t j = 0; j < kContended; ++j) {
    board().wins[j].store(entries_[kPrivate + j].life,
                          std::memory_order_relaxed);
  }
  seen_.assign(seen_.size(), Seen());
  stale_ = {};
  stale_count_ = 0;
  ledger_ = Ledger();
}

template <typename Table>
void Worker<Table>::BeginAnchors() {
  world_.anchors.clear();
  if (clears()) return;
  // Leaves the workers enough slots.
  const uint64_t wanted =
      std::min<uint64_t>(kAnchors, world_.config.max_slots / 8);
  for (uint32_t k = 0; k < wanted; ++k) {
    if (!entries_[k].handle) Begin(k);
    if (entries_[k].handle) world_.anchors.push_back(entries_[k].handle.bits());
  }
  std::sort(world_.anchors.begin(), world_.anchors.end());
}

template <typename Table>
void Worker<Table>::EndAnchors() {
  for (uint32_t k = 0; k < kAnchors; ++k) {
    if (entries_[k].handle && random_.OneIn(2)) End(k);
  }
}

template <typename Table>
void Worker<Table>::TouchAnchors() {
  for (uint32_t i = 0; i < 2 * kAnchors; ++i) {
    ++counts_.operations;
    switch (random_.Below(8)) {
      case 0:
        ReadShared();
        break;
      case 1:
        ReadOwn();
        break;
      case 2:
        ExchangeOwn();
        break;
      default:
        WriteOwn();
    }
  }
}

template <typename Table>
void Worker<Table>::TouchInPlace(Handle handle, Value& value) {
  const std::optional<Claim> claim = value.Decode();
  ExpectThat(Check::kExclusive, claim.has_value(), handle, "a whole value",
             [&] { return value.DebugString(); });
  if (!claim || claim->owner != id_ || claim->entry >= kAnchors) return;
  const uint32_t k = static_cast<uint32_t>(claim->entry);
  if (entries_[k].sequence == Value::kLastSequence) return;
  ++entries_[k].sequence;
  value = ValueOf(k);  // Verify checks that it is stored.
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_ENTRIES_AT_REST_H_

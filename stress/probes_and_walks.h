// The part of Worker that tries handles which must be refused, and walks the
// table. Included by worker.h alone.

#ifndef HOLDFAST_STRESS_PROBES_AND_WALKS_H_
#define HOLDFAST_STRESS_PROBES_AND_WALKS_H_

#include "worker.h"  // IWYU pragma: keep

namespace holdfast::stress {

template <typename Table>
void Worker<Table>::AddStale(Handle handle) {
  stale_[stale_count_++ % stale_.size()] = handle.bits();
}

template <typename Table>
void Worker<Table>::Refused(Check check, Handle handle, const char* expected) {
  const Value value = Value::Encode({id_, 0, 0, 0});
  const uint32_t verb = random_.Below(6);
  std::optional<Value> read;
  bool accepted = false;
  switch (verb) {
    case 0:
      read = table().Read(handle);
      break;
    case 1:
      read = table().Exchange(handle, value);
      break;
    case 2:
      read = table().Take(handle);
      break;
    case 3:
      accepted = table().Contains(handle);
      break;
    case 4:
      accepted = table().Write(handle, value);
      break;
    default:
      accepted = table().Unpin(handle);
  }
  ExpectThat(check, !accepted && !read, handle, expected, [&] {
    constexpr const char* kVerbs[] = {"Read",     "Exchange", "Take",
                                      "Contains", "Write",    "Unpin"};
    return absl::StrCat(kVerbs[verb], " returned ",
                        read ? Text(read) : std::string("true"));
  });
}

template <typename Table>
void Worker<Table>::ProbeStale() {
  if (stale_count_ == 0) return;
  const uint64_t kept = std::min<uint64_t>(stale_count_, stale_.size());
  const Handle handle = Handle::FromBits(stale_[random_.Below(kept)]);
  Refused(Check::kStale, handle, "a stale handle to be refused");
  if (!random_.OneIn(16)) return;
  const Diagnosis diagnosis = table().Diagnose(handle);
  ExpectThat(Check::kDiagnose,
             (diagnosis.state == HandleState::kStale ||
              diagnosis.state == HandleState::kRetired) &&
                 diagnosis.lives_ended >= 1,
             handle, "kStale or kRetired", [&] {
               return absl::StrCat("state ", static_cast<int>(diagnosis.state),
                                   " after ", diagnosis.lives_ended, " lives");
             });
}

template <typename Table>
void Worker<Table>::ProbeForeign() {
  const std::vector<uint64_t>& foreign = world_.foreign;
  const uint64_t own = entries_[random_.Below(kPrivate)].handle.bits();
  const uint64_t drawn = random_.Next();
  uint64_t bits = 0;
  switch (random_.Below(6)) {
    case 0:
      bits = foreign[random_.Below(foreign.size())];
      break;
    case 1:
      bits = drawn;
      break;
    case 2:
      break;  // The null handle.
    case 3:
      bits = own & ~uint64_t{1};
      break;
    case 4:
      bits = own | uint64_t{1} << 63;
      break;
    default: {
      // A handle for another life of a slot in which this worker has a live
      // value.
      if (clears() || own == 0) return;
      const uint64_t lives = uint64_t{1} << (world_.config.generation_bits - 1);
      bits = own ^ (2 * (1 + drawn % (lives - 1)));
    }
  }
  Refused(Check::kForeign, Handle::FromBits(bits),
          "a handle that was never issued to be refused");
}

template <typename Table>
void Worker<Table>::Visit(Handle handle, const Value& value,
                          std::vector<uint64_t>* visited) {
  visited->push_back(handle.bits());
  const std::optional<Claim> claim = value.Decode();
  bool ok = claim && claim->owner <= world_.config.threads;
  if (ok && claim->entry < kPrivate) {
    const uint32_t k = static_cast<uint32_t>(claim->entry);
    if (claim->owner != id_) {
      CheckSeen(&seen_[claim->owner * kEntries + k], handle.bits(), *claim);
    } else {  // This worker is busy here, so nobody writes to it.
      ok = entries_[k].handle == handle && value == ValueOf(k);
    }
  }
  ExpectThat(Check::kWalkValue, ok, handle, "a whole value of its entry",
             [&] { return value.DebugString(); });
}

template <typename Table>
void Worker<Table>::CheckVisited(Check check, std::vector<uint64_t>* visited) {
  std::sort(visited->begin(), visited->end());
  const auto twice = std::adjacent_find(visited->begin(), visited->end());
  if (twice != visited->end()) {
    return Fail(check, Handle::FromBits(*twice), "one visit", "two");
  }
  for (const uint64_t anchor : world_.anchors) {
    Expect(check, std::binary_search(visited->begin(), visited->end(), anchor),
           Handle::FromBits(anchor), "a visit", "none");
  }
  ++counts_[check];
}

template <typename Table>
void Worker<Table>::Walk() {
  visited_.clear();
  table().ForEach([this](Handle handle, const Value& value) {
    Visit(handle, value, &visited_);
  });
  CheckVisited(Check::kWalkOnce, &visited_);
}

template <typename Table>
void Worker<Table>::Clear() {
  ledger_.ends += table().UnpinAll();
  for (uint32_t k = 0; k < kPrivate; ++k) {
    const Handle handle = entries_[k].handle;
    if (!handle) continue;
    Expect(Check::kClear, !table().Contains(handle), handle,
           "a handle to be stale after UnpinAll", "Contains returned true");
    Vanish(k);
  }
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_PROBES_AND_WALKS_H_

#include "linearizability/window_checker.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "linearizability/call.h"
#include "linearizability/search.h"
#include "linearizability/slot_model.h"

namespace holdfast::stress {

WindowChecker::WindowChecker(uint64_t first, int generation_bits,
                             uint64_t max_steps)
    : first_(first), generation_bits_(generation_bits), max_steps_(max_steps) {
  Slot& slot = slots_[0];
  slot.state.generation = slot.last_generation = 1;
  slot.last_handle = first;
}

WindowChecker::Slot& WindowChecker::SlotOf(Call* call) {
  const uint64_t plain = call->handle ^ first_ ^ 1;
  call->generation = plain & ((uint64_t{1} << generation_bits_) - 1);
  return slots_[plain >> generation_bits_];
}

void WindowChecker::Add(Call call) {
  ++counts_.calls;
  origin_ = std::min(origin_, call.begin);
  if (call.verb == Verb::kUnpinAll) {
    unpin_alls_.push_back(call);
    return;
  }
  Slot& slot = SlotOf(&call);
  slot.calls.push_back(call);
  if (call.generation <= slot.last_generation) return;
  slot.last_generation = call.generation;
  slot.last_handle = call.handle;
}

std::vector<uint64_t> WindowChecker::LastHandles() const {
  std::vector<uint64_t> handles;
  for (const auto& [index, slot] : slots_) {
    if (slot.state.live || !slot.calls.empty()) {
      handles.push_back(slot.last_handle);
    }
  }
  return handles;
}

void WindowChecker::AddAtRest(Call read) {
  ++counts_.calls;
  Slot& slot = SlotOf(&read);
  slot.calls.push_back(read);
  slot.next_state = {read.generation, read.ok, read.ok ? read.result : 0};
}

std::string WindowChecker::Check() {
  std::string failure;
  for (auto& [index, slot] : slots_) {
    if (slot.calls.empty()) continue;
    failure = CheckSlot(index, &slot);
    if (!failure.empty()) return failure;
  }
  failure = CheckCount();
  if (!failure.empty()) return failure;
  for (auto& [index, slot] : slots_) {
    if (slot.calls.empty()) continue;
    slot.calls.clear();
    slot.state = slot.next_state;
  }
  unpin_alls_.clear();
  origin_ = kNever;
  return "";
}

std::string WindowChecker::CheckSlot(uint64_t index, Slot* slot) {
  std::vector<Call> calls = slot->calls;
  calls.insert(calls.end(), unpin_alls_.begin(), unpin_alls_.end());
  std::sort(calls.begin(), calls.end(), [](const Call& a, const Call& b) {
    return std::make_pair(a.begin, a.end) < std::make_pair(b.begin, b.end);
  });
  const uint64_t max_steps = max_steps_ + 8 * calls.size();
  const SearchResult result = Search(calls, slot->state, max_steps);
  ++counts_.histories;
  counts_.steps += result.steps;
  counts_.overlapping += result.overlapping;
  if (result.outcome == Outcome::kExplained) return "";
  if (result.outcome == Outcome::kGaveUp) {
    ++counts_.gave_up;
    return "";
  }
  const std::vector<Call> shortest =
      ShortestUnexplained(calls, result.culprit, max_steps_ / 16);
  return absl::StrCat("no order explains these ", shortest.size(), " of the ",
                      calls.size(), " calls on slot ", index,
                      " (open: may count or not)\n",
                      CallsText(shortest, origin_));
}

// The results of UnpinAll belong to no single slot. But their sum must be the
// number of lives that began, less those that other calls have ended, and less
// those that go on.
std::string WindowChecker::CheckCount() const {
  uint64_t left = 0;
  for (const auto& [index, slot] : slots_) {
    if (slot.calls.empty()) continue;
    left += slot.state.live;
    left -= slot.next_state.live;
    for (const Call& call : slot.calls) {
      if (call.verb == Verb::kPin) ++left;
      if (call.verb == Verb::kUnpin || call.verb == Verb::kTake)
        left -= call.ok;
    }
  }
  uint64_t returned = 0;
  for (const Call& call : unpin_alls_) returned += call.result;
  if (returned == left) return "";
  return absl::StrCat(
      "the ", unpin_alls_.size(), " calls of UnpinAll have returned ", returned,
      " in all, but there were ", left, " lives for them to end\n");
}

}  // namespace holdfast::stress

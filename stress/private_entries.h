// The part of Worker that works on its own private entries, and reads others'.
// Included by worker.h alone.

#ifndef HOLDFAST_STRESS_PRIVATE_ENTRIES_H_
#define HOLDFAST_STRESS_PRIVATE_ENTRIES_H_

#include "worker.h"  // IWYU pragma: keep

namespace holdfast::stress {

template <typename Table>
auto Worker<Table>::Pin(const Value& value) -> Handle {
  const Handle handle = table().Pin(value);
  if (!handle) {
    if (world_.roomy()) {
      Fail(Check::kCapacity, handle, "a handle", "null in a roomy table");
    }
    return handle;
  }
  ++ledger_.pins;
  const auto answer =
      world_.issue_oracle->Record(handle.bits(), /*ordered=*/!clears());
  if (answer == IssueOracle::Answer::kTooLate) return handle;
  Expect(Check::kIssue, answer == IssueOracle::Answer::kFresh, handle,
         "a handle that was never issued",
         answer == IssueOracle::Answer::kMalformed ? "a malformed one"
                                                   : "one issued before");
  return handle;
}

template <typename Table>
void Worker<Table>::Unpin(Handle handle) {
  if (Expect(Check::kOwnEnd, table().Unpin(handle), handle,
             "Unpin to return true", "false")) {
    ++ledger_.ends;
  }
}

template <typename Table>
void Worker<Table>::Begin(uint32_t k) {
  Entry& entry = entries_[k];
  ++entry.life;
  entry.sequence = 0;
  entry.handle = Pin(ValueOf(k));
  // order: relaxed. See Board.
  if (entry.handle) {
    board().bits[k].store(entry.handle.bits(), std::memory_order_relaxed);
  }
}

template <typename Table>
void Worker<Table>::End(uint32_t k) {
  const Handle handle = entries_[k].handle;
  bool ended;
  if (random_.OneIn(2)) {
    const std::optional<Value> value = table().Take(handle);
    ended = value.has_value();
    if (!ended && clears()) return Vanish(k);
    ExpectThat(Check::kOwnEnd, ended && *value == ValueOf(k), handle,
               "Take to return the last value written", [&] {
                 return absl::StrCat(Text(value), ", not ",
                                     ValueOf(k).DebugString());
               });
  } else {
    ended = EndIf(handle, ValueOf(k));
    if (!ended && clears()) return Vanish(k);
    Expect(Check::kOwnEnd, ended, handle, "Unpin to return true", "false");
  }
  ledger_.ends += ended;
  Vanish(k);
}

// Notes that the handle of entry `k` is stale, by this worker or by UnpinAll.
template <typename Table>
void Worker<Table>::Vanish(uint32_t k) {
  AddStale(entries_[k].handle);
  entries_[k].handle = Handle();
}

template <typename Table>
void Worker<Table>::Churn() {
  // The worker fills its entries for a while, and empties them for a while, so
  // that free slots move from thread to thread.
  if (random_.OneIn(256)) filling_ = !filling_;
  const uint32_t k = random_.Below(kPrivate);
  if (!entries_[k].handle) {
    if (filling_ || random_.OneIn(8)) Begin(k);
  } else if (!filling_ || random_.OneIn(8)) {
    End(k);
  }
}

template <typename Table>
void Worker<Table>::ReadOwn() {
  const uint32_t k = random_.Below(kPrivate);
  const Handle handle = entries_[k].handle;
  if (!handle) return;
  const std::optional<Value> value = table().Read(handle);
  if (!value && clears()) return Vanish(k);
  ExpectThat(Check::kOwnRead, value && *value == ValueOf(k), handle,
             "the last value written", [&] {
               return absl::StrCat(Text(value), ", not ",
                                   ValueOf(k).DebugString());
             });
  if (clears() || !random_.OneIn(16)) return;
  Expect(Check::kDiagnose,
         table().Contains(handle) &&
             table().Diagnose(handle).state == HandleState::kLive,
         handle, "Contains, and Diagnose to tell kLive", "otherwise");
}

template <typename Table>
void Worker<Table>::WriteOwn() {
  const uint32_t k = random_.Below(kPrivate);
  Entry& entry = entries_[k];
  if (!entry.handle || entry.sequence == Value::kLastSequence) return;
  ++entry.sequence;
  const bool written = table().Write(entry.handle, ValueOf(k));
  if (!written && clears()) return Vanish(k);
  Expect(Check::kOwnWrite, written, entry.handle, "Write to return true",
         "false");
}

template <typename Table>
void Worker<Table>::ExchangeOwn() {
  const uint32_t k = random_.Below(kPrivate);
  Entry& entry = entries_[k];
  if (!entry.handle || entry.sequence == Value::kLastSequence) return;
  const Value last = ValueOf(k);
  ++entry.sequence;
  const std::optional<Value> value = Replace(entry.handle, last, ValueOf(k));
  if (!value && clears()) return Vanish(k);
  ExpectThat(Check::kOwnExchange, value && *value == last, entry.handle,
             "the last value written", [&] {
               return absl::StrCat(Text(value), ", not ", last.DebugString());
             });
}

template <typename Table>
void Worker<Table>::ReadShared() {
  const uint32_t owner = random_.Below(world_.config.threads + 1);
  const uint32_t k =
      random_.Below(owner == world_.config.threads ? kAnchors : kPrivate);
  // order: relaxed. See Board.
  const uint64_t bits =
      world_.boards[owner].bits[k].load(std::memory_order_relaxed);
  if (bits == 0) return;
  const Handle handle = Handle::FromBits(bits);
  Seen* const seen = &seen_[owner * kEntries + k];
  const std::optional<Value> value = table().Read(handle);
  if (!value) {
    // If this worker has read it before, it was live, and so it is stale now.
    if (seen->bits == bits) AddStale(handle);
    return;
  }
  const std::optional<Claim> claim = value->Decode();
  if (ExpectThat(Check::kSharedRead,
                 claim && claim->owner == owner && claim->entry == k, handle,
                 "a whole value of this entry", [&] {
                   return absl::StrCat(Text(value), ", of owner ", owner,
                                       " entry ", k);
                 })) {
    CheckSeen(seen, bits, *claim);
  }
}

template <typename Table>
void Worker<Table>::CheckSeen(Seen* seen, uint64_t bits, const Claim& claim) {
  const auto got = [&] {
    return absl::StrCat("life ", claim.life, " sequence ", claim.sequence,
                        " after life ", seen->life, " sequence ",
                        seen->sequence);
  };
  const Handle handle = Handle::FromBits(bits);
  if (seen->bits == bits) {
    ExpectThat(Check::kSequence,
               claim.life == seen->life && claim.sequence >= seen->sequence,
               handle, "a later value of the same life", got);
  } else if (seen->bits != 0 && Value::kLifeBits > 32) {
    ExpectThat(Check::kSequence, claim.life > seen->life, handle,
               "a later life", got);
  }
  *seen = {bits, claim.life, claim.sequence};
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_PRIVATE_ENTRIES_H_

// The part of Worker that races with the other workers for the same handles.
// Included by worker.h alone.

#ifndef HOLDFAST_STRESS_CONTENDED_ENTRIES_H_
#define HOLDFAST_STRESS_CONTENDED_ENTRIES_H_

#include "worker.h"  // IWYU pragma: keep

namespace holdfast::stress {

template <typename Table>
void Worker<Table>::Contend() {
  const uint32_t owner = random_.Below(world_.config.threads);
  const uint32_t j = random_.Below(world_.config.contended);
  if (owner == id_) Tend(j);
  // order: acquire. It synchronizes with the store in Tend. So the owner has
  // told the issue oracle of the handle before another worker can end it.
  // (Handles of private entries are loaded relaxed.)
  const uint64_t bits =
      world_.boards[owner].bits[kPrivate + j].load(std::memory_order_acquire);
  if (bits == 0) return;
  const Handle handle = Handle::FromBits(bits);
  const uint32_t verb = random_.Below(16);
  if (verb < 2) {
    EndContended(owner, j, handle);
  } else if (verb < 9) {
    ReplaceContended(owner, j, handle);
  } else if (const std::optional<Value> value = table().Read(handle)) {
    CheckContended(owner, j, handle, value);
  }
}

// Begins the next life of one of the worker's contended entries, if the last
// life has ended and the worker that has ended it has counted that.
template <typename Table>
void Worker<Table>::Tend(uint32_t j) {
  const uint32_t k = kPrivate + j;
  Entry& entry = entries_[k];
  // order: acquire. It synchronizes with the increment in EndContended, so for
  // each counted win this thread sees that the life has ended.
  const uint64_t wins = board().wins[j].load(std::memory_order_acquire);
  const bool live = entry.handle && table().Contains(entry.handle);
  ExpectThat(Check::kWin, wins + live <= entry.life, entry.handle,
             "one winner for each life that has ended", [&] {
               return absl::StrCat(wins, " winners, in life ", entry.life,
                                   live ? ", which goes on" : "");
             });
  if (live || wins != entry.life) return;
  ++entry.life;
  entry.sequence = random_.Below(Value::kLastSequence + 1);
  const Value value = ValueOf(k);
  const Handle handle = Pin(value);
  if (!handle) {
    --entry.life;
    return;
  }
  entry.handle = handle;
  if (IsConserved(j)) Put(value);
  // order: release. See Contend.
  board().bits[k].store(handle.bits(), std::memory_order_release);
}

// Returns the claim of a value that was found under a contended handle.
template <typename Table>
std::optional<Claim> Worker<Table>::CheckContended(
    uint32_t owner, uint32_t j, Handle handle,
    const std::optional<Value>& value) {
  const std::optional<Claim> claim = value->Decode();
  const uint32_t k = kPrivate + j;
  Seen* const seen = &seen_[owner * kEntries + k];
  const bool known = seen->bits == handle.bits();
  if (!ExpectThat(Check::kSharedRead,
                  claim && claim->owner == owner && claim->entry == k &&
                      (!known || claim->life == seen->life),
                  handle, "a whole value of this life", [&] {
                    return absl::StrCat(Text(value), ", of owner ", owner,
                                        " entry ", k, " life ",
                                        known ? seen->life : 0);
                  })) {
    return std::nullopt;
  }
  *seen = {handle.bits(), claim->life, 0};
  return claim;
}

template <typename Table>
void Worker<Table>::EndContended(uint32_t owner, uint32_t j, Handle handle) {
  bool won;
  if (IsConserved(j) || random_.OneIn(2)) {
    const std::optional<Value> value = table().Take(handle);
    won = value.has_value();
    if (won && IsConserved(j)) Got(*value);
    if (won) CheckContended(owner, j, handle, value);
  } else {
    won = table().Unpin(handle);
  }
  AddStale(handle);
  if (!won) return;
  ++ledger_.ends;
  // order: release. See Tend.
  world_.boards[owner].wins[j].fetch_add(1, std::memory_order_release);
}

template <typename Table>
void Worker<Table>::ReplaceContended(uint32_t owner, uint32_t j,
                                     Handle handle) {
  const std::optional<Value> read = table().Read(handle);
  if (!read) return;
  std::optional<Claim> claim = CheckContended(owner, j, handle, read);
  if (!claim) return;
  claim->sequence = random_.Below(Value::kLastSequence + 1);
  const Value value = Value::Encode(*claim);
  if (!IsConserved(j) && random_.OneIn(2)) {
    static_cast<void>(table().Write(handle, value));
    return;
  }
  const std::optional<Value> old = Replace(handle, *read, value);
  if (!old) return AddStale(handle);
  if (IsConserved(j)) {
    Put(value);
    Got(*old);
  }
  CheckContended(owner, j, handle, old);
}

template <typename Table>
void Worker<Table>::VerifyContended(uint32_t j, Rest* rest) {
  const uint32_t k = kPrivate + j;
  const Handle handle = entries_[k].handle;
  if (entries_[k].life == 0) return;
  const std::optional<Value> value = table().Read(handle);
  // order: relaxed, as nobody else runs.
  const uint64_t wins = board().wins[j].load(std::memory_order_relaxed);
  ExpectThat(Check::kWin, wins + value.has_value() == entries_[k].life, handle,
             "at rest, one winner for each life that has ended", [&] {
               return absl::StrCat(wins, " winners, in life ", entries_[k].life,
                                   ", with ", Text(value));
             });
  if (!value) return;
  CheckContended(id_, j, handle, value);
  ++rest->live;
  if (!IsConserved(j)) return;
  ++rest->held;
  rest->held_sum += value->Hash();
}

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_CONTENDED_ENTRIES_H_

// One thread's random calls on handles that all threads share, and its log of
// them.
//
// A call ends when others see what it stored, for which the thread has to wait:
// its store buffer is drained (see time_stamp.h). If that is done after each
// call, then each call's end is exact, but each call begins with no store under
// way, and hides what goes wrong only beside the stores of the calls before.
// So in every other window the thread drains after a batch of calls, whose ends
// are all the drain's. That is later than their returns, never too early, and
// so the check stays as sound as with exact ends: it only allows more. But that
// a later call of the batch sees the stores of an earlier one, in the store
// buffer or beyond, still holds, so calls of a batch are in_order: at each
// slot's word, a thread's accesses take effect one after the other, each
// between its call's begin and the drain.
//
// Not even a Read's end can be told without the drain: it may have found in the
// store buffer what the same thread pinned, which others do not see yet.

#ifndef HOLDFAST_STRESS_LINEARIZABILITY_RECORDER_H_
#define HOLDFAST_STRESS_LINEARIZABILITY_RECORDER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "config.h"
#include "linearizability/call.h"
#include "linearizability/time_stamp.h"
#include "payload.h"
#include "tests/support/random.h"
#include "world.h"

namespace holdfast::stress {

// Where handles are passed on. Few, so that calls on one slot overlap.
struct alignas(128) Place {
  std::atomic<uint64_t> bits{0};
};
using Places = std::array<Place, 4>;

// Values without equal in a window: the how-manieth value of which thread, as
// those of contended entries, see Payload.
template <typename Value>
struct CountedValue {
  static constexpr int kCountBits =
      3 + Value::kSequenceBits + (Value::kLifeBits < 8 ? Value::kLifeBits : 8);
  static constexpr uint64_t kCountMask = (uint64_t{1} << kCountBits) - 1;
  static_assert(kContended == 8 && kCountBits < 48);

  static Value Encode(uint64_t thread, uint64_t count) {
    count &= kCountMask;
    return Value::Encode({thread, kPrivate + count % 8,
                          count >> (3 + Value::kSequenceBits),
                          count / 8 & Value::kLastSequence});
  }

  static uint64_t Number(const Value& value) {
    const std::optional<Claim> claim = value.Decode();
    if (!claim || claim->entry < kPrivate) return kDamagedValue;
    return ValueNumber(claim->owner, claim->life << (3 + Value::kSequenceBits) |
                                         claim->sequence << 3 |
                                         (claim->entry - kPrivate));
  }
};

// Used by one thread at a time.
template <typename Table>
class alignas(128) Recorder {
 public:
  using Value = typename Table::value_type;
  using Handle = typename Table::Handle;
  using Counted = CountedValue<Value>;

  Recorder(uint64_t seed, uint32_t thread)
      : thread_(thread), random_(seed, thread) {}

  // A new table: its handles are other ones.
  void SetTable(Table* table, Places* places) {
    table_ = table;
    places_ = places;
    old_ = {};
  }

  // Makes `count` calls, or one more.
  void Run(size_t count, Drains drains) {
    drains_ = drains;
    calls_.clear();
    calls_.reserve(count + 1);  // Nothing is allocated between two calls.
    size_t begin = 0;           // Of the batch.
    while (calls_.size() < count) {
      MakeCalls();
      if (calls_.size() - begin < kBatch) continue;
      EndBatch(begin);
      begin = calls_.size();
    }
    EndBatch(begin);
  }

  // A call of its own choice.
  Call Read(Handle handle) {
    drains_ = Drains::kAfterCalls;
    calls_.clear();
    Record(Verb::kRead, handle, 0, [&] { return table_->Read(handle); });
    return calls_.back();
  }

  const std::vector<Call>& calls() const { return calls_; }
  uint64_t operations() const { return operations_; }

 private:
  static constexpr size_t kBatch = 8;

  void EndBatch(size_t begin) {
    if (drains_ != Drains::kAfterBatches) return;
    const uint64_t end = EndStamp();
    for (size_t i = begin; i < calls_.size(); ++i) calls_[i].end = end;
  }

  void MakeCalls() {
    Place& place = (*places_)[random_.Below(places_->size())];
    const uint32_t draw = random_.Below(1024);
    ++operations_;
    if (draw == 0) return UnpinAll();
    if (draw < 110) return Pin(place);
    const Handle handle = Draw(place);
    if (!handle) return Pin(place);
    if (draw < 150) {
      Record(Verb::kUnpin, handle, 0, [&] { return table_->Unpin(handle); });
    } else if (draw < 190) {
      Record(Verb::kTake, handle, 0, [&] { return table_->Take(handle); });
    } else if (draw < 560) {
      Record(Verb::kRead, handle, 0, [&] { return table_->Read(handle); });
    } else if (draw < 620) {
      Record(Verb::kContains, handle, 0,
             [&] { return table_->Contains(handle); });
    } else {
      Replace(handle, draw < 820);
    }
  }

  // What lies in the place, or a handle that was there long ago.
  Handle Draw(const Place& place) {
    // order: acquire. With the release in Pin: whoever gets a handle sees its
    // Pin, without which it might be refused.
    const uint64_t bits = place.bits.load(std::memory_order_acquire);
    uint64_t& old = old_[random_.Below(old_.size())];
    const uint32_t draw = random_.Below(32);
    if (draw == 0) old = bits;
    return Handle::FromBits(draw == 1 && old != 0 ? old : bits);
  }

  // A handle lies in one place until another replaces it; so that no life goes
  // on beyond that, it is unpinned then, if nobody has done that yet.
  void Pin(Place& place) {
    const uint64_t count = ++values_;
    const Value value = Counted::Encode(thread_, count);
    Call call = Begin(Verb::kPin, Handle(), count);
    const Handle handle = table_->Pin(value);
    if (!handle) return;
    // order: acq_rel. See Draw. Nothing is drained before: the handle gets
    // about as early as it may.
    const uint64_t replaced =
        place.bits.exchange(handle.bits(), std::memory_order_acq_rel);
    End(&call);
    call.handle = handle.bits();
    calls_.push_back(call);
    if (replaced == 0) return;
    const Handle old = Handle::FromBits(replaced);
    ++operations_;
    Record(Verb::kUnpin, old, 0, [&] { return table_->Unpin(old); });
  }

  void Replace(Handle handle, bool read) {
    const uint64_t count = ++values_;
    const Value value = Counted::Encode(thread_, count);
    if (read) {
      Record(Verb::kExchange, handle, count,
             [&] { return table_->Exchange(handle, value); });
    } else {
      Record(Verb::kWrite, handle, count,
             [&] { return table_->Write(handle, value); });
    }
  }

  void UnpinAll() {
    Record(Verb::kUnpinAll, Handle(), 0, [&] { return table_->UnpinAll(); });
  }

  Call Begin(Verb verb, Handle handle, uint64_t count) {
    Call call;
    call.thread = thread_;
    call.verb = verb;
    call.handle = handle.bits();
    if (count != 0) {
      call.argument = ValueNumber(thread_, count & Counted::kCountMask);
    }
    call.begin = BeginStamp();
    return call;
  }

  void End(Call* call) {
    if (drains_ == Drains::kAfterBatches) {
      call->in_order = true;
    } else {
      call->end = EndStamp();
    }
  }

  template <typename F>
  void Record(Verb verb, Handle handle, uint64_t count, F operate) {
    Call call = Begin(verb, handle, count);
    const auto result = operate();
    End(&call);
    using Result = std::decay_t<decltype(result)>;
    if constexpr (std::is_same_v<Result, bool>) {
      call.ok = result;
    } else if constexpr (std::is_same_v<Result, uint64_t>) {
      call.result = result;
    } else {
      call.ok = result.has_value();
      if (result) call.result = Counted::Number(*result);
    }
    calls_.push_back(call);
  }

  const uint32_t thread_;
  Random random_;
  Table* table_ = nullptr;
  Places* places_ = nullptr;
  std::array<uint64_t, 8> old_ = {};
  uint64_t values_ = 0;
  uint64_t operations_ = 0;
  Drains drains_ = Drains::kAfterCalls;
  std::vector<Call> calls_;
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_LINEARIZABILITY_RECORDER_H_

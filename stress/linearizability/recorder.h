// A Recorder makes one thread's random calls on handles that all threads share,
// and records them.
//
// A call ends when other threads see what it stored. So the thread must drain
// its store buffer before it reads the time of the end (see time_stamp.h).
// After a drain for each call, each end is exact. But then each call begins
// with an empty store buffer, which hides defects that show only while stores
// of earlier calls are under way. So in every other window the thread drains
// only after a batch of calls, and all these calls get the time of the drain as
// their end.
//
// That is later than their returns and never too early. So the check still
// reports no false contradictions; it only allows more orders. Within a batch,
// a later call sees the stores of an earlier one, in the store buffer or
// beyond. So the calls of a batch are in_order: at each slot's word, a thread's
// accesses take effect one after the other, each between its call's begin and
// the drain.
//
// Even a Read needs the drain: it may have found in the store buffer what the
// same thread has pinned, and what other threads do not see yet.

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

// Threads pass on handles here. There are few places, so that calls on one slot
// overlap.
struct alignas(128) Place {
  std::atomic<uint64_t> bits{0};
};
using Places = std::array<Place, 4>;

// Values that are different from all others in a window: each contains its
// thread, and how many values the thread has made. They are encoded like the
// values of contended entries (see Payload).
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

// Only one thread at a time may use a Recorder.
template <typename Table>
class alignas(128) Recorder {
 public:
  using Value = typename Table::value_type;
  using Handle = typename Table::Handle;
  using Counted = CountedValue<Value>;

  Recorder(uint64_t seed, uint32_t thread)
      : thread_(thread), random_(seed, thread) {}

  // Goes on with a new table, and forgets the handles of the old one.
  void SetTable(Table* table, Places* places) {
    table_ = table;
    places_ = places;
    old_ = {};
  }

  // Makes `count` calls, or one more.
  void Run(size_t count, Drains drains) {
    drains_ = drains;
    calls_.clear();
    calls_.reserve(count + 1);  // So that no call has to allocate.
    size_t begin = 0;           // Where the present batch begins.
    while (calls_.size() < count) {
      MakeCalls();
      if (calls_.size() - begin < kBatch) continue;
      EndBatch(begin);
      begin = calls_.size();
    }
    EndBatch(begin);
  }

  // Makes one Read, and returns it.
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
      if (Table::kComparesValues && draw < 720) return Compare(handle);
      Replace(handle, draw < 820);
    }
  }

  // Returns the handle in the place, or one that was there long ago.
  Handle Draw(const Place& place) {
    // order: acquire. It synchronizes with the exchange in Pin, so this thread
    // sees the Pin of the handle. Otherwise the table might refuse the handle.
    const uint64_t bits = place.bits.load(std::memory_order_acquire);
    uint64_t& old = old_[random_.Below(old_.size())];
    const uint32_t draw = random_.Below(32);
    if (draw == 0) old = bits;
    return Handle::FromBits(draw == 1 && old != 0 ? old : bits);
  }

  // Pins a value, and puts its handle into the place. Unpins the handle that
  // was there before, so that no life lasts longer than that.
  void Pin(Place& place) {
    const uint64_t count = ++values_;
    const Value value = Counted::Encode(thread_, count);
    Call call = Begin(Verb::kPin, Handle(), count);
    const Handle handle = table_->Pin(value);
    if (!handle) return;
    // order: acq_rel. See Draw. Nothing is drained before, so that other
    // threads get the handle as early as possible.
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

  // Makes a call that depends on the value, and records it as the verb that it
  // comes to, whatever it finds: so CompareExchange is an Exchange, or a Read.
  void Compare(Handle handle) {
    if constexpr (Table::kComparesValues) {
      const uint64_t count = ++values_;
      const Value value = Counted::Encode(thread_, count);
      if (random_.OneIn(2)) {
        return Record(Verb::kExchange, handle, count, [&] {
          return table_->Update(handle, [&](const Value&) { return value; });
        });
      }
      std::optional<Value> found = table_->Read(handle);
      if (!found) return;
      const bool ends = random_.OneIn(4);
      Call call = Begin(ends ? Verb::kTake : Verb::kExchange, handle, count);
      const Compared compared =
          ends ? table_->UnpinIf(handle, *found)
               : table_->CompareExchange(handle, &*found, value);
      End(&call);
      call.ok = compared != Compared::kStale;
      if (call.ok) call.result = Counted::Number(*found);
      // Which value UnpinIf has found instead, it does not tell.
      if (compared == Compared::kDifferent) {
        call.verb = ends ? Verb::kContains : Verb::kRead;
      }
      calls_.push_back(call);
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

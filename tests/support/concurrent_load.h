// Random operations on a table that many threads share. Each operation checks
// what the table returns. Nothing here allocates or locks, so a test may stop a
// thread, or fork, at any instruction.

#ifndef HOLDFAST_TESTS_SUPPORT_CONCURRENT_LOAD_H_
#define HOLDFAST_TESTS_SUPPORT_CONCURRENT_LOAD_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "holdfast/handle_table.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast {

// The operation that a thread is inside of. Other threads can read this.
enum class Doing { kNothing, kPin, kRead, kWrite, kExchange, kUnpin, kTake };

// The values that all threads use: some that any thread writes, and some that
// any thread ends.
template <typename Table>
struct SharedLoad {
  using Value = typename Table::value_type;
  using Handle = typename Table::Handle;

  static constexpr uint64_t kWritten = 16;
  static constexpr uint64_t kEnded = 4;
  static constexpr uint64_t kEndedPin = 100;  // The pin() of those that end.

  explicit SharedLoad(Table& shared_table) : table(shared_table) {
    for (uint64_t i = 0; i < kWritten; ++i) {
      written[i] = table.Pin(Value::Make(i, 0));
    }
    for (auto& each : ended) {
      each.store(table.Pin(Value::Make(kEndedPin, 0)).bits());
    }
  }

  Table& table;
  std::array<Handle, kWritten> written;
  // A thread that ends the life of one of these pins another in its place.
  std::array<std::atomic<uint64_t>, kEnded> ended;
  std::atomic<uint64_t> wrong{0};
};

// The operations of one thread.
template <typename Table>
class LoadThread {
  using Shared = SharedLoad<Table>;
  using Value = typename Table::value_type;
  using Handle = typename Table::Handle;

 public:
  // How many values of its own a thread has at most.
  static constexpr uint64_t kOwn = 24;

  // `number` is the pin() of the thread's own values: 101 or more.
  LoadThread(Shared& shared, uint64_t seed, uint64_t number)
      : shared_(shared), random_(seed, number), number_(number) {}

  // Does one random operation or a few.
  void Step() {
    const uint64_t dice = random_.Below(100);
    if (dice < 60) return UseOwn(own_[random_.Below(kOwn)]);
    if (dice < 90) return UseWritten(random_.Below(Shared::kWritten));
    EndOne(shared_.ended[random_.Below(Shared::kEnded)]);
  }

  // Checks that the thread's own values are as it left them.
  void CheckOwn() {
    for (const Own& own : own_) {
      if (own.handle) Check(Read(own.handle) == Make(own));
    }
  }

  void UnpinOwn() {
    for (Own& own : own_) {
      if (own.handle) Check(Unpin(own.handle));
      own.handle = Handle();
    }
  }

  // Returns how many of its own values are live.
  uint64_t owned() const {
    uint64_t owned = 0;
    for (const Own& own : own_) owned += bool{own.handle};
    return owned;
  }

  Doing doing() const { return doing_.load(std::memory_order_relaxed); }

 private:
  struct Own {
    Handle handle;
    uint64_t sequence = 0;
  };

  void UseOwn(Own& own) {
    if (!own.handle) {
      own.handle = Pin(Make(own));
      return Check(bool{own.handle});
    }
    const Value old = Make(own);
    switch (random_.Below(8)) {
      case 0:
        Check(Take(own.handle) == old);
        return Ended(own);
      case 1:
        Check(Unpin(own.handle));
        return Ended(own);
      case 2:
      case 3:
        return Check(Read(own.handle) == old);
      case 4:
      case 5:
        ++own.sequence;
        return Check(Write(own.handle, Make(own)));
      default:
        ++own.sequence;
        return Check(Exchange(own.handle, Make(own)) == old);
    }
  }

  void Ended(Own& own) {
    Check(!Read(own.handle));
    Check(!Unpin(own.handle));
    own.handle = Handle();
    ++own.sequence;
  }

  void UseWritten(uint64_t i) {
    const Handle handle = shared_.written[i];
    const Value value = Value::Make(i, random_.Next());
    std::optional<Value> seen;
    switch (random_.Below(4)) {
      case 0:
        return Check(Write(handle, value));
      case 1:
        seen = Exchange(handle, value);
        break;
      default:
        seen = Read(handle);
    }
    Check(seen && seen->IsWhole() && seen->pin() == i);
  }

  void EndOne(std::atomic<uint64_t>& bits) {
    const Handle handle = Handle::FromBits(bits.load());
    const std::optional<Value> value = Take(handle);
    if (!value) return;  // Another thread was first, and will pin the next.
    Check(value->IsWhole() && value->pin() == Shared::kEndedPin);
    Check(!Unpin(handle));
    const Handle next = Pin(Value::Make(Shared::kEndedPin, random_.Next()));
    Check(bool{next});
    bits.store(next.bits());
  }

  Value Make(const Own& own) const {
    return Value::Make(number_, own.sequence);
  }

  void Check(bool right) {
    if (!right) shared_.wrong.fetch_add(1);
  }

  // --- Calls -----------------------------------------------------------------

  Handle Pin(const Value& value) {
    return Do(Doing::kPin, [&] { return shared_.table.Pin(value); });
  }
  std::optional<Value> Read(Handle handle) {
    return Do(Doing::kRead, [&] { return shared_.table.Read(handle); });
  }
  bool Write(Handle handle, const Value& value) {
    return Do(Doing::kWrite,
              [&] { return shared_.table.Write(handle, value); });
  }
  std::optional<Value> Exchange(Handle handle, const Value& value) {
    return Do(Doing::kExchange,
              [&] { return shared_.table.Exchange(handle, value); });
  }
  bool Unpin(Handle handle) {
    return Do(Doing::kUnpin, [&] { return shared_.table.Unpin(handle); });
  }
  std::optional<Value> Take(Handle handle) {
    return Do(Doing::kTake, [&] { return shared_.table.Take(handle); });
  }

  template <typename F>
  auto Do(Doing what, F call) {
    doing_.store(what, std::memory_order_relaxed);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const auto result = call();
    std::atomic_signal_fence(std::memory_order_seq_cst);
    doing_.store(Doing::kNothing, std::memory_order_relaxed);
    return result;
  }

  Shared& shared_;
  Random random_;
  const uint64_t number_;
  std::array<Own, kOwn> own_;
  std::atomic<Doing> doing_{Doing::kNothing};
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_CONCURRENT_LOAD_H_

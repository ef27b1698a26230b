// Goal: a Read returns a whole value, of the handle's own pin, and what one
// thread wrote in its order.
//
// Method: threads share a few boxes, each with the bits of one handle, and
// read, write, exchange, and unpin and pin anew at random. Values carry the
// number of their pin and checksums. What was seen under which handle is
// recorded and compared with what was pinned. In the last test every value is
// written once, and what replaced what tells in which order.

#include <atomic>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/concurrent_hooked_atomics.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/concurrent_value.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

constexpr int kThreads = 4;
constexpr int kBoxes = 2;

template <size_t kBytes, typename Traits>
struct Config {
  using Value = Stamped<kBytes>;
  using Table = HandleTable<Value, Traits>;
};

template <typename Config>
class ConcurrentWriteTest : public testing::Test {};

using Configs =
    testing::Types<Config<4, CalmTraits>, Config<8, CalmTraits>,
                   Config<16, CalmTraits>, Config<24, CalmTraits>,
                   Config<64, CalmTraits>, Config<4, JitteryTraits>,
                   Config<8, JitteryTraits>, Config<16, JitteryTraits>,
                   Config<24, JitteryTraits>, Config<64, JitteryTraits>>;
TYPED_TEST_SUITE(ConcurrentWriteTest, Configs);

// What a thread saw: the pin of a value under a handle, where it changed.
class Sightings {
 public:
  void Add(int box, uint64_t handle, uint64_t pin) {
    Sighting& last = last_[box];
    if (last.handle == handle && last.pin == pin) return;
    last = {handle, pin};
    all_.push_back(last);
  }

  // Those that contradict `pins`, which maps handles to pins.
  uint64_t CountWrong(
      const std::unordered_map<uint64_t, uint64_t>& pins) const {
    uint64_t wrong = 0;
    for (const Sighting& sighting : all_) {
      const auto found = pins.find(sighting.handle);
      if (found == pins.end() || found->second != sighting.pin) ++wrong;
    }
    return wrong;
  }

  size_t size() const { return all_.size(); }

 private:
  struct Sighting {
    uint64_t handle = 0;
    uint64_t pin = 0;
  };
  Sighting last_[kBoxes];
  std::vector<Sighting> all_;
};

TYPED_TEST(ConcurrentWriteTest, NoValueIsTornOrOfAnotherPin) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  using Handle = typename Table::Handle;
  const uint64_t seed = TestSeed();
  const int rounds = Rounds(200'000);

  // With this cache a slot that is unpinned is pinned again at once.
  auto table = *Table::Create({/*max_slots=*/1024});
  std::atomic<uint64_t> boxes[kBoxes];
  struct Records {
    std::unordered_map<uint64_t, uint64_t> pins;
    Sightings seen;
    uint64_t torn = 0;
  };
  std::vector<Records> records(kThreads + 1);
  for (auto& box : boxes) {
    const uint64_t handle = table.Pin(Value::Make(0, 0)).bits();
    records[kThreads].pins.emplace(handle, 0);
    box = handle;
  }

  RunThreads(kThreads, [&](int thread) {
    Random random(seed, static_cast<uint64_t>(thread));
    Records& mine = records[static_cast<size_t>(thread)];
    for (int round = 0; round < rounds; ++round) {
      const int at = static_cast<int>(random.Below(kBoxes));
      const Handle handle =
          Handle::FromBits(boxes[at].load(std::memory_order_relaxed));
      const auto look = [&](const std::optional<Value>& value) {
        if (!value) return;
        if (!value->IsWhole()) ++mine.torn;
        mine.seen.Add(at, handle.bits(), value->pin());
      };
      const uint64_t choice = random.Below(16);
      const std::optional<Value> value = table.Read(handle);
      look(value);
      if (!value) continue;
      const Value next = Value::Make(value->pin(), random.Next());
      if (choice < 4) {
        table.Write(handle, next);
      } else if (choice < 7) {
        look(table.Exchange(handle, next));
      } else if (choice == 7) {
        if (!table.Unpin(handle)) continue;
        const uint64_t pin = random.Next() & Value::kMask;
        const uint64_t begun = table.Pin(Value::Make(pin, 0)).bits();
        mine.pins.emplace(begun, pin);
        boxes[at].store(begun, std::memory_order_relaxed);
      }
    }
  });

  std::unordered_map<uint64_t, uint64_t> pins;
  for (const Records& each : records) {
    pins.insert(each.pins.begin(), each.pins.end());
  }
  EXPECT_EQ(pins.count(0), 0u) << "a Pin was refused";
  size_t seen = 0;
  for (int thread = 0; thread < kThreads; ++thread) {
    const Records& each = records[static_cast<size_t>(thread)];
    EXPECT_EQ(each.torn, 0u);
    EXPECT_EQ(each.seen.CountWrong(pins), 0u);
    seen += each.seen.size();
  }
  // Of all threads: one alone may have met nothing but the stale handles that
  // others, not running at the time, were about to replace.
  EXPECT_GT(seen, 100u) << "hardly any reuse was seen";
}

// One thread alone writes to each box; the others check that what they see of
// it never goes backwards, nor falls behind what they were told was written.
TYPED_TEST(ConcurrentWriteTest, WhatOneThreadWritesIsReadInItsOrder) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  using Handle = typename Table::Handle;
  const int rounds = Rounds(200'000);
  constexpr uint64_t kWritesPerPin = 200;
  constexpr int kReaders = 2;
  TestSeed();

  auto table = *Table::Create({/*max_slots=*/1024});
  struct Box {
    std::atomic<uint64_t> handle{0};
    std::atomic<uint64_t> written{0};  // Sequence number, within the handle.
  };
  Box boxes[kBoxes];
  std::atomic<int> writing{kBoxes};
  std::atomic<uint64_t> wrong_own{0};
  std::atomic<uint64_t> backwards{0};
  std::atomic<uint64_t> behind{0};

  RunThreads(kBoxes + kReaders, [&](int thread) {
    if (thread < kBoxes) {
      Box& box = boxes[thread];
      Handle handle;
      for (int round = 0; round < rounds; ++round) {
        const uint64_t sequence = static_cast<uint64_t>(round) % kWritesPerPin;
        const Value value = Value::Make(0, sequence);
        bool right = true;
        if (sequence == 0) {
          if (handle) right = table.Unpin(handle);
          box.written.store(0, std::memory_order_relaxed);
          handle = table.Pin(value);
          box.handle.store(handle.bits(), std::memory_order_release);
        } else {
          right = table.Write(handle, value);
          box.written.store(sequence, std::memory_order_release);
        }
        const std::optional<Value> back = table.Read(handle);
        if (!right || !back || !(*back == value)) wrong_own.fetch_add(1);
      }
      writing.fetch_sub(1);
      return;
    }
    uint64_t handles[kBoxes] = {};
    uint64_t seen[kBoxes] = {};
    while (writing.load(std::memory_order_relaxed) > 0) {
      for (int at = 0; at < kBoxes; ++at) {
        Box& box = boxes[at];
        const uint64_t bits = box.handle.load(std::memory_order_acquire);
        const uint64_t told = box.written.load(std::memory_order_acquire);
        // `told` may be of a later handle; then this one is stale already.
        const std::optional<Value> value = table.Read(Handle::FromBits(bits));
        if (!value) continue;
        if (value->sequence() < told) behind.fetch_add(1);
        if (bits == handles[at] && value->sequence() < seen[at]) {
          backwards.fetch_add(1);
        }
        handles[at] = bits;
        seen[at] = value->sequence();
      }
    }
  });

  EXPECT_EQ(wrong_own.load(), 0u);
  EXPECT_EQ(backwards.load(), 0u);
  EXPECT_EQ(behind.load(), 0u);
}

// What happened to one handle: its values are numbers, each written once.
struct History {
  static constexpr uint64_t kNobody = ~uint64_t{0};

  // What each thread did and saw, in its order.
  struct Part {
    std::vector<uint64_t> written;                         // By Write.
    std::vector<std::pair<uint64_t, uint64_t>> exchanged;  // New and old.
    std::vector<uint64_t> seen;  // Without repetitions.

    void See(uint64_t number) {
      if (seen.empty() || seen.back() != number) seen.push_back(number);
    }
  };

  std::vector<Part> parts;
  uint64_t last = 0;

  // For each value the one that an Exchange returned for it. Fails if that one
  // was not written, or if two calls have returned it.
  void FindReplaced(uint64_t first) {
    replaced[first] = kNobody;
    for (const Part& part : parts) {
      for (const uint64_t number : part.written) replaced[number] = kNobody;
      for (const auto& [number, old] : part.exchanged) replaced[number] = old;
    }
    std::unordered_set<uint64_t> gone = {last};
    EXPECT_EQ(replaced.count(last), 1u) << "Take returned what nobody wrote";
    for (const auto& [number, old] : replaced) {
      if (old == kNobody) continue;
      EXPECT_EQ(replaced.count(old), 1u) << "a value that nobody wrote";
      EXPECT_TRUE(gone.insert(old).second) << "a value was returned twice";
    }
  }

  // Fails if anybody saw what nobody wrote.
  void CheckSeen() const {
    for (const Part& part : parts) {
      for (const uint64_t number : part.seen) {
        ASSERT_EQ(replaced.count(number), 1u) << "a value that nobody wrote";
      }
    }
  }

  // Requires that no value was lost to a Write. Fails if those that replaced
  // each other are not all of them, or if anybody saw them in another order.
  void CheckOrder() const {
    std::unordered_map<uint64_t, size_t> places;
    for (uint64_t number = last; number != kNobody;) {
      if (!places.emplace(number, replaced.size() - places.size()).second) {
        break;
      }
      number = replaced.at(number);
    }
    ASSERT_EQ(places.size(), replaced.size()) << "no chain of exchanges";
    for (const Part& part : parts) {
      size_t place = 0;
      for (const uint64_t number : part.seen) {
        ASSERT_GE(places.at(number), place) << "a value that was replaced";
        place = places.at(number);
      }
    }
  }

  std::unordered_map<uint64_t, uint64_t> replaced;
};

// On even boxes all writers exchange: then what each returned tells the order
// of all values, and nobody may see them in another. On odd boxes they write
// too, and each value is returned by one call at most.
TYPED_TEST(ConcurrentWriteTest, ExchangesFormAChainThatReadersFollow) {
  using Table = typename TypeParam::Table;
  using Value = typename TypeParam::Value;
  using Handle = typename Table::Handle;
  const uint64_t seed = TestSeed();
  constexpr int kWriters = 3;
  constexpr int kReaders = 2;
  const uint64_t rounds = static_cast<uint64_t>(Rounds(50'000));
  const auto make = [](uint64_t number) {
    return Value::Make(number / (Value::kMask + 1),
                       number % (Value::kMask + 1));
  };

  auto table = *Table::Create({/*max_slots=*/64});
  const typename Table::TestAccess access(table);
  Handle handles[kBoxes];
  History histories[kBoxes];
  for (int at = 0; at < kBoxes; ++at) {
    handles[at] = table.Pin(make(static_cast<uint64_t>(at)));
    histories[at].parts.resize(kWriters + kReaders);
  }
  std::atomic<int> writing{kWriters};
  std::atomic<uint64_t> torn{0};
  std::atomic<uint64_t> refused{0};

  RunThreads(kWriters + kReaders, [&](int thread) {
    const uint64_t me = static_cast<uint64_t>(thread);
    Random random(seed, me);
    History::Part mine[kBoxes];
    // Its number, unless there is none or it is torn.
    const auto look = [&](const std::optional<Value>& value) {
      if (!value) refused.fetch_add(1);
      if (value && !value->IsWhole()) torn.fetch_add(1);
      return value ? value->pin() * (Value::kMask + 1) + value->sequence() : 0;
    };
    if (thread < kWriters) {
      for (uint64_t i = 0; i < rounds; ++i) {
        const uint64_t number = kBoxes + i * kWriters + me;
        const size_t at = random.Below(kBoxes);
        if (at % 2 == 1 && random.OneIn(2)) {
          if (!table.Write(handles[at], make(number))) refused.fetch_add(1);
          mine[at].written.push_back(number);
        } else {
          const uint64_t old = look(table.Exchange(handles[at], make(number)));
          mine[at].exchanged.push_back({number, old});
          mine[at].See(old);
        }
        mine[at].See(number);
      }
      writing.fetch_sub(1);
    } else {
      bool by_pointer = false;
      while (writing.load(std::memory_order_relaxed) > 0) {
        for (int at = 0; at < kBoxes; ++at) {
          std::optional<Value> value;
          if (by_pointer) {
            Value found;
            if (table.Read(handles[at], &found)) value = found;
          } else {
            value = table.Read(handles[at]);
          }
          mine[at].See(look(value));
        }
        by_pointer = !by_pointer;
      }
    }
    for (int at = 0; at < kBoxes; ++at) {
      histories[at].parts[me] = std::move(mine[at]);
    }
  });

  EXPECT_EQ(torn.load(), 0u);
  EXPECT_EQ(refused.load(), 0u);
  EXPECT_EQ(access.Problem(), "");
  for (int at = 0; at < kBoxes; ++at) {
    History& history = histories[at];
    const std::optional<Value> last = table.Take(handles[at]);
    ASSERT_TRUE(last && last->IsWhole());
    history.last = last->pin() * (Value::kMask + 1) + last->sequence();
    history.FindReplaced(static_cast<uint64_t>(at));
    history.CheckSeen();
    if (this->HasFailure()) return;
    if (at % 2 == 0) history.CheckOrder();
  }
  EXPECT_EQ(access.Problem(), "");
}

}  // namespace
}  // namespace holdfast

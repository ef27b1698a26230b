// Tests that the optional peers do what they claim, through the loops that the
// benchmarks use. Prints which peers this build does not have, and why.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <set>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "bench/locked_peers.h"
#include "bench/peers/all_peers.h"
#include "gtest/gtest.h"

namespace holdfast::bench {
namespace {

constexpr size_t kCapacity = 1000;
// The sum of the numbers 1 to kCapacity.
constexpr uint64_t kSum = kCapacity * (kCapacity + 1) / 2;

// The Loops types for each peer and size of value.
template <typename... Loops>
struct LoopsList {
  using ForGoogleTest = testing::Types<Loops...>;

  template <typename... More>
  static LoopsList<Loops..., More...> Plus(LoopsList<More...>);
};

template <typename... Lists>
struct Joined {
  using Type = LoopsList<>;
};

template <typename First, typename... Rest>
struct Joined<First, Rest...> {
  using Type = decltype(First::Plus(typename Joined<Rest...>::Type()));
};

template <template <typename> class Peer, size_t... kSizes>
LoopsList<Loops<Peer<Payload<kSizes>>>...> LoopsOf(Entry<Peer, kSizes...>);

template <typename... Entries>
auto LoopsOfAll(EntryList<Entries...>) ->
    typename Joined<decltype(LoopsOf(Entries()))...>::Type;

struct NameOfLoops {
  template <typename Loops>
  static std::string GetName(int) {
    return std::string(Loops::Id()) + "_" +
           std::to_string(sizeof(typename Loops::Value));
  }
};

template <typename Loops>
class OptionalPeersTest : public testing::Test {
 protected:
  static constexpr Features kFeatures = Loops::kFeatures;

  // Pins 1, 2, ..., n.
  std::vector<uint64_t> Pin(size_t n) {
    std::vector<uint64_t> handles(n);
    EXPECT_EQ(loops_.PinMany(handles.data(), n, 1), n);
    return handles;
  }

  uint64_t Sum(const std::vector<uint64_t>& handles) const {
    return loops_.ReadMany(handles.data(), handles.size());
  }

  size_t Unpin(const std::vector<uint64_t>& handles) {
    return loops_.UnpinMany(handles.data(), handles.size());
  }

  Loops loops_{kCapacity};
  typename Loops::ThreadScope scope_{loops_};
};

// One other peer is in the list, because Google Test allows no empty lists.
using TestedPeers = Concat<OptionalPeers, EntryList<EightBytes<MutexPeer>>>;
using Tested = decltype(LoopsOfAll(TestedPeers()))::ForGoogleTest;
TYPED_TEST_SUITE(OptionalPeersTest, Tested, NameOfLoops);

TYPED_TEST(OptionalPeersTest, HandlesAreDistinctAndNotNull) {
  const std::vector<uint64_t> handles = this->Pin(kCapacity);
  const std::set<uint64_t> distinct(handles.begin(), handles.end());
  EXPECT_EQ(distinct.size(), kCapacity);
  EXPECT_EQ(distinct.count(0), 0);
}

TYPED_TEST(OptionalPeersTest, PinIsRefusedWhileFull) {
  std::vector<uint64_t> handles(kCapacity + 2, 1);
  EXPECT_EQ(this->loops_.PinMany(handles.data(), handles.size(), 1), kCapacity);
  EXPECT_EQ(handles[kCapacity], 0);
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(this->loops_.UnpinMany(&handles[0], 1), 1);
    ASSERT_EQ(this->loops_.PinMany(&handles[0], 2, 1), 1);
    ASSERT_EQ(handles[1], 0);
  }
}

TYPED_TEST(OptionalPeersTest, ReadFindsWhatWasPinned) {
  if constexpr (TestFixture::kFeatures.read) {
    EXPECT_EQ(this->Sum(this->Pin(kCapacity)), kSum);
  }
}

TYPED_TEST(OptionalPeersTest, StaleAndNullHandlesAreRefused) {
  if constexpr (TestFixture::kFeatures.read) {
    std::vector<uint64_t> stale = this->Pin(kCapacity);
    EXPECT_EQ(this->Unpin(stale), kCapacity);
    stale.push_back(0);
    for (int life = 0; life < 3; ++life) {
      EXPECT_EQ(this->Sum(stale), 0);
      EXPECT_EQ(this->Unpin(stale), 0);
      if constexpr (TestFixture::kFeatures.write) {
        EXPECT_EQ(this->loops_.WriteMany(stale.data(), stale.size(), 1), 0);
      }
      const std::vector<uint64_t> others = this->Pin(kCapacity);
      EXPECT_EQ(this->Sum(stale), 0);
      EXPECT_EQ(this->Sum(others), kSum);
      EXPECT_EQ(this->Unpin(others), kCapacity);
    }
  }
}

TYPED_TEST(OptionalPeersTest, WriteReplaces) {
  if constexpr (TestFixture::kFeatures.write) {
    const std::vector<uint64_t> handles = this->Pin(kCapacity);
    for (uint64_t number = 1; number < 10; ++number) {
      EXPECT_EQ(this->loops_.WriteMany(handles.data(), kCapacity, number),
                kCapacity);
      EXPECT_EQ(this->Sum(handles), kCapacity * number);
    }
    EXPECT_EQ(this->Unpin(handles), kCapacity);
  }
}

TYPED_TEST(OptionalPeersTest, PinUnpinLeavesNothing) {
  EXPECT_EQ(this->loops_.PinUnpin(100'000, 1), 100'000);
  this->Pin(kCapacity);
  EXPECT_EQ(this->loops_.PinUnpin(10, 1), 0);
}

TYPED_TEST(OptionalPeersTest, MixTakesItsSteps) {
  if constexpr (TestFixture::kFeatures.read) {
    std::vector<uint64_t> handles = this->Pin(10);
    const std::vector<uint64_t> before = handles;
    const std::vector<Step> steps = {
        {Verb::kRead, 4},   // 5.
        {Verb::kUnpin, 4},  // Stale from now on.
        {Verb::kRead, 4},  {Verb::kPin, 7},
        {Verb::kRead, 7},  // 7: a pin keeps its index.
        {Verb::kRead, 9},  // 10.
    };
    EXPECT_EQ(this->loops_.Mix(steps.data(), steps.size(), handles.data()), 22);
    EXPECT_EQ(handles[4], before[4]);
    EXPECT_NE(handles[7], before[7]);
    EXPECT_EQ(this->Unpin(handles), 9);
    EXPECT_EQ(this->Unpin(before), 1);  // What had been at 7.
    EXPECT_EQ(this->Pin(kCapacity).size(), kCapacity);
  }
}

TYPED_TEST(OptionalPeersTest, MixWrites) {
  if constexpr (TestFixture::kFeatures.write) {
    std::vector<uint64_t> handles = this->Pin(10);
    const Step steps[] = {{Verb::kWrite, 3}, {Verb::kRead, 3}};
    EXPECT_EQ(this->loops_.Mix(steps, 2, handles.data()), 3);
  }
}

TYPED_TEST(OptionalPeersTest, TimedOperationsHappen) {
  std::vector<uint64_t> handles(kCapacity);
  std::vector<uint32_t> ticks(kCapacity);
  const auto time = [&](Verb verb) {
    std::fill(ticks.begin(), ticks.end(), 0);
    this->loops_.Time(verb, handles.data(), kCapacity, ticks.data());
    EXPECT_EQ(std::count(ticks.begin(), ticks.end(), 0), 0);
  };
  time(Verb::kPin);
  if constexpr (TestFixture::kFeatures.read) {
    time(Verb::kRead);
    EXPECT_EQ(this->Sum(handles), kSum - kCapacity);
  }
  if constexpr (TestFixture::kFeatures.write) time(Verb::kWrite);
  time(Verb::kUnpin);
  this->Pin(kCapacity);
}

TYPED_TEST(OptionalPeersTest, ForEachVisitsWhatIsLive) {
  if constexpr (TestFixture::kFeatures.for_each) {
    EXPECT_EQ(this->loops_.ForEachSum(), 0);
    const std::vector<uint64_t> handles = this->Pin(kCapacity);
    EXPECT_EQ(this->loops_.ForEachSum(), kSum);
    this->loops_.UnpinMany(&handles[9], 1);
    EXPECT_EQ(this->loops_.ForEachSum(), kSum - 10);
  }
}

TYPED_TEST(OptionalPeersTest, UnpinAllLeavesStaleHandlesAndRoom) {
  if constexpr (TestFixture::kFeatures.unpin_all) {
    for (int i = 0; i < 5; ++i) {
      const std::vector<uint64_t> handles = this->Pin(kCapacity);
      EXPECT_EQ(this->loops_.UnpinAll(), kCapacity);
      EXPECT_EQ(this->Sum(handles), 0);
      EXPECT_EQ(this->Unpin(handles), 0);
    }
    EXPECT_EQ(this->loops_.UnpinAll(), 0);
  }
}

// --- Two threads -------------------------------------------------------------

// Calls run(number) in two threads at the same time.
template <typename Loops, typename F>
void InTwoThreads(Loops& loops, F run) {
  std::atomic<int> ready{0};
  const auto thread = [&](size_t number) {
    typename Loops::ThreadScope scope(loops);
    ready.fetch_add(1);
    while (ready.load() < 2) std::this_thread::yield();
    run(number);
  };
  std::thread other(thread, 1);
  thread(0);
  other.join();
}

// Two threads pin and unpin all the time, and keep some values.
TYPED_TEST(OptionalPeersTest, NothingIsLostBetweenTwoThreads) {
  constexpr size_t kEach = kCapacity / 4;
  TypeParam loops(kCapacity);
  std::vector<uint64_t> kept[2];
  InTwoThreads(loops, [&](size_t number) {
    std::vector<uint64_t> handles(kEach);
    for (int round = 0; round < 500; ++round) {
      ASSERT_EQ(loops.PinMany(handles.data(), kEach, number * kEach), kEach);
      const size_t keep = round % 50 == 0 ? kEach / 10 : 0;
      kept[number].insert(kept[number].end(), handles.begin(),
                          handles.begin() + static_cast<ptrdiff_t>(keep));
      ASSERT_EQ(loops.UnpinMany(&handles[keep], kEach - keep), kEach - keep);
    }
  });
  typename TypeParam::ThreadScope scope(loops);
  std::set<uint64_t> distinct(kept[0].begin(), kept[0].end());
  distinct.insert(kept[1].begin(), kept[1].end());
  EXPECT_EQ(distinct.size(), kept[0].size() + kept[1].size());
  if constexpr (TestFixture::kFeatures.read) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < kEach / 10; ++i) sum += 10 * (i + kEach + i);
    uint64_t found = 0;
    for (const std::vector<uint64_t>& handles : kept) {
      found += loops.ReadMany(handles.data(), handles.size());
    }
    EXPECT_EQ(found, sum);
    EXPECT_EQ(loops.ForEachSum(), sum);
  }
}

TYPED_TEST(OptionalPeersTest, OneOfTwoRacingUnpinsWins) {
  if constexpr (TestFixture::kFeatures.read) {
    TypeParam loops(kCapacity);
    for (int round = 0; round < 100; ++round) {
      std::vector<uint64_t> handles(kCapacity);
      {
        typename TypeParam::ThreadScope scope(loops);
        ASSERT_EQ(loops.PinMany(handles.data(), kCapacity, 1), kCapacity);
      }
      std::atomic<size_t> won{0};
      InTwoThreads(loops, [&](size_t) {
        won += loops.UnpinMany(handles.data(), kCapacity);
        EXPECT_EQ(loops.ReadMany(handles.data(), kCapacity), 0);
      });
      ASSERT_EQ(won, kCapacity);
    }
  }
}

// A reader sees one value or the other. The two numbers have no bit in common,
// so a torn value would have bits of both.
TYPED_TEST(OptionalPeersTest, NoValueIsTorn) {
  if constexpr (TestFixture::kFeatures.write) {
    TypeParam loops(1);
    typename TypeParam::ThreadScope scope(loops);
    uint64_t handle;
    ASSERT_EQ(loops.PinMany(&handle, 1, 0x55555555), 1);
    std::thread writer([&] {
      typename TypeParam::ThreadScope writers(loops);
      for (int i = 0; i < 20'000; ++i) {
        loops.WriteMany(&handle, 1, i % 2 == 0 ? 0x2aaaaaaa : 0x55555555);
      }
    });
    for (int i = 0; i < 20'000; ++i) {
      const uint64_t number = loops.ReadMany(&handle, 1);
      ASSERT_TRUE(number == 0x2aaaaaaa || number == 0x55555555) << number;
    }
    writer.join();
  }
}

// --- Which peers there are ---------------------------------------------------

template <typename... Loops>
std::vector<std::string> NamesOf(testing::Types<Loops...>) {
  return {Loops::Name()...};
}

TEST(SkippedPeersTest, SaysWhy) {
  const std::string skipped = SkippedPeers();
  std::cout << "skipped: " << (skipped.empty() ? "none" : skipped) << std::endl;
  const std::vector<std::string> names = NamesOf(Tested());
  const std::set<std::string> distinct(names.begin(), names.end());
  for (const std::string& name : distinct) std::cout << name << std::endl;
  EXPECT_EQ(skipped.empty(), distinct.size() == 6);
}

}  // namespace
}  // namespace holdfast::bench

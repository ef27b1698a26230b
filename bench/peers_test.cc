// Tests that every peer, with every size of values, does what benchmarks rely
// on.

#include "peers.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "limits.h"
#include "subject.h"
#include "team.h"

namespace holdfast::bench {

// Google Test calls this for messages of failed tests.
void PrintTo(const Subject& peer, std::ostream* out) {
  *out << peer.name << ", " << peer.bytes << " bytes";
}

namespace {

using Handles = std::vector<uint64_t>;

class PeersTest : public testing::TestWithParam<Subject> {
 protected:
  // Runs `f` with a new table, in a scope of it.
  template <typename F>
  void WithTable(size_t capacity, F f) {
    const std::unique_ptr<Table> table = GetParam().make(capacity);
    table->InScope([&] { f(*table); });
  }

  static constexpr size_t kCapacity = 1000;
  static constexpr size_t kPins = 500;
  static constexpr uint64_t kSum = kPins * (kPins - 1) / 2;
  const Features features_ = GetParam().features;
};

Handles PinSome(Table& table, size_t n) {
  Handles handles(n);
  EXPECT_EQ(table.PinMany(handles.data(), n, 0), n);
  return handles;
}

TEST_P(PeersTest, HandlesAreUnlikeEachOtherAndNeverNull) {
  WithTable(kCapacity, [](Table& table) {
    const Handles handles = PinSome(table, kPins);
    const std::set<uint64_t> unlike(handles.begin(), handles.end());
    EXPECT_EQ(unlike.size(), kPins);
    EXPECT_EQ(unlike.count(0), 0);
    EXPECT_EQ(table.UnpinMany(handles.data(), kPins), kPins);
  });
}

TEST_P(PeersTest, ReadsFindWhatWasPinned) {
  if (!features_.read) GTEST_SKIP() << "allocation only";
  WithTable(kCapacity, [](Table& table) {
    const Handles handles = PinSome(table, kPins);
    EXPECT_EQ(table.ReadMany(handles.data(), kPins), kSum);
    EXPECT_EQ(table.ReadMany(&handles[7], 1), 7);
  });
}

TEST_P(PeersTest, StaleHandlesAreRefusedEvenIfTheirSlotsAreReused) {
  if (!features_.read) GTEST_SKIP() << "allocation only";
  WithTable(kCapacity, [this](Table& table) {
    const Handles stale = PinSome(table, kPins);
    EXPECT_EQ(table.UnpinMany(stale.data(), kPins), kPins);
    EXPECT_EQ(table.ReadMany(stale.data(), kPins), 0);
    const Handles live = PinSome(table, kPins);
    EXPECT_EQ(table.ReadMany(stale.data(), kPins), 0);
    EXPECT_EQ(table.UnpinMany(stale.data(), kPins), 0);
    if (features_.write) {
      EXPECT_EQ(table.WriteMany(stale.data(), kPins, 9), 0);
    }
    EXPECT_EQ(table.ReadMany(live.data(), kPins), kSum);
  });
}

TEST_P(PeersTest, ManyTogetherAreLikeOneByOne) {
  WithTable(kCapacity, [this](Table& table) {
    Handles handles(2 * kCapacity);
    const size_t pinned = table.PinTogether(handles.data(), handles.size(), 0);
    EXPECT_GE(pinned, kCapacity);
    EXPECT_EQ(table.UnpinMany(handles.data(), pinned), pinned);
    EXPECT_EQ(table.PinTogether(handles.data(), kPins, 0), kPins);
    if (features_.read) {
      EXPECT_EQ(table.ReadMany(handles.data(), kPins), kSum);
      EXPECT_EQ(table.ReadTogether(handles.data(), kPins), kSum);
    }
    EXPECT_EQ(table.UnpinTogether(handles.data(), kPins), kPins);
    if (features_.read) {
      EXPECT_EQ(table.ReadTogether(handles.data(), kPins), 0);
      EXPECT_EQ(table.UnpinTogether(handles.data(), kPins), 0);
    }
  });
}

TEST_P(PeersTest, WritesReplaceTheValue) {
  if (!features_.write || !features_.read) GTEST_SKIP() << "no writes";
  WithTable(kCapacity, [](Table& table) {
    const Handles handles = PinSome(table, kPins);
    EXPECT_EQ(table.WriteMany(handles.data(), 2, 1000), 2);
    EXPECT_EQ(table.ReadMany(handles.data(), kPins), kSum - 0 - 1 + 2000);
  });
}

// With one thread, a table must have room for all that it was made for. Peers
// that are divided into several maps may have room for a few more.
TEST_P(PeersTest, IsFullWithTheCapacityPinned) {
  constexpr size_t kFew = 100;
  WithTable(kFew, [&](Table& table) {
    Handles handles(2 * kFew);
    const size_t pinned = table.PinMany(handles.data(), 2 * kFew, 0);
    EXPECT_GE(pinned, kFew);
    EXPECT_LE(pinned, kFew + 16);
    EXPECT_EQ(table.UnpinMany(handles.data(), pinned), pinned);
    EXPECT_EQ(table.PinMany(handles.data(), kFew, 0), kFew);
  });
}

TEST_P(PeersTest, PairsWorkOverAndOver) {
  WithTable(10, [](Table& table) {
    EXPECT_EQ(table.PinUnpin(10'000, uint64_t{3} << 32), 10'000);
  });
}

TEST_P(PeersTest, AMixTakesItsSteps) {
  if (!features_.read) GTEST_SKIP() << "allocation only";
  WithTable(kCapacity, [this](Table& table) {
    std::vector<Step> steps = {
        {Verb::kPin, 3},  {Verb::kPin, 4},   {Verb::kRead, 3},
        {Verb::kRead, 4}, {Verb::kUnpin, 3}, {Verb::kRead, 3},
    };
    Handles handles(5);
    EXPECT_EQ(table.Mix(steps.data(), steps.size(), handles.data()), 7);
    EXPECT_NE(handles[3], 0);
    EXPECT_EQ(table.UnpinMany(&handles[3], 1), 0);
    if (features_.write) {
      EXPECT_EQ(table.WriteMany(&handles[4], 1, 9), 1);
      steps = {{Verb::kRead, 4}, {Verb::kWrite, 4}, {Verb::kRead, 4}};
      EXPECT_EQ(table.Mix(steps.data(), steps.size(), handles.data()), 13);
    }
    EXPECT_EQ(table.UnpinMany(&handles[4], 1), 1);
  });
}

TEST_P(PeersTest, TimingDoesWhatItTimes) {
  WithTable(kCapacity, [this](Table& table) {
    Handles handles(kPins);
    std::vector<uint32_t> ticks(kPins);
    table.Time(Verb::kPin, handles.data(), kPins, ticks.data());
    EXPECT_GT(*std::max_element(ticks.begin(), ticks.end()), 0);
    if (features_.read) {
      EXPECT_EQ(table.ReadMany(handles.data(), kPins), kSum);
      table.Time(Verb::kRead, handles.data(), kPins, ticks.data());
    }
    if (features_.write) {
      table.WriteMany(handles.data(), kPins, 77);
      table.Time(Verb::kWrite, handles.data(), kPins, ticks.data());
      EXPECT_EQ(table.ReadMany(handles.data(), kPins), kSum);
    }
    table.Time(Verb::kUnpin, handles.data(), kPins, ticks.data());
    if (features_.read) {
      EXPECT_EQ(table.UnpinMany(handles.data(), kPins), 0);
    }
  });
}

TEST_P(PeersTest, ForEachVisitsWhatIsLive) {
  if (!features_.for_each) GTEST_SKIP() << "no ForEach";
  WithTable(kCapacity, [](Table& table) {
    EXPECT_EQ(table.ForEachSum(), 0);
    const Handles handles = PinSome(table, kPins);
    EXPECT_EQ(table.ForEachSum(), kSum);
    EXPECT_EQ(table.UnpinMany(handles.data(), 10), 10);
    EXPECT_EQ(table.ForEachSum(), kSum - 45);
  });
}

TEST_P(PeersTest, UnpinAllLeavesNothing) {
  if (!features_.unpin_all) GTEST_SKIP() << "no UnpinAll";
  WithTable(kCapacity, [](Table& table) {
    const Handles stale = PinSome(table, kPins);
    EXPECT_EQ(table.UnpinAll(), kPins);
    EXPECT_EQ(table.UnpinAll(), 0);
    EXPECT_EQ(table.ReadMany(stale.data(), kPins), 0);
    const Handles live = PinSome(table, kCapacity);
    EXPECT_EQ(table.ReadMany(stale.data(), kPins), 0);
    EXPECT_EQ(table.UnpinMany(live.data(), kCapacity), kCapacity);
  });
}

TEST_P(PeersTest, UnpinAllExclusiveLeavesNothing) {
  if (!features_.unpin_all) GTEST_SKIP() << "no UnpinAll";
  WithTable(kCapacity, [](Table& table) {
    const Handles stale = PinSome(table, kPins);
    EXPECT_EQ(table.UnpinAllExclusive(), kPins);
    EXPECT_EQ(table.UnpinAllExclusive(), 0);
    const Handles live = PinSome(table, kCapacity);
    EXPECT_EQ(table.ReadMany(stale.data(), kPins), 0);
    EXPECT_EQ(table.UnpinMany(live.data(), kCapacity), kCapacity);
  });
}

// Goal: two threads lose no value, and find only their own values.
//
// Method: both pin, read, write and unpin their own handles in one table, again
// and again. Every count and every sum must be exact.
TEST_P(PeersTest, TwoThreadsLoseNothing) {
  constexpr int kRounds = 50;
  const std::unique_ptr<Table> table = GetParam().make(2 * kCapacity);
  std::vector<size_t> lost(2);
  Team team(2);
  team.Run(
      [&](int) { return table->Enter(); },
      [&](int thread) {
        size_t& mine = lost[static_cast<size_t>(thread)];
        const uint64_t first = thread == 0 ? 0 : 1'000'000;
        Handles handles(kPins);
        for (int round = 0; round < kRounds; ++round) {
          mine += table->PinMany(handles.data(), kPins, first) != kPins;
          if (features_.read) {
            mine +=
                table->ReadMany(handles.data(), kPins) != kPins * first + kSum;
          }
          if (features_.write) {
            mine += table->WriteMany(handles.data(), kPins, first) != kPins;
          }
          if (features_.write && features_.read) {
            mine += table->ReadMany(handles.data(), kPins) != kPins * first;
          }
          mine += table->UnpinMany(handles.data(), kPins) != kPins;
          mine += table->PinUnpin(100, first) != 100;
        }
      });
  EXPECT_EQ(lost, std::vector<size_t>(2));
}

// Goal: as above, but a value may be read while it is replaced. A torn value
// would be neither of the two numbers.
TEST_P(PeersTest, NoReadIsTornByAWrite) {
  if (!features_.write || !features_.read) GTEST_SKIP() << "no writes";
  const std::unique_ptr<Table> table = GetParam().make(kCapacity);
  Handles handle;
  table->InScope([&] { handle = PinSome(*table, 1); });
  size_t torn = 0;
  Team team(2);
  team.Run([&](int) { return table->Enter(); },
           [&](int thread) {
             for (uint64_t i = 0; i < 20'000; ++i) {
               if (thread == 0) {
                 table->WriteMany(handle.data(), 1, i % 2 == 0 ? 5 : 10);
                 continue;
               }
               const uint64_t number = table->ReadMany(handle.data(), 1);
               torn += number != 0 && number != 5 && number != 10;
             }
           });
  EXPECT_EQ(torn, 0);
}

std::string NameOf(const testing::TestParamInfo<Subject>& peer) {
  return absl::StrCat(peer.param.id, "_", peer.param.bytes);
}

INSTANTIATE_TEST_SUITE_P(All, PeersTest, testing::ValuesIn(Subjects()), NameOf);
INSTANTIATE_TEST_SUITE_P(Objects, PeersTest,
                         testing::ValuesIn(ObjectSubjects()), NameOf);

// The limits are no tables, but do right what they are used for.
TEST(LimitsTest, DoWhatTheyAreUsedFor) {
  constexpr size_t kTen = 10;
  Handles handles(kTen);
  const auto array = EightBytes<RawArrayLimit>::Subjects()[0].make(kTen);
  EXPECT_EQ(array->PinMany(handles.data(), kTen, 0), kTen);
  EXPECT_EQ(array->ReadMany(handles.data(), kTen), 45);
  EXPECT_EQ(array->UnpinMany(handles.data(), kTen), kTen);
  EXPECT_EQ(array->ReadMany(handles.data(), kTen), 0);

  const auto cas = EightBytes<CasLimit>::Subjects()[0].make(kTen);
  EXPECT_EQ(cas->PinMany(handles.data(), kTen, 0), kTen);
  EXPECT_EQ(cas->WriteMany(handles.data(), kTen, 3), kTen);

  const auto slots =
      EightBytes<IrreducibleSlotsLimit>::Subjects()[0].make(kTen);
  EXPECT_EQ(slots->PinMany(handles.data(), kTen, 0), kTen);
  EXPECT_EQ(slots->UnpinMany(handles.data(), kTen), kTen);

  const auto pair = EightBytes<IrreduciblePairLimit>::Subjects()[0].make(100);
  const auto shared = EightBytes<ContendedCasLimit>::Subjects()[0].make(kTen);
  Team team(2);
  size_t worked[2] = {0, 0};
  team.Run([](int) { return 0; },
           [&](int i) {
             worked[i] = pair->PinUnpin(1000, static_cast<uint64_t>(i) << 32) +
                         shared->PinUnpin(1000, 0);
           });
  EXPECT_EQ(worked[0], 2000);
  EXPECT_EQ(worked[1], 2000);
}

}  // namespace
}  // namespace holdfast::bench

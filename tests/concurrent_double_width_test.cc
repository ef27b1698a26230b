// The compare-and-swap of two words, where the processor has one.

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/internal/double_width.h"

namespace holdfast::internal {
namespace {

#if defined(__x86_64__) || defined(__aarch64__)
static_assert(kHasDoubleWidth);
#endif

struct alignas(16) Pair {
  std::atomic<uint64_t> first{1};
  std::atomic<uint64_t> second{2};

  bool Swap(TwoWords expected, TwoWords desired) {
    return CompareAndSwapTwoWords(this, expected, desired);
  }
};

class DoubleWidthTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!kHasDoubleWidth) GTEST_SKIP() << "no such instruction";
  }
};

constexpr uint64_t kHigh = uint64_t{1} << 63;

TEST_F(DoubleWidthTest, StoresBothWordsIfBothAreExpected) {
  Pair pair;
  EXPECT_TRUE(pair.Swap({1, 2}, {kHigh | 3, ~uint64_t{4}}));
  EXPECT_EQ(pair.first.load(), kHigh | 3);
  EXPECT_EQ(pair.second.load(), ~uint64_t{4});
  EXPECT_TRUE(pair.Swap({kHigh | 3, ~uint64_t{4}}, {0, 0}));
  EXPECT_EQ(pair.first.load(), 0);
  EXPECT_EQ(pair.second.load(), 0);
}

TEST_F(DoubleWidthTest, StoresNeitherIfOneDiffers) {
  Pair pair;
  for (const TwoWords other :
       {TwoWords{0, 2}, TwoWords{1, 3}, TwoWords{2, 1}, TwoWords{kHigh | 1, 2},
        TwoWords{1, kHigh | 2}, TwoWords{0, 0}}) {
    EXPECT_FALSE(pair.Swap(other, {5, 6}));
    EXPECT_EQ(pair.first.load(), 1);
    EXPECT_EQ(pair.second.load(), 2);
  }
}

// Each thread counts both words up together. Another one changes the first word
// alone, by a bit that the others keep: no change of either is lost.
TEST_F(DoubleWidthTest, IsAtomicBesideChangesOfOneWord) {
  constexpr uint64_t kEach = 20'000;
  constexpr int kThreads = 3;
  Pair pair;
  pair.first = pair.second = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (uint64_t n = 0; n < kEach;) {
        const TwoWords seen = {pair.first.load(), pair.second.load()};
        n += pair.Swap(seen, {seen.first + 1, seen.second + 1}) ? 1 : 0;
      }
    });
  }
  for (uint64_t n = 0; n < kEach; ++n) pair.first.fetch_add(uint64_t{1} << 32);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(pair.first.load(), kEach << 32 | kThreads * kEach);
  EXPECT_EQ(pair.second.load(), kThreads * kEach);
}

// What a thread did before its swap is visible to one that has loaded either
// word. (ThreadSanitizer must know that, too.)
TEST_F(DoubleWidthTest, PublishesByEachWord) {
  for (const bool by_second : {false, true}) {
    Pair pair;
    int data = 0;
    std::thread writer([&] {
      data = 7;
      pair.Swap({1, 2}, {3, 4});
    });
    auto& word = by_second ? pair.second : pair.first;
    const uint64_t before = by_second ? 2 : 1;
    while (word.load(std::memory_order_acquire) == before) {
      std::this_thread::yield();
    }
    EXPECT_EQ(data, 7);
    writer.join();
  }
}

// And a swap that succeeds has acquired what each word carries.
TEST_F(DoubleWidthTest, AcquiresFromEachWord) {
  for (const bool by_second : {false, true}) {
    Pair pair;
    int data = 0;
    std::thread writer([&] {
      data = 7;
      (by_second ? pair.second : pair.first)
          .store(9, std::memory_order_release);
    });
    const TwoWords wanted = by_second ? TwoWords{1, 9} : TwoWords{9, 2};
    while (!pair.Swap(wanted, {0, 0})) std::this_thread::yield();
    EXPECT_EQ(data, 7);
    writer.join();
  }
}

}  // namespace
}  // namespace holdfast::internal

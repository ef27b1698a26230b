// Goal: each reservation in the stock has one owner at a time, and is as the
// last owner has left it. None is lost.
//
// Method: threads put and take reservations of two layouts, which are plain
// objects that say who owns them; a small stock, so that they meet. Then tables
// come and go in several threads, which check that each new one is empty.

#include <array>
#include <atomic>
#include <cstdint>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/reservation_stock.h"
#include "holdfast/reservations.h"
#include "tests/support/concurrent_threads.h"
#include "tests/support/table_access.h"

namespace holdfast {
namespace {

using internal::Reservation;
using internal::ReservationLayout;

constexpr int kThreads = 4;

// Stands for the memory of a reservation. Nothing of it is atomic, so that
// ThreadSanitizer sees two owners.
struct Owned {
  uint64_t owner = 0;  // 0 in the stock.
  uint64_t layout = 0;
};

TEST(ConcurrentReservationsTest, EachHasOneOwnerAndNoneIsLost) {
  const uint64_t seed = TestSeed();
  internal::ReservationStock<StdAtomics, 3> stock;
  std::array<Owned, 2 * kThreads> all;
  std::atomic<uint64_t> wrong{0};
  std::atomic<uint64_t> held{0};
  const auto layout_of = [](uint64_t number) {
    return ReservationLayout{4096 + number % 2, 1, 2, 3};
  };
  RunThreads(kThreads, [&](int thread) {
    const uint64_t me = static_cast<uint64_t>(thread) + 1;
    std::mt19937_64 random(seed + me);
    std::vector<Reservation> mine;
    const auto own = [&](const Reservation& taken) {
      auto& object = *static_cast<Owned*>(taken.base);
      if (object.owner != 0) wrong.fetch_add(1);
      if (object.layout != taken.layout.bytes) wrong.fetch_add(1);
      object.owner = me;
      mine.push_back(taken);
    };
    for (const uint64_t i : {2 * me - 2, 2 * me - 1}) {
      all[i].layout = layout_of(i).bytes;
      own({layout_of(i), &all[i]});
    }
    for (int round = 0; round < Rounds(200'000); ++round) {
      const uint64_t number = random();
      if (number % 16 == 0) {
        stock.TakeAll(own);
      } else if (number % 2 == 0 && !mine.empty()) {
        const Reservation last = mine.back();
        auto& object = *static_cast<Owned*>(last.base);
        if (object.owner != me) wrong.fetch_add(1);
        object.owner = 0;
        mine.pop_back();
        const Reservation back = stock.Put(last, number >> 32);
        if (back.base != nullptr) own(back);
      } else {
        const ReservationLayout layout = layout_of(number >> 8);
        const Reservation taken = stock.Take(layout, number >> 32);
        if (taken.base == nullptr) continue;
        if (!(taken.layout == layout)) wrong.fetch_add(1);
        own(taken);
      }
    }
    held.fetch_add(mine.size());
  });
  stock.TakeAll([&](const Reservation&) { held.fetch_add(1); });
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_EQ(held.load(), all.size());
}

TEST(ConcurrentReservationsTest, TablesThatComeAndGoAreEmptyAtFirst) {
  using Table = HandleTable<uint64_t>;
  std::atomic<uint64_t> wrong{0};
  RunThreads(kThreads, [&](int thread) {
    for (int round = 0; round < Rounds(20'000); ++round) {
      TableOptions options;
      options.max_slots = round % 3 == 0 ? 100 : 1000;
      Table table = *Table::Create(options);
      Table::Handle handles[10];
      for (auto& handle : handles) {
        handle = table.Pin(static_cast<uint64_t>(thread));
        if (table.IndexOf(handle) >= 64) wrong.fetch_add(1);
        if (!table.Write(handle, 7)) wrong.fetch_add(1);
      }
      uint64_t seen = 0;
      table.ForEach([&](Table::Handle, uint64_t value) { seen += value; });
      if (seen != 70) wrong.fetch_add(1);
      if (thread == 0 && round % 64 == 0) ReleaseKeptReservations();
    }
  });
  EXPECT_EQ(wrong.load(), 0u);
}

}  // namespace
}  // namespace holdfast

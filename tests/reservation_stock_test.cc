#include "holdfast/internal/reservation_stock.h"

#include <cstdint>
#include <set>

#include "gtest/gtest.h"
#include "holdfast/traits.h"

namespace holdfast::internal {
namespace {

constexpr uint32_t kEntries = 4;
using Stock = ReservationStock<StdAtomics, kEntries>;

constexpr ReservationLayout kLayout = {4096, 1, 2, 3, 4};

// The base of each reservation is an address of its own.
Reservation Number(uint64_t number, ReservationLayout layout = kLayout) {
  static char places[100];
  return {layout, &places[number]};
}

TEST(ReservationStockTest, NothingIsInAnEmptyStock) {
  Stock stock;
  EXPECT_EQ(stock.Take(kLayout, 0).base, nullptr);
  stock.TakeAll([](const Reservation&) { ADD_FAILURE(); });
}

TEST(ReservationStockTest, WhatWasPutIsTakenOnce) {
  Stock stock;
  EXPECT_EQ(stock.Put(Number(1), 0).base, nullptr);
  const Reservation taken = stock.Take(kLayout, 0);
  EXPECT_EQ(taken.base, Number(1).base);
  EXPECT_TRUE(taken.layout == kLayout);
  EXPECT_EQ(stock.Take(kLayout, 0).base, nullptr);
}

TEST(ReservationStockTest, EveryThreadFindsWhatAnyThreadHasPut) {
  for (uint64_t put = 0; put < 2 * kEntries; ++put) {
    for (const uint64_t take : {put, put + 1, ~put}) {
      Stock stock;
      stock.Put(Number(1), put);
      EXPECT_EQ(stock.Take(kLayout, take).base, Number(1).base);
    }
  }
}

TEST(ReservationStockTest, OnlyTheSameLayoutIsTaken) {
  Stock stock;
  stock.Put(Number(1), 0);
  for (uint64_t ReservationLayout::*const offset :
       {&ReservationLayout::bytes, &ReservationLayout::first_page,
        &ReservationLayout::growth, &ReservationLayout::slots,
        &ReservationLayout::sides}) {
    ReservationLayout other = kLayout;
    ++(other.*offset);
    EXPECT_EQ(stock.Take(other, 0).base, nullptr);
  }
  EXPECT_EQ(stock.Take(kLayout, 0).base, Number(1).base);
}

// So kinds of tables that are no longer made do not stay in the stock for ever.
TEST(ReservationStockTest, ANewLayoutReplacesAllOthersInAFullStock) {
  ReservationLayout other = kLayout;
  other.slots = 100;
  for (const uint64_t step : {0u, 1u}) {
    Stock stock;
    for (uint64_t i = 0; i < kEntries; ++i) {
      EXPECT_EQ(stock.Put(Number(i), i * step).base, nullptr);
    }
    std::set<void*> gone;
    for (uint64_t i = 0; i < kEntries; ++i) {
      gone.insert(stock.Put(Number(10 + i, other), i * step).base);
    }
    const std::set<void*> expected = {Number(0).base, Number(1).base,
                                      Number(2).base, Number(3).base};
    EXPECT_EQ(gone, expected);
    EXPECT_EQ(stock.Take(kLayout, 0).base, nullptr);
    std::set<void*> taken;
    for (uint64_t i = 0; i < kEntries; ++i) {
      taken.insert(stock.Take(other, 0).base);
    }
    EXPECT_EQ(taken.size(), kEntries);
    EXPECT_EQ(taken.count(nullptr), 0);
  }
}

// Wherever the two layouts that are in use lie, they do not displace each other
// for ever while reservations of a third one stay.
TEST(ReservationStockTest, LayoutsInUseReplaceThoseThatAreNot) {
  constexpr uint64_t kInUse = 3;  // Of each of two layouts.
  for (uint64_t step = 1; step < 40; ++step) {
    ReservationStock<StdAtomics, 16> stock;
    for (uint64_t i = 0; i < 16; ++i) stock.Put(Number(i), 0);
    uint64_t missing = 0;
    for (int round = 0; round < 40; ++round) {
      missing = 0;
      for (const uint64_t of : {uint64_t{1}, uint64_t{2}}) {
        ReservationLayout layout = kLayout;
        layout.slots += of * step;
        for (uint64_t i = 0; i < kInUse; ++i) {
          missing += stock.Take(layout, 0).base == nullptr;
        }
        for (uint64_t i = 0; i < kInUse; ++i) {
          stock.Put(Number(20 + of * kInUse + i, layout), 0);
        }
      }
    }
    EXPECT_EQ(missing, 0) << step;
  }
}

TEST(ReservationStockTest, AStockFullOfOneLayoutTakesNoMoreOfIt) {
  Stock stock;
  for (uint64_t i = 0; i < kEntries; ++i) stock.Put(Number(i), 0);
  EXPECT_EQ(stock.Put(Number(10), 2).base, Number(10).base);
  std::set<void*> kept;
  stock.TakeAll([&](const Reservation& each) { kept.insert(each.base); });
  const std::set<void*> expected = {Number(0).base, Number(1).base,
                                    Number(2).base, Number(3).base};
  EXPECT_EQ(kept, expected);
}

}  // namespace
}  // namespace holdfast::internal

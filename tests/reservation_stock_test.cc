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

TEST(ReservationStockTest, AFullStockGivesUpWhatLiesWhereTheCallerStarts) {
  Stock stock;
  for (uint64_t i = 0; i < kEntries; ++i) {
    EXPECT_EQ(stock.Put(Number(i), i).base, nullptr);
  }
  EXPECT_EQ(stock.Put(Number(10), 2).base, Number(2).base);
  EXPECT_EQ(stock.Put(Number(11), kEntries + 3).base, Number(3).base);
  std::set<void*> kept;
  stock.TakeAll([&](const Reservation& each) { kept.insert(each.base); });
  const std::set<void*> expected = {Number(0).base, Number(1).base,
                                    Number(10).base, Number(11).base};
  EXPECT_EQ(kept, expected);
  EXPECT_EQ(stock.Take(kLayout, 0).base, nullptr);
}

// So kinds of tables that are no longer made do not stay in the stock for ever.
TEST(ReservationStockTest, ANewLayoutFindsRoomInAFullStock) {
  Stock stock;
  for (uint64_t i = 0; i < kEntries; ++i) stock.Put(Number(i), 0);
  ReservationLayout other = kLayout;
  other.slots = 100;
  const Reservation gone = stock.Put(Number(10, other), 0);
  EXPECT_TRUE(gone.layout == kLayout);
  EXPECT_EQ(stock.Take(other, 3).base, Number(10).base);
}

}  // namespace
}  // namespace holdfast::internal

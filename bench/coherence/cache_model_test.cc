// Goal: the transfers that are counted are those of a MESI protocol, and the
// accesses that are counted are those that the code makes.
//
// Method: short sequences of accesses of which the transfers are known, first
// to the model alone, then by atomic variables on a machine.

#include "bench/coherence/cache_model.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bench/coherence/machine.h"
#include "gtest/gtest.h"

namespace holdfast::coherence {
namespace {

using State = CacheModel::State;

alignas(CacheModel::kLineBytes) const
    char memory[4 * CacheModel::kLineBytes] = {};
const char* const first_line = memory;
const char* const second_line = memory + CacheModel::kLineBytes;

// Accesses to one line by cores 0 to 2: "R0" is a read by core 0, "W1" a write
// by core 1. Returns the transfers and the states that are left, as "2 ISM".
std::string Play(const std::string& accesses) {
  CacheModel caches(3);
  for (size_t i = 0; i < accesses.size(); i += 3) {
    const auto core = static_cast<uint32_t>(accesses[i + 1] - '0');
    if (accesses[i] == 'R') {
      caches.Read(core, first_line);
    } else {
      caches.Write(core, first_line);
    }
  }
  std::string result = std::to_string(caches.transfers()) + " ";
  for (uint32_t core = 0; core < 3; ++core) {
    result += "MESI"[static_cast<size_t>(caches.StateIn(core, first_line))];
  }
  return result;
}

TEST(CacheModelTest, WhatOneCoreTouchesIsFree) {
  EXPECT_EQ(Play(""), "0 III");
  EXPECT_EQ(Play("R0"), "0 EII");
  EXPECT_EQ(Play("W0"), "0 MII");
  EXPECT_EQ(Play("R1 W1 R1 W1"), "0 IMI");
}

TEST(CacheModelTest, TheFirstReadOfAnotherCoresLineIsATransfer) {
  EXPECT_EQ(Play("R0 R1"), "1 SSI");
  EXPECT_EQ(Play("W0 R1"), "1 SSI");
  EXPECT_EQ(Play("W0 R1 R1 R0"), "1 SSI");
  EXPECT_EQ(Play("W0 R1 R2 R1 R0 R2"), "2 SSS");
}

TEST(CacheModelTest, AWriteOfALineThatOthersHaveIsATransfer) {
  EXPECT_EQ(Play("W0 W1"), "1 IMI");
  EXPECT_EQ(Play("R0 W1"), "1 IMI");
  EXPECT_EQ(Play("R0 R1 W1"), "2 IMI");
  EXPECT_EQ(Play("R0 R1 W0 W0"), "2 MII");
  EXPECT_EQ(Play("R0 R1 R2 W1"), "3 IMI");
  EXPECT_EQ(Play("R0 R1 W2"), "2 IIM");
}

TEST(CacheModelTest, ALineThatAllWriteMovesEachTime) {
  EXPECT_EQ(Play("W0 W1 W0 W1 W0"), "4 MII");
  // A load and a compare-exchange, in turn.
  EXPECT_EQ(Play("R0 W0 R1 W1 R0 W0"), "4 MII");
}

TEST(CacheModelTest, ALineIsCountedWhateverInItIsTouched) {
  CacheModel caches(2);
  caches.Write(0, first_line);
  caches.Write(1, first_line + CacheModel::kLineBytes - 1);
  EXPECT_EQ(caches.transfers(), 1u);
  caches.Write(0, second_line);
  EXPECT_EQ(caches.transfers(), 1u);
}

TEST(CacheModelTest, LinesAreCountedOneByOneAndAnewIfAsked) {
  CacheModel caches(2);
  for (const uint32_t core : {0u, 1u, 0u, 1u}) caches.Write(core, first_line);
  for (const uint32_t core : {0u, 1u}) caches.Read(core, second_line);
  std::vector<std::pair<uintptr_t, uint64_t>> lines;
  const auto add = [&](uintptr_t address, uint64_t transfers) {
    lines.emplace_back(address - reinterpret_cast<uintptr_t>(memory),
                       transfers);
  };
  caches.ForEachLine(add);
  EXPECT_EQ(lines, (std::vector<std::pair<uintptr_t, uint64_t>>{
                       {0, 3}, {CacheModel::kLineBytes, 1}}));
  caches.StartCounting();
  caches.Write(1, first_line);  // Core 1 still has it.
  EXPECT_EQ(caches.transfers(), 0u);
  caches.Write(0, first_line);
  EXPECT_EQ(caches.transfers(), 1u);
}

TEST(CacheModelTest, ThereMayBeManyCores) {
  constexpr uint32_t kCores = 1'024;
  CacheModel caches(kCores);
  for (uint32_t core = 0; core < kCores; ++core) caches.Read(core, first_line);
  EXPECT_EQ(caches.transfers(), kCores - 1);
  EXPECT_EQ(caches.StateIn(1'000, first_line), State::kShared);
  caches.Write(700, first_line);
  EXPECT_EQ(caches.transfers(), kCores);
  for (uint32_t core = 0; core < kCores; ++core) {
    ASSERT_EQ(caches.StateIn(core, first_line),
              core == 700 ? State::kModified : State::kInvalid);
  }
}

// --- The machine -------------------------------------------------------------

constexpr auto kRelaxed = std::memory_order_relaxed;

// Each core counts to 100 in one variable. Returns how many compare-exchanges
// that took.
int CountTogether(Machine& machine, uint32_t cores) {
  MachineAtomic<uint64_t> sum = 0;
  int tries = 0;
  machine.cores.Run(cores, [&](uint32_t) {
    for (int i = 0; i < 100; ++i) {
      uint64_t seen = sum.load(kRelaxed);
      do {
        ++tries;
      } while (!sum.compare_exchange_weak(seen, seen + 1, kRelaxed, kRelaxed));
    }
  });
  EXPECT_EQ(sum.load(kRelaxed), 100 * cores);
  return tries;
}

TEST(MachineTest, ACoreAloneNeverFails) {
  Machine machine(1, 1, 2);
  EXPECT_EQ(CountTogether(machine, 1), 100);
  EXPECT_EQ(machine.caches.transfers(), 0u);
}

TEST(MachineTest, ExchangesFailWhereCoresInterleave) {
  Machine machine(10, 1, 2);
  EXPECT_GT(CountTogether(machine, 10), 1'200);
  EXPECT_GT(machine.caches.transfers(), 1'000u);
}

TEST(MachineTest, TheSeedDecidesHowCoresInterleave) {
  const auto run = [](uint64_t seed) {
    Machine machine(10, seed, 4);
    const int tries = CountTogether(machine, 10);
    return std::make_pair(tries, machine.caches.transfers());
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST(MachineTest, ACoreThatRunsByItselfIsNotInterrupted) {
  Machine machine(2, 1, 1);
  MachineAtomic<uint64_t> at = 0;
  machine.cores.RunOn(1, [&] {
    for (int i = 0; i < 10; ++i) at.store(at.load(kRelaxed) + 1, kRelaxed);
    EXPECT_EQ(Machine::Core(), 1u);
  });
  machine.cores.RunOn(0, [&] { EXPECT_EQ(at.load(kRelaxed), 10u); });
  EXPECT_EQ(machine.caches.transfers(), 1u);
}

TEST(MachineTest, AllKindsOfAccessesAreCounted) {
  Machine machine(2, 1, 1);
  MachineAtomic<uint64_t> atomic = 0;
  MachinePlain<uint64_t> plain = 0;
  uint64_t expected = 5;
  const auto moves = [&](auto access) {
    // So that the line is in core 1.
    machine.cores.RunOn(1, [&] {
      atomic.store(5, kRelaxed);
      plain = 5;
    });
    machine.caches.StartCounting();
    machine.cores.RunOn(0, access);
    return machine.caches.transfers();
  };
  EXPECT_EQ(moves([&] { EXPECT_EQ(atomic.load(kRelaxed), 5u); }), 1u);
  EXPECT_EQ(moves([&] { atomic.store(6, kRelaxed); }), 1u);
  EXPECT_EQ(moves([&] { EXPECT_EQ(atomic.exchange(6, kRelaxed), 5u); }), 1u);
  EXPECT_EQ(moves([&] { EXPECT_EQ(atomic.fetch_add(6, kRelaxed), 5u); }), 1u);
  EXPECT_EQ(moves([&] {
              EXPECT_TRUE(atomic.compare_exchange_strong(expected, 6, kRelaxed,
                                                         kRelaxed));
            }),
            1u);
  expected = 4;
  EXPECT_EQ(moves([&] {
              EXPECT_FALSE(atomic.compare_exchange_weak(expected, 6, kRelaxed,
                                                        kRelaxed));
            }),
            1u);
  EXPECT_EQ(expected, 5u);
  EXPECT_EQ(moves([&] { EXPECT_EQ(uint64_t{plain}, 5u); }), 1u);
  EXPECT_EQ(moves([&] { plain = 6; }), 1u);
}

}  // namespace
}  // namespace holdfast::coherence

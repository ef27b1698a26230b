// Compares the explorer with the axioms of RC11: random programs must have the
// same outcomes, and the same data races, by both.

#include "tests/model/axioms.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/explorer.h"

namespace holdfast::model {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;

// Runs a program in the explorer, and collects its outcomes.
class ProgramScenario : public Scenario {
 public:
  ProgramScenario(const Program& program, std::set<std::string>* outcomes)
      : program_(program), outcomes_(*outcomes), texts_(program.size()) {}

  int threads() const override { return static_cast<int>(program_.size()); }

  void Run(int thread) override {
    const size_t at = static_cast<size_t>(thread - 1);
    for (const Operation& operation : program_[at]) {
      texts_[at] += Execute(operation);
    }
  }

  void Done() override {
    std::string text;
    for (const std::string& each : texts_) text += each + "| ";
    text += std::to_string(locations_[0].load(kRelaxed)) + " ";
    outcomes_.insert(text + std::to_string(locations_[1].load(kRelaxed)));
  }

 private:
  struct Both {
    uint64_t first;
    uint64_t second;
  };
  static Both Two(int first, int second) {
    return {static_cast<uint64_t>(first), static_cast<uint64_t>(second)};
  }

  std::string Execute(const Operation& op) {
    Atomic<int>& location = locations_[op.location];
    int read = op.operand;
    bool done = false;
    switch (op.kind) {
      case Kind::kLoad:
        read = location.load(op.order);
        break;
      case Kind::kStore:
        location.store(op.operand, op.order);
        break;
      case Kind::kAdd:
        read = location.fetch_add(op.operand, op.order);
        break;
      case Kind::kStrongCas:
        done = location.compare_exchange_strong(read, op.desired, op.order,
                                                op.failure);
        break;
      case Kind::kWeakCas:
        done = location.compare_exchange_weak(read, op.desired, op.order,
                                              op.failure);
        break;
      case Kind::kCasOfBoth:
        done = PairAtomics::CompareExchangePair(
            locations_[0], locations_[1], Two(op.operand, op.operand_of_1),
            Two(op.desired, op.desired_of_1), op.order);
        break;
      case Kind::kPlainRead:
        static_cast<void>(static_cast<int>(plain_));
        break;
      case Kind::kPlainWrite:
        plain_ = 1;
        break;
    }
    return ResultOf(op, done, read);
  }

  const Program& program_;
  std::set<std::string>& outcomes_;
  std::vector<std::string> texts_;
  Atomic<int> locations_[kLocations];
  Plain<int> plain_;
};

Result Explore(const Program& program, std::set<std::string>* outcomes) {
  Search search;
  search.bounds.preemptions = -1;
  search.bounds.spurious = 9;  // More than a program has weak CASes.
  search.bounds.rereads = 9;   // More than a program has loads.
  return Explorer::Get().Run(
      [&] { return std::make_unique<ProgramScenario>(program, outcomes); },
      search);
}

class RandomPrograms {
 public:
  // `with` is the kind of operation that programs have besides the atomic ones
  // of one location.
  RandomPrograms(unsigned seed, Kind with) : random_(seed), with_(with) {}

  // Returns a program of 2 or 3 threads, with 3 to 7 operations in all, at most
  // 4 in each thread. A CAS of both locations counts as 2.
  Program Next() {
    Program program(2 + Below(2));
    int stored = 1;
    size_t left = 3 + Below(5);
    while (left > 0) {
      auto& thread = program[Below(program.size())];
      --left;
      if (thread.size() == 4) continue;
      thread.push_back(Any(&stored));
      const bool is_both = thread.back().kind == Kind::kCasOfBoth;
      left -= std::min<size_t>(left, is_both ? 1 : 0);
    }
    LetSomeSucceed(&program);
    return program;
  }

 private:
  size_t Below(size_t count) { return random_() % count; }

  // Makes the CASes of both locations expect values that these may have.
  void LetSomeSucceed(Program* program) {
    std::vector<int> stored[kLocations] = {{0}, {0}};
    for (const auto& thread : *program) {
      for (const Operation& op : thread) {
        if (op.kind == Kind::kStore) stored[op.location].push_back(op.operand);
        if (op.kind != Kind::kCasOfBoth) continue;
        stored[0].push_back(op.desired);
        stored[1].push_back(op.desired_of_1);
      }
    }
    for (auto& thread : *program) {
      for (Operation& op : thread) {
        if (op.kind != Kind::kCasOfBoth) continue;
        op.operand = stored[0][Below(stored[0].size())];
        op.operand_of_1 = stored[1][Below(stored[1].size())];
      }
    }
  }

  // Returns any operation. Each one stores or adds another number, so that the
  // outcome of an execution shows which store a load has read.
  Operation Any(int* stored) {
    if (with_ != Kind::kLoad && Below(3) == 0) return Another(stored);
    constexpr Kind kKinds[] = {Kind::kLoad,  Kind::kLoad,      Kind::kLoad,
                               Kind::kStore, Kind::kStore,     Kind::kStore,
                               Kind::kAdd,   Kind::kStrongCas, Kind::kWeakCas};
    Operation op;
    op.kind = kKinds[Below(std::size(kKinds))];
    op.location = static_cast<int>(Below(kLocations));
    op.operand = (*stored)++;
    op.order = kOrders[Below(4)];
    if (op.kind == Kind::kLoad) op.order = kOrders[Below(2)];
    if (op.kind == Kind::kStore) op.order = kOrders[2 * Below(2)];
    if (op.kind == Kind::kAdd) op.operand *= 100;
    if (op.kind == Kind::kStrongCas || op.kind == Kind::kWeakCas) {
      op.desired = op.operand;
      op.operand = static_cast<int>(Below(static_cast<size_t>(op.desired)));
      op.failure = kOrders[Below(2)];
    }
    return op;
  }

  // Returns an operation that is like with_.
  Operation Another(int* stored) {
    Operation op;
    op.kind = with_;
    if (with_ == Kind::kPlainWrite && Below(2) == 0) op.kind = Kind::kPlainRead;
    if (with_ != Kind::kCasOfBoth) return op;
    op.order = kOrders[Below(4)];
    op.desired = (*stored)++;
    op.desired_of_1 = (*stored)++;
    return op;
  }

  static constexpr std::memory_order kOrders[] = {kRelaxed, kAcquire, kRelease,
                                                  kAcqRel};

  std::mt19937 random_;
  const Kind with_;
};

std::string Describe(const Program& program) {
  constexpr const char* kNames[] = {"load", "store",       "add",  "strong CAS",
                                    "CAS",  "CAS of both", "read", "write"};
  std::string text;
  for (const auto& thread : program) {
    for (const Operation& op : thread) {
      text += std::string(kNames[static_cast<int>(op.kind)]) + " " +
              "xy"[op.location] + " " + std::to_string(op.operand) + "," +
              std::to_string(op.desired) + " (y " +
              std::to_string(op.operand_of_1) + "," +
              std::to_string(op.desired_of_1) + ") order " +
              std::to_string(static_cast<int>(op.order)) + "," +
              std::to_string(static_cast<int>(op.failure)) + "; ";
    }
    text += "\n";
  }
  return text;
}

TEST(AxiomsTest, MessagePassingByTheAxioms) {
  const auto outcomes = [](std::memory_order store, std::memory_order load) {
    Operation write_x{Kind::kStore, 0, 1};
    Operation write_y{Kind::kStore, 1, 1, 0, store};
    Operation read_y{Kind::kLoad, 1, 0, 0, load};
    Operation read_x{Kind::kLoad, 0};
    return OutcomesByAxioms({{write_x, write_y}, {read_y, read_x}}).all;
  };
  const std::set<std::string> synchronized = {
      "- - | 0 0 | 1 1", "- - | 0 1 | 1 1", "- - | 1 1 | 1 1"};
  EXPECT_EQ(outcomes(kRelease, kAcquire), synchronized);
  EXPECT_EQ(outcomes(kRelease, kRelaxed).size(), 4u);
  EXPECT_EQ(outcomes(kRelaxed, kAcquire).size(), 4u);
}

// Of `count` programs, which together must have more than `at_least` outcomes.
void ExpectTheSameOutcomes(RandomPrograms programs, int count,
                           size_t at_least) {
  size_t outcomes = 0;
  for (int i = 0; i < count; ++i) {
    const Program program = programs.Next();
    std::set<std::string> explored;
    const Result result = Explore(program, &explored);
    ASSERT_TRUE(result.complete) << result.failure;
    ASSERT_EQ(explored, OutcomesByAxioms(program).all) << Describe(program);
    outcomes += explored.size();
  }
  EXPECT_GT(outcomes, at_least);
}

TEST(AxiomsTest, RandomProgramsHaveTheSameOutcomesInTheExplorer) {
  ExpectTheSameOutcomes(RandomPrograms(20221, Kind::kLoad), 4000, 20'000);
}

TEST(AxiomsTest, ACasOfBothLocations) {
  const auto expect = [](const Program& program,
                         const std::set<std::string>& outcomes) {
    EXPECT_EQ(OutcomesByAxioms(program).all, outcomes);
    std::set<std::string> explored;
    Explore(program, &explored);
    EXPECT_EQ(explored, outcomes);
  };
  Operation both{Kind::kCasOfBoth, 0, 0, 1, kAcqRel};
  both.desired_of_1 = 1;
  // Of two that expect zeros, one succeeds.
  expect({{both}, {both}}, {"done | not | 1 1", "not | done | 1 1"});
  // One that reads a release knows what was stored before it.
  const Operation write_y{Kind::kStore, 1, 5};
  const Operation write_x{Kind::kStore, 0, 5, 0, kRelease};
  both.operand = 5;
  expect({{write_y, write_x}, {both}}, {"- - | not | 5 5"});
  both.operand_of_1 = 5;
  expect({{write_y, write_x}, {both}}, {"- - | not | 5 5", "- - | done | 1 1"});
  // One that reads another one's half has come after its other half, too.
  Operation first{Kind::kCasOfBoth, 0, 0, 1};
  first.operand_of_1 = 5;
  first.desired_of_1 = 1;
  Operation second{Kind::kCasOfBoth, 0, 1, 2};
  second.desired_of_1 = 2;
  expect({{write_y, first}, {second}}, {"- done | not | 1 1"});
}

TEST(AxiomsTest, RandomCasesOfBothHaveTheSameOutcomesInTheExplorer) {
  ExpectTheSameOutcomes(RandomPrograms(20223, Kind::kCasOfBoth), 800, 1'500);
}

TEST(AxiomsTest, RandomProgramsHaveTheSameRacesInTheExplorer) {
  RandomPrograms programs(20222, Kind::kPlainWrite);
  int races = 0;
  for (int i = 0; i < 4000; ++i) {
    const Program program = programs.Next();
    std::set<std::string> explored;
    const Result result = Explore(program, &explored);
    const bool race = OutcomesByAxioms(program).race;
    ASSERT_EQ(result.failure.find("data race") == 0, race)
        << result.failure << "\n"
        << Describe(program);
    races += race;
  }
  EXPECT_GT(races, 400);
  EXPECT_LT(races, 3600);
}

}  // namespace
}  // namespace holdfast::model

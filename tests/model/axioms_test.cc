// Compares the explorer with the axioms of RC11: random programs must have the
// same outcomes, and the same data races, by both.

#include "tests/model/axioms.h"

#include <algorithm>
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
  explicit RandomPrograms(unsigned seed) : random_(seed) {}

  // Returns a program of 2 or 3 threads, with 3 to 7 operations in all and at
  // most 4 in each thread.
  Program Next(bool with_plain) {
    Program program(2 + Below(2));
    int stored = 1;
    for (size_t left = 3 + Below(5); left > 0; --left) {
      auto& thread = program[Below(program.size())];
      if (thread.size() < 4) thread.push_back(Any(with_plain, &stored));
    }
    return program;
  }

 private:
  size_t Below(size_t count) { return random_() % count; }

  // Returns any operation. Each one stores or adds another number, so that the
  // outcome of an execution shows which store a load has read.
  Operation Any(bool with_plain, int* stored) {
    constexpr Kind kKinds[] = {Kind::kLoad,  Kind::kLoad,      Kind::kLoad,
                               Kind::kStore, Kind::kStore,     Kind::kStore,
                               Kind::kAdd,   Kind::kStrongCas, Kind::kWeakCas};
    constexpr std::memory_order kOrders[] = {kRelaxed, kAcquire, kRelease,
                                             kAcqRel};
    Operation op;
    op.kind = kKinds[Below(std::size(kKinds))];
    if (with_plain && Below(3) == 0) {
      op.kind = Below(2) == 0 ? Kind::kPlainRead : Kind::kPlainWrite;
    }
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

  std::mt19937 random_;
};

std::string Describe(const Program& program) {
  constexpr const char* kNames[] = {"load", "store", "add",  "strong CAS",
                                    "CAS",  "read",  "write"};
  std::string text;
  for (const auto& thread : program) {
    for (const Operation& op : thread) {
      text += std::string(kNames[static_cast<int>(op.kind)]) + " " +
              "xy"[op.location] + " " + std::to_string(op.operand) + "," +
              std::to_string(op.desired) + " order " +
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

TEST(AxiomsTest, RandomProgramsHaveTheSameOutcomesInTheExplorer) {
  RandomPrograms programs(20221);
  size_t outcomes = 0;
  for (int i = 0; i < 4000; ++i) {
    const Program program = programs.Next(/*with_plain=*/false);
    std::set<std::string> explored;
    const Result result = Explore(program, &explored);
    ASSERT_TRUE(result.complete) << result.failure;
    ASSERT_EQ(explored, OutcomesByAxioms(program).all) << Describe(program);
    outcomes += explored.size();
  }
  EXPECT_GT(outcomes, 20'000u);
}

TEST(AxiomsTest, RandomProgramsHaveTheSameRacesInTheExplorer) {
  RandomPrograms programs(20222);
  int races = 0;
  for (int i = 0; i < 4000; ++i) {
    const Program program = programs.Next(/*with_plain=*/true);
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

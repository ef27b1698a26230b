// Does some scenario fail if the library is wrong? Each mutant is the library
// with one memory order weakened by one step, or with one defect of defects.txt
// (mutate.py makes them all). Some scenario must fail on each mutant, but for
// the few that kStronger lists.

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/explorer.h"
#include "tests/model/scenarios.h"
#include "tests/mutants/mutation.h"

namespace holdfast::model {
namespace {

struct Mutant {
  std::string name;
  mutants::Mutation mutation;
  std::string line;     // The line of the header that has the order, if any.
  std::string killers;  // The scenarios that a defect names: "a,b".
};

std::vector<Mutant> AllMutants() {
  std::vector<Mutant> all;
#define WEAKENED(site, place, line, order, weaker)               \
  all.push_back({std::string(place) + " " #order " to " #weaker, \
                 {site, std::memory_order_##weaker, -1},         \
                 line,                                           \
                 ""});
#define PLANTED(defect, name, killers) \
  all.push_back({name, {-1, std::memory_order_relaxed, defect}, "", killers});
#include "tests/model/mutants.inc"
#undef WEAKENED
#undef PLANTED
  return all;
}

// An order that is stronger than any scenario needs: the line that has it, and
// the change that no scenario notices. "Orders that no scenario needs" in
// docs/design.md gives the reason for each.
struct Stronger {
  const char* line;
  const char* change;
};
constexpr Stronger kStronger[] = {
    // FreeList::Pop.
    {"if (top.compare_exchange_weak(head, popped, "
     "std::memory_order_acq_rel,",
     "acq_rel to release"},
    // FreshSlots::TakeSwept.
    {"swept, rest, std::memory_order_acq_rel, std::memory_order_acquire));",
     "acq_rel to release"},
    // FreshSlots::Take.
    {"begin, end, std::memory_order_acq_rel, std::memory_order_acquire));",
     "acq_rel to release"},
    // OwnerLocks::BlockOf.
    {"std::memory_order_acq_rel, std::memory_order_acquire)) {",
     "acq_rel to release"},
    // FreshSlots::Sweep.
    {"swept_->store(FreshRange(0, high_water()), std::memory_order_release);",
     "release to relaxed"},
    // Shard::Owned::SetLast.
    {"value_.store(value, std::memory_order_release);", "release to relaxed"},
};

bool Is(const Mutant& mutant, const Stronger& stronger) {
  const std::string ending = std::string(" ") + stronger.change;
  return mutant.line == stronger.line && mutant.name.size() > ending.size() &&
         mutant.name.compare(mutant.name.size() - ending.size(), ending.size(),
                             ending) == 0;
}

bool IsStronger(const Mutant& mutant) {
  return std::any_of(
      std::begin(kStronger), std::end(kStronger),
      [&](const Stronger& stronger) { return Is(mutant, stronger); });
}

bool IsOfOneOf(const std::vector<const char*>& files, const Mutant& mutant) {
  return std::any_of(files.begin(), files.end(), [&](const char* file) {
    return mutant.name.find(file) != std::string::npos;
  });
}

// The scenarios in an order in which most mutants are found soon: by what the
// mutant's file is about.
Entries ScenariosFor(const Mutant& mutant) {
  Entries objects = ObjectScenarios();
  Entries others = AllScenarios();
  others.resize(others.size() - objects.size());  // They come last.
  const bool is_about_values = IsOfOneOf(
      {"cell_read.h", "cell_slots.h", "cell_write.h", "inline_slots.h",
       "pair_slots.h", "slot_word.h", "value_cell.h"},
      mutant);
  if (!is_about_values) std::reverse(others.begin(), others.end());
  const bool is_about_objects = IsOfOneOf(
      {"announcement", "object_", "reclaimer.h", "shard_array.h"}, mutant);
  Entries& first = is_about_objects ? objects : others;
  const Entries& last = is_about_objects ? others : objects;
  first.insert(first.end(), last.begin(), last.end());
  return first;
}

// Whether the defect names this scenario: by its name before the first '/'.
bool Kills(const Mutant& mutant, const Entry& entry) {
  return ("," + mutant.killers + ",")
             .find("," + entry.name.substr(0, entry.name.find('/')) + ",") !=
         std::string::npos;
}

// Runs one scenario on the mutant that is switched on. If the scenario's bounds
// have more than `preemptions` preemptions (-1: any number), they are narrowed
// to that many, and to at most one old value.
Result RunOne(const Entry& entry, int preemptions) {
  Search search;
  search.bounds = entry.bounds;
  if (preemptions >= 0 && search.bounds.preemptions > preemptions) {
    search.bounds.preemptions = preemptions;
    if (search.bounds.stale != 0) search.bounds.stale = 1;
  }
  if (entry.random != 0) {
    search.seed = 1;
    search.executions = 20'000;
  }
  return Explorer::Get().Run(entry.make, search);
}

// If a thread of the scenario accesses memory that there is not, the scenario
// has failed. If thread 0 does, a check of the scenario has crashed, and so
// must this process.
void OnMemoryFault(int number) {
  if (Explorer::Get().current() != 0) {
    Explorer::Get().Fail("an access outside of all memory");
  }
  std::signal(number, SIG_DFL);
}

// Runs the scenarios on one mutant until one fails. Prints the name of that
// scenario and its failure and exits with 1, or exits with 0 if none fails.
//
// It has a process of its own, since a mutant may crash a check of a scenario.
// That does not count as a failure of the scenario, which has to say what is
// wrong.
[[noreturn]] void RunAndExit(const Mutant& mutant) {
  mutants::mutation = mutant.mutation;
  struct sigaction action = {};
  action.sa_handler = OnMemoryFault;
  action.sa_flags = SA_NODEFER;  // Fail does not return.
  sigaction(SIGSEGV, &action, nullptr);
  Entries entries = ScenariosFor(mutant);
  // No scenario fails on these, so that each one is explored in full. To save
  // time, only two groups of scenarios run.
  if (IsStronger(mutant)) {
    entries = FullTableScenarios();
    for (const Entry& entry : LeftMidwayScenarios()) {
      entries.push_back(entry);
    }
  }
  // Narrow bounds come first, because most mutants are found within them.
  for (const int preemptions : {1, -1}) {
    for (const Entry& entry : entries) {
      if (!mutant.killers.empty() && !Kills(mutant, entry)) continue;
      std::printf("in %s: ", entry.name.c_str());
      std::fflush(stdout);
      const Result result = RunOne(entry, preemptions);
      if (!result.failure.empty()) {
        std::printf("%s\n", result.failure.c_str());
        std::fflush(stdout);
        _exit(1);
      }
      std::printf("\r");
    }
  }
  std::printf("not found\n");
  std::fflush(stdout);
  _exit(0);
}

class MutantTest : public testing::TestWithParam<Mutant> {};

TEST_P(MutantTest, IsFound) {
  const Mutant& mutant = GetParam();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    RunAndExit(mutant);
  }
  close(ends[1]);
  std::string text;
  char buffer[256];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  const std::string last = text.substr(text.rfind('\r') + 1);
  const bool found = WIFEXITED(status) && WEXITSTATUS(status) == 1;
  std::printf("%s: %s%s\n", mutant.name.c_str(), last.c_str(),
              WIFEXITED(status) ? "" : "crashed");
  EXPECT_TRUE(WIFEXITED(status)) << mutant.name << " crashed: " << last;
  EXPECT_NE(found, IsStronger(mutant)) << mutant.name << ": " << mutant.line;
}

INSTANTIATE_TEST_SUITE_P(, MutantTest, testing::ValuesIn(AllMutants()),
                         [](const testing::TestParamInfo<Mutant>& mutant) {
                           std::string name = mutant.param.name;
                           for (char& c : name) {
                             if (isalnum(c) == 0) c = '_';
                           }
                           return name + "_" + std::to_string(mutant.index);
                         });

// Guards against a test that checks nothing: mutate.py must have made mutants,
// and each entry of kStronger must still be exactly one of them.
TEST(Mutants, AreManyAndTheStrongerOnesExist) {
  const std::vector<Mutant> all = AllMutants();
  EXPECT_GE(all.size(), 60u);
  for (const Stronger& stronger : kStronger) {
    EXPECT_EQ(std::count_if(
                  all.begin(), all.end(),
                  [&](const Mutant& mutant) { return Is(mutant, stronger); }),
              1)
        << stronger.line << ": " << stronger.change;
  }
}

}  // namespace
}  // namespace holdfast::model

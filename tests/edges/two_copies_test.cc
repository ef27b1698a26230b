// Goal: if plug-ins bring several copies of the library into one process, each
// copy works, and a table may pass from one copy to another.
//
// Method: the host, with its own copy or with a shared one, loads plug-ins
// whose copies are hidden, bound and shared in the ways that BUILD.bazel lists.
// Threads call functions of different copies at the same time, on one table for
// all copies or on one for each copy, and check each result. Each case runs in
// a process of its own.

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "tests/edges/child.h"
#include "tests/edges/table_calls.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast {
namespace {

using Table = TableCalls::Table;

// A plug-in. It is loaded from a copy of its file, so that a plug-in of the
// same kind can be loaded twice.
class Plugin {
 public:
  Plugin(const std::string& kind, const std::string& copy, int flags) {
    const char* const folder = std::getenv("TEST_TMPDIR");
    path_ = std::string(folder != nullptr ? folder : "/tmp") + "/" + kind +
            copy + std::to_string(getpid()) + ".so";
    std::ofstream(path_, std::ios::binary)
        << std::ifstream("tests/edges/plugin_" + kind + ".so", std::ios::binary)
               .rdbuf();
    // The plug-in needs this library, and finds it if it is loaded already.
    if (kind == "shared") dlopen("tests/edges/libholdfast.so", flags);
    library_ = dlopen(path_.c_str(), flags);
    if (library_ == nullptr) {
      std::cerr << dlerror() << std::endl;
      std::abort();
    }
    const auto get = reinterpret_cast<void (*)(TableCalls*)>(
        dlsym(library_, "holdfast_table_calls"));
    get(&calls_);
    unlink(path_.c_str());
  }

  const TableCalls& calls() const { return calls_; }
  void Close() { dlclose(library_); }

 private:
  std::string path_;
  void* library_;
  TableCalls calls_ = {};
};

// Makes the calls of a thread, through several copies of the library in turn.
class Caller {
 public:
  Caller(std::vector<const TableCalls*> copies, Table* table, uint64_t me)
      : copies_(std::move(copies)), table_(table), me_(me) {}

  // Pins, reads, changes and unpins values of its own. Returns how many results
  // were wrong.
  uint64_t Churn(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      for (uint64_t i = 0; i < kOwn; ++i) Begin(i);
      for (uint64_t i = 0; i < kOwn; ++i) Change(i);
      for (uint64_t i = 0; i < kOwn; ++i) End(i);
    }
    return wrong_;
  }

 private:
  static constexpr uint64_t kOwn = 40;

  const TableCalls& Next() { return *copies_[turn_++ % copies_.size()]; }
  uint64_t Number(uint64_t i) const { return me_ << 40 | i << 8 | turn_ % 256; }
  void Expect(bool right) { wrong_ += right ? 0 : 1; }

  void ExpectRead(uint64_t i) {
    uint64_t found = 0;
    Expect(Next().read(table_, handles_[i], &found) && found == numbers_[i]);
  }

  void Begin(uint64_t i) {
    numbers_[i] = Number(i);
    handles_[i] = Next().pin(table_, numbers_[i]);
    Expect(handles_[i] != 0);
  }

  void Change(uint64_t i) {
    ExpectRead(i);
    uint64_t next = Number(i);
    Expect(Next().write(table_, handles_[i], next));
    numbers_[i] = next;
    ExpectRead(i);
    next = Number(i);
    uint64_t old = 0;
    Expect(Next().exchange(table_, handles_[i], next, &old) &&
           old == numbers_[i]);
    numbers_[i] = next;
  }

  void End(uint64_t i) {
    ExpectRead(i);
    uint64_t last = 0;
    if (i % 2 == 0) {
      Expect(Next().unpin(table_, handles_[i]));
    } else {
      Expect(Next().take(table_, handles_[i], &last) && last == numbers_[i]);
    }
    Expect(!Next().contains(table_, handles_[i]));
    Expect(!Next().unpin(table_, handles_[i]));
    Expect(!Next().write(table_, handles_[i], 1));
  }

  const std::vector<const TableCalls*> copies_;
  Table* const table_;
  const uint64_t me_;
  uint64_t turn_ = 0;
  uint64_t wrong_ = 0;
  uint64_t handles_[kOwn] = {};
  uint64_t numbers_[kOwn] = {};
};

constexpr uint64_t kSlots = 4096;
constexpr uint32_t kCache = 16;  // Small, so that many batches move.

// Expects that the table is empty and takes at least kSlots values, each with a
// slot of its own. Requires that no other thread uses the table.
void ExpectAllOfIt(ChildReport& report, const TableCalls& calls, Table* table) {
  report.Expect(calls.live(table) == 0, "values live on");
  std::vector<uint64_t> handles;
  while (handles.size() < 4 * kSlots) {
    const uint64_t handle = calls.pin(table, handles.size());
    if (handle == 0) break;
    handles.push_back(handle);
  }
  report.Expect(handles.size() >= kSlots,
                "capacity is lost: only " + std::to_string(handles.size()));
  report.Expect(calls.live(table) == handles.size(), "not all of them live");
  for (uint64_t i = 0; i < handles.size(); ++i) {
    uint64_t found = 0;
    if (!calls.read(table, handles[i], &found) || found != i) {
      report.Say("a slot is given out twice");
      break;
    }
  }
  report.Expect(calls.unpin_all(table) == handles.size(), "not all unpinned");
}

void ExpectNone(ChildReport& report, uint64_t wrong, const char* what) {
  report.Expect(wrong == 0, std::to_string(wrong) + " wrong results: " + what);
}

// The parameters are the kinds of two plug-ins, and a flag for dlopen.
class TwoCopiesTest
    : public testing::TestWithParam<std::tuple<std::string, std::string, int>> {
 protected:
  // The copies in the process: that of the host, and those of two plug-ins.
  struct Copies {
    explicit Copies(const ParamType& param)
        : host(OwnTableCalls()),
          a(std::get<0>(param), "_a", RTLD_NOW | std::get<2>(param)),
          b(std::get<1>(param), "_b", RTLD_NOW | std::get<2>(param)) {}

    std::vector<const TableCalls*> All() const {
      return {&host, &a.calls(), &b.calls()};
    }

    const TableCalls host;
    Plugin a;
    Plugin b;
  };

  static constexpr int kThreads = 3;
};

TEST_P(TwoCopiesTest, OneTableServesThreadsOfDifferentCopies) {
  const std::string said = InChild([](ChildReport& report) {
    const Copies copies(GetParam());
    for (const TableCalls* creator : copies.All()) {
      Table* const table = creator->create(kSlots, kCache);
      std::atomic<uint64_t> wrong{0};
      RunThreads(kThreads, [&](int i) {
        const size_t number = static_cast<size_t>(i);
        Caller caller({copies.All()[number]}, table, number + 1);
        wrong.fetch_add(caller.Churn(Rounds(1000)));
      });
      ExpectNone(report, wrong.load(), "each thread in its own copy");
      for (const TableCalls* copy : copies.All()) {
        ExpectAllOfIt(report, *copy, table);
      }
      creator->destroy(table);
    }
  });
  EXPECT_EQ(said, "");
}

TEST_P(TwoCopiesTest, AThreadMayCallOneTableThroughEachCopyInTurn) {
  const std::string said = InChild([](ChildReport& report) {
    const Copies copies(GetParam());
    for (const TableCalls* creator : copies.All()) {
      Table* const table = creator->create(kSlots, kCache);
      std::atomic<uint64_t> wrong{0};
      RunThreads(kThreads, [&](int i) {
        Caller caller(copies.All(), table, static_cast<uint64_t>(i) + 1);
        wrong.fetch_add(caller.Churn(Rounds(500)));
      });
      ExpectNone(report, wrong.load(), "each call in the next copy");
      ExpectAllOfIt(report, *creator, table);
      creator->destroy(table);
    }
  });
  EXPECT_EQ(said, "");
}

// Each thread uses another copy first, so that the copies number the threads
// differently.
TEST_P(TwoCopiesTest, EachCopyHasATableForSharedThreads) {
  const std::string said = InChild([](ChildReport& report) {
    const Copies copies(GetParam());
    std::vector<Table*> tables;
    for (const TableCalls* copy : copies.All()) {
      tables.push_back(copy->create(kSlots, kCache));
    }
    std::atomic<uint64_t> wrong{0};
    StartLine warm(kThreads);
    RunThreads(kThreads, [&](int i) {
      const size_t me = static_cast<size_t>(i);
      const auto churn = [&](size_t copy, int rounds) {
        Caller caller({copies.All()[copy]}, tables[copy], me + 1);
        wrong.fetch_add(caller.Churn(rounds));
      };
      churn(me, 1);
      warm.Arrive();
      for (size_t k = 0; k < kThreads; ++k) churn(k, Rounds(1000));
    });
    ExpectNone(report, wrong.load(), "tables of their own");
    for (size_t k = 0; k < tables.size(); ++k) {
      ExpectAllOfIt(report, *copies.All()[k], tables[k]);
      copies.All()[k]->destroy(tables[k]);
    }
  });
  EXPECT_EQ(said, "");
}

// Exactly one call ends the life of each value, through any copy. A walk sees
// no torn value.
TEST_P(TwoCopiesTest, UnpinAllAndForEachOfOneCopyMeetTheOthers) {
  const std::string said = InChild([](ChildReport& report) {
    const Copies copies(GetParam());
    Table* const table = copies.a.calls().create(kSlots, kCache);
    std::atomic<uint64_t> pinned{0};
    std::atomic<uint64_t> ended{0};
    std::atomic<uint64_t> torn{0};
    std::atomic<int> working{2};
    RunThreads(kThreads, [&](int i) {
      const TableCalls& copy = *copies.All()[static_cast<size_t>(i)];
      if (i > 0) {
        for (int k = 0; k < Rounds(50'000); ++k) {
          const uint64_t handle = copy.pin(table, static_cast<uint64_t>(k));
          pinned.fetch_add(handle != 0 ? 1 : 0);
          copy.write(table, handle, 7);
          if (k % 3 != 0) ended.fetch_add(copy.unpin(table, handle) ? 1 : 0);
        }
        working.fetch_sub(1);
        return;
      }
      while (working.load() > 0) {
        for (const TableCalls* any : copies.All()) {
          any->for_each(
              table,
              [](void* count, uint64_t, const Twins* value) {
                *static_cast<std::atomic<uint64_t>*>(count) +=
                    value->IsWhole() ? 0 : 1;
              },
              &torn);
          ended.fetch_add(any->unpin_all(table));
        }
      }
    });
    ended.fetch_add(copies.host.unpin_all(table));
    ExpectNone(report, torn.load(), "torn values");
    report.Expect(pinned.load() == ended.load(),
                  std::to_string(pinned.load()) + " pinned, " +
                      std::to_string(ended.load()) + " ended");
    ExpectAllOfIt(report, copies.b.calls(), table);
    copies.a.calls().destroy(table);
  });
  EXPECT_EQ(said, "");
}

// A thread that has used a plug-in outlives it, goes on in the host, and ends.
TEST_P(TwoCopiesTest, AThreadOutlivesThePluginThatItUsed) {
  const std::string said = InChild(
      [](ChildReport& report) {
        Copies copies(GetParam());
        const TableCalls& host = copies.host;
        Table* const table = host.create(kSlots, kCache);
        std::atomic<uint64_t> wrong{0};
        for (int round = 0; round < 3; ++round) {
          Plugin guest(std::get<0>(GetParam()),
                       "_guest" + std::to_string(round),
                       RTLD_NOW | std::get<2>(GetParam()));
          Table* const its = guest.calls().create(kSlots, kCache);
          std::atomic<int> step{0};
          std::thread user([&] {
            const std::vector<const TableCalls*> only = {&guest.calls()};
            wrong += Caller(only, its, 1).Churn(3);
            wrong += Caller(only, table, 1).Churn(3);
            step.store(1);
            while (step.load() != 2) std::this_thread::yield();
            wrong += Caller({&host}, table, 1).Churn(3);
          });
          while (step.load() != 1) std::this_thread::yield();
          wrong += Caller({&guest.calls()}, table, 2).Churn(3);
          guest.calls().destroy(its);
          guest.Close();
          wrong += Caller({&host}, table, 2).Churn(3);
          step.store(2);
          user.join();
        }
        ExpectNone(report, wrong.load(), "beside an unloaded plug-in");
        ExpectAllOfIt(report, host, table);
        host.destroy(table);
      },
      ChildEnd::kInOrder);
  EXPECT_EQ(said, "");
}

std::string Name(const testing::TestParamInfo<TwoCopiesTest::ParamType>& info) {
  const auto& [a, b, flags] = info.param;
  return a + (a == b ? "" : "_and_" + b) +
         (flags == RTLD_GLOBAL ? "_global" : "_local");
}

std::vector<TwoCopiesTest::ParamType> Loaded() {
  const std::vector<std::string> kinds = {
      "default", "hidden", "symbolic", "symbolic_functions", "local", "shared"};
  std::vector<TwoCopiesTest::ParamType> all;
  for (size_t i = 0; i < kinds.size(); ++i) {
    all.emplace_back(kinds[i], kinds[i], RTLD_LOCAL);
    all.emplace_back(kinds[i], kinds[i], RTLD_GLOBAL);
    all.emplace_back(kinds[i], kinds[(i + 1) % kinds.size()], RTLD_LOCAL);
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(Plugins, TwoCopiesTest, testing::ValuesIn(Loaded()),
                         Name);

}  // namespace
}  // namespace holdfast

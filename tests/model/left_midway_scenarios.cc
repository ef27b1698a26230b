// A thread leaves a call halfway, before any of its operations, as a signal
// handler that jumps out of it does: what others find in its shards, and itself
// if it goes on. [INV-9]

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "holdfast/handle_table.h"
#include "tests/model/pool_play.h"
#include "tests/model/scenarios.h"

namespace holdfast::model {
namespace {

// Calls `call`, and leaves it before one of its operations or not at all: at
// most `most` of them, or the scenario would miss some.
template <typename F>
void LeaveSomewhere(int most, F call) {
  const int after = Explorer::Get().Choose(most + 1);
  const bool left = Explorer::Get().LeaveHalfway(after, call);
  if (left && after == most) {
    Explorer::Get().Fail("a call has more operations than the scenario tries");
  }
}

// --- Write -------------------------------------------------------------------

// Thread 1 leaves a Write to the first value halfway, and then writes to the
// second one; or exits, so that thread 2 does it with the same ordinal.
class LeftWrite : public Scenario {
 public:
  using Traits = ModelTraits<>;
  using Table = HandleTable<Pair, Traits>;
  using Handle = Table::Handle;

  explicit LeftWrite(bool exits)
      : exits_(exits),
        table_(*Table::Create({/*max_slots=*/16,
                               /*thread_cache_slots=*/1})) {
    ModelThreads::NameAll();
    ModelThreads::As(1, [&] {
      ModelThreads::Register();
      for (int i = 0; i < 3; ++i) handles_[Size(i)] = Pin(i + 1);
    });
  }

  int threads() const override { return 2; }
  void Run(int thread) override {
    if (thread == 2) {
      if (exits_) WriteSecond(5);
      CheckRead(0);
      return;
    }
    LeaveSomewhere(30, [&] { table_.Write(handles_[0], Encoded(4)); });
    if (exits_) {
      ModelThreads::Exit();
    } else {
      WriteSecond(5);
    }
  }

  void Done() override {
    Check(CheckRead(0) != 5, "a write went to another slot");
    Check(CheckRead(1) == 5, "a write was lost");
    Check(CheckRead(2) == 3, "a value changed that nobody wrote to");
    CheckCells();
  }

 private:
  static size_t Size(int i) { return static_cast<size_t>(i); }
  static Pair Encoded(int number) {
    Pair value;
    Encode(number, &value);
    return value;
  }
  static void Check(bool ok, const char* what) {
    if (!ok) Explorer::Get().Fail(what);
  }

  Handle Pin(int number) { return table_.Pin(Encoded(number)); }
  void WriteSecond(int number) {
    Check(table_.Write(handles_[1], Encoded(number)), "a write was refused");
  }
  int CheckRead(size_t i) {
    const auto value = table_.Read(handles_[i]);
    Check(value.has_value(), "a live handle was refused");
    const int number = Decode(*value);
    Check(number >= 0, "a torn value");
    return number;
  }

  // Each thread writes once more, to all: had two slots the same cell, or had a
  // spare one that is a slot's, values would get mixed up.
  void CheckCells() {
    for (int thread = 1; thread <= 2; ++thread) {
      ModelThreads::As(thread, [&] {
        for (int i = 0; i < 3; ++i) {
          Check(table_.Write(handles_[Size(i)], Encoded(10 * thread + i)),
                "a write was refused");
          CheckAll(thread, i);
        }
      });
    }
    const Table::TestAccess access(table_);
    std::array<uint32_t, 3> cells;
    for (size_t i = 0; i < 3; ++i) {
      cells[i] = access.CellOf(access.Index(handles_[i]));
      for (size_t n = 0; n < i; ++n) {
        Check(cells[i] != cells[n], "two slots have the same cell");
      }
    }
  }
  // Values up to `last` are the thread's, those behind of the round before.
  void CheckAll(int thread, int last) {
    for (int i = 0; i < 3; ++i) {
      const int number = CheckRead(Size(i));
      if (i <= last || thread > 1) {
        Check(number == 10 * (i <= last ? thread : thread - 1) + i,
              "a write to one slot changed another");
      }
    }
  }

  const bool exits_;
  Table table_;
  std::array<Handle, 3> handles_;
};

// --- Pin and Unpin -----------------------------------------------------------

using P = PoolPlay;

// Thread 1's shard is full, and two more values are live.
void FillShard(P& p) {
  for (size_t i = 0; i < 6; ++i) p.kept(i) = p.Pin();
  for (size_t i = 0; i < 4; ++i) p.Unpin(p.kept(i));
}

// Its shard is empty, and a batch is on the free list.
void FillList(P& p) {
  FillShard(p);
  p.Unpin(p.kept(4));
  for (int i = 0; i < 3; ++i) p.Pin();
}

void PinThree(P& p) {
  for (int i = 0; i < 3; ++i) p.Pin();
}

// Thread 1 leaves `call`, and goes on; or exits, and thread 2 pins.
void AddLeft(const std::string& name, P::Body begin, P::Body call, int most,
             int preemptions, Entries* entries) {
  P::Script script = {/*max_slots=*/8, /*cache_slots=*/4, /*all_slots=*/16};
  script.lost = 2;  // A batch.
  script.setup = [begin = std::move(begin)](P& p) {
    ModelThreads::RegisterAll(1);
    p.As(1, begin);
  };
  const auto leave = [most, call = std::move(call)](P& p) {
    LeaveSomewhere(most, [&] { call(p); });
  };
  script.threads = {[leave](P& p) {
                      leave(p);
                      ModelThreads::Exit();
                    },
                    PinThree};
  AddPoolPlay(name, "exits", script, preemptions, 1, entries);
  script.threads = {[leave](P& p) {
                      leave(p);
                      PinThree(p);
                    },
                    [](P& p) { p.Pin(); }};
  AddPoolPlay(name, "goes on", std::move(script), 0, 0, entries);
}

}  // namespace

Entries LeftMidwayScenarios() {
  Entries entries;
  for (const bool exits : {false, true}) {
    entries.push_back({exits ? "left_write/exits" : "left_write/goes on",
                       [exits] { return std::make_unique<LeftWrite>(exits); },
                       {/*preemptions=*/1, /*stale=*/1}});
  }
  // One batch to the list, one slot to the shard.
  const auto unpin_two = [](P& p) {
    p.Unpin(p.kept(4));
    p.Unpin(p.kept(5));
  };
  AddLeft("left_unpin", FillShard, unpin_two, 50, 1, &entries);
  // From the list, from the shard, and by growth.
  AddLeft("left_pin", FillList, PinThree, 80, 0, &entries);
  for (Entry& entry : entries) entry.leaves = true;
  return entries;
}

}  // namespace holdfast::model

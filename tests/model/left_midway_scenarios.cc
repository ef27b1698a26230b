// A thread leaves a call halfway, as if a signal handler jumped out of the
// call. That is tried before each operation of the call. Then either the thread
// goes on, or it exits and another thread may get its ordinal. The shard that
// either of them then finds must be whole. [INV-9]

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

// --- Write -------------------------------------------------------------------

// Thread 1 leaves a Write to the first of three values halfway. If `exits`, it
// then exits, and thread 2, which may get its ordinal, writes to the second
// value. Otherwise thread 1 writes to the second value itself.
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

  // Writes once more to all values, as each thread. If two slots had the same
  // cell, or if a slot's cell were also a thread's spare, values would now get
  // mixed up.
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
  // Checks that values 0 to `last` are those that `thread` has written, and
  // that the others are those that the thread before has written, if there was
  // one.
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

// Pins `live` values, and unpins the first ones, as many as fit into the shard
// at hand: then the values from kept(free) on are live.
P::Body FillFront(size_t live, size_t free) {
  return [=](P& p) {
    for (size_t i = 0; i < live; ++i) p.kept(i) = p.Pin();
    for (size_t i = 0; i < free; ++i) p.Unpin(p.kept(i));
  };
}

// Leaves a batch of two, on the free list or among those that the shard keeps,
// and else nothing in the shard.
P::Body LeaveBatch(size_t live, size_t free) {
  return [=](P& p) {
    FillFront(live, free)(p);
    p.Unpin(p.kept(free));
    for (size_t i = 0; i + 1 < free; ++i) p.Pin();
  };
}

void PinThree(P& p) {
  for (int i = 0; i < 3; ++i) p.Pin();
}

// Adds two scenarios in which thread 1, after begin(), leaves `call` halfway.
// In one it exits then, and thread 2 pins; in the other it goes on and pins.
void AddLeft(const std::string& name, uint32_t cache_slots, P::Body begin,
             P::Body call, int most, int preemptions, Entries* entries) {
  P::Script script = {/*max_slots=*/8, cache_slots, /*all_slots=*/16};
  script.lost = 2;  // At most a batch of slots. [INV-9]
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

// Caches of four slots have room for three at hand, those of five for four;
// those of eight have room for five, and keep a batch. Batches are of two.
void AddLeftPinAndUnpin(Entries* entries) {
  // Moves one batch to the free list, and puts one slot into the shard.
  AddLeft(
      "left_unpin", 4, FillFront(6, 3),
      [](P& p) {
        p.Unpin(p.kept(4));
        p.Unpin(p.kept(5));
      },
      50, 1, entries);
  // The three slots come from the free list, from the shard, and by growth.
  AddLeft("left_pin", 4, LeaveBatch(6, 3), PinThree, 100, 0, entries);
  // `last` has one slot, and `front` has three. A batch is two of them.
  AddLeft(
      "left_pin_of_many", 5, FillFront(6, 4), [](P& p) { p.PinFromFront(3); },
      30, 1, entries);
  // Keeps one batch, and moves the next one to the free list.
  AddLeft(
      "left_unpin_of_a_batch_to_keep", 8, FillFront(8, 5),
      [](P& p) {
        for (size_t i = 5; i < 8; ++i) p.Unpin(p.kept(i));
      },
      60, 0, entries);
  // The three slots come from the batch that the shard keeps, and by growth.
  AddLeft("left_pin_of_a_batch_kept", 8, LeaveBatch(8, 5), PinThree, 100, 0,
          entries);
}

}  // namespace

Entries LeftMidwayScenarios() {
  Entries entries;
  for (const bool exits : {false, true}) {
    entries.push_back({exits ? "left_write/exits" : "left_write/goes on",
                       [exits] { return std::make_unique<LeftWrite>(exits); },
                       {/*preemptions=*/1, /*stale=*/1}});
  }
  AddLeftPinAndUnpin(&entries);
  for (Entry& entry : entries) entry.leaves = true;
  return entries;
}

}  // namespace holdfast::model

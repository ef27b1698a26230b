// How threads get free slots: from the free list, alone or in batches, and by
// growth. Slots that retire must not be among them.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/handle_table.h"
#include "tests/model/scenarios.h"

namespace holdfast::model {
namespace {

// Whether the free slots at the start have their own cells, or other ones. The
// links of a free slot lie in its cell. (Slots with values inline have no
// cells, and their links lie in their words.)
enum class Cells { kOwn, kMoved };

// Pins `count` values and unpins them, so that the slot of the first one is
// then on top: of the free list, or of the shard if the table has caches.
template <typename Table>
void Free(Play<Table>& p, int count, Cells cells) {
  std::vector<typename Table::Handle> handles;
  for (int i = 0; i < count; ++i) handles.push_back(p.Pin(50 + i));
  for (int i = 0; cells == Cells::kMoved && i < count; ++i) {
    p.Displace(handles[static_cast<size_t>(i)]);
  }
  for (int i = count - 1; i >= 0; --i) {
    p.UnpinOwn(handles[static_cast<size_t>(i)]);
  }
  if (cells == Cells::kOwn) return;
  const typename Table::TestAccess access(p.table());
  for (const auto handle : handles) {
    const uint32_t index = access.Index(handle);
    p.Check(access.CellOf(index) != index, "a free slot was not moved");
  }
}

template <typename Table>
class FreeSlots {
 public:
  using P = Play<Table>;
  using Body = typename P::Body;

  FreeSlots(std::string kind, Cells cells, Entries* entries)
      : kind_(std::move(kind)), cells_(cells), entries_(*entries) {}

  void AddAll() {
    AddList();
    AddOverflow();
    AddBatches();
    AddRandom();
  }

 private:
  // These tables have no caches, so that every slot goes through the free list.
  void AddList() {
    const Cells cells = cells_;
    const auto free = [cells](int count) {
      return [=](P& p) { p.As(1, [&] { Free(p, count, cells); }); };
    };
    // While another thread looks at the top slot and at the one below, this
    // one takes both and brings the top slot back.
    const Body take_two = [](P& p) {
      const auto first = p.Pin(1);
      p.Pin(2);
      if (first) p.UnpinOwn(first);
    };
    const Body come_and_go = [](P& p) {
      if (const auto handle = p.Pin(3)) p.UnpinOwn(handle);
    };
    Add("pop_pop_push", {3, 0}, free(3),
        {[](P& p) { p.Check(static_cast<bool>(p.Pin(4)), "no slot"); },
         take_two},
        2, 2);
    Add("pop_pop_push_push", {2, 0}, free(2), {come_and_go, take_two}, 2, 2);
    Add("pop_push_three_threads", {3, 0}, free(3),
        {come_and_go, take_two, come_and_go}, 1, 1);
    // Take must copy the value before another thread can pin the slot.
    Add(
        "take_against_pin", {1, 0},
        [](P& p) { p.As(1, [&] { p.h(0) = p.Pin(1); }); },
        {[](P& p) { p.Take(p.h(0)); }, [](P& p) { p.Pin(2); }}, 3);
    Add(
        "growth_at_the_last_slot", {2, 0},
        [](P& p) { p.As(1, [&] { p.h(0) = p.Pin(1); }); },
        {[](P& p) { p.h(1) = p.Pin(2); }, [](P& p) { p.h(2) = p.Pin(3); }}, 3,
        -1,
        [](P& p) {
          p.Check(!p.h(1) != !p.h(2), "the last slot went to none or to two");
        });
  }

  // Threads end the last life of a slot, which retires then.
  void AddOverflow() {
    const auto age = [](P& p) {
      p.As(1, [&] {
        p.UnpinOwn(p.Pin(50));
        p.UnpinOwn(p.Pin(51));
        p.h(0) = p.Pin(1);
      });
    };
    const auto retired = [](P& p) {
      p.Check(p.table().GetStats().retired == 1, "the slot was not retired");
    };
    const Body end = [](P& p) { p.UnpinOwn(p.h(0)); };
    Add("overflow_unpin_take_write", {2, 0}, age,
        {[](P& p) { p.Unpin(p.h(0)); }, [](P& p) { p.Take(p.h(0)); },
         [](P& p) {
           p.Write(p.h(0), 2);
           p.Pin(3);
         }},
        2, -1, retired);
    Add("overflow_read_pin", {2, 0}, age,
        {end, [](P& p) { p.Read(p.h(0)); },
         [](P& p) {
           p.Pin(2);
           p.Pin(3);
         }},
        2, -1, retired);
    Add("overflow_unpin_all", {2, 0}, age,
        {[](P& p) { p.UnpinAll(); }, [](P& p) { p.ForEach(); },
         [](P& p) { p.Write(p.h(0), 2); }},
        2, 2, retired);
  }

  // These tables have caches of four slots: batches of two, and room for three
  // slots at hand.
  void AddBatches() {
    const Cells cells = cells_;
    // Thread 1 has no room for another slot at hand, and h(0) is live.
    const auto full_shard = [cells](P& p) {
      p.As(1, [&] {
        p.h(0) = p.Pin(1);
        Free(p, 3, cells);
      });
      p.Check(p.table().GetStats().cached == 3, "the shard is not full");
    };
    const Body pin_two = [](P& p) {
      p.Pin(2);
      p.Pin(3);
    };
    Add("batch_hand_over", {64, 4}, full_shard,
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.Pin(4);
         },
         pin_two},
        3);
    Add("batch_to_two_threads", {64, 4}, full_shard,
        {[](P& p) { p.UnpinOwn(p.h(0)); }, pin_two, [](P& p) { p.Pin(4); }}, 1,
        2);
    AddLargeBatches();
  }

  // A batch of four has a slot with two links, if values have cells; else it is
  // a chain. There is room for six slots at hand.
  void AddLargeBatches() {
    const Cells cells = cells_;
    Add(
        "batch_of_four", {64, 9},
        [=](P& p) {
          p.As(1, [&] {
            p.h(0) = p.Pin(1);
            p.Pin(5);
            Free(p, 6, cells);
          });
          p.Check(p.table().GetStats().cached == 6, "the shard is not full");
        },
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.Pin(20);
         },
         [](P& p) {
           for (int i = 0; i < 4; ++i) p.Pin(30 + i);
         }},
        2, 1);
  }

  void AddRandom() {
    Script script;
    script.options = {/*max_slots=*/3, /*thread_cache_slots=*/0};
    script.setup = [](P& p) { p.As(1, [&] { p.h(0) = p.Pin(1); }); };
    for (int thread = 0; thread < 3; ++thread) {
      script.threads.push_back([thread](P& p) {
        typename Table::Handle own;
        for (int i = 0; i < 4; ++i) Call(p, 10 * thread + 2 * i + 2, &own);
      });
    }
    Entry entry = MakeEntry<Table>("random_calls/" + kind_, std::move(script));
    entry.bounds.preemptions = -1;
    entry.random = 100'000;
    entries_.push_back(std::move(entry));
  }

  // Makes one call of the explorer's choice, on h(0) or on the thread's own
  // handle `*own`.
  static void Call(P& p, int number, typename Table::Handle* own) {
    const auto handle = Explorer::Get().Choose(2) == 0 ? p.h(0) : *own;
    switch (Explorer::Get().Choose(7)) {
      case 0:
        p.Read(handle);
        break;
      case 1:
        if (handle) p.Write(handle, number);
        break;
      case 2:
        if (handle) p.Exchange(handle, number);
        break;
      case 3:
        if (p.Take(handle) >= 0 && handle == *own) *own = {};
        break;
      case 4:
        if (p.Unpin(handle) && handle == *own) *own = {};
        break;
      case 5:
        p.ForEach();
        break;
      default:
        if (!*own) *own = p.Pin(number);
    }
  }

  using Script = typename P::Script;

  void Add(const char* name, TableOptions options, Body setup,
           std::vector<Body> threads, int preemptions, int stale = -1,
           Body done = nullptr) {
    Script script;
    script.options = options;
    script.setup = std::move(setup);
    script.threads = std::move(threads);
    script.done = std::move(done);
    entries_.push_back(MakeEntry<Table>(std::string(name) + "/" + kind_,
                                        std::move(script),
                                        {preemptions, stale}));
  }

  const std::string kind_;
  const Cells cells_;
  Entries& entries_;
};

// --- Slots that go back unused -----------------------------------------------

// Thread 1 has a shard. The other threads have none, so each pops a batch,
// takes one slot of it and pushes the rest.
template <typename T>
void AddUnused(const std::string& kind, Entries* entries) {
  using Table = HandleTable<T, ModelTraits<1, 1>>;
  using P = Play<Table>;
  typename P::Script script;
  script.options = {/*max_slots=*/64, /*thread_cache_slots=*/4};
  script.setup = [](P& p) {
    p.As(1, [&] {
      // Leaves two slots in the shard and two batches of two on the list.
      Free(p, 6, Cells::kOwn);
    });
  };
  const auto come_and_go = [](P& p) { p.UnpinOwn(p.Pin(2)); };
  script.threads = {[](P& p) { p.Pin(1); }, come_and_go, come_and_go};
  entries->push_back(MakeEntry<Table>("unused_slot_return/" + kind, script,
                                      {/*preemptions=*/2, /*stale=*/1}));
}

}  // namespace

Entries FreeSlotScenarios() {
  Entries entries;
  FreeSlots<HandleTable<uint64_t, ModelTraits<>>>("word/own", Cells::kOwn,
                                                  &entries)
      .AddAll();
  FreeSlots<HandleTable<uint64_t, ModelTraits<>>>("word/moved", Cells::kMoved,
                                                  &entries)
      .AddAll();
  FreeSlots<HandleTable<uint64_t, PairTraits>>("paired", Cells::kOwn, &entries)
      .AddAll();
  FreeSlots<HandleTable<uint32_t, ModelTraits<>>>("inline", Cells::kOwn,
                                                  &entries)
      .AddAll();
  AddUnused<uint64_t>("word", &entries);
  AddUnused<uint32_t>("inline", &entries);
  return entries;
}

}  // namespace holdfast::model

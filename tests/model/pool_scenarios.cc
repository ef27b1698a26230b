// Scenarios of a SlotPool. Without a table, the pool can have larger caches
// than a table gives to so few slots.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/handle_table.h"
#include "holdfast/internal/cache_shape.h"
#include "tests/model/scenarios.h"

namespace holdfast::model {
namespace {

// A scenario of a few calls on one SlotPool. It checks that no two threads own
// a slot at once, and that at the end each slot is in exactly one place [INV-7]
// and can be taken once. Unlike PoolPlay, it checks the links of batches, has
// both kinds of slots and chooses how many threads have a shard: `Slots` is
// CellSlots or InlineSlots, and `Traits` are ModelTraits.
template <typename Slots, typename Traits>
class Pool : public Scenario {
 public:
  using Array = typename Slots::Array;
  using Links = typename Slots::Links;
  using SlotPool = internal::SlotPool<Links, Traits>;
  using Life = typename Slots::Life;
  using Free = typename Slots::Free;
  using Link = internal::SlotLink<Traits::kGenerationBits>;
  using Body = std::function<void(Pool&)>;

  struct Script {
    uint32_t slots;
    uint32_t cache;
    uint32_t spare = 0;  // More slots, to make up for what caches hold.
    // Called by thread 0 at the start.
    Body setup;
    // The functions that threads 1, 2, ... call.
    std::vector<Body> threads;
    // How many threads, from thread 1 on, have an ordinal at the start.
    int registered = kMaxThreads;
  };

  explicit Pool(const Script& script)
      : script_(script),
        memory_(ModelMemory::Of(4 * 4096)),
        control_(*memory_.Array<typename SlotPool::Control>(4096, 1)),
        array_(
            memory_.Array<typename Array::Slot>(0, script.slots + script.spare),
            memory_.Array<typename Array::Side>(3 * 4096,
                                                script.slots + script.spare)),
        links_(array_),
        slots_(array_),
        pool_(&control_,
              {memory_.Array<internal::Shard<Traits>>(2 * 4096,
                                                      Traits::kMaxThreads),
               &control_.opened},
              links_,
              {&control_.high_water, &control_.swept, &control_.replaced,
               script.slots + script.spare,
               internal::GrowingArray<Array, Traits>(array_)},
              script.slots, script.cache, ModelThreads::OfThisCopy()) {
    static_assert(sizeof(internal::Shard<Traits>) * Traits::kMaxThreads <=
                  4096);
    ModelThreads::NameAll();
    Explorer::Get().Name(&stamps_, "owner", sizeof(stamps_));
    ModelThreads::RegisterAll(std::min(threads(), script_.registered));
    if (script_.setup) script_.setup(*this);
  }

  int threads() const override {
    return static_cast<int>(script_.threads.size());
  }
  void Run(int thread) override {
    script_.threads[static_cast<size_t>(thread - 1)](*this);
  }

  // Lets all threads exit, and takes all slots that are left, as thread 0.
  void Done() override {
    ModelThreads::ExitAll(kMaxThreads - 1);
    Check(held_ + Listed() + pool_.CachedSlots() + script_.slots -
                  pool_.high_water() ==
              script_.slots,
          "a slot is in no place, or in two");
    const uint32_t most = script_.slots + (script_.spare == 0 ? 1 : 0);
    while (held_ < most && Acquire()) {
    }
    Check(held_ == script_.slots, "a slot was lost, or doubled");
    Check(pool_.high_water() == script_.slots, "bad high-water");
    Check(ModelThreads::ExitLast(), "an ordinal was lost");
  }

  void Check(bool ok, const char* what) {
    if (!ok) Explorer::Get().Fail(what);
  }

  // Takes a slot, checks that no other thread owns it, and pins it. Returns
  // nothing if there is none left.
  std::optional<Life> Acquire() {
    Free free;
    if (!pool_.AcquireFast(&free)) free = pool_.AcquireSlow();
    if (free.IsNone()) return std::nullopt;
    ++held_;
    Stamp(free.index());
    Check(free == links_.FreeSlotAt(free.index()), "a slot as it is not");
    return slots_.Publish(free, 1);
  }

  // Calls Acquire `count` times.
  std::vector<std::optional<Life>> AcquireMany(int count) {
    std::vector<std::optional<Life>> lives;
    for (int i = 0; i < count; ++i) lives.push_back(Acquire());
    return lives;
  }

  // Unpins the slot and gives it back.
  void Release(std::optional<Life> life) {
    if (!life) return;
    Stamp(static_cast<uint32_t>(life->index()));
    typename Slots::Word ended{};
    Check(slots_.Vacate(*life, &ended), "a live handle was refused");
    --held_;
    pool_.Release(Slots::Vacated(*life, ended));
  }

  uint64_t cached() const { return pool_.CachedSlots(); }

 private:
  // Returns how many slots are on the free list. Checks its links and the sizes
  // of its batches.
  uint32_t Listed() {
    uint32_t listed = 0;
    for (const auto& stack : control_.stacks) listed += Listed(stack.head);
    return listed;
  }

  template <typename Head>
  uint32_t Listed(const Head& head) {
    uint32_t listed = 0;
    uint32_t first = head.load(std::memory_order_relaxed).index();
    for (; !Link(first, false).IsNone(); first = links_.Below(first)) {
      Check(first < script_.slots, "a link to no slot");
      const Link leader = links_.FreeSlotAt(first).link();
      const uint32_t size = 1 + Size(links_.LinksOf(leader).first);
      Check(size == 1 || size == internal::CacheShape(script_.cache).batch(),
            "a part of a batch");
      listed += size;
      Check(listed <= script_.slots, "a slot is listed twice");
    }
    return listed;
  }

  // Returns how many slots the tree below `root` has, which may be none.
  uint32_t Size(Link root, uint32_t depth = 0) {
    if (root.IsNone()) return 0;
    Check(root.index() < script_.slots, "a link to no slot");
    Check(depth < script_.slots, "a batch that leads to itself");
    const auto links = links_.LinksOf(root);
    return 1 + Size(links.first, depth + 1) + Size(links.second, depth + 1);
  }

  void Stamp(uint32_t index) {
    Check(index < script_.slots, "a slot out of range");
    stamps_[index] = stamps_[index] + 1;
  }

  const Script& script_;
  ModelMemory memory_;
  typename SlotPool::Control& control_;
  Array array_;
  Links links_;
  Slots slots_;
  SlotPool pool_;
  uint32_t held_ = 0;
  std::array<Plain<int>, 8> stamps_;
};

template <typename P>
void AddPool(const char* name, const std::string& kind,
             typename P::Script script, int preemptions, int stale,
             Entries* entries) {
  const auto kept =
      std::make_shared<const typename P::Script>(std::move(script));
  entries->push_back({name + kind,
                      [kept] { return std::make_unique<P>(*kept); },
                      {preemptions, stale}});
}

// --- Growth and scavenging ---------------------------------------------------

void AddGrowth(Entries* entries) {
  using P = Pool<internal::CellSlots<uint64_t, ModelTraits<>>, ModelTraits<>>;
  typename P::Script script;
  script.slots = 3;
  script.cache = 4;
  const auto take_two_and_give = [](P& p) {
    const auto first = p.Acquire();
    p.Acquire();
    p.Release(first);
  };
  script.threads = {[](P& p) {
                      p.Acquire();
                      p.Acquire();
                    },
                    take_two_and_give};
  AddPool<P>("growth_at_the_last_batch", "", script, 2, 3, entries);
  // Thread 1 exits and leaves slots in its shard. If thread 2 or 3 finds the
  // pool full after that, it moves these slots to the free list
  // (SlotPool::Scavenge).
  script.threads = {[](P& p) {
                      const auto first = p.Acquire();
                      p.Release(p.Acquire());
                      p.Release(first);
                      ModelThreads::Exit();
                    },
                    take_two_and_give, [](P& p) { p.Release(p.Acquire()); }};
  AddPool<P>("scavenge", "", script, 1, 2, entries);
}

// Threads 3 and 4 have exited, and each has left a slot in its shard. Thread 1
// finds the pool full and searches both shards, while thread 2 gets one of them
// with its ordinal. Thread 1 must find the slot in the other shard, and must
// not take one of the spare slots, which are to make up for caches.
void AddSecondFind(Entries* entries) {
  using Traits = ModelTraits<4>;
  using P = Pool<internal::CellSlots<uint64_t, Traits>, Traits>;
  typename P::Script script;
  script.slots = 3;
  script.cache = 4;
  script.spare = 2;
  script.registered = 1;
  const auto leave = [](P& p, const std::optional<typename P::Life>& place) {
    ModelThreads::Register();
    p.Release(place);
  };
  script.setup = [leave](P& p) {
    std::vector<std::optional<typename P::Life>> places;
    ModelThreads::As(1, [&] { places = p.AcquireMany(3); });
    ModelThreads::As(3, [&] { leave(p, places[0]); });
    ModelThreads::As(4, [&] { leave(p, places[1]); });
    ModelThreads::As(3, [] { ModelThreads::Exit(); });
    ModelThreads::As(4, [] { ModelThreads::Exit(); });
    p.Check(p.cached() == 2, "two shards have no slot each");
  };
  script.threads = {[](P& p) {
                      p.Check(p.Acquire().has_value(),
                              "a slot that was free all the time");
                    },
                    [](P& p) {
                      p.Acquire();
                      ModelThreads::Exit();
                    }};
  AddPool<P>("scavenge_two", "", script, 2, 1, entries);
}

// --- Which slot leads a batch ------------------------------------------------

// On the free list lie a batch of two slots and, below, a batch of one. Thread
// 1 takes the upper batch, pins its first slot and exits. Thread 2 takes the
// slot below, and then moves the second slot of the upper batch, which thread 1
// has left in its shard, to the free list. Thread 3 has read the head of the
// list before all that: its CAS must not succeed as if the first batch were
// still there. [INV-5]
template <typename SlotsType>
void AddRefill(const std::string& kind, Entries* entries) {
  using P = Pool<SlotsType, ModelTraits<2>>;
  typename P::Script script;
  script.slots = 6;
  script.cache = 4;
  script.setup = [](P& p) {
    std::vector<std::optional<typename P::Life>> places;
    ModelThreads::As(1, [&] { places = p.AcquireMany(6); });
    ModelThreads::As(3, [&] { p.Release(places[5]); });  // It has no shard.
    ModelThreads::As(1, [&] {
      for (size_t i = 0; i < 5; ++i) p.Release(places[i]);
      p.AcquireMany(3);
    });
    p.Check(p.cached() == 0, "a slot is not on the list");
  };
  script.threads = {[](P& p) {
                      p.Acquire();
                      ModelThreads::Exit();
                    },
                    [](P& p) {
                      p.Acquire();
                      p.Acquire();
                    },
                    [](P& p) { p.Acquire(); }};
  AddPool<P>("refill_and_exit", kind, script, 2, 0, entries);
}

// --- Batches of several slots ------------------------------------------------

// Thread 3 leaves `count` free slots in its shard and on the free list, and
// exits. Thread 1 has a shard, thread 2 has none.
template <typename P>
void Leave(P& p, int count) {
  ModelThreads::As(1, [] { ModelThreads::Register(); });
  ModelThreads::As(3, [&] {
    for (const auto& place : p.AcquireMany(count)) p.Release(place);
  });
  ModelThreads::As(2, [] { ModelThreads::Register(); });
  ModelThreads::As(3, [] { ModelThreads::Exit(); });
}

// Threads 1 and 2 take what an exited thread has left: thread 1 whole batches,
// since it has a shard; thread 2 single slots. So batches are split and linked
// anew. A cache of 8 slots also keeps a batch of two.
template <typename SlotsType>
void AddDrain(const char* name, const std::string& kind, uint32_t cache,
              int slots, Entries* entries) {
  using P = Pool<SlotsType, ModelTraits<2>>;
  typename P::Script script;
  script.slots = static_cast<uint32_t>(slots);
  script.cache = cache;
  script.registered = 0;
  script.setup = [slots](P& p) { Leave(p, slots); };
  script.threads = {[=](P& p) { p.AcquireMany(slots - 2); },
                    [](P& p) { p.AcquireMany(2); }};
  AddPool<P>(name, kind, script, 1, 1, entries);
}

// Thread 3 has exited and left several slots in its shard. Of threads 1 and 2,
// the first to call gets thread 3's ordinal and so inherits the shard. The
// other has no shard, and looks for a slot meanwhile.
template <typename SlotsType>
void AddInheritance(const std::string& kind, Entries* entries) {
  using P = Pool<SlotsType, ModelTraits<1>>;
  typename P::Script script;
  script.slots = 6;
  script.cache = 4;
  script.registered = 0;
  script.setup = [](P& p) {
    ModelThreads::As(3, [&] {
      const auto places = p.AcquireMany(4);
      for (size_t i = 0; i < 3; ++i) p.Release(places[i]);
      ModelThreads::Exit();
    });
    p.Check(p.cached() == 3, "not as many as were left");
  };
  script.threads = {[](P& p) { p.Acquire(); }, [](P& p) { p.Acquire(); }};
  AddPool<P>("inherited_shard", kind, script, 2, 1, entries);
}

template <typename SlotsType>
void AddOf(const std::string& kind, Entries* entries) {
  AddRefill<SlotsType>(kind, entries);
  AddDrain<SlotsType>("drain_by_two", kind, 4, 5, entries);
  AddDrain<SlotsType>("drain_by_four", kind, 9, 6, entries);
  AddDrain<SlotsType>("drain_kept", kind, 8, 7, entries);
  AddInheritance<SlotsType>(kind, entries);
}

}  // namespace

Entries PoolScenarios() {
  Entries entries;
  AddGrowth(&entries);
  AddSecondFind(&entries);
  AddOf<internal::CellSlots<uint64_t, ModelTraits<2>>>("/word", &entries);
  AddOf<internal::InlineSlots<uint32_t, ModelTraits<2>>>("/inline", &entries);
  return entries;
}

}  // namespace holdfast::model

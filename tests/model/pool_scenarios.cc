// The pool of free slots alone: a few slots with caches that a table of so few
// would never be given.

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
#include "tests/model/scenarios.h"

namespace holdfast::model {
namespace {

// `Slots` is CellSlots or InlineSlots; `Traits` say how many threads have a
// shard.
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
    uint32_t spare = 0;  // Slots beyond, for what caches may hold.
    Body setup;
    std::vector<Body> threads;
    int registered = kMaxThreads;  // Threads that have an ordinal at the start.
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
              {&control_.high_water, &control_.replaced,
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

  // All threads exit, and one takes all that is left.
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

  // Pins a slot, which is its new owner's alone. Nothing if there is none.
  std::optional<Life> Acquire() {
    Free free;
    if (!pool_.AcquireFast(&free)) free = pool_.AcquireSlow();
    if (free.IsNone()) return std::nullopt;
    ++held_;
    Stamp(free.index());
    Check(free == links_.FreeSlotAt(free.index()), "a slot as it is not");
    return slots_.Publish(free, 1);
  }

  std::vector<std::optional<Life>> AcquireMany(int count) {
    std::vector<std::optional<Life>> lives;
    for (int i = 0; i < count; ++i) lives.push_back(Acquire());
    return lives;
  }

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
  // Slots on the free list. Checks that they can be taken from there.
  uint32_t Listed() {
    uint32_t listed = 0;
    uint32_t first = control_.head.load(std::memory_order_relaxed).index();
    for (; !Link(first, false).IsNone(); first = links_.Below(first)) {
      Check(first < script_.slots, "a link to no slot");
      const Link leader = links_.FreeSlotAt(first).link();
      const uint32_t size = 1 + Size(links_.LinksOf(leader).first);
      Check(size <= script_.cache / 2, "a batch that is too large");
      listed += size;
      Check(listed <= script_.slots, "a slot is listed twice");
    }
    return listed;
  }

  // Of the tree that the slot leads, or of none.
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
  // An exited thread's shard is taken by a scavenger, a newcomer, or neither.
  script.threads = {[](P& p) {
                      const auto first = p.Acquire();
                      p.Release(p.Acquire());
                      p.Release(first);
                      ModelThreads::Exit();
                    },
                    take_two_and_give, [](P& p) { p.Release(p.Acquire()); }};
  AddPool<P>("scavenge", "", script, 1, 2, entries);
}

// Two threads have left a slot each. One that finds the pool full looks at
// both, while a newcomer takes one of them: the other is found, and no slot is
// taken that caches are to hold.
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

// --- Who leads a batch -------------------------------------------------------

// On the list lie a batch of two and, below, a slot alone. The owner of a shard
// takes the batch and exits; a scavenger takes the slot below, and then moves
// what is left of the batch to the list; all of that while another has looked
// at the list. What is left must not pass for the batch that was there. [INV-5]
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

// Thread 3 frees `count` slots and exits. Thread 1 has a shard, thread 2 none.
template <typename P>
void Leave(P& p, int count) {
  ModelThreads::As(1, [] { ModelThreads::Register(); });
  ModelThreads::As(3, [&] {
    for (const auto& place : p.AcquireMany(count)) p.Release(place);
  });
  ModelThreads::As(2, [] { ModelThreads::Register(); });
  ModelThreads::As(3, [] { ModelThreads::Exit(); });
}

// One takes what a thread has left with its shard, another one slot at a time:
// batches are split, linked anew, and taken in part.
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

// A newcomer inherits a shard with several slots, while one who has none looks
// for a slot.
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
  AddDrain<SlotsType>("drain_by_three", kind, 6, 7, entries);
  AddDrain<SlotsType>("drain_by_four", kind, 8, 7, entries);
  AddDrain<SlotsType>("drain_by_five", kind, 10, 5, entries);
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

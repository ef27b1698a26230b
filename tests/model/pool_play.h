// A scenario of a few calls on one SlotPool, and what must be true of any: a
// pool can have fewer slots than a table would have with such caches.
//
//   * Nobody else owns a slot that is taken: each owner writes to a plain
//     variable of it, which must not race.
//   * A slot is refused only if max_slots values were live at some moment of
//     the call. A moment is what happens-before leaves room for: of each
//     thread, any of its pins and unpins may be the last that counts, but for
//     those that happen before the call.
//   * No more slots are handed out than max_slots and what the opened shards
//     may keep. [INV-8]
//   * At the end each slot that was ever handed out is live, or can be taken
//     once, but for what threads had in hand as they left a call.

#ifndef HOLDFAST_TESTS_MODEL_POOL_PLAY_H_
#define HOLDFAST_TESTS_MODEL_POOL_PLAY_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/handle_table.h"
#include "tests/model/explorer.h"
#include "tests/model/model_traits.h"
#include "tests/model/scenarios.h"

namespace holdfast::model {

class PoolPlay : public Scenario {
 public:
  using Traits = ModelTraits<>;
  using Slots = internal::CellSlots<uint64_t, Traits>;
  using SlotPool = internal::SlotPool<Slots::Links, Traits>;
  using Shard = internal::Shard<Traits>;
  using Life = Slots::Life;
  using Free = Slots::Free;
  using Body = std::function<void(PoolPlay&)>;

  struct Script {
    uint64_t max_slots;
    uint32_t cache_slots;
    uint64_t all_slots;  // At most kSlots.
    Body setup = {};     // By thread 0; see As.
    std::vector<Body> threads = {};
    uint64_t lost = 0;  // Slots that may be lost, by threads that left a call.
  };
  static constexpr uint64_t kSlots = 16;

  explicit PoolPlay(const Script& script)
      : script_(script),
        memory_(ModelMemory::Of(3 * 4096)),
        control_(*memory_.Array<SlotPool::Control>(4096, 1)),
        array_(memory_.Array<Slots::Array::Slot>(0, kSlots), nullptr),
        slots_(array_),
        pool_(
            &control_,
            {memory_.Array<Shard>(8192, Traits::kMaxThreads), &control_.opened},
            Slots::Links(array_),
            {&control_.high_water, &control_.replaced, script.all_slots,
             internal::GrowingArray<Slots::Array, Traits>(array_)},
            script.max_slots, script.cache_slots, ModelThreads::OfThisCopy()) {
    ModelThreads::NameAll();
    Explorer::Get().Name(&stamps_, "owner", sizeof(stamps_));
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
    for (Free free; !(free = Take()).IsNone();) Hold(free);
    const uint64_t high_water = pool_.high_water();
    Check(high_water <= LimitNow(), "too many slots were handed out");
    Check(owned_ + script_.lost >= high_water, "a slot was lost");
  }

  void As(int thread, const Body& body) {
    ModelThreads::As(thread, [&] { body(*this); });
  }

  void Check(bool ok, const char* what) {
    if (!ok) Explorer::Get().Fail(what);
  }

  // A slot, in the caller's hand for good; none if there is none.
  Free Hold() {
    const Free free = Take();
    if (!free.IsNone()) Hold(free);
    return free;
  }

  // A new life, or nothing.
  std::optional<Life> Pin() {
    const Free free = Take();
    if (free.IsNone()) return std::nullopt;
    Hold(free);
    const uint16_t clock = Clock();
    const Life life = slots_.Publish(free, 1);
    Note(clock, +1);
    return life;
  }

  void Unpin(std::optional<Life> life) {
    const size_t index = static_cast<size_t>(life->index());
    Stamp(index);
    Slots::Word ended{};
    const uint16_t clock = Clock();
    Check(slots_.Vacate(*life, &ended), "a live handle was refused");
    Note(clock, -1);
    --owned_;
    held_[index] = false;
    pool_.Release(Slots::Vacated(*life, ended));
  }

  // What the scenario remembers.
  std::optional<Life>& kept(size_t i) { return kept_[i]; }

 private:
  // A change of how many values are live.
  struct Event {
    uint16_t clock;
    int change;
  };

  static uint16_t Clock() {
    return Explorer::Get().Known(Explorer::Get().current());
  }
  void Note(uint16_t clock, int change) {
    events_[static_cast<size_t>(Explorer::Get().current())].push_back(
        {clock, change});
  }

  // A slot that the caller does not own by the books yet.
  Free Take() {
    std::array<size_t, kMaxThreads> known;
    for (size_t i = 0; i < events_.size(); ++i) known[i] = CountKnown(i);
    Free free;
    if (!pool_.AcquireFast(&free)) free = pool_.AcquireSlow();
    if (free.IsNone()) {
      Check(script_.all_slots < Promised() ||
                MostLive(known) >= static_cast<int>(script_.max_slots),
            "refused, though the table was not full");
    }
    return free;
  }

  void Hold(Free free) {
    Stamp(free.index());
    bool& held = held_[free.index()];
    Check(!held, "a slot was taken twice");
    held = true;
    ++owned_;
  }

  size_t CountKnown(size_t thread) const {
    const uint16_t known = Explorer::Get().Known(static_cast<int>(thread));
    const auto& events = events_[thread];
    size_t count = 0;
    while (count < events.size() && events[count].clock <= known) ++count;
    return count;
  }

  // The most values that can have been live at once since those events.
  int MostLive(const std::array<size_t, kMaxThreads>& known) const {
    int most = 0;
    for (size_t i = 0; i < events_.size(); ++i) {
      int live = 0;
      for (size_t n = 0; n < known[i]; ++n) live += events_[i][n].change;
      int most_here = live;
      for (size_t n = known[i]; n < events_[i].size(); ++n) {
        live += events_[i][n].change;
        most_here = std::max(most_here, live);
      }
      most += most_here;
    }
    return most;
  }

  // Slots that it takes to keep what options.h promises.
  uint64_t Promised() const {
    return script_.max_slots +
           Traits::kMaxThreads * (script_.cache_slots + uint64_t{1});
  }
  // The shard of whoever grew the table last does not count.
  uint64_t LimitNow() const {
    const uint64_t others =
        control_.opened.load(std::memory_order_relaxed).count() - uint64_t{1};
    return std::min(script_.all_slots,
                    script_.max_slots + others * (script_.cache_slots + 1));
  }

  void Stamp(size_t index) {
    Check(index < script_.all_slots, "a slot out of range");
    stamps_[index] = stamps_[index] + 1;
  }

  const Script& script_;
  ModelMemory memory_;
  SlotPool::Control& control_;
  Slots::Array array_;
  Slots slots_;
  SlotPool pool_;
  std::array<std::vector<Event>, kMaxThreads> events_;
  uint64_t owned_ = 0;  // Slots that are live or held.
  std::array<bool, kSlots> held_ = {};
  std::array<std::optional<Life>, 8> kept_ = {};
  std::array<Plain<int>, kSlots> stamps_;
};

inline void AddPoolPlay(const std::string& name, const std::string& kind,
                        PoolPlay::Script script, int preemptions, int stale,
                        Entries* entries) {
  const auto kept = std::make_shared<const PoolPlay::Script>(std::move(script));
  entries->push_back({name + "/" + kind,
                      [kept] { return std::make_unique<PoolPlay>(*kept); },
                      {preemptions, stale}});
}

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_POOL_PLAY_H_

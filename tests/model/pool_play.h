// PoolPlay is a scenario of a few calls on one SlotPool. Without a table, the
// pool can have larger caches than a table gives to so few slots. PoolPlay
// checks what must be true of any such scenario:
//
//   * No two threads own a slot at once: each owner writes to a plain variable
//     of the slot (its stamp), on which the explorer must find no data race.
//   * Pin is refused only if max_slots values may have been live at some moment
//     of the call. Pins and unpins have no order but happens-before; so a
//     moment is any choice, for each thread, of how many of its pins and unpins
//     have taken place, as long as those that happen before the call have. This
//     is checked where there are enough slots for what options.h promises.
//   * No more slots are handed out than max_slots and what the opened shards
//     may keep. [INV-8]
//   * At the end, each slot that was ever handed out is live or can be taken,
//     once. Only the slots that a thread had in hand when it left a call
//     halfway may be lost.

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

// `Traits` are ModelTraits.
template <typename Traits>
class PoolPlayOf : public Scenario {
 public:
  using Slots = internal::CellSlots<uint64_t, Traits>;
  using SlotPool = internal::SlotPool<typename Slots::Links, Traits>;
  using Shard = internal::Shard<Traits>;
  using Life = typename Slots::Life;
  using Free = typename Slots::Free;
  using Body = std::function<void(PoolPlayOf&)>;

  struct Script {
    uint64_t max_slots;
    uint32_t cache_slots;
    // How many slots there are, those beyond max_slots included: at most
    // kSlots.
    uint64_t all_slots;
    // Called by thread 0 at the start; see As.
    Body setup = {};
    // The functions that threads 1, 2, ... call.
    std::vector<Body> threads = {};
    // How many slots may be lost by threads that leave a call halfway.
    uint64_t lost = 0;
  };
  static constexpr uint64_t kSlots = 16;

  explicit PoolPlayOf(const Script& script)
      : script_(script),
        memory_(ModelMemory::Of(3 * 4096)),
        control_(*memory_.Array<typename SlotPool::Control>(4096, 1)),
        array_(memory_.Array<typename Slots::Array::Slot>(0, kSlots), nullptr),
        slots_(array_),
        pool_(
            &control_,
            {memory_.Array<Shard>(8192, Traits::kMaxThreads), &control_.opened},
            typename Slots::Links(array_),
            {&control_.high_water, &control_.swept, &control_.replaced,
             script.all_slots,
             internal::GrowingArray<typename Slots::Array, Traits>(array_)},
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

  // Lets all threads exit, and pins all slots that are left, as thread 0.
  void Done() override {
    ModelThreads::ExitAll(kMaxThreads - 1);
    while (Pin()) {
    }
    const uint64_t high_water = pool_.high_water();
    Check(high_water <= LimitNow(), "too many slots were handed out");
    Check(owned_ + script_.lost >= high_water, "a slot was lost");
  }

  // Calls body() in the setup as the thread `thread`.
  void As(int thread, const Body& body) {
    ModelThreads::As(thread, [&] { body(*this); });
  }

  void Check(bool ok, const char* what) {
    if (!ok) Explorer::Get().Fail(what);
  }

  // Takes a slot, which then stays in the caller's hand for good. Returns none
  // if there is none left.
  Free Hold() {
    const Free free = Take();
    if (!free.IsNone()) Hold(free);
    return free;
  }

  // Begins a life of a free slot. Returns nothing if there is none left.
  std::optional<Life> Pin() {
    const Free free = Take();
    if (free.IsNone()) return std::nullopt;
    return Publish(free);
  }

  // Begins lives of free slots of the front, at most `most`.
  void PinFromFront(uint64_t most) {
    pool_.AcquireFromFront(most, [&](Free free) { Publish(free); });
  }

  void Unpin(std::optional<Life> life) {
    const size_t index = static_cast<size_t>(life->index());
    Stamp(index);
    typename Slots::Word ended{};
    const uint16_t clock = Clock();
    Check(slots_.Vacate(*life, &ended), "a live handle was refused");
    Note(clock, -1);
    --owned_;
    held_[index] = false;
    pool_.Release(Slots::Vacated(*life, ended));
  }

  // Requires that no slot is live, or in a thread's hand.
  void Sweep() { pool_.SweepExclusive(); }

  // What a thread did before it calls Tell is known to a thread that is then
  // told.
  void Tell() { told_.store(1, std::memory_order_release); }
  bool IsTold() const { return told_.load(std::memory_order_acquire) != 0; }

  // The lives that a script keeps.
  std::optional<Life>& kept(size_t i) { return kept_[i]; }

 private:
  // A pin or an unpin.
  struct Event {
    uint16_t clock;  // The thread's clock at that time.
    int change;      // Of the number of live values: +1 or -1.
  };

  static uint16_t Clock() {
    return Explorer::Get().Known(Explorer::Get().current());
  }
  void Note(uint16_t clock, int change) {
    events_[static_cast<size_t>(Explorer::Get().current())].push_back(
        {clock, change});
  }

  // Takes a slot from the pool, without recording it as held. Checks that the
  // pool refuses only where it may.
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

  Life Publish(Free free) {
    Hold(free);
    const uint16_t clock = Clock();
    const Life life = slots_.Publish(free, 1);
    Note(clock, +1);
    return life;
  }

  void Hold(Free free) {
    Stamp(free.index());
    bool& held = held_[free.index()];
    Check(!held, "a slot was taken twice");
    held = true;
    ++owned_;
  }

  // How many of the thread's events happen before this point.
  size_t CountKnown(size_t thread) const {
    const uint16_t known = Explorer::Get().Known(static_cast<int>(thread));
    const auto& events = events_[thread];
    size_t count = 0;
    while (count < events.size() && events[count].clock <= known) ++count;
    return count;
  }

  // Returns how many values can have been live at one moment, at most, if the
  // first known[i] events of each thread i happened before.
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

  // How many slots are needed to keep what TableOptions promises.
  uint64_t Promised() const {
    return script_.max_slots +
           Traits::kMaxThreads * (script_.cache_slots + uint64_t{1});
  }
  // How many slots may have been handed out by now. [INV-8] The thread that
  // grew the table last took no slots on account of its own shard.
  uint64_t LimitNow() const {
    const uint64_t opened =
        control_.opened.load(std::memory_order_relaxed).count();
    const uint64_t others = std::max<uint64_t>(opened, 1) - 1;
    return std::min(script_.all_slots,
                    script_.max_slots + others * (script_.cache_slots + 1));
  }

  void Stamp(size_t index) {
    Check(index < script_.all_slots, "a slot out of range");
    stamps_[index] = stamps_[index] + 1;
  }

  const Script& script_;
  ModelMemory memory_;
  typename SlotPool::Control& control_;
  typename Slots::Array array_;
  Slots slots_;
  SlotPool pool_;
  std::array<std::vector<Event>, kMaxThreads> events_;
  uint64_t owned_ = 0;  // How many slots are live or in a thread's hand.
  std::array<bool, kSlots> held_ = {};
  std::array<std::optional<Life>, 8> kept_ = {};
  std::array<Plain<int>, kSlots> stamps_;
  Atomic<uint64_t> told_{0};
};

using PoolPlay = PoolPlayOf<ModelTraits<>>;

template <typename Play = PoolPlay>
void AddPoolPlay(const std::string& name, const std::string& kind,
                 typename Play::Script script, int preemptions, int stale,
                 Entries* entries) {
  const auto kept =
      std::make_shared<const typename Play::Script>(std::move(script));
  entries->push_back({name + "/" + kind,
                      [kept] { return std::make_unique<Play>(*kept); },
                      {preemptions, stale}});
}

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_POOL_PLAY_H_

// Reservations of address space that tables have left behind, all zeros again,
// for tables to come: so that making a small table costs no call of the system.
//
// An entry passes from hand to hand by its state:
//
//   empty  --Put-->  busy  -->  full  --Take-->  busy  -->  empty
//
// A thread that sets `busy` by a CAS owns the entry until the next store of its
// state. No thread waits for that: an entry that is busy is passed over. So a
// thread that stops for good in here, or a fork that copies it, costs the stock
// one entry.

#ifndef HOLDFAST_INTERNAL_RESERVATION_STOCK_H_
#define HOLDFAST_INTERNAL_RESERVATION_STOCK_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace holdfast::internal {

// Where the parts of a table lie: offsets in bytes. A table can use what
// another one has left only if all of them are equal. Were only the sizes
// equal, it would read from the wrong place how much of each part is writable.
struct ReservationLayout {
  uint64_t bytes = 0;
  uint64_t first_page = 0;
  uint64_t growth = 0;
  uint64_t slots = 0;
  uint64_t sides = 0;

  friend bool operator==(const ReservationLayout& a,
                         const ReservationLayout& b) noexcept {
    return a.bytes == b.bytes && a.first_page == b.first_page &&
           a.growth == b.growth && a.slots == b.slots && a.sides == b.sides;
  }
};

struct Reservation {
  ReservationLayout layout;
  void* base = nullptr;  // Null: there is none.
};

// All functions are lock-free, and Take and Put wait-free. Zeroed memory is an
// empty stock.
template <typename Atomics, uint32_t kEntries>
class ReservationStock {
 public:
  // Takes a reservation of this layout out of the stock; one without a base if
  // there is none. `start` says, with the layout, where to look first. Threads
  // that start at different entries seldom meet.
  Reservation Take(const ReservationLayout& layout, uint64_t start) noexcept {
    const uint64_t full = FullOf(layout);
    for (uint32_t i = 0; i < kEntries; ++i) {
      const Entry entry = EntryFor(start, full, i);
      if (!TrySetBusy(entry, full)) continue;
      const Reservation found = entry.reservation;
      const bool is_right = found.layout == layout;
      SetState(entry, is_right ? kEmpty : full);
      if (is_right) return found;
    }
    return {};
  }

  // Puts `added` into the stock, and returns what has to go instead: nothing,
  // without a base; or, if the stock is full, a reservation of another layout.
  // If all that the caller finds has this layout, or is in other hands, `added`
  // has to go.
  Reservation Put(const Reservation& added, uint64_t start) noexcept {
    const uint64_t full = FullOf(added.layout);
    for (uint32_t i = 0; i < kEntries; ++i) {
      const Entry entry = EntryFor(start, full, i);
      if (!TrySetBusy(entry, kEmpty)) continue;
      Fill(entry, added);
      return {};
    }
    const uint32_t from = NextToGiveUp(start, full);
    for (uint32_t i = 0; i < kEntries; ++i) {
      const Entry entry = EntryAt(from + i);
      // order: relaxed. The CAS validates it.
      const uint64_t other = entry.state.load(std::memory_order_relaxed);
      if (other == kEmpty || other == kBusy || other == full) continue;
      if (!TrySetBusy(entry, other)) continue;
      const Reservation displaced = entry.reservation;
      Fill(entry, added);
      return displaced;
    }
    return added;
  }

  // Takes out all that is in the stock, and calls f(reservation) for each.
  template <typename F>
  void TakeAll(F f) noexcept {
    for (uint32_t i = 0; i < kEntries; ++i) {
      const Entry entry = EntryAt(i);
      // order: relaxed. The CAS validates it.
      const uint64_t full = entry.state.load(std::memory_order_relaxed);
      if (full == kEmpty || full == kBusy || !TrySetBusy(entry, full)) continue;
      const Reservation found = entry.reservation;
      SetState(entry, kEmpty);
      f(found);
    }
  }

 private:
  // The states of an entry. All other numbers stand for a full one: each for
  // the layouts that FullOf maps to it.
  static constexpr uint64_t kEmpty = 0;
  static constexpr uint64_t kBusy = 1;

  using State = typename Atomics::template Atomic<uint64_t>;
  using Kept = typename Atomics::template Plain<Reservation>;
  static constexpr uint32_t kStatesPerLine = 8;
  static constexpr uint32_t kNear = kEntries / 8 + 1;

  struct Entry {
    State& state;
    Kept& reservation;
  };

  static uint64_t FullOf(const ReservationLayout& layout) noexcept {
    uint64_t mixed = layout.bytes;
    for (const uint64_t offset :
         {layout.first_page, layout.growth, layout.slots, layout.sides}) {
      mixed = (mixed ^ mixed >> 32) * 0x9E3779B97F4A7C15u + offset;
    }
    return mixed | 2;
  }

  Entry EntryAt(uint32_t at) noexcept {
    return {states_[at % kEntries], reservations_[at % kEntries]};
  }

  // The i-th entry that a caller looks at: reservations of one layout lie
  // together, so that each look-up passes over few others, and threads with
  // successive numbers begin in different cache lines.
  Entry EntryFor(uint64_t start, uint64_t full, uint32_t i) noexcept {
    return EntryAt(FirstFor(start, full) + i);
  }
  static uint32_t FirstFor(uint64_t start, uint64_t full) noexcept {
    return static_cast<uint32_t>(
        (start * kStatesPerLine + full / 4 % kEntries) % kEntries);
  }

  // Where a full stock looks first for a reservation to give up: mostly near
  // where callers with this layout look for theirs, so that they find what is
  // put there soon; but each fourth time in another place. So layouts that are
  // in use do not displace each other for ever, while others stay.
  uint32_t NextToGiveUp(uint64_t start, uint64_t full) noexcept {
    // order: relaxed, both. Any place will do.
    const uint32_t hand = hand_.load(std::memory_order_relaxed);
    hand_.store(hand + 1, std::memory_order_relaxed);
    return hand % 4 == 3 ? hand / 4 : FirstFor(start, full) + hand % kNear;
  }

  // Makes the entry the caller's if its state is `expected`.
  static bool TrySetBusy(const Entry& entry, uint64_t expected) noexcept {
    // order: relaxed. Looked at first, so that an entry of no use is not
    // written to.
    if (entry.state.load(std::memory_order_relaxed) != expected) return false;
    // order: acquire <- stock: the reservation, and that the last owner has
    // read it. Failure relaxed: the entry is passed over.
    return entry.state.compare_exchange_strong(
        expected, kBusy, std::memory_order_acquire, std::memory_order_relaxed);
  }

  static void SetState(const Entry& entry, uint64_t state) noexcept {
    // order: release -> stock. The next owner finds the reservation as this one
    // leaves it, with all of its memory zeroed.
    entry.state.store(state, std::memory_order_release);
  }

  // Requires that the entry is the caller's.
  static void Fill(const Entry& entry, const Reservation& added) noexcept {
    entry.reservation = added;
    SetState(entry, FullOf(added.layout));
  }

  // Apart from the reservations, so that a look at many takes few cache lines.
  alignas(64) State states_[kEntries] = {};
  Kept reservations_[kEntries];
  // Moves on each time that a full stock gives up a reservation.
  typename Atomics::template Atomic<uint32_t> hand_{0};
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_RESERVATION_STOCK_H_

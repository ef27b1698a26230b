// Knows the last handles that were issued for each slot, to check that no
// handle is issued twice.
//
// It relies on the form of handles that internal/slot_names.h describes: {slot
// index, generation} XOR a key. A slot's first handle has generation 1, and
// each later one a larger odd generation. All atomics here are relaxed: the
// table must order two pins of a slot, and the oracle must not help it.

#ifndef HOLDFAST_STRESS_ISSUE_ORACLE_H_
#define HOLDFAST_STRESS_ISSUE_ORACLE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace holdfast::stress {

class IssueOracle {
 public:
  enum class Answer {
    kFresh,
    kTooLate,    // Unknown: its life is 32 lives or more ago. Not if `ordered`.
    kRepeated,   // This handle is known, or, if `ordered`, a later one is.
    kMalformed,  // The index is out of range, or the generation is even.
  };

  // `first` is the first handle of a new table: XORed with it, handles are
  // {slot index ^ its slot index, generation ^ 1}.
  IssueOracle(uint64_t first, int generation_bits, uint64_t max_slots)
      : first_(first), generation_bits_(generation_bits) {
    while (size_ < max_slots) size_ *= 2;
    windows_ = std::make_unique<std::atomic<uint64_t>[]>(size_);
  }

  // Must be called for every handle, after Pin has returned it. `ordered` says
  // that no thread can have unpinned the handle yet: then the handles of one
  // slot must come in the order of its lives.
  Answer Record(uint64_t bits, bool ordered) {
    const uint64_t plain = bits ^ first_ ^ 1;
    const uint64_t slot = plain >> generation_bits_;
    const uint64_t generation = plain & ((uint64_t{1} << generation_bits_) - 1);
    if (slot >= size_ || generation % 2 == 0) return Answer::kMalformed;
    const uint64_t life = (generation + 1) / 2;

    std::atomic<uint64_t>& window = windows_[slot];
    uint64_t seen = window.load(std::memory_order_relaxed);
    uint64_t next;
    do {
      const Answer answer = Slide(seen, life, ordered, &next);
      if (answer != Answer::kFresh) return answer;
    } while (!window.compare_exchange_weak(
        seen, next, std::memory_order_relaxed, std::memory_order_relaxed));
    return Answer::kFresh;
  }

 private:
  // A window is {last life:32 | of the 32 lives up to that, which are known}.
  static Answer Slide(uint64_t window, uint64_t life, bool ordered,
                      uint64_t* next) {
    const uint64_t last = window >> 32;
    const uint64_t known = window & 0xFFFFFFFFu;
    if (life > last) {
      const uint64_t shift = life - last;
      const uint64_t moved = shift < 32 ? known << shift & 0xFFFFFFFFu : 0;
      *next = life << 32 | moved | 1;
      return Answer::kFresh;
    }
    if (ordered) return Answer::kRepeated;
    if (last - life >= 32) return Answer::kTooLate;
    const uint64_t bit = uint64_t{1} << (last - life);
    if (known & bit) return Answer::kRepeated;
    *next = window | bit;
    return Answer::kFresh;
  }

  uint64_t first_;
  int generation_bits_;
  size_t size_ = 1;
  std::unique_ptr<std::atomic<uint64_t>[]> windows_;
};

}  // namespace holdfast::stress

#endif  // HOLDFAST_STRESS_ISSUE_ORACLE_H_

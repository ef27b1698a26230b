// Knows the last handles that each slot was issued as, so that no handle is
// issued twice.
//
// It relies on what internal/words.h says of handles: {slot index, generation}
// under an XOR, a slot's first handle having generation 1 and each later one a
// larger odd generation. All its atomics are relaxed: what orders two pins of a
// slot is the table, and nothing here is to help it.

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
    kTooLate,    // Pinned too many lives ago to tell. Only if unordered.
    kRepeated,   // This handle, or a later one of its slot, is known already.
    kMalformed,  // No slot's, or an even generation.
  };

  // `first` is the first handle of a new table: XORed with it, handles are
  // {slot index ^ its slot index, generation ^ 1}.
  IssueOracle(uint64_t first, int generation_bits, uint64_t max_slots)
      : first_(first), generation_bits_(generation_bits) {
    while (size_ < max_slots) size_ *= 2;
    windows_ = std::make_unique<std::atomic<uint64_t>[]>(size_);
  }

  // To be told of every handle after Pin has returned it. `ordered`: and before
  // anyone may unpin it; then handles of one slot come in the order of lives.
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

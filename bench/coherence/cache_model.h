// The private caches of some cores, as far as a protocol like MESI goes: which
// core has a copy of which line, and how often a line had to come from another
// core. No cache is ever full, and a core never gives a line back unasked.
//
//            a read by a core                   a write by a core
//   no core has it    E there: from memory      M there: from memory
//   this core alone   as it is                  M
//   this and others   as it is                  TRANSFER: M there, I elsewhere
//   others only       TRANSFER: S in all        TRANSFER: M there, I elsewhere
//
// A read-modify-write counts as a write, even a compare-exchange that fails:
// so it does on processors that fetch the line for writing first.

#ifndef HOLDFAST_BENCH_COHERENCE_CACHE_MODEL_H_
#define HOLDFAST_BENCH_COHERENCE_CACHE_MODEL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace holdfast::coherence {

class CacheModel {
 public:
  enum class State { kModified, kExclusive, kShared, kInvalid };

  static constexpr uintptr_t kLineBytes = 64;

  explicit CacheModel(uint32_t cores) : words_((cores + 63) / 64) {}

  void Read(uint32_t core, const void* at) {
    const size_t number = NumberOf(at);
    Line& line = lines_[number];
    if (line.alone == core || Has(number, core)) return;
    if (line.copies != 0) Transfer(line);
    line.alone = line.copies == 0 ? core : kNone;
    line.modified = false;
    Add(number, core);
  }

  void Write(uint32_t core, const void* at) {
    const size_t number = NumberOf(at);
    Line& line = lines_[number];
    if (line.alone != core) {
      if (line.copies > (Has(number, core) ? 1u : 0u)) Transfer(line);
      std::fill_n(&copies_[number * words_], words_, 0);
      line.copies = 0;
      line.alone = core;
      Add(number, core);
    }
    line.modified = true;
  }

  State StateIn(uint32_t core, const void* at) const {
    const auto found = numbers_.find(LineOf(at));
    if (found == numbers_.end() || !Has(found->second, core)) {
      return State::kInvalid;
    }
    const Line& line = lines_[found->second];
    if (line.alone != core) return State::kShared;
    return line.modified ? State::kModified : State::kExclusive;
  }

  // Sets all counts to 0. The caches stay as they are.
  void StartCounting() {
    transfers_ = 0;
    for (Line& line : lines_) line.transfers = 0;
  }

  uint64_t transfers() const { return transfers_; }

  // Calls f(address, transfers) for each line, in the order in which the lines
  // were first touched.
  template <typename F>
  void ForEachLine(F f) const {
    for (const Line& line : lines_) f(line.address, line.transfers);
  }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Line {
    uintptr_t address;
    uint64_t transfers = 0;
    uint32_t copies = 0;     // How many cores have the line.
    uint32_t alone = kNone;  // The core, if it is one, and the line is M or E.
    bool modified = false;
  };

  static uintptr_t LineOf(const void* at) {
    return reinterpret_cast<uintptr_t>(at) / kLineBytes * kLineBytes;
  }

  size_t NumberOf(const void* at) {
    const auto [found, is_new] =
        numbers_.try_emplace(LineOf(at), lines_.size());
    if (is_new) {
      lines_.push_back({found->first});
      copies_.resize(copies_.size() + words_);
    }
    return found->second;
  }

  bool Has(size_t number, uint32_t core) const {
    return (copies_[number * words_ + core / 64] >> core % 64 & 1) != 0;
  }
  // Requires that the core has no copy.
  void Add(size_t number, uint32_t core) {
    copies_[number * words_ + core / 64] |= uint64_t{1} << core % 64;
    ++lines_[number].copies;
  }

  void Transfer(Line& line) {
    ++line.transfers;
    ++transfers_;
  }

  const size_t words_;  // For each line, a bit for each core.
  std::unordered_map<uintptr_t, size_t> numbers_;
  std::vector<Line> lines_;
  std::vector<uint64_t> copies_;
  uint64_t transfers_ = 0;
};

}  // namespace holdfast::coherence

#endif  // HOLDFAST_BENCH_COHERENCE_CACHE_MODEL_H_

// A small deterministic generator, so that a seed gives the same operations
// everywhere.

#ifndef HOLDFAST_TESTS_SUPPORT_RANDOM_H_
#define HOLDFAST_TESTS_SUPPORT_RANDOM_H_

#include <cstdint>

namespace holdfast {

// The output function of SplitMix64 (G. Steele et al., OOPSLA 2014).
constexpr uint64_t Scramble(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

class Random {
 public:
  // Streams of one seed differ by their number.
  Random(uint64_t seed, uint64_t stream)
      : state_(Scramble(seed) ^ Scramble(~stream)) {}

  uint64_t Next() { return Scramble(state_ += 0x9E3779B97F4A7C15u); }

  // Returns a number below `bound`, which must not be 0.
  uint32_t Below(uint64_t bound) {
    return static_cast<uint32_t>((Next() >> 32) % bound);
  }

  bool OneIn(uint64_t n) { return Below(n) == 0; }

 private:
  uint64_t state_;
};

}  // namespace holdfast

#endif  // HOLDFAST_TESTS_SUPPORT_RANDOM_H_

// The choices of one execution, and those that are left to try: a depth-first
// search without memory of anything but the path.

#ifndef HOLDFAST_TESTS_MODEL_CHOICES_H_
#define HOLDFAST_TESTS_MODEL_CHOICES_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace holdfast::model {

class Choices {
 public:
  // Random ones if `seed` is not 0, else all.
  void Start(uint64_t seed) {
    path_.clear();
    at_ = 0;
    random_ = seed;
  }

  // Less than `count`. The first executions take 0 where they can.
  int Pick(int count) {
    if (count <= 1) return 0;
    if (at_ == path_.size()) path_.push_back({Fresh(count), count});
    if (path_[at_].count != count) NotRepeatable();
    return path_[at_++].taken;
  }

  // On to the next execution; false if there is none.
  bool Next() {
    if (at_ != path_.size()) NotRepeatable();
    at_ = 0;
    if (random_ != 0) {
      path_.clear();
      return true;
    }
    while (!path_.empty() && path_.back().taken + 1 == path_.back().count) {
      path_.pop_back();
    }
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
  }

  // The same execution again.
  void Rewind() { at_ = 0; }

 private:
  struct Choice {
    int taken;
    int count;
  };

  int Fresh(int count) {
    if (random_ == 0) return 0;
    // A linear congruential generator (D. Knuth, MMIX).
    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int>((random_ >> 33) % static_cast<unsigned>(count));
  }

  [[noreturn]] static void NotRepeatable() {
    std::fputs("explorer: the same choices led to another execution\n", stderr);
    std::abort();
  }

  std::vector<Choice> path_;
  size_t at_ = 0;
  uint64_t random_ = 0;  // 0: not random.
};

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_CHOICES_H_

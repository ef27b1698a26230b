// The choices that lead to one execution of a scenario, and the search through
// all of them. A scenario is deterministic but for its calls of Pick, so a list
// of the numbers that Pick has returned (the path) stands for an execution. The
// search is depth-first and keeps nothing but that path.

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
  // Begins a search: of random executions if `seed` is not 0, else of all.
  void Start(uint64_t seed) {
    path_.clear();
    at_ = 0;
    random_ = seed;
  }

  // Returns the next choice of this execution, a number from 0 to `count` - 1.
  // A choice that is not on the path yet is 0, unless the search is random.
  int Pick(int count) {
    if (count <= 1) return 0;
    if (at_ == path_.size()) path_.push_back({Fresh(count), count});
    if (path_[at_].count != count) NotRepeatable();
    return path_[at_++].taken;
  }

  // Goes on to the next execution. Returns false if there is none, which never
  // happens in a random search.
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

  // Goes back to the start of the same execution, in order to repeat it.
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
  size_t at_ = 0;  // The place in path_ that the next Pick is about.
  // The state of the random number generator; 0 if the search is not random.
  uint64_t random_ = 0;
};

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_CHOICES_H_

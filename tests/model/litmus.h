// A small language for tests of the explorer: a test is a list of functions,
// one for each thread, that use two atomic variables and a plain one.

#ifndef HOLDFAST_TESTS_MODEL_LITMUS_H_
#define HOLDFAST_TESTS_MODEL_LITMUS_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/model/explorer.h"

namespace holdfast::model {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;
constexpr auto kAcqRel = std::memory_order_acq_rel;

struct State {
  Atomic<int> x;
  Atomic<int> y;
  Plain<int> data;
  int r[4] = {};  // The values that the threads have read.
};

// What one thread does; or what thread 0 does at the end.
using Body = std::function<void(State&)>;
using Outcomes = std::set<std::string>;

// The scenario of one thread for each of `bodies`, and `done` at the end.
class Shape : public Scenario {
 public:
  Shape(const std::vector<Body>& bodies, const Body& done)
      : bodies_(bodies), done_(done) {}
  int threads() const override { return static_cast<int>(bodies_.size()); }
  void Run(int thread) override {
    bodies_[static_cast<size_t>(thread - 1)](state_);
  }
  void Done() override { done_(state_); }

 private:
  const std::vector<Body>& bodies_;
  const Body& done_;
  State state_;
};

// A search with any number of preemptions, since the programs are small. The
// other bounds are the default ones.
inline Search Unbounded() {
  Search search;
  search.bounds.preemptions = -1;
  return search;
}

inline Result Explore(const std::vector<Body>& bodies, const Body& done,
                      const Search& search = Unbounded()) {
  return Explorer::Get().Run(
      [&] { return std::make_unique<Shape>(bodies, done); }, search);
}

// Returns the outcomes that the explorer finds. Each is a string: the first
// `count` numbers of `r`, and then the text of last(), if there is any.
inline Outcomes Reads(
    int count, const std::vector<Body>& bodies,
    const std::function<std::string(State&)>& last = [](State&) {
      return std::string();
    }) {
  Outcomes outcomes;
  const Result result = Explore(bodies, [&](State& s) {
    std::string text;
    for (int i = 0; i < count; ++i) text += std::to_string(s.r[i]) + " ";
    text += last(s);
    if (text.back() == ' ') text.pop_back();
    outcomes.insert(text);
  });
  EXPECT_EQ(result.failure, "");
  EXPECT_TRUE(result.complete);
  return outcomes;
}

// The last values of x and y, as two digits where they are less than 10.
inline std::string Final(State& s) {
  const int x = s.x.load(kRelaxed);
  return std::to_string(x) + std::to_string(s.y.load(kRelaxed));
}

inline Body StoreThenLoad(Atomic<int> State::*to, Atomic<int> State::*from,
                          int at) {
  return [=](State& s) {
    (s.*to).store(1, kRelease);
    s.r[at] = (s.*from).load(kAcquire);
  };
}

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_LITMUS_H_

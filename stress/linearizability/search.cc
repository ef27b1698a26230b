#include "linearizability/search.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "linearizability/call.h"
#include "linearizability/slot_model.h"
#include "tests/support/random.h"

namespace holdfast::stress {
namespace {

class OrderSearch {
 public:
  OrderSearch(const std::vector<Call>& calls, const SlotState& initial)
      : calls_(calls),
        head_(calls.size()),
        next_(calls.size() + 1),
        previous_(calls.size() + 1),
        state_(initial) {
    for (size_t i = 0; i <= head_; ++i) {
      next_[i] = i == head_ ? 0 : i + 1;
      previous_[i] = i == 0 ? head_ : i - 1;
      if (i < head_ && calls_[i].end != kNever) ++missing_;
    }
  }

  SearchResult Run(uint64_t max_steps) {
    size_t tried = kNone;
    while (missing_ > 0) {
      if (++result_.steps > max_steps) return Finish(Outcome::kGaveUp);
      if (Advance(tried)) {
        tried = kNone;
      } else if (!Retreat(&tried)) {
        return Finish(Outcome::kUnexplained);
      }
    }
    return Finish(Outcome::kExplained);
  }

 private:
  static constexpr size_t kNone = ~size_t{0};

  struct Placed {
    size_t call;
    SlotState before;
    bool only;  // Whether no other call need be tried in its place.
  };

  // A set of placed calls, represented by two sums. It is less likely that two
  // sets have the same sums than that the machine fails.
  struct Seen {
    uint64_t sum[2];
    SlotState state;

    friend bool operator==(const Seen& a, const Seen& b) {
      return a.sum[0] == b.sum[0] && a.sum[1] == b.sum[1] && a.state == b.state;
    }
  };
  struct SeenHash {
    size_t operator()(const Seen& seen) const {
      return seen.sum[0] ^
             Scramble(seen.state.generation * 2 + seen.state.live +
                      Scramble(seen.state.value));
    }
  };

  SearchResult Finish(Outcome outcome) {
    result_.outcome = outcome;
    return result_;
  }

  // Finds the calls that may come next, and sorts them by their ends. The loop
  // goes through the calls by their begins, and stops at the first one that
  // begins too late.
  void FindCandidates() {
    candidates_.clear();
    uint64_t first_end = kNever;
    for (size_t i = next_[head_]; i != head_; i = next_[i]) {
      if (calls_[i].begin > first_end) break;
      first_end = std::min(first_end, calls_[i].end);
      if (!IsHeldBack(i)) candidates_.push_back(i);
    }
    std::sort(candidates_.begin(), candidates_.end(),
              [this](size_t a, size_t b) { return EndsBefore(a, b); });
    const size_t due = candidates_.front();
    if (result_.steps == 1 || EndsBefore(result_.culprit, due)) {
      result_.culprit = due;
      if (candidates_.size() > 1) ++result_.overlapping;
    }
  }

  // Returns whether the call must wait, because its thread keeps the order of
  // its calls and another one is first. That one begins earlier, so it is among
  // the candidates.
  bool IsHeldBack(size_t i) const {
    const Call& call = calls_[i];
    return std::any_of(candidates_.begin(), candidates_.end(),
                       [&](size_t candidate) {
                         const Call& other = calls_[candidate];
                         return other.in_order && other.thread == call.thread &&
                                other.begin < call.begin;
                       });
  }

  bool EndsBefore(size_t a, size_t b) const {
    return std::make_pair(calls_[a].end, a) < std::make_pair(calls_[b].end, b);
  }

  // Places a call: if `tried` is a call, one after that. Returns false if no
  // call leads to a new state.
  bool Advance(size_t tried) {
    FindCandidates();
    if (tried == kNone && PlaceObservation()) return true;
    for (const size_t i : candidates_) {
      if (tried != kNone && !EndsBefore(tried, i)) continue;
      SlotState state = state_;
      if (!Step(calls_[i], &state)) continue;
      const bool only = candidates_.size() == 1;
      Place(i, state, only);
      if (only || seen_.insert({{sum_[0], sum_[1]}, state_}).second) {
        return true;
      }
      Unplace();
    }
    return false;
  }

  // Places a call that changes nothing, if there is one that fits now. That
  // excludes no order: any order that goes on from here is also possible with
  // this call moved to this point, since the other calls find the same states
  // as before.
  bool PlaceObservation() {
    for (const size_t i : candidates_) {
      if (!IsObservation(calls_[i])) continue;
      SlotState state = state_;
      if (!Step(calls_[i], &state) || !(state == state_)) continue;
      Place(i, state, true);
      return true;
    }
    return false;
  }

  // Takes calls back until there is another one to try, after `*tried`.
  bool Retreat(size_t* tried) {
    while (!stack_.empty()) {
      const Placed last = Unplace();
      if (last.only) continue;
      *tried = last.call;
      return true;
    }
    return false;
  }

  void Place(size_t i, const SlotState& state, bool only) {
    stack_.push_back({i, state_, only});
    state_ = state;
    next_[previous_[i]] = next_[i];
    previous_[next_[i]] = previous_[i];
    sum_[0] += Scramble(i + 1);
    sum_[1] += Scramble(~i);
    if (calls_[i].end != kNever) --missing_;
  }

  Placed Unplace() {
    const Placed last = stack_.back();
    const size_t i = last.call;
    stack_.pop_back();
    state_ = last.before;
    next_[previous_[i]] = i;
    previous_[next_[i]] = i;
    sum_[0] -= Scramble(i + 1);
    sum_[1] -= Scramble(~i);
    if (calls_[i].end != kNever) ++missing_;
    return last;
  }

  const std::vector<Call>& calls_;
  // The calls that are not placed, in order of begins, in a ring with `head_`.
  const size_t head_;
  std::vector<size_t> next_;
  std::vector<size_t> previous_;
  size_t missing_ = 0;  // How many of these have returned.

  SlotState state_;
  uint64_t sum_[2] = {};
  std::vector<Placed> stack_;
  std::unordered_set<Seen, SeenHash> seen_;
  std::vector<size_t> candidates_;
  SearchResult result_;
};

// Returns the calls that had begun by `end`. Those that returned later may have
// taken effect by then or not.
std::vector<Call> Until(const std::vector<Call>& calls, uint64_t end) {
  std::vector<Call> until;
  for (const Call& call : calls) {
    if (call.begin > end) break;
    until.push_back(call);
    if (call.end > end) until.back().end = kNever;
  }
  return until;
}

// Returns the calls that had not returned before `begin`. Those that began
// earlier may have taken effect by then or not, so no call has to wait for
// them.
std::vector<Call> Since(const std::vector<Call>& calls, uint64_t begin) {
  std::vector<Call> since;
  for (const Call& call : calls) {
    if (call.end < begin) continue;
    since.push_back(call);
    if (call.begin >= begin) continue;
    since.back().end = kNever;
    since.back().in_order = false;
  }
  return since;
}

// Returns whether no state before the calls explains them. It need not try the
// states of a life if no call has a handle of that life or begins the next one:
// to the calls, these are like a slot that was never used.
bool IsUnexplained(const std::vector<Call>& calls, uint64_t max_steps) {
  std::set<uint64_t> generations = {0};
  for (const Call& call : calls) {
    generations.insert(call.generation);
    if (call.verb == Verb::kPin && call.generation > 2) {
      generations.insert(call.generation - 2);
    }
  }
  const auto fails = [&](const SlotState& initial) {
    return Search(calls, initial, max_steps).outcome == Outcome::kUnexplained;
  };
  return std::all_of(
      generations.begin(), generations.end(), [&](uint64_t generation) {
        return fails({generation, false, 0}) &&
               (generation == 0 || fails({generation, true, kAnyValue}));
      });
}

// Returns the calls without those that change nothing and are not part of the
// contradiction. A call that may change the state cannot be left out, since
// others may depend on it.
std::vector<Call> WithoutBystanders(std::vector<Call> calls,
                                    uint64_t max_steps) {
  for (size_t i = calls.size(); i-- > 0;) {
    if (!IsObservation(calls[i])) continue;
    const Call call = calls[i];
    const auto at = calls.begin() + static_cast<std::ptrdiff_t>(i);
    calls.erase(at);
    if (!IsUnexplained(calls, max_steps)) calls.insert(at, call);
  }
  return calls;
}

}  // namespace

SearchResult Search(const std::vector<Call>& calls, const SlotState& initial,
                    uint64_t max_steps) {
  return OrderSearch(calls, initial).Run(max_steps);
}

std::vector<Call> ShortestUnexplained(const std::vector<Call>& calls,
                                      size_t culprit, uint64_t max_steps) {
  constexpr size_t kFewCalls = 200;
  const std::vector<Call> until = Until(calls, calls[culprit].end);
  // If the last n calls have no explanation, neither have more. So this doubles
  // n until they have none, and then bisects.
  const auto last = [&until](size_t count) {
    return Since(until, until[until.size() - count].begin);
  };
  size_t enough = 1;
  while (enough < until.size() && !IsUnexplained(last(enough), max_steps)) {
    enough *= 2;
  }
  size_t too_few = enough / 2;
  enough = std::min(enough, until.size());
  while (enough - too_few > 1) {
    const size_t middle = too_few + (enough - too_few) / 2;
    (IsUnexplained(last(middle), max_steps) ? enough : too_few) = middle;
  }
  std::vector<Call> shortest = last(enough);
  if (shortest.size() > kFewCalls || !IsUnexplained(shortest, max_steps)) {
    return shortest;
  }
  return WithoutBystanders(std::move(shortest), max_steps);
}

}  // namespace holdfast::stress

#include "tests/model/axioms.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::model {
namespace {

using Relation = std::vector<std::vector<bool>>;

bool Acquires(std::memory_order order) {
  return order == std::memory_order_acquire ||
         order == std::memory_order_acq_rel;
}

bool Releases(std::memory_order order) {
  return order == std::memory_order_release ||
         order == std::memory_order_acq_rel;
}

bool IsCas(Kind kind) {
  return kind == Kind::kStrongCas || kind == Kind::kWeakCas ||
         kind == Kind::kCasOfBoth;
}
bool IsPlain(Kind kind) {
  return kind == Kind::kPlainRead || kind == Kind::kPlainWrite;
}
bool Reads(Kind kind) {
  return kind == Kind::kLoad || kind == Kind::kAdd || IsCas(kind);
}
bool MayWrite(Kind kind) {
  return kind == Kind::kStore || kind == Kind::kAdd || IsCas(kind);
}

// Makes the relation transitive.
void Close(Relation* relation) {
  const size_t n = relation->size();
  for (size_t k = 0; k < n; ++k) {
    for (size_t i = 0; i < n; ++i) {
      if (!(*relation)[i][k]) continue;
      for (size_t j = 0; j < n; ++j) {
        if ((*relation)[k][j]) (*relation)[i][j] = true;
      }
    }
  }
}

// The thread of the writes of the initial values.
constexpr int kStart = -1;

struct Event {
  int thread;
  // For half of a CAS of both locations: what it does to its own.
  Operation operation;
  // The rest is what the event does in the execution that is looked at.
  bool reads = false;
  size_t source = 0;  // The event that it reads from.
  int read = 0;
  int written = 0;
  bool writes = false;
  bool is_rmw = false;
  size_t place = 0;  // In the modification order.
};

class Axioms {
  using Pair = std::pair<size_t, size_t>;

 public:
  explicit Axioms(const Program& program) : program_(program) {
    for (int location = 0; location < kLocations; ++location) {
      Operation first;
      first.location = location;
      events_.push_back({kStart, first});
    }
    for (size_t thread = 0; thread < program.size(); ++thread) {
      for (const Operation& operation : program[thread]) {
        Add(static_cast<int>(thread), operation);
      }
    }
  }

  Outcomes Run() {
    ChooseReads(0);
    return std::move(outcomes_);
  }

 private:
  size_t size() const { return events_.size(); }
  Kind kind(size_t i) const { return events_[i].operation.kind; }

  void Add(int thread, const Operation& operation) {
    events_.push_back({thread, operation, Reads(operation.kind)});
    if (operation.kind != Kind::kCasOfBoth) return;
    const size_t first = events_.size() - 1;
    events_[first].operation.location = 0;
    Operation half = operation;
    half.location = 1;
    half.operand = operation.operand_of_1;
    half.desired = operation.desired_of_1;
    events_.push_back({thread, half, true});
    pairs_.push_back({first, first + 1});
  }

  // Whether event i comes before event j in program order. The initial values
  // come before all.
  bool Precedes(size_t i, size_t j) const {
    return i < j && events_[j].thread != kStart && !AreHalves(i, j) &&
           (events_[i].thread == kStart ||
            events_[i].thread == events_[j].thread);
  }

  // Whether two events, the first of which has the lower number, are halves of
  // one CAS.
  bool AreHalves(size_t i, size_t j) const {
    return std::find(pairs_.begin(), pairs_.end(), Pair(i, j)) != pairs_.end();
  }

  // What comes before one half of a CAS comes before the other one, and so does
  // what comes after it.
  void JoinHalves(Relation* relation) const {
    for (const auto& [first, second] : pairs_) {
      for (size_t i = 0; i < size(); ++i) {
        const bool before = (*relation)[i][first] || (*relation)[i][second];
        const bool after = (*relation)[first][i] || (*relation)[second][i];
        (*relation)[i][first] = (*relation)[i][second] = before;
        (*relation)[first][i] = (*relation)[second][i] = after;
      }
    }
  }

  // Tries for each CAS of both locations, from number `at` on, that it
  // succeeds, and that it fails because of either location: then it does not
  // read the other one.
  void ChooseReads(size_t at) {
    if (at == pairs_.size()) return ChooseSources(0);
    auto& [first, second] = pairs_[at];
    for (const auto& [reads_0, reads_1] :
         {Pair(1, 1), Pair(1, 0), Pair(0, 1)}) {
      events_[first].reads = reads_0 != 0;
      events_[second].reads = reads_1 != 0;
      ChooseReads(at + 1);
    }
  }

  // Whether a half of a CAS of both belongs to one that is to succeed.
  bool IsToSucceed(size_t half) const {
    for (const auto& [first, second] : pairs_) {
      if (half == first || half == second) {
        return events_[first].reads && events_[second].reads;
      }
    }
    return false;
  }

  Relation ProgramOrder() const {
    Relation order(size(), std::vector<bool>(size()));
    for (size_t i = 0; i < size(); ++i) {
      for (size_t j = 0; j < size(); ++j) order[i][j] = Precedes(i, j);
    }
    return order;
  }

  // Tries every rf for the events from `at` on.
  void ChooseSources(size_t at) {
    while (at < size() && !events_[at].reads) ++at;
    if (at == size()) return TryExecutions();
    for (size_t i = 0; i < size(); ++i) {
      if (i == at || !MayWrite(kind(i)) ||
          events_[i].operation.location != events_[at].operation.location) {
        continue;
      }
      events_[at].source = i;
      ChooseSources(at + 1);
    }
  }

  // Tries every execution with this rf: all sets of weak CASes that fail
  // without a reason, and all modification orders.
  void TryExecutions() {
    Relation before = ProgramOrder();
    for (size_t i = 0; i < size(); ++i) {
      if (events_[i].reads) before[events_[i].source][i] = true;
    }
    JoinHalves(&before);
    Close(&before);
    // Each event after the one that it reads from: so its value is known.
    std::vector<std::pair<int, size_t>> order;
    for (size_t i = 0; i < size(); ++i) {
      if (before[i][i]) return;  // A value out of thin air.
      int count = 0;
      for (size_t j = 0; j < size(); ++j) count += before[j][i];
      order.push_back({count, i});
    }
    std::sort(order.begin(), order.end());
    std::vector<size_t> weak;
    for (size_t i = 0; i < size(); ++i) {
      if (kind(i) == Kind::kWeakCas) weak.push_back(i);
    }
    for (unsigned failing = 0; failing < 1u << weak.size(); ++failing) {
      std::vector<bool> fails(size());
      for (size_t i = 0; i < weak.size(); ++i) {
        fails[weak[i]] = (failing >> i & 1) != 0;
      }
      if (!SetValues(order, fails)) continue;
      SetHappensBefore();
      OrderWrites();
    }
  }

  // Fills in what the events read and write, where fails[i] says that the weak
  // CAS i is to fail without a reason. Returns false if this is no execution,
  // because an event reads from one that does not write; or if it was tried
  // before, because a weak CAS that is to fail does not read what it expects.
  bool SetValues(const std::vector<std::pair<int, size_t>>& order,
                 const std::vector<bool>& fails) {
    for (Event& event : events_) event.writes = event.is_rmw = false;
    for (const auto& [unused, at] : order) {
      Event& event = events_[at];
      const Operation& operation = event.operation;
      if (event.reads) {
        if (!events_[event.source].writes) return false;
        event.read = events_[event.source].written;
      }
      const bool expected = event.read == operation.operand;
      if (fails[at] && !expected) return false;
      if (operation.kind == Kind::kCasOfBoth && event.reads &&
          expected != IsToSucceed(at)) {
        return false;
      }
      event.is_rmw =
          operation.kind == Kind::kAdd ||
          (IsCas(operation.kind) && event.reads && expected && !fails[at]);
      event.writes = event.is_rmw || operation.kind == Kind::kStore;
      event.written = operation.kind == Kind::kAdd
                          ? event.read + operation.operand
                      : event.is_rmw ? operation.desired
                                     : operation.operand;
    }
    return true;
  }

  void SetHappensBefore() {
    happens_before_ = ProgramOrder();
    for (size_t i = 0; i < size(); ++i) {
      const Event& event = events_[i];
      if (!event.reads) continue;
      const bool failed = IsCas(event.operation.kind) && !event.is_rmw;
      if (!Acquires(failed ? event.operation.failure : event.operation.order)) {
        continue;
      }
      // The event synchronizes with each release in whose release sequence its
      // source is. The loop follows that sequence back.
      for (size_t from = event.source;; from = events_[from].source) {
        if (events_[from].thread != kStart &&
            Releases(events_[from].operation.order)) {
          happens_before_[from][i] = true;
        }
        if (!events_[from].is_rmw) break;
      }
    }
    JoinHalves(&happens_before_);
    Close(&happens_before_);
  }

  // Tries every mo, for both locations.
  void OrderWrites() {
    std::array<std::vector<size_t>, kLocations> writes;
    for (size_t i = 0; i < size(); ++i) {
      if (!events_[i].writes) continue;
      writes[static_cast<size_t>(events_[i].operation.location)].push_back(i);
    }
    auto& [first, second] = writes;
    do {
      do {
        for (const auto& each : writes) {
          for (size_t i = 0; i < each.size(); ++i) events_[each[i]].place = i;
        }
        if (IsConsistent()) AddOutcome(first.back(), second.back());
      } while (std::next_permutation(second.begin() + 1, second.end()));
    } while (std::next_permutation(first.begin() + 1, first.end()));
  }

  // Whether one of two CASes of both locations comes first in both orders.
  bool AreOfOneOrder(const Pair& one, const Pair& other) const {
    if (!events_[one.first].is_rmw || !events_[other.first].is_rmw) return true;
    return (events_[one.first].place < events_[other.first].place) ==
           (events_[one.second].place < events_[other.second].place);
  }

  bool IsConsistent() const {
    for (const Pair& one : pairs_) {
      for (const Pair& other : pairs_) {
        if (!AreOfOneOrder(one, other)) return false;
      }
    }
    for (size_t i = 0; i < size(); ++i) {
      const Event& event = events_[i];
      if (event.is_rmw && event.place != events_[event.source].place + 1) {
        return false;
      }
      for (size_t j = 0; j < size(); ++j) {
        if (happens_before_[i][j] && !IsCoherent(event, events_[j])) {
          return false;
        }
      }
    }
    return true;
  }

  // Whether the two events agree with mo. Requires that `event` happens before
  // `later`.
  bool IsCoherent(const Event& event, const Event& later) const {
    const auto accesses = [](const Event& e) { return e.reads || e.writes; };
    if (!accesses(event) || !accesses(later) ||
        event.operation.location != later.operation.location) {
      return true;
    }
    const size_t known =
        event.writes ? event.place : events_[event.source].place;
    return later.writes && !later.is_rmw ? later.place > known
                                         : events_[later.source].place >= known;
  }

  void AddOutcome(size_t last_of_0, size_t last_of_1) {
    std::string text;
    size_t i = kLocations;
    for (const auto& operations : program_) {
      for (const Operation& operation : operations) {
        text += ResultOf(operation, events_[i].is_rmw, events_[i].read);
        i += operation.kind == Kind::kCasOfBoth ? 2 : 1;
      }
      text += "| ";
    }
    outcomes_.all.insert(text + std::to_string(events_[last_of_0].written) +
                         " " + std::to_string(events_[last_of_1].written));
    outcomes_.race = outcomes_.race || HasRace();
  }

  bool HasRace() const {
    for (size_t i = 0; i < size(); ++i) {
      for (size_t j = i + 1; j < size(); ++j) {
        if (IsPlain(kind(i)) && IsPlain(kind(j)) &&
            (kind(i) == Kind::kPlainWrite || kind(j) == Kind::kPlainWrite) &&
            !happens_before_[i][j] && !happens_before_[j][i]) {
          return true;
        }
      }
    }
    return false;
  }

  const Program& program_;
  std::vector<Event> events_;
  std::vector<Pair> pairs_;  // The halves of CASes of both locations.
  Relation happens_before_;
  Outcomes outcomes_;
};

}  // namespace

std::string ResultOf(const Operation& operation, bool succeeded, int read) {
  if (!Reads(operation.kind)) return "- ";
  if (operation.kind == Kind::kCasOfBoth) return succeeded ? "done " : "not ";
  const char* how = !IsCas(operation.kind) ? "" : succeeded ? "done " : "not ";
  return how + std::to_string(read) + " ";
}

Outcomes OutcomesByAxioms(const Program& program) {
  return Axioms(program).Run();
}

}  // namespace holdfast::model

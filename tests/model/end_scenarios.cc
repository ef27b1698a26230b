// If a thread finds that a life is over, all that happened before the life
// ended happens before what the thread does next. A collector relies on that
// when it reclaims the object that a handle names, once the handle is no longer
// live.
//
// In these scenarios, data() stands for the object: one thread uses it and ends
// the life, the other writes to it if it finds that the life is over. If the
// two are not ordered, the explorer finds a data race.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/handle_table.h"
#include "tests/model/scenarios.h"
#include "tests/model/starts.h"

namespace holdfast::model {
namespace {

// How many ways to end a life and to observe its end the explorer chooses from:
// see UseAndEnd and FindsTheEnd.
template <typename Table>
constexpr int kEnds = Table::kComparesValues ? 4 : 3;
template <typename Table>
constexpr int kObservers = Table::kComparesValues ? 15 : 12;
constexpr int kFewObservers = 4;

// Uses the object that h(0) names, and ends the life of h(0), in the way `how`.
template <typename P>
void UseAndEnd(P& p, int how) {
  p.data() = 7;
  switch (how) {
    case 0:
      p.Unpin(p.h(0));
      return;
    case 1:
      p.Take(p.h(0));
      return;
    case 2:
      p.UnpinAll();
      return;
    default:
      if constexpr (P::Table::kComparesValues) p.UnpinIf(p.h(0), 1);
  }
}

template <typename P>
bool IsShown(P& p, typename P::Handle wanted) {
  bool shown = false;
  p.table().ForEach([&](typename P::Handle handle, const auto&) {
    shown = shown || handle == wanted;
  });
  return shown;
}

template <typename P>
bool IsShownInParts(P& p, typename P::Handle wanted) {
  bool shown = false;
  p.walk()->Work([&](typename P::Handle handle, const auto&) {
    shown = shown || handle == wanted;
  });
  return shown;
}

template <typename P>
bool FindsTheEndByComparing(P& p, int observer) {
  if constexpr (P::Table::kComparesValues) {
    int expected = 1;
    switch (observer) {
      case 12:
        return p.CompareExchange(p.h(0), &expected, 22) == Compared::kStale;
      case 13:
        // The value is another one, if the life is not over.
        return p.UnpinIf(p.h(0), 23) == Compared::kStale;
      default:
        return p.UnpinIf(p.h(0), 1) == Compared::kStale;
    }
  }
  return false;
}

// Looks at h(0) in the way `observer`. Returns whether that shows that another
// thread has ended the life. Requires that no other value was live at the
// start.
template <typename P>
bool FindsTheEnd(P& p, int observer) {
  const typename P::Handle handle = p.h(0);
  typename P::Value value;
  switch (observer) {
    case 0:
      return !p.table().Contains(handle);
    case 1:
      return p.Read(handle) < 0;
    case 2:
      return !p.Write(handle, 20);
    case 3:
      return !p.Unpin(handle);
    case 4:
      return !p.table().Read(handle, &value);
    case 5:
      return p.Exchange(handle, 21) < 0;
    case 6:
      return p.Take(handle) < 0;
    case 7:
      return p.table().Diagnose(handle).state != HandleState::kLive;
    case 8:
      return !IsShown(p, handle);
    case 9:
      return !IsShownInParts(p, handle);
    case 10:
      return p.UnpinAll() == 0;
    case 11:
      return p.table().GetStats().live == 0;
    default:
      return FindsTheEndByComparing(p, observer);
  }
}

template <typename Table>
class Ends {
 public:
  using P = Play<Table>;
  using Script = typename P::Script;
  using Body = typename P::Body;

  Ends(std::string kind, Entries* entries)
      : kind_(std::move(kind)), entries_(*entries) {}

  // Thread 1 ends the life. Then it may pin the slot again at once, since the
  // slot is in its shard, and may write to that value. Thread 2 observes.
  void Add(const std::string& start_name, Start start) {
    Script script = ScriptOf({/*max_slots=*/16, /*thread_cache_slots=*/1},
                             [start](P& p) { Begin(p, start); });
    script.threads = {[](P& p) {
                        UseAndEnd(p, Explorer::Get().Choose(kEnds<Table>));
                        const int more = Explorer::Get().Choose(3);
                        if (more == 0) return;
                        const auto again = p.Pin(2);
                        if (more == 2) p.Write(again, 3);
                      },
                      Observe<kObservers<Table>>};
    AddScript("observed_end", start_name, std::move(script));
  }

  // Thread 1 ends the life, and the slot goes to the free list, which is empty
  // or has another slot. Thread 2 observes. In the second scenario, thread 3
  // pins a slot, which may be the one from the list.
  void AddFreeSlots(const std::string& start_name, Start start) {
    Script script =
        ScriptOf({/*max_slots=*/2, /*thread_cache_slots=*/0}, [start](P& p) {
          Begin(p, start);
          if (Explorer::Get().Choose(2) == 0) return;
          p.As(1, [&] { p.UnpinOwn(p.Pin(12)); });
        });
    script.threads = {
        [](P& p) { UseAndEnd(p, Explorer::Get().Choose(kEnds<Table>)); },
        Observe<kObservers<Table>>};
    AddScript("observed_end_of_a_free_slot", start_name, script);
    script.threads = {[](P& p) { UseAndEnd(p, 0); }, Observe<kFewObservers>,
                      [](P& p) { p.Pin(2); }};
    AddScript("observed_end_of_a_slot_of_others", start_name,
              std::move(script));
  }

 private:
  static Script ScriptOf(TableOptions options, Body setup) {
    Script script;
    script.options = options;
    script.setup = [setup = std::move(setup)](P& p) {
      setup(p);
      p.walk().emplace(p.table());
    };
    return script;
  }

  template <int kCount>
  static void Observe(P& p) {
    const int observer = Explorer::Get().Choose(kCount);
    if (FindsTheEnd(p, observer)) p.data() = 8;  // Reclaims the object.
  }

  void AddScript(const char* name, const std::string& start_name,
                 Script script) {
    entries_.push_back(
        MakeEntry<Table>(std::string(name) + "/" + kind_ + start_name,
                         std::move(script), {/*preemptions=*/1, /*stale=*/2}));
  }

  const std::string kind_;
  Entries& entries_;
};

}  // namespace

Entries EndScenarios() {
  Entries entries;
  Ends<HandleTable<Pair, ModelTraits<>>> pairs("pair", &entries);
  pairs.Add("/home", Start::kHome);
  pairs.Add("/moved", Start::kMoved);
  pairs.Add("/back", Start::kBack);
  pairs.Add("/worn", Start::kWorn);
  Ends<HandleTable<uint64_t, ModelTraits<>>> words("word", &entries);
  words.Add("/home", Start::kHome);
  words.Add("/moved", Start::kMoved);
  words.Add("/last", Start::kLast);
  words.AddFreeSlots("/home", Start::kHome);
  words.AddFreeSlots("/moved", Start::kMoved);
  Ends<HandleTable<uint64_t, PairTraits>> paired("paired", &entries);
  paired.Add("", Start::kHome);
  paired.Add("/last", Start::kLast);
  paired.AddFreeSlots("", Start::kHome);
  Ends<HandleTable<uint32_t, ModelTraits<>>> inlined("inline", &entries);
  inlined.Add("", Start::kHome);
  inlined.Add("/last", Start::kLast);
  inlined.AddFreeSlots("", Start::kHome);
  return entries;
}

}  // namespace holdfast::model

// Reads, writes, walks and the ends of lives, on one or two values that several
// threads use at the same time.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/handle_table.h"
#include "tests/model/scenarios.h"
#include "tests/model/starts.h"

namespace holdfast::model {
namespace {

// The scenarios in which the value of h(0) has come about in one way: `start`.
template <typename Table>
class Values {
 public:
  using P = Play<Table>;
  using Script = typename P::Script;

  Values(std::string kind, Start start, Entries* entries)
      : kind_(std::move(kind)), start_(start), entries_(*entries) {}

  void AddReads() {
    // While the value is read, its life ends and the slot begins another one.
    // The new handle reaches the reader without a happens-before edge. If the
    // reader can read the new value, it must see what happened before the Pin.
    Add("read_unpin_pin",
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.data() = 7;
           p.Tell(p.Pin(2));
         },
         [](P& p) {
           p.Read(p.h(0));
           if (p.ReadUnsynchronized(p.Told()) == 2) {
             p.Check(p.data() == 7, "Pin did not publish");
           }
         }},
        3);
    // While the value is read, its cell leaves the slot and comes back, twice.
    // The slot's own cell does that in one Write. Any other cell leaves in one
    // Write and comes back in the next.
    const bool own = start_ != Start::kMoved;
    Add("read_writes",
        {[own](P& p) {
           p.Write(p.h(0), 2);
           p.Write(p.h(0), 3);
           if (!own) p.Write(p.h(0), 4);
         },
         [](P& p) {
           const int first = p.Read(p.h(0));
           p.Check(first <= p.Read(p.h(0)), "a read went backwards");
         }},
        2, 3);
    Add("read_write_unpin_pin",
        {[](P& p) {
           p.Write(p.h(0), 2);
           p.UnpinOwn(p.h(0));
           p.Tell(p.Pin(3));
         },
         [](P& p) {
           p.Read(p.h(0));
           p.ReadUnsynchronized(p.Told());
         }},
        2);
    Add("read_against_writer_and_ender",
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.Pin(2);
         },
         [](P& p) { p.Read(p.h(0)); }, [](P& p) { p.Write(p.h(0), 3); }},
        2, 3);
    Add("read_against_two_writers",
        {[](P& p) {
           p.Write(p.h(0), 2);
           p.Write(p.h(0), 3);
         },
         [](P& p) {
           p.Read(p.h(0));
           p.Read(p.h(0));
         },
         [](P& p) { p.Write(p.h(0), 4); }},
        2, 1);
  }

  void AddWrites() {
    Add("write_write",
        {[](P& p) {
           p.Write(p.h(0), 2);
           p.Write(p.h(0), 3);
         },
         [](P& p) {
           p.Write(p.h(0), 4);
           p.Write(p.h(0), 5);
         }},
        3, 3);
    // While two threads bring the value back to the slot's own cell, the third
    // may come between.
    Add("write_write_write",
        {[](P& p) { p.Exchange(p.h(0), 2); },
         [](P& p) {
           p.Exchange(p.h(0), 3);
           p.Exchange(p.h(0), 4);
         },
         [](P& p) {
           p.Exchange(p.h(0), 5);
           p.Read(p.h(0));
         }},
        2, 1);
    // A Write to the first life must not take the word of a later life for that
    // of the first.
    Add("write_unpin",
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.UnpinOwn(p.Pin(2));
           p.Tell(p.Pin(3));
         },
         [](P& p) {
           p.Write(p.h(0), 4);
           p.ReadUnsynchronized(p.Told());
         }},
        2);
    // A thread that ends a life by Take sees what happened before the Write of
    // the value that it gets.
    Add("write_take",
        {[](P& p) {
           p.data() = 7;
           p.Write(p.h(0), 2);
         },
         [](P& p) {
           if (p.Take(p.h(0)) == 2) {
             p.Check(p.data() == 7, "Write did not publish");
           }
           p.Pin(3);
         }},
        3);
    // The same for what happened before the Pin of the value.
    Add("pin_take",
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.data() = 7;
           p.Tell(p.Pin(2));
         },
         [](P& p) {
           if (p.TakeUnsynchronized(p.Told()) == 2) {
             p.Check(p.data() == 7, "Pin did not publish");
           }
         }},
        2);
    Add("exchange_take",
        {[](P& p) { p.Exchange(p.h(0), 2); },
         [](P& p) {
           p.Take(p.h(0));
           p.Pin(3);
         },
         [](P& p) { p.Exchange(p.h(0), 4); }},
        2);
    Add("exchange_exchange",
        {[](P& p) {
           p.data() = 7;
           p.Exchange(p.h(0), 2);
         },
         [](P& p) {
           if (p.Exchange(p.h(0), 3) == 2) {
             p.Check(p.data() == 7, "Exchange did not publish");
           }
           p.Exchange(p.h(0), 4);
         }},
        3);
    Add("racing_unpins",
        {[](P& p) { p.Unpin(p.h(0)); }, [](P& p) { p.Unpin(p.h(0)); },
         [](P& p) { p.Take(p.h(0)); }},
        3);
  }

  void AddWalks() {
    Add("unpin_all",
        {[](P& p) {
           p.UnpinAll();
           p.Check(!p.table().Contains(p.h(0)), "UnpinAll left a handle live");
         },
         [](P& p) {
           p.Read(p.h(0));
           const auto handle = p.Pin(2);
           p.Write(p.h(0), 3);
           p.Read(handle);
         }},
        2);
    Add("unpin_all_unpin_all",
        {[](P& p) {
           p.UnpinAll();
           p.Pin(2);
         },
         [](P& p) {
           p.Unpin(p.h(0));
           p.UnpinAll();
         }},
        2, 2);
    // A thread to which ForEach shows a value sees what happened before the Pin
    // or Write of that value, as after a Read.
    Add("for_each",
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.data() = 7;
           p.UnpinOwn(p.Pin(2));
           p.Write(p.h(1), 3);
         },
         [](P& p) {
           const Seen seen = p.ForEach();
           p.Check(Anchors(seen, p) == 1,
                   "ForEach did not show a live value once");
           for (const auto& [handle, number] : seen) {
             if (number == 2 || number == 3) {
               p.Check(p.data() == 7, "what ForEach shows did not publish");
             }
           }
         }},
        2);
    Add("parallel_for_each",
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.Pin(2);
         },
         [](P& p) { Work(p); }, [](P& p) { Work(p); }},
        2, 2, [](P& p) {
          p.Check(p.count() == 1, "they did not show a live value once");
        });
  }

  void AddComparisons() {
    // One of two calls that replace the same value succeeds. The other finds
    // what the first has published.
    Add("compare_exchange_race",
        {[](P& p) { ReplaceOne(p, 2); }, [](P& p) { ReplaceOne(p, 3); }}, 3);
    // No change is lost, whatever comes between the look at a value and its
    // replacement.
    Add("update_update",
        {[](P& p) {
           p.Increment(p.h(0));
           p.Increment(p.h(0));
         },
         [](P& p) { p.Increment(p.h(0)); }, [](P& p) { p.Increment(p.h(0)); }},
        2, 1, [](P& p) { p.Check(p.Read(p.h(0)) == 5, "an update was lost"); });
    // A value that another thread has replaced is not replaced by a call that
    // expects the old one; nor is its life ended.
    Add("compare_exchange_write",
        {[](P& p) { p.Write(p.h(0), 2); },
         [](P& p) {
           int expected = 1;
           p.CompareExchange(p.h(0), &expected, 3);
         },
         [](P& p) { p.Read(p.h(0)); }},
        3, 2, [](P& p) { p.Check(p.Read(p.h(0)) == 2, "a write was lost"); });
    Add("unpin_if_write",
        {[](P& p) {
           const bool ended = p.UnpinIf(p.h(0), 1) == Compared::kEqual;
           p.count() += ended ? 1 : 0;
         },
         [](P& p) { p.count() += p.Write(p.h(0), 2) ? 1 : 0; },
         [](P& p) { p.Read(p.h(0)); }},
        3, 2, [](P& p) {
          p.Check(p.count() == 1, "a value was unpinned that was replaced");
        });
    Add("unpin_if_unpin_if",
        {[](P& p) {
           p.data() = 7;
           if (p.UnpinIf(p.h(0), 1) == Compared::kEqual) p.Pin(2);
         },
         [](P& p) {
           if (p.UnpinIf(p.h(0), 1) == Compared::kStale) {
             p.Check(p.data() == 7, "UnpinIf did not publish");
           }
         },
         [](P& p) { p.UnpinIf(p.h(0), 4); }},
        2, 2);
    // Thread 1 replaces the value and stores the same again. If thread 2 then
    // ends the life, it sees what happened before the second store, though it
    // may have looked at the first one. (If it ends the life earlier, thread 1
    // does not touch the data.)
    Add("unpin_if_value_again",
        {[](P& p) {
           const auto value = p.table().Read(p.h(0));
           if (!value || !p.Write(p.h(0), 2)) return;
           p.data() = 7;
           p.table().Write(p.h(0), *value);
         },
         [](P& p) {
           if (p.UnpinIf(p.h(0), 1) == Compared::kEqual) {
             p.Check(p.data() == 0 || p.data() == 7, "what was stored?");
           }
         }},
        2, 2, [](P& p) { p.Write(p.h(0), 3); });
    // A call to the first life changes nothing in the slot's next one, though
    // that has the value which the call expects.
    Add("compare_exchange_unpin_pin",
        {[](P& p) {
           p.UnpinOwn(p.h(0));
           p.h(2) = p.Pin(1);
         },
         [](P& p) {
           int expected = 1;
           p.CompareExchange(p.h(0), &expected, 3);
           p.UnpinIf(p.h(0), 1);
         }},
        3, -1, [](P& p) {
          if (!p.h(2)) return;
          p.Check(p.Read(p.h(2)) == 1, "another life was changed");
        });
  }

  // The function of thread 1 throws at the first value that it is shown.
  // Another thread's call must then visit what thread 1 has left over, or the
  // call that thread 0 makes at the end: each of the two values is shown
  // exactly once.
  void AddThrows() {
    Add("parallel_for_each_throws",
        {[](P& p) { WorkAndThrow(p); }, [](P& p) { WorkOnBoth(p); },
         [](P& p) { WorkOnBoth(p); }},
        2, 2, [](P& p) {
          WorkOnBoth(p);
          p.Check(p.count() == 2, "they did not show two live values once");
        });
  }

 private:
  // Publishes `number`, or finds what the other thread has published.
  static void ReplaceOne(P& p, int number) {
    p.object(number) = 7;
    int expected = 1;
    if (p.CompareExchange(p.h(0), &expected, number) == Compared::kDifferent) {
      p.Check(p.object(expected) == 7, "CompareExchange did not publish");
    }
  }

  using Seen = std::vector<std::pair<typename Table::Handle, int>>;

  // How often h(1) was shown, which is live all the time.
  static int Anchors(const Seen& seen, P& p) {
    int anchors = 0;
    for (const auto& [handle, number] : seen) anchors += handle == p.h(1);
    return anchors;
  }
  static void Work(P& p) {
    Seen seen;
    p.walk()->Work(
        [&](auto handle, const auto& value) { p.Visit(&seen, handle, value); });
    p.count() += Anchors(seen, p);
  }

  // Works, and counts how often h(0) and h(1) are shown.
  static void WorkOnBoth(P& p) {
    p.walk()->Work([&](auto handle, const auto&) { CountBoth(p, handle); });
  }
  static void WorkAndThrow(P& p) {
    struct Thrown {};
    try {
      p.walk()->Work([&](auto handle, const auto&) {
        CountBoth(p, handle);
        throw Thrown();
      });
    } catch (const Thrown&) {
    }
  }
  static void CountBoth(P& p, typename Table::Handle handle) {
    p.count() += handle == p.h(0) || handle == p.h(1);
  }

  void Add(const char* name, std::vector<typename P::Body> threads,
           int preemptions, int stale = -1, typename P::Body done = nullptr) {
    Script script;
    // With a cache of one slot, a Pin that follows an Unpin of the same thread
    // gets the same slot, without any edge between the two calls.
    script.options = {/*max_slots=*/16, /*thread_cache_slots=*/1};
    const Start start = start_;
    script.setup = [start](P& p) {
      p.As(1, [&] { p.h(1) = p.Pin(9); });
      Begin(p, start);
      p.walk().emplace(p.table());
    };
    script.threads = std::move(threads);
    script.done = std::move(done);
    entries_.push_back(MakeEntry<Table>(std::string(name) + "/" + kind_, script,
                                        {preemptions, stale}));
  }

  const std::string kind_;
  const Start start_;
  Entries& entries_;
};

template <typename T, typename Traits = ModelTraits<>>
void AddAll(const std::string& kind, Start start, Entries* entries) {
  using Table = HandleTable<T, Traits>;
  Values<Table> values(kind, start, entries);
  values.AddReads();
  values.AddWrites();
  values.AddWalks();
  if constexpr (Table::kComparesValues) values.AddComparisons();
}

}  // namespace

Entries ValueScenarios() {
  Entries entries;
  AddAll<Pair>("pair/home", Start::kHome, &entries);
  AddAll<Pair>("pair/moved", Start::kMoved, &entries);
  AddAll<Pair>("pair/back", Start::kBack, &entries);
  Values<HandleTable<Pair, ModelTraits<>>>("pair/worn", Start::kWorn, &entries)
      .AddReads();
  AddAll<uint64_t>("word/home", Start::kHome, &entries);
  AddAll<uint64_t>("word/moved", Start::kMoved, &entries);
  AddAll<uint64_t, PairTraits>("paired", Start::kHome, &entries);
  AddAll<uint32_t>("inline", Start::kHome, &entries);
  Values<HandleTable<uint64_t, ModelTraits<>>>("word", Start::kHome, &entries)
      .AddThrows();
  Values<HandleTable<uint32_t, ModelTraits<>>>("inline", Start::kHome, &entries)
      .AddThrows();
  return entries;
}

}  // namespace holdfast::model

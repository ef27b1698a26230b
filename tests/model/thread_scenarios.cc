// Ordinals pass from thread to thread, and with an ordinal the shard that
// belongs to it. Shared spare cells pass from one Write to the next.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/handle_table.h"
#include "tests/model/scenarios.h"

namespace holdfast::model {
namespace {

template <typename Table>
class Threads {
 public:
  using P = Play<Table>;
  using Script = typename P::Script;
  using Body = typename P::Body;

  Threads(std::string kind, Entries* entries)
      : kind_(std::move(kind)), entries_(*entries) {}

  void AddHandOver() {
    Script script;
    script.options = {/*max_slots=*/16, /*thread_cache_slots=*/1};
    script.setup = TwoPinned;
    script.registered = 1;
    // Leaves a free slot and a spare cell in the shard. The Write swaps cells,
    // so that this spare cell is not the one that the shard began with.
    const Body leave = [](P& p) {
      p.UnpinOwn(p.h(0));
      p.Write(p.h(1), 3);
      ModelThreads::Exit();
    };
    const Body arrive = [](P& p) {
      const auto handle = p.Pin(4);
      p.Write(p.h(1), 5);
      p.UnpinOwn(handle);
    };
    script.threads = {leave, arrive};
    Add("ordinal_hand_over", script, 2);
    // Thread 1 makes calls after it gave its ordinal back, as a late exit hook
    // may. Then it claims an ordinal for the time of each call that needs one.
    script.threads = {[](P& p) {
                        ModelThreads::Exit();
                        p.UnpinOwn(p.h(0));
                        p.Write(p.h(1), 3);
                      },
                      arrive};
    Add("calls_after_exit", script, 2, 2);
    const Body arrive_too = [](P& p) { p.Write(p.h(1), 6); };
    script.threads = {leave, arrive, arrive_too};
    Add("ordinal_hand_over_to_one_of_two", script, 1, 1);
  }

  // No thread has a spare cell of its own: all threads share `cells` of them.
  // One of these cells is the own cell of h(1)'s slot.
  void AddSharedSpares(size_t cells) {
    Script script;
    script.options = {/*max_slots=*/2, /*thread_cache_slots=*/0};
    script.setup = TwoPinned;
    script.threads = {[](P& p) { p.Write(p.h(0), 3); },
                      [](P& p) {
                        p.Write(p.h(1), 4);
                        p.Read(p.h(0));
                      },
                      [](P& p) {
                        p.Write(p.h(1), 5);
                        p.Read(p.h(0));
                      }};
    Add("shared_spares", script, 1, 1, script.threads.size() > cells);
    script.threads.pop_back();
    Add("shared_spares_two_threads", script, 2, -1,
        script.threads.size() > cells);
  }

 private:
  // Pins two values as thread 1, and moves the second one, so that its slot's
  // own cell is a spare cell: thread 1's, or a shared one.
  static void TwoPinned(P& p) {
    p.As(1, [&] {
      p.h(0) = p.Pin(1);
      p.h(1) = p.Pin(2);
    });
    p.Displace(p.h(1));
  }

  void Add(const char* name, Script script, int preemptions, int stale = -1,
           bool waits = false) {
    entries_.push_back(MakeEntry<Table>(std::string(name) + "/" + kind_,
                                        std::move(script),
                                        {preemptions, stale}));
    entries_.back().waits = waits;
  }

  const std::string kind_;
  Entries& entries_;
};

// --- The pool of ordinals alone ----------------------------------------------

// Threads 1 and 2 claim an ordinal. Thread 3 tries to claim ordinal 0, if that
// has ever been claimed, as a thread does that searches the shards of exited
// threads. Then each gives its ordinal back and claims one again. No ordinal
// may have two owners at once.
class Ordinals : public Scenario {
 public:
  Ordinals() {
    ModelThreads::NameAll();
    Explorer::Get().Name(&stamps_, "owner", sizeof(stamps_));
  }
  int threads() const override { return 3; }
  void Run(int thread) override {
    // No ordinal from Limit() on has been claimed yet.
    const uint32_t ordinal = thread != 3 ? ModelThreads::Claim()
                             : ModelThreads::Limit() == 0 ? ModelThreads::kNone
                                                          : Try(0);
    if (ordinal == ModelThreads::kNone) return;
    Own(ordinal);
    ModelThreads::Release(ordinal);
    const uint32_t again = ModelThreads::Claim();
    Own(again);
  }
  void Done() override {
    const uint32_t limit = ModelThreads::Limit();
    if (limit > 3) Explorer::Get().Fail("the limit overshot");
    if (limit <= largest_) Explorer::Get().Fail("the limit is too low");
  }

 private:
  static uint32_t Try(uint32_t ordinal) {
    return ModelThreads::TryClaim(ordinal) ? ordinal : ModelThreads::kNone;
  }
  void Own(uint32_t ordinal) {
    if (ordinal >= stamps_.size()) {
      Explorer::Get().Fail("an ordinal out of range");
    }
    stamps_[ordinal] = stamps_[ordinal] + 1;
    largest_ = std::max(largest_, ordinal);
  }

  uint32_t largest_ = 0;
  std::array<Plain<int>, ModelThreads::kCapacity> stamps_;
};

// Two threads claim ordinals from a pool of two words, in each of which one
// ordinal is free.
class OrdinalsOfTwoWords : public Scenario {
 public:
  OrdinalsOfTwoWords() {
    Explorer::Get().Name(&pool_, "ordinals", sizeof(pool_));
    for (uint32_t i = 1; i < kSecond; ++i) pool_.TryClaim(i);
  }
  int threads() const override { return 2; }
  void Run(int) override {
    for (int round = 0; round < 2; ++round) {
      const uint32_t ordinal = pool_.Claim();
      // Each ordinal may have been the other thread's when Claim looked at it.
      if (ordinal == Pool::kNone) return;
      Own(ordinal);
      pool_.Release(ordinal);
    }
  }
  // Checks that both ordinals can be claimed, wherever the search begins: an
  // update of the pool's hint may have been lost.
  void Done() override {
    const uint32_t one = pool_.Claim();
    const uint32_t other = pool_.Claim();
    if (one == Pool::kNone || other == Pool::kNone) {
      Explorer::Get().Fail("a free ordinal was not found");
    }
    if (one == other || pool_.Claim() != Pool::kNone) {
      Explorer::Get().Fail("an ordinal too many");
    }
  }

 private:
  static constexpr uint32_t kSecond = 64;  // The first one of the second word.
  using Pool = internal::OrdinalPool<Atomics, kSecond + 1>;

  void Own(uint32_t ordinal) {
    Plain<int>& stamp = stamps_[ordinal / kSecond];
    stamp = stamp + 1;
  }

  Pool pool_;
  std::array<Plain<int>, 2> stamps_;
};

}  // namespace

Entries ThreadScenarios() {
  Entries entries;
  Threads<HandleTable<uint64_t, ModelTraits<>>>("word", &entries).AddHandOver();
  Threads<HandleTable<uint32_t, ModelTraits<>>>("inline", &entries)
      .AddHandOver();
  Threads<HandleTable<uint64_t, ModelTraits<0, 1>>>("one cell", &entries)
      .AddSharedSpares(1);
  Threads<HandleTable<uint64_t, ModelTraits<0, 2>>>("two cells", &entries)
      .AddSharedSpares(2);
  entries.push_back({"ordinal_pool",
                     [] { return std::make_unique<Ordinals>(); },
                     {/*preemptions=*/2, /*stale=*/2}});
  entries.push_back({"ordinal_pool_of_two_words",
                     [] { return std::make_unique<OrdinalsOfTwoWords>(); },
                     {/*preemptions=*/2, /*stale=*/1}});
  return entries;
}

}  // namespace holdfast::model

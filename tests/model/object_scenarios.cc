// Objects that are borrowed while others erase them, and erased objects that
// are reclaimed.
//
// Whether an object exists is kept in a plain variable for each slot (its
// stamp), which the constructor and the destructor write and each use reads. So
// the explorer finds a data race if a use and the destruction are not ordered.

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "holdfast/object_table.h"
#include "tests/model/model_traits.h"
#include "tests/model/scenarios.h"

namespace holdfast::model {
namespace {

// Each thread has one place for an announcement, and there is one shared one.
// Each Erase reclaims.
template <uint32_t kShards>
struct ObjectModelTraits : ModelTraits<kShards> {
  static constexpr uint32_t kAnnouncements = 1;
  static constexpr uint32_t kSharedPlaces = 1;
  static constexpr uint32_t kMostWaiting = 1;
};

class Stamps {
 public:
  void Set(const void* object, int number) { variables_[Of(object)] = number; }
  int Get(const void* object) { return variables_[Of(object)]; }

 private:
  size_t Of(const void* object) {
    size_t i = 0;
    while (objects_[i] != nullptr && objects_[i] != object) ++i;
    objects_[i] = object;
    return i;
  }

  std::array<const void*, 8> objects_ = {};
  std::array<Plain<int>, 8> variables_;
};

template <uint32_t kShards = 3>
class ObjectPlay : public Scenario {
 public:
  struct Fails {};  // What a constructor throws.
  struct Object {
    Object(ObjectPlay& play, int object_number)
        : owner(play), number(object_number) {
      owner.stamps_.Set(this, number);
      ++owner.constructed_;
    }
    Object(ObjectPlay& play, Fails) : owner(play), number(0) { throw Fails(); }
    ~Object() {
      ++owner.ended_;
      if (owner.stamps_.Get(this) != number) {
        Explorer::Get().Fail("an object was destroyed that was none");
      }
      owner.stamps_.Set(this, 0);
      ++owner.destroyed_;
    }

    ObjectPlay& owner;
    const int number;
  };

  using Traits = ObjectModelTraits<kShards>;
  using Table = ObjectTable<Object, Traits>;
  using Handle = typename Table::Handle;
  using Ref = typename Table::Ref;
  using Body = std::function<void(ObjectPlay&)>;

  struct Script {
    Body setup;
    std::vector<Body> threads;
    Body done = nullptr;
    // How many threads, from thread 1 on, have opened their shards at the
    // start.
    int opened = kMaxThreads;
  };

  explicit ObjectPlay(const Script& script)
      : script_(script),
        table_(*Table::Create({/*max_slots=*/3,
                               /*thread_cache_slots=*/0})) {
    ModelThreads::NameAll();
    Explorer::Get().Name(&data_, "data");
    Explorer::Get().Name(&told_, "told");
    Explorer::Get().Name(&stamps_, "stamp", sizeof(stamps_));
    // The objects that all scenarios begin with.
    As(1, [&] {
      for (int i = 0; i < 2; ++i) h(i) = Emplace(i + 1);
    });
    const int opened = std::min(script_.opened, threads());
    ModelThreads::RegisterAll(opened);
    for (int i = 1; i <= opened; ++i) As(i, [&] { Uses(h(0), 1); });
    if (script_.setup) script_.setup(*this);
  }

  int threads() const override {
    return static_cast<int>(script_.threads.size());
  }
  void Run(int thread) override {
    script_.threads[static_cast<size_t>(thread - 1)](*this);
  }
  void Done() override {
    if (script_.done) script_.done(*this);
    kept_.reset();
    table_.reset();
    Check(ended_ == constructed_, "not each object was destroyed once");
  }

  Table& table() { return *table_; }
  Handle& h(int i) { return handles_[static_cast<size_t>(i)]; }
  Plain<int>& data() { return data_; }
  Atomic<uint64_t>& told() { return told_; }
  Ref& kept() { return kept_; }
  int destroyed() const { return destroyed_; }

  template <typename F>
  void As(int thread, F f) {
    ModelThreads::As(thread, f);
  }

  void Check(bool ok, const char* what) {
    if (!ok) Explorer::Get().Fail(what);
  }

  Handle Emplace(int number) { return table_->Emplace(*this, number); }

  // Uses an object that the caller may use.
  void Use(Object& object, int number) {
    Check(object.number == number, "the object of another life");
    Check(stamps_.Get(&object) == number, "an object was used that is none");
  }

  // Borrows, uses and drops an object. False if it is erased.
  bool Uses(Handle handle, int number) {
    const Ref ref = table_->Borrow(handle);
    if (ref) Use(*ref, number);
    return bool{ref};
  }

 private:
  const Script& script_;
  std::optional<Table> table_;
  std::array<Handle, 4> handles_;
  Plain<int> data_;
  Atomic<uint64_t> told_;
  Stamps stamps_;
  Ref kept_;
  int constructed_ = 0;
  int ended_ = 0;      // Destructors that were entered,
  int destroyed_ = 0;  // and that were not left halfway.
};

using P = ObjectPlay<>;

template <uint32_t kShards = 3>
void Add(Entries* entries, std::string name,
         typename ObjectPlay<kShards>::Script script, Bounds bounds) {
  using Played = ObjectPlay<kShards>;
  const auto kept =
      std::make_shared<const typename Played::Script>(std::move(script));
  entries->push_back({std::move(name),
                      [kept] { return std::make_unique<Played>(*kept); },
                      bounds});
}

Bounds Of(int preemptions, int stale) {
  Bounds bounds;
  bounds.preemptions = preemptions;
  bounds.stale = stale;
  return bounds;
}

void AddBorrows(Entries* entries) {
  // The protocol itself.
  Add(entries, "borrow_erase",
      {nullptr,
       {[](P& p) { p.Uses(p.h(0), 1); },
        [](P& p) { p.Check(p.table().Erase(p.h(0)), "lost"); }}},
      Of(3, -1));
  // A second announcement in the place of the first, after which the first
  // object is destroyed.
  Add(entries, "borrow_another",
      {nullptr,
       {[](P& p) {
          p.Uses(p.h(0), 1);
          p.Uses(p.h(1), 2);
        },
        [](P& p) { p.table().Erase(p.h(0)); }}},
      Of(2, -1));
  // The slot gets another object meanwhile, at the same address.
  Add(entries, "borrow_erase_emplace",
      {nullptr,
       {[](P& p) {
          p.Uses(p.h(0), 1);
          p.Uses(p.h(0), 1);
        },
        [](P& p) {
          p.table().Erase(p.h(0));
          p.Check(bool{p.Emplace(3)}, "no slot");
        }}},
      Of(3, 2));
  Add(entries, "two_erasers",
      {nullptr,
       {[](P& p) { p.Uses(p.h(0), 1); },
        [](P& p) {
          p.told().fetch_add(p.table().Erase(p.h(0)) ? 1 : 0,
                             std::memory_order_relaxed);
        },
        [](P& p) {
          p.told().fetch_add(p.table().Erase(p.h(0)) ? 1 : 0,
                             std::memory_order_relaxed);
        }},
       [](P& p) {
         p.Check(p.told().load(std::memory_order_relaxed) == 1,
                 "not one of two erased the object");
       }},
      Of(2, 0));
  // Thread 2 drops what thread 1 has borrowed, and thread 1 announces something
  // else in that place.
  Add(entries, "dropped_elsewhere",
      {[](P& p) { p.As(1, [&] { p.kept() = p.table().Borrow(p.h(0)); }); },
       {[](P& p) { p.Uses(p.h(1), 2); },
        [](P& p) {
          p.Use(*p.kept(), 1);
          p.kept().reset();
        },
        [](P& p) { p.table().Erase(p.h(0)); }}},
      Of(2, 1));
  // Thread 1 opens its shard while thread 2 reclaims.
  typename P::Script late = {
      nullptr,
      {[](P& p) { p.table().Erase(p.h(0)); }, [](P& p) { p.Uses(p.h(0), 1); }}};
  late.opened = 1;
  Add(entries, "opened_late", late, Of(2, 2));
  // Thread 3 does, and its shard is then before that of thread 2 in the list.
  P::Script beside = {
      nullptr,
      {[](P& p) { p.table().Erase(p.h(0)); }, [](P& p) { p.Uses(p.h(0), 1); },
       [](P& p) { p.Uses(p.h(1), 2); }}};
  beside.opened = 2;
  Add(entries, "opened_beside", beside, Of(1, 2));
  // The object is erased by a thread that has its handle by chance.
  Add(entries, "emplace_erase",
      {nullptr,
       {[](P& p) {
          p.told().store(p.Emplace(3).bits(), std::memory_order_relaxed);
        },
        [](P& p) {
          p.table().Erase(
              P::Handle::FromBits(p.told().load(std::memory_order_relaxed)));
        }}},
      Of(3, -1));
  // The object comes with its handle.
  Add(entries, "emplace_borrow",
      {nullptr,
       {[](P& p) { p.Check(bool{p.Emplace(3)}, "no slot"); },
        [](P& p) {
          const auto ref = p.table().Borrow(p.table().HandleAt(2));
          if (ref) p.Use(*ref, 3);
        }}},
      Of(3, -1));
}

void AddShared(Entries* entries) {
  using One = ObjectPlay<1>;
  // Thread 2 has no shard, and no shared place exists yet.
  typename One::Script first = {nullptr,
                                {[](One& p) { p.table().Erase(p.h(0)); },
                                 [](One& p) { p.Uses(p.h(0), 1); }}};
  first.opened = 1;
  Add<1>(entries, "shared_place", first, Of(2, 2));
  // Threads 2 and 3 take shared places, of a block that one of them makes.
  typename One::Script two = {
      nullptr,
      {[](One& p) { p.table().Erase(p.h(0)); },
       [](One& p) { p.Uses(p.h(0), 1); }, [](One& p) { p.Uses(p.h(1), 2); }}};
  two.opened = 1;
  Add<1>(entries, "shared_places", two, Of(2, 0));
  // A shared place is taken again, by another thread.
  typename One::Script again = {
      nullptr,
      {[](One& p) { p.table().Erase(p.h(0)); },
       [](One& p) { p.Uses(p.h(0), 1); }, [](One& p) { p.Uses(p.h(1), 2); }}};
  again.opened = 2;
  Add<1>(entries, "shared_place_again", again, Of(2, 0));
  // What a thread without a shard erases while another one uses it, threads
  // with a shard reclaim.
  One::Script erased = {
      [](One& p) { p.As(3, [&] { p.kept() = p.table().Borrow(p.h(0)); }); },
      {[](One& p) { p.table().Reclaim(); },
       [](One& p) {
         p.data() = 1;
         p.table().Erase(p.h(0));
       },
       [](One& p) {
         if (!p.table().Contains(p.h(0))) p.data() = 2;
         p.Use(*p.kept(), 1);
         p.kept().reset();
       }},
      [](One& p) {
        p.As(1, [&] { p.table().Reclaim(); });
        p.Check(p.destroyed() == 1, "nobody reclaims the object");
      }};
  erased.opened = 3;
  Add<1>(entries, "erase_without_shard", erased, Of(2, 1));
  // Two threads without a shard have a room in common. What is in use stays
  // there from one to the other.
  One::Script room = {
      [](One& p) { p.As(1, [&] { p.kept() = p.table().Borrow(p.h(0)); }); },
      {[](One& p) { p.Use(*p.kept(), 1); },
       [](One& p) { p.table().Erase(p.h(0)); },
       [](One& p) { p.table().Erase(p.h(1)); }},
      [](One& p) {
        p.kept().reset();
        p.As(1, [&] { p.table().Reclaim(); });
        p.Check(p.destroyed() == 2, "a slot is lost in the shared room");
      }};
  room.opened = 3;
  Add<1>(entries, "shared_room", room, Of(2, 0));
}

void AddReclaims(Entries* entries) {
  // What is in use waits, and is reclaimed once it is not.
  Add(entries, "waits_for_use",
      {[](P& p) { p.As(1, [&] { p.kept() = p.table().Borrow(p.h(0)); }); },
       {[](P& p) {
          p.Use(*p.kept(), 1);
          p.kept().reset();
        },
        [](P& p) {
          p.table().Erase(p.h(0));
          p.table().Reclaim();
        }},
       [](P& p) {
         p.As(2, [&] { p.table().Reclaim(); });
         p.Check(p.destroyed() == 1, "the object waits for nobody");
       }},
      Of(3, -1));
  // Thread 1 exits with an object that waits. Thread 2 adopts it.
  Add(entries, "exit_with_waiting",
      {[](P& p) { p.As(3, [&] { p.kept() = p.table().Borrow(p.h(0)); }); },
       {[](P& p) {
          p.data() = 1;
          p.table().Erase(p.h(0));
          ModelThreads::Exit();
        },
        [](P& p) { p.table().Reclaim(); },
        [](P& p) {
          p.Use(*p.kept(), 1);
          p.kept().reset();
          if (!p.table().Contains(p.h(0))) p.data() = 2;
        }},
       [](P& p) {
         p.As(2, [&] { p.table().Reclaim(); });
         p.Check(p.destroyed() == 1, "nobody adopts the object");
       }},
      Of(2, 0));
  // Both reclaim at once, each its own object.
  Add(entries, "two_reclaimers",
      {nullptr,
       {[](P& p) { p.table().Erase(p.h(0)); },
        [](P& p) { p.table().Erase(p.h(1)); },
        [](P& p) { p.Uses(p.h(0), 1); }}},
      Of(1, 1));
  Add(entries, "erase_all",
      {nullptr,
       {[](P& p) { p.Uses(p.h(1), 2); }, [](P& p) { p.table().EraseAll(); },
        [](P& p) { p.table().Erase(p.h(0)); }},
       [](P& p) {
         for (int i = 1; i <= 3; ++i) p.As(i, [&] { p.table().Reclaim(); });
         p.Check(p.destroyed() == 2, "not all were erased");
       }},
      Of(1, 1));
  // A walk uses all objects of a block.
  Add(entries, "walk_erase",
      {nullptr,
       {[](P& p) {
          p.table().ForEach(
              [&](auto, auto& object) { p.Use(object, object.number); });
        },
        [](P& p) { p.table().Erase(p.h(1)); }}},
      Of(3, -1));
}

void AddEnds(Entries* entries) {
  // What happened before the Erase is visible to a thread that finds the life
  // over, whatever has become of the slot.
  Add(entries, "erased_end",
      {nullptr,
       {[](P& p) {
          p.data() = 1;
          p.table().Erase(p.h(0));
        },
        [](P& p) {
          const bool over = Explorer::Get().Choose(2) == 0
                                ? !p.table().Contains(p.h(0))
                                : !p.table().Erase(p.h(0));
          if (over) p.data() = 2;
        }}},
      Of(3, -1));
  // The slot has skipped a life, since a constructor threw.
  Add(entries, "skipped_end",
      {nullptr,
       {[](P& p) {
          p.data() = 1;
          p.table().Erase(p.h(0));
          try {
            static_cast<void>(p.table().Emplace(p, P::Fails()));
            p.Check(false, "the constructor did not throw");
          } catch (const P::Fails&) {
          }
          p.Check(p.table().Diagnose(p.h(0)).lives_ended == 2,
                  "the slot has skipped no life");
        },
        [](P& p) {
          if (!p.table().Contains(p.h(0))) p.data() = 2;
        }}},
      Of(3, -1));
}

// Thread 1 leaves a call halfway, and goes on. [INV-9]
void AddLeft(Entries* entries) {
  const auto go_on = [](P& p) {
    p.Uses(p.h(1), 2);
    p.table().Erase(p.h(1));
    p.table().Reclaim();
  };
  const auto add = [&](const char* name, P::Body leave) {
    P::Script script = {nullptr,
                        {[=](P& p) {
                           leave(p);
                           go_on(p);
                         },
                         [](P& p) {
                           p.Uses(p.h(0), 1);
                           p.table().Erase(p.h(0));
                         }}};
    Add(entries, name, script, Of(0, 0));
    entries->back().leaves = true;
  };
  add("left_borrow",
      [](P& p) { LeaveSomewhere(20, [&] { p.Uses(p.h(0), 1); }); });
  add("left_erase",
      [](P& p) { LeaveSomewhere(60, [&] { p.table().Erase(p.h(0)); }); });
  add("left_walk", [](P& p) {
    LeaveSomewhere(30, [&] { p.table().ForEach([](auto, auto&) {}); });
  });
}

}  // namespace

Entries ObjectScenarios() {
  Entries entries;
  AddBorrows(&entries);
  AddShared(&entries);
  AddReclaims(&entries);
  AddEnds(&entries);
  AddLeft(&entries);
  return entries;
}

}  // namespace holdfast::model

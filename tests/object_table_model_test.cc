// Goal: after any sequence of operations, the objects of a table are those that
// a map of std::shared_ptrs would keep.
//
// Method: long random sequences of operations. For each Ref there is a copy of
// the shared_ptr of its object. So an object of the table may be destroyed only
// if the model has destroyed its own; and it must be once all Refs are dropped
// and Reclaim was called. HOLDFAST_TEST_SEED sets the seed.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/object_table.h"

namespace holdfast {
namespace {

uint64_t Seed() {
  static const uint64_t seed = [] {
    const char* const given = std::getenv("HOLDFAST_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 0) : 20'261'128;
  }();
  return seed;
}

// The numbers of the objects of one world that exist.
class World {
 public:
  bool Exists(uint64_t number) const { return existing_.count(number) != 0; }
  const std::set<uint64_t>& existing() const { return existing_; }

  void Add(uint64_t number) {
    EXPECT_TRUE(existing_.insert(number).second) << "made twice: " << number;
  }
  void Remove(uint64_t number) {
    EXPECT_EQ(existing_.erase(number), 1) << "destroyed twice: " << number;
  }

 private:
  std::set<uint64_t> existing_;
};

// An object that is in a world while it exists.
class Citizen {
 public:
  Citizen(World* world, uint64_t number, bool throws = false)
      : world_(world), number_(number) {
    if (throws) throw std::runtime_error("no");
    world_->Add(number_);
  }
  Citizen(const Citizen&) = delete;
  Citizen& operator=(const Citizen&) = delete;
  ~Citizen() { world_->Remove(number_); }

  uint64_t number() const { return number_; }

 private:
  World* world_;
  uint64_t number_;
};

template <int kBits, uint32_t kMost, uint32_t kPlaces, uint32_t kCache,
          uint64_t kSlots>
struct Config {
  struct Traits : DefaultObjectTraits {
    static constexpr int kGenerationBits = kBits;
    static constexpr uint32_t kMostWaiting = kMost;
    static constexpr uint32_t kAnnouncements = kPlaces;
  };
  static TableOptions Options() {
    TableOptions options;
    options.max_slots = kSlots;
    options.thread_cache_slots = kCache;
    return options;
  }
};

template <typename Config>
class RandomModel {
 public:
  using Table = ObjectTable<Citizen, typename Config::Traits>;
  using HandleType = typename Table::Handle;

  RandomModel(uint64_t seed, World* world)
      : random_(seed), table_world_(*world) {}

  // A random operation, and all checks.
  void Step() {
    const uint64_t dice = random_() % 1'000;
    if (dice < 330) {
      Emplace();
    } else if (dice < 350) {
      EmplaceThrowing();
    } else if (dice < 550) {
      Borrow(AnyHandle());
    } else if (dice < 700) {
      DropRef();
    } else if (dice < 720) {
      MoveRef();
    } else if (dice < 950) {
      EraseAlone(AnyHandle());
    } else if (dice < 970) {
      Reclaim();
    } else if (dice < 976) {
      ForEach();
    } else if (dice < 982) {
      ForEachErase();
    } else if (dice < 986) {
      ParallelForEach();
    } else if (dice < 988) {
      EraseAll();
    } else if (dice < 992) {
      MoveTable();
    } else if (dice < 996) {
      refs_.clear();
    } else {
      DropAllAndReclaim();
    }
    Check();
  }

  // No Ref is left, and Reclaim was called: what exists is what is live.
  void DropAllAndReclaim() {
    refs_.clear();
    table_.Reclaim();
    EXPECT_EQ(table_world_.existing(), LiveNumbers());
    EXPECT_EQ(table_.GetStats().waiting, 0);
    EXPECT_EQ(model_world_.existing(), LiveNumbers());
    EXPECT_EQ(table_.Reclaim(), 0);
  }

  uint64_t lives() const { return lives_; }
  uint64_t borrows() const { return borrows_; }
  uint64_t refusals() const { return refusals_; }
  uint64_t retired() const { return table_.GetStats().retired; }

 private:
  // A Ref and what the model has in its place. The shared_ptr is dropped first:
  // so at no time does the model have a reference that the table has not.
  struct Use {
    typename Table::Ref ref;
    std::shared_ptr<Citizen> expected;
  };

  static Table New() { return *Table::Create(Config::Options()); }

  // --- Operations ------------------------------------------------------------

  void Emplace() {
    const uint64_t number = ++last_number_;
    const HandleType handle = table_.Emplace(&table_world_, number);
    if (!handle) {
      EXPECT_FALSE(table_world_.Exists(number));
      return CheckRefusal();
    }
    ++lives_;
    EXPECT_TRUE(issued_.insert(handle.bits()).second) << "issued twice";
    handles_.push_back(handle);
    live_[handle.bits()] = std::make_shared<Citizen>(&model_world_, number);
  }

  void EmplaceThrowing() {
    try {
      const HandleType handle =
          table_.Emplace(&table_world_, ++last_number_, true);
      EXPECT_FALSE(handle);
      CheckRefusal();
    } catch (const std::runtime_error&) {
      ++lives_;
    }
  }

  // An Emplace that is refused has reclaimed all that it may, and has found all
  // slots in use or retired.
  void CheckRefusal() {
    ++refusals_;
    const auto stats = table_.GetStats();
    EXPECT_EQ(table_world_.existing(), model_world_.existing());
    EXPECT_EQ(stats.free, 0);
    EXPECT_EQ(stats.high_water, stats.capacity);
  }

  void Borrow(HandleType handle) {
    typename Table::Ref ref = table_.Borrow(handle);
    const auto found = live_.find(handle.bits());
    ASSERT_EQ(static_cast<bool>(ref), found != live_.end());
    if (!ref) return;
    ++borrows_;
    EXPECT_EQ(ref->number(), found->second->number());
    refs_.push_back({std::move(ref), found->second});
  }

  void DropRef() {
    if (refs_.empty()) return;
    std::swap(refs_[random_() % refs_.size()], refs_.back());
    if (random_() % 2 == 0) refs_.back().ref.reset();
    refs_.pop_back();
  }

  // Moves a Ref onto another one, which drops what that had.
  void MoveRef() {
    if (refs_.size() < 2) return;
    const size_t to = random_() % (refs_.size() - 1);
    refs_[to].ref = std::move(refs_.back().ref);
    refs_[to].expected = std::move(refs_.back().expected);
    EXPECT_FALSE(refs_.back().ref);
    refs_.pop_back();
  }

  void Erase(HandleType handle) {
    EXPECT_EQ(table_.Erase(handle), live_.erase(handle.bits()) == 1);
  }

  // Outside of a walk, which may keep any object.
  void EraseAlone(HandleType handle) {
    const auto found = live_.find(handle.bits());
    const uint64_t number = found == live_.end() ? 0 : found->second->number();
    Erase(handle);
    if (Config::Traits::kMostWaiting == 1) {
      EXPECT_EQ(table_world_.Exists(number), model_world_.Exists(number));
    }
  }

  void Reclaim() {
    const uint64_t before = table_world_.existing().size();
    const uint64_t reclaimed = table_.Reclaim();
    EXPECT_EQ(table_world_.existing().size(), before - reclaimed);
    EXPECT_EQ(table_world_.existing(), model_world_.existing());
  }

  void ForEach() {
    std::set<uint64_t> shown;
    EXPECT_TRUE(table_.ForEach([&](HandleType handle, Citizen& object) {
      CheckShown(handle, object);
      EXPECT_TRUE(shown.insert(object.number()).second) << "shown twice";
    }));
    EXPECT_EQ(shown, LiveNumbers());
  }

  // Erases some of the objects that are shown, and others.
  void ForEachErase() {
    const std::set<uint64_t> before = LiveNumbers();
    std::set<uint64_t> shown;
    EXPECT_TRUE(table_.ForEach([&](HandleType handle, Citizen& object) {
      CheckShown(handle, object);
      EXPECT_TRUE(shown.insert(object.number()).second) << "shown twice";
      if (random_() % 4 == 0) Erase(handle);
      if (random_() % 8 == 0) Erase(AnyHandle());
      if (random_() % 8 == 0) table_.Reclaim();
      EXPECT_TRUE(table_world_.Exists(object.number()));
    }));
    for (const uint64_t number : shown) EXPECT_EQ(before.count(number), 1);
    for (const uint64_t number : LiveNumbers()) {
      EXPECT_EQ(shown.count(number), 1);
    }
  }

  void ParallelForEach() {
    typename Table::ParallelForEach walk(table_);
    std::set<uint64_t> shown;
    bool done = false;
    while (!done) {
      done = walk.Work([&](HandleType handle, Citizen& object) {
        CheckShown(handle, object);
        EXPECT_TRUE(shown.insert(object.number()).second) << "shown twice";
        return random_() % 8 == 0 ? holdfast::Step::kStop
                                  : holdfast::Step::kNext;
      });
    }
    EXPECT_EQ(shown, LiveNumbers());
  }

  void EraseAll() {
    const uint64_t live = live_.size();
    EXPECT_EQ(table_.EraseAll(), live);
    live_.clear();
    if (live != 0) {
      EXPECT_EQ(table_world_.existing(), model_world_.existing());
    }
  }

  // Refs are held across the move. The table that is assigned to has an object,
  // which must be destroyed.
  void MoveTable() {
    Table other(std::move(table_));
    World away;
    table_ = New();
    EXPECT_TRUE(table_.Emplace(&away, uint64_t{1}));
    for (const HandleType handle : handles_) {
      EXPECT_FALSE(table_.Contains(handle));
    }
    table_ = std::move(other);
    EXPECT_TRUE(away.existing().empty());
  }

  // --- Checks ----------------------------------------------------------------

  void Check() {
    // What the model still has a reference to exists.
    for (const uint64_t number : model_world_.existing()) {
      ASSERT_TRUE(table_world_.Exists(number))
          << "destroyed in use: " << number;
    }
    for (const Use& use : refs_) {
      ASSERT_EQ(use.ref->number(), use.expected->number());
    }
    for (const HandleType handle : handles_) {
      ASSERT_EQ(table_.Contains(handle), live_.count(handle.bits()) == 1);
    }
    const auto stats = table_.GetStats();
    EXPECT_EQ(stats.live, live_.size());
    EXPECT_EQ(stats.live + stats.waiting, table_world_.existing().size());
    EXPECT_LE(stats.high_water, stats.capacity);
    // Handles of which nothing can be learned any more are forgotten.
    if (handles_.size() > 200) handles_.erase(handles_.begin());
  }

  void CheckShown(HandleType handle, const Citizen& object) {
    const auto found = live_.find(handle.bits());
    ASSERT_NE(found, live_.end());
    EXPECT_EQ(object.number(), found->second->number());
  }

  std::set<uint64_t> LiveNumbers() const {
    std::set<uint64_t> numbers;
    for (const auto& [bits, object] : live_) numbers.insert(object->number());
    return numbers;
  }

  // A handle that is live, erased, null or random.
  HandleType AnyHandle() {
    const uint64_t dice = random_() % 20;
    if (dice == 0) return HandleType();
    if (dice == 1) return HandleType::FromBits(random_());
    if (dice < 14 && !live_.empty()) {
      auto found = live_.lower_bound(random_() >> 1);
      if (found == live_.end()) found = live_.begin();
      return HandleType::FromBits(found->first);
    }
    if (handles_.empty()) return HandleType();
    return handles_[random_() % handles_.size()];
  }

  std::mt19937_64 random_;
  World& table_world_;
  World model_world_;
  Table table_ = New();
  std::map<uint64_t, std::shared_ptr<Citizen>> live_;  // By handle.
  std::vector<Use> refs_;
  std::vector<HandleType> handles_;  // The last ones that were issued.
  std::set<uint64_t> issued_;
  uint64_t last_number_ = 0;
  uint64_t lives_ = 0;
  uint64_t borrows_ = 0;
  uint64_t refusals_ = 0;
};

template <typename Config>
class ObjectTableModelTest : public testing::Test {};

using Configs = testing::Types<
    // Few lives for each slot, so that all slots are soon retired.
    Config<3, 1'024, 7, 0, 16>, Config<3, 1, 1, 0, 100>,
    Config<4, 3, 7, 64, 50>,
    // Many lives, and few slots, so that the table is often full.
    Config<16, 1'024, 7, 0, 12>, Config<16, 1, 7, 64, 20>,
    Config<16, 5, 1, 64, 40>, Config<32, 1'024, 7, 64, 100>,
    Config<32, 1'024, 2, 1, 1>, Config<48, 1, 3, 0, 30>>;
TYPED_TEST_SUITE(ObjectTableModelTest, Configs);

TYPED_TEST(ObjectTableModelTest, RandomOperationsAgreeWithSharedPointers) {
  this->RecordProperty("seed", std::to_string(Seed()));
  uint64_t borrows = 0;
  uint64_t refusals = 0;
  for (uint64_t round = 0; round < 10; ++round) {
    SCOPED_TRACE(testing::Message()
                 << "HOLDFAST_TEST_SEED=" << Seed() << ", round " << round);
    World world;
    {
      RandomModel<TypeParam> random(Seed() + round, &world);
      for (int step = 0; step < 2'000; ++step) {
        SCOPED_TRACE(testing::Message() << "step " << step);
        random.Step();
        if (testing::Test::HasFailure()) return;
      }
      // Every other table has objects that wait when it is destroyed.
      if (round % 2 == 0) random.DropAllAndReclaim();
      borrows += random.borrows();
      refusals += random.refusals();
    }
    EXPECT_TRUE(world.existing().empty());
  }
  // The operations have met what they were to meet.
  EXPECT_GT(borrows, 100);
  EXPECT_GT(refusals, 10);
}

TYPED_TEST(ObjectTableModelTest, SlotsWithFewLivesAreRetiredOnTheWay) {
  using Random = RandomModel<TypeParam>;
  if (TypeParam::Traits::kGenerationBits > 4) GTEST_SKIP() << "many lives";
  const uint64_t slots = TypeParam::Options().max_slots;
  SCOPED_TRACE(testing::Message() << "HOLDFAST_TEST_SEED=" << Seed());
  World world;
  Random random(Seed(), &world);
  for (int step = 0; step < 50'000 && random.retired() < slots; ++step) {
    random.Step();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_EQ(random.retired(), slots);
  EXPECT_EQ(random.lives(), slots * Random::Table::kLivesPerSlot);
  random.DropAllAndReclaim();
}

}  // namespace
}  // namespace holdfast

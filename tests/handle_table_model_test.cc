// Goal: after any sequence of operations, a table holds what a map would hold.
//
// Method: long random sequences of operations, with all kinds of handles.
// TableModel compares the table with a map, and checks the table's invariants
// on the way. HOLDFAST_TEST_SEED sets the seed.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/support/table_model.h"
#include "tests/support/test_values.h"

namespace holdfast {
namespace {

uint64_t Seed() {
  static const uint64_t seed = [] {
    const char* const given = std::getenv("HOLDFAST_TEST_SEED");
    return given != nullptr ? std::strtoull(given, nullptr, 0) : 20'230'601;
  }();
  return seed;
}

template <int kBits, size_t kSize, uint32_t kCache, uint64_t kSlots>
struct Config {
  struct Traits : DefaultTraits {
    static constexpr int kGenerationBits = kBits;
  };
  using Value = TestValue<kSize>;
  static TableOptions Options() {
    TableOptions options;
    options.max_slots = kSlots;
    options.thread_cache_slots = kCache;
    return options;
  }
};

// Random operations, with all kinds of handles.
template <typename Config>
class RandomModel {
 public:
  using Value = typename Config::Value;
  using Model = TableModel<HandleTable<Value, typename Config::Traits>>;
  using HandleType = Handle<Value>;

  explicit RandomModel(uint64_t seed)
      : random_(seed), model_(Config::Options()) {
    for (uint64_t i = 0; i < 10; ++i) foreign_.push_back(model_.Foreign(i));
  }

  void Step() {
    const uint64_t dice = random_() % 1000;
    if (dice < 300) return model_.Pin(AnyValue());
    if (dice < 350) return model_.Read(AnyHandle());
    if (dice < 400) return model_.Contains(AnyHandle());
    if (dice < 460) return model_.Write(AnyHandle(), AnyValue());
    if (dice < 510) {
      return model_.CompareExchange(AnyHandle(), dice % 2 == 0, AnyValue(),
                                    AnyValue());
    }
    if (dice < 530) return model_.Update(AnyHandle(), AnyValue());
    if (dice < 550) {
      return model_.UnpinIf(AnyHandle(), dice % 2 == 0, AnyValue());
    }
    if (dice < 600) return model_.Exchange(AnyHandle(), AnyValue());
    if (dice < 800) return model_.Unpin(AnyHandle());
    if (dice < 940) return model_.Take(AnyHandle());
    if (dice < 955) return model_.Displace(AnyHandle());
    if (dice < 970) return model_.Diagnose(AnyHandle());
    if (dice < 974) return model_.CheckAll();
    if (dice < 978) return model_.ParallelForEach(3);
    if (dice < 982) {
      return model_.ForEachExclusive([this] { return AnyValue(); });
    }
    if (dice < 986) {
      return model_.ForEachUnpin([this] { return random_() % 2 == 0; });
    }
    if (dice < 987) {
      return model_.UnpinWhere([this] { return random_() % 2 == 0; });
    }
    if (dice < 988) return model_.MoveConstruct();
    if (dice < 990) return model_.MoveAssign();
    if (dice < 992) return model_.UnpinAll();
    model_.CheckStats();
  }

  Model& model() { return model_; }

 private:
  Value AnyValue() { return Value(random_()); }

  // Returns a handle that is live, unpinned, of another table, null, or random.
  HandleType AnyHandle() {
    const uint64_t dice = random_() % 100;
    const auto& live = model_.live();
    const auto& ended = model_.ended();
    if (dice < 60 && !live.empty()) return live[random_() % live.size()];
    if (dice < 80 && !ended.empty()) return ended[random_() % ended.size()];
    if (dice < 84) return foreign_[random_() % 10];
    if (dice < 86) return HandleType();
    if (dice < 90) return HandleType::FromBits(random_());
    const uint64_t mask = (uint64_t{1} << (dice % 8 + 2)) - 1;
    return model_.Access().HandleAt(
        static_cast<uint32_t>(random_() % model_.capacity()),
        random_() & mask & Model::kGenerationMask);
  }

  std::mt19937_64 random_;
  Model model_;
  std::vector<HandleType> foreign_;
};

template <typename Config>
class HandleTableModelTest : public testing::Test {};

using Configs = testing::Types<
    // Few lives for each slot, so that all slots are soon retired.
    Config<3, 1, 0, 16>, Config<3, 4, 0, 100>, Config<3, 7, 64, 1000>,
    Config<3, 8, 0, 12>, Config<3, 16, 1, 100>, Config<3, 64, 64, 2000>,
    Config<2, 8, 0, 500>,
    // Many lives for each slot, with values in words and in cells.
    Config<8, 8, 1, 20>, Config<16, 4, 0, 16>, Config<16, 8, 64, 2048>,
    Config<16, 24, 1, 300>, Config<32, 1, 0, 50>, Config<32, 4, 1, 100>,
    Config<32, 4, 64, 3000>, Config<32, 8, 0, 100>, Config<32, 8, 64, 1>,
    Config<32, 16, 64, 200>, Config<32, 24, 0, 64>, Config<32, 64, 64, 1500>,
    Config<40, 1, 64, 700>, Config<40, 4, 1, 90>, Config<40, 8, 0, 40>,
    Config<40, 16, 64, 1100>, Config<48, 2, 64, 400>, Config<48, 64, 0, 30>>;
TYPED_TEST_SUITE(HandleTableModelTest, Configs);

TYPED_TEST(HandleTableModelTest, RandomOperationsAgreeWithAMap) {
  this->RecordProperty("seed", std::to_string(Seed()));
  for (uint64_t round = 0; round < 3; ++round) {
    SCOPED_TRACE(testing::Message()
                 << "HOLDFAST_TEST_SEED=" << Seed() << ", round " << round);
    RandomModel<TypeParam> random(Seed() + round);
    for (int step = 0; step < 8000; ++step) {
      SCOPED_TRACE(testing::Message() << "step " << step);
      random.Step();
      ASSERT_EQ(random.model().problem(), "");
    }
    random.model().CheckAll();
    ASSERT_EQ(random.model().problem(), "");
  }
}

TYPED_TEST(HandleTableModelTest, SlotsWithFewLivesAreRetiredOnTheWay) {
  if (TypeParam::Traits::kGenerationBits > 3) GTEST_SKIP() << "many lives";
  const uint64_t capacity = TypeParam::Options().max_slots;
  SCOPED_TRACE(testing::Message() << "HOLDFAST_TEST_SEED=" << Seed());
  RandomModel<TypeParam> random(Seed());
  const auto& model = random.model();
  for (int step = 0; step < 300'000 && model.retired() < capacity; ++step) {
    random.Step();
    ASSERT_EQ(model.problem(), "");
  }
  EXPECT_EQ(model.retired(), capacity);
}

}  // namespace
}  // namespace holdfast

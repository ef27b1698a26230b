// Goal: LeakSanitizer reports no leak for objects that only values of a live
// table point to. It reports a leak if only a destroyed table pointed to them.
//
// Method: objects whose addresses are only in a table. There are many, since a
// register or a stack slot may still hold the addresses of a few. The test runs
// only in builds with AddressSanitizer.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/child.h"

#ifdef ABSL_HAVE_ADDRESS_SANITIZER
#include <sanitizer/lsan_interface.h>
#endif

namespace holdfast {
namespace {

#ifdef ABSL_HAVE_ADDRESS_SANITIZER

// Prints the leaks that there are now, and returns whether there are any.
bool Leaks() { return __lsan_do_recoverable_leak_check() != 0; }

struct Object {
  uint64_t payload[4];
};

struct Wide {
  uint64_t before;
  Object* object;
  uint64_t after[4];
};

Object* NewObject() { return new Object{{1, 2, 3, 4}}; }

template <typename T>
T Holding(Object* object);
template <>
Object* Holding(Object* object) {
  return object;
}
template <>
Wide Holding(Object* object) {
  return {1, object, {2, 3, 4, 5}};
}

// Holds the table, so that LeakSanitizer finds it.
template <typename T>
std::unique_ptr<HandleTable<T>>& TheTable() {
  static std::unique_ptr<HandleTable<T>> table;
  return table;
}

template <typename T>
class LeakTest : public testing::Test {
 protected:
  // Runs a step in a thread of its own, whose stack and registers then are
  // gone.
  template <typename F>
  static void InThread(F step) {
    std::thread(step).join();
  }

  static void Create() {
    TheTable<T>() = std::make_unique<HandleTable<T>>(*HandleTable<T>::Create());
  }
  static void Pin(int count) {
    InThread([count] {
      for (int i = 0; i < count; ++i) {
        if (!TheTable<T>()->Pin(Holding<T>(NewObject()))) std::abort();
      }
    });
  }
};

using Types = testing::Types<Object*, Wide>;
TYPED_TEST_SUITE(LeakTest, Types);

TYPED_TEST(LeakTest, WhatALiveTableHoldsIsNoLeak) {
  const std::string said = InChild([](ChildReport& report) {
    TestFixture::Create();
    TestFixture::Pin(100);
    report.Expect(!Leaks(), "values of a small table");
    TestFixture::Pin(100'000);
    report.Expect(!Leaks(), "values after growth");
  });
  EXPECT_EQ(said, "");
}

// Values that were written may lie in other cells than their slots' own, also
// in the spare cells at the end of the table.
TYPED_TEST(LeakTest, WhatWasWrittenIsNoLeak) {
  const std::string said = InChild([](ChildReport& report) {
    TestFixture::Create();
    TestFixture::Pin(1000);
    auto& table = *TheTable<TypeParam>();
    // Two threads write at the same time, so that values stay in other cells.
    for (int round = 0; round < 20; ++round) {
      const auto write = [&table] {
        table.ForEach([&](Handle<TypeParam> handle, const TypeParam&) {
          const auto old =
              table.Exchange(handle, Holding<TypeParam>(NewObject()));
          if constexpr (std::is_same_v<TypeParam, Wide>) {
            if (old) delete old->object;
          } else {
            if (old) delete *old;
          }
        });
      };
      std::thread one(write);
      std::thread two(write);
      one.join();
      two.join();
    }
    report.Expect(!Leaks(), "values that were written");
  });
  EXPECT_EQ(said, "");
}

TYPED_TEST(LeakTest, ATableThatWasMovedStillHolds) {
  const std::string said = InChild([](ChildReport& report) {
    TestFixture::Create();
    TestFixture::Pin(1000);
    TestFixture::InThread([] {
      auto moved = std::make_unique<HandleTable<TypeParam>>(
          std::move(*TheTable<TypeParam>()));
      TheTable<TypeParam>() = std::move(moved);
    });
    report.Expect(!Leaks(), "values of a table that was moved");
  });
  EXPECT_EQ(said, "");
}

TYPED_TEST(LeakTest, WhatATableHeldThatIsGoneIsALeak) {
  const std::string said = InChild([](ChildReport& report) {
    TestFixture::Create();
    TestFixture::Pin(1000);
    report.Expect(!Leaks(), "values of a live table");
    TheTable<TypeParam>().reset();
    report.Expect(Leaks(), "a table that is gone hides its leaks");
  });
  EXPECT_EQ(said, "");
}

// The memory of many tables is registered with LeakSanitizer and unregistered
// again. That of the first table stays registered.
TYPED_TEST(LeakTest, ManyTablesComeAndGo) {
  const std::string said = InChild([](ChildReport& report) {
    TestFixture::Create();
    TestFixture::Pin(1000);
    for (int i = 0; i < 200; ++i) {
      auto other = HandleTable<TypeParam>::Create();
      if (!other.ok()) return report.Say(other.status().ToString());
      other->Unpin(other->Pin(TypeParam{}));
    }
    report.Expect(!Leaks(), "values of the table that stays");
  });
  EXPECT_EQ(said, "");
}

#else

TEST(LeakTest, NeedsAddressSanitizer) {
  GTEST_SKIP() << "this build has no LeakSanitizer";
}

#endif  // ABSL_HAVE_ADDRESS_SANITIZER

}  // namespace
}  // namespace holdfast

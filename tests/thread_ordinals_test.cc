#include "holdfast/internal/thread_ordinals.h"

#include <cstdint>
#include <type_traits>

#include "gtest/gtest.h"
#include "tests/support/fake_threads.h"

namespace holdfast::internal {
namespace {

using FakeLease = OrdinalLease<FakeThreads>;
constexpr FakeThreads kNumbering{};
static_assert(!std::is_copy_constructible_v<FakeLease>);
static_assert(!std::is_copy_assignable_v<FakeLease>);

TEST(ThreadOrdinalsTest, AThreadKeepsTheOrdinalOfItsFirstRegister) {
  const uint32_t ordinal = ThreadOrdinals::Register();
  ASSERT_LT(ordinal, ThreadOrdinals::kCapacity);
  EXPECT_EQ(ThreadOrdinals::Current(), ordinal);
  EXPECT_EQ(ThreadOrdinals::Register(), ordinal);
  EXPECT_GT(ThreadOrdinals::Limit(), ordinal);
  EXPECT_FALSE(ThreadOrdinals::TryClaim(ordinal));
}

TEST(ThreadOrdinalsTest, ClaimsForOneCallLeaveTheThreadsOwnOrdinalAlone) {
  const uint32_t own = ThreadOrdinals::Register();
  const uint32_t claimed = ThreadOrdinals::Claim();
  ASSERT_NE(claimed, ThreadOrdinals::kNone);
  EXPECT_NE(claimed, own);
  EXPECT_EQ(ThreadOrdinals::Current(), own);
  EXPECT_FALSE(ThreadOrdinals::TryClaim(claimed));
  ThreadOrdinals::Release(claimed);
  EXPECT_TRUE(ThreadOrdinals::TryClaim(claimed));
  ThreadOrdinals::Release(claimed);
}

TEST(OrdinalLeaseTest, UsesTheOrdinalThatTheThreadHas) {
  FakeThreads::Reset();
  FakeThreads::Become(7);
  {
    const FakeLease lease(kNumbering);
    EXPECT_EQ(lease.ordinal(), 7);
  }
  EXPECT_TRUE(FakeThreads::IsOwned(7));
  EXPECT_EQ(FakeThreads::Owned(), 1);
}

TEST(OrdinalLeaseTest, RegistersAThreadThatHasNone) {
  FakeThreads::Reset();
  FakeThreads::BecomeNew();
  {
    const FakeLease lease(kNumbering);
    EXPECT_EQ(lease.ordinal(), 0);
  }
  EXPECT_EQ(FakeThreads::Current(), 0);
  EXPECT_TRUE(FakeThreads::IsOwned(0));
}

TEST(OrdinalLeaseTest, BorrowsForAThreadThatIsExiting) {
  FakeThreads::Reset();
  FakeThreads::Become(0);
  FakeThreads::BecomeExiting();
  {
    const FakeLease lease(kNumbering);
    EXPECT_EQ(lease.ordinal(), 1);
    EXPECT_TRUE(FakeThreads::IsOwned(1));
    const FakeLease inner(kNumbering);
    EXPECT_EQ(inner.ordinal(), 2);
  }
  EXPECT_EQ(FakeThreads::Owned(), 1);
  EXPECT_FALSE(FakeThreads::released_unowned());
}

TEST(OrdinalLeaseTest, HasNoneToReleaseIfEveryOrdinalIsOwned) {
  FakeThreads::Reset(/*capacity=*/1);
  FakeThreads::Become(0);
  FakeThreads::BecomeNew();
  {
    const FakeLease lease(kNumbering);
    EXPECT_EQ(lease.ordinal(), FakeThreads::kNone);
  }
  EXPECT_TRUE(FakeThreads::IsOwned(0));
  EXPECT_FALSE(FakeThreads::released_unowned());
}

}  // namespace
}  // namespace holdfast::internal

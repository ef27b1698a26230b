// Goal: on Windows a thread's ordinal becomes free however the thread ends, and
// never while the thread can still use it.
//
// Method: threads that end normally or are terminated, and threads whose exit
// hook is armed in a fiber, which the same or another thread deletes.
// tools/check_windows runs this.

#define WIN32_LEAN_AND_MEAN
#if !defined(NOMINMAX)
#define NOMINMAX
#endif
#include <windows.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "holdfast/internal/thread_ordinals.h"

namespace holdfast::internal {
namespace {

constexpr uint32_t kNone = ThreadOrdinals::kNone;

// Returns whether no thread has the ordinal.
bool IsFree(uint32_t ordinal) {
  if (!ThreadOrdinals::TryClaim(ordinal)) return false;
  ThreadOrdinals::Release(ordinal);
  return true;
}

void ExpectTableWorks() {
  auto table = *HandleTable<uint64_t>::Create();
  const auto handle = table.Pin(5);
  EXPECT_TRUE(table.Write(handle, 6));
  EXPECT_EQ(table.Take(handle), 6);
}

TEST(WindowsThreadExitTest, ThreadsThatEndInOrderGiveTheirsBack) {
  for (int i = 0; i < 200; ++i) {
    uint32_t ordinal = kNone;
    std::thread([&] { ordinal = ThreadOrdinals::Register(); }).join();
    ASSERT_LT(ordinal, 3);
  }
}

TEST(WindowsThreadExitTest, ATerminatedThreadsIsInherited) {
  static std::atomic<uint32_t> ordinal;
  ordinal = kNone;
  const HANDLE thread = CreateThread(
      nullptr, 0,
      [](void*) -> DWORD {
        ordinal = ThreadOrdinals::Register();
        Sleep(INFINITE);
        return 0;
      },
      nullptr, 0, nullptr);
  while (ordinal == kNone) Sleep(1);
  EXPECT_FALSE(IsFree(ordinal));
  TerminateThread(thread, 0);
  WaitForSingleObject(thread, INFINITE);
  CloseHandle(thread);
  EXPECT_TRUE(IsFree(ordinal));
}

// A thread that registers in a fiber.
class FiberTest : public testing::Test {
 protected:
  // Makes the calling thread a fiber, and gets an ordinal for the thread in a
  // second fiber. Returns that fiber.
  void* RegisterInAFiber() {
    thread_ = ConvertThreadToFiber(nullptr);
    void* const fiber = CreateFiber(
        0,
        [](void* test) {
          auto* const its = static_cast<FiberTest*>(test);
          its->ordinal_ = ThreadOrdinals::Register();
          SwitchToFiber(its->thread_);
        },
        this);
    SwitchToFiber(fiber);
    return fiber;
  }

  void* thread_ = nullptr;
  uint32_t ordinal_ = kNone;
};

TEST_F(FiberTest, DeletedInItsThreadGivesTheOrdinalBack) {
  std::thread([&] {
    void* const fiber = RegisterInAFiber();
    EXPECT_EQ(ThreadOrdinals::Current(), ordinal_);
    DeleteFiber(fiber);
    EXPECT_EQ(ThreadOrdinals::Current(), kNone);
    EXPECT_TRUE(IsFree(ordinal_));
    ExpectTableWorks();
  }).join();
  EXPECT_TRUE(IsFree(ordinal_));
}

TEST_F(FiberTest, DeletedElsewhereLeavesTheOrdinalToItsThread) {
  std::atomic<void*> fiber{nullptr};
  std::atomic<bool> deleted{false};
  std::thread thread([&] {
    fiber = RegisterInAFiber();
    while (!deleted) Sleep(1);
    EXPECT_EQ(ThreadOrdinals::Current(), ordinal_);
    ExpectTableWorks();
  });
  const uint32_t own = ThreadOrdinals::Register();
  while (fiber == nullptr) Sleep(1);
  DeleteFiber(fiber);
  EXPECT_EQ(ThreadOrdinals::Current(), own);
  EXPECT_FALSE(IsFree(ordinal_));
  deleted = true;
  thread.join();
  EXPECT_TRUE(IsFree(ordinal_));
}

}  // namespace
}  // namespace holdfast::internal

// Goal: if a fiber calls a table, is resumed by another thread, and calls the
// table again, the table takes each call for one of the thread in which it
// runs.
//
// Method: fibers whose bodies were compiled as BUILD.bazel says. First, one
// fiber goes from thread to thread at set times. In the second thread it must
// not get the slot that lies in the first thread's cache. Then many fibers,
// which any thread that is free resumes, with each result checked.

#include <dlfcn.h>
#include <ucontext.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "tests/edges/child.h"
#include "tests/edges/fiber_bodies.h"
#include "tests/support/concurrent_threads.h"

namespace holdfast {
namespace {

// Runs `body` on a stack of its own, and can be left and resumed.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body) : body_(std::move(body)) {
    getcontext(&own_);
    own_.uc_stack.ss_sp = stack_.get();
    own_.uc_stack.ss_size = kStack;
    own_.uc_link = nullptr;
    makecontext(&own_, &Fiber::Start, 0);
  }

  // Runs the body until it calls Leave, or ends.
  void Resume() {
    *Running() = this;
    swapcontext(&back_, &own_);
  }
  bool done() const { return done_; }

  // A body calls this. Returns when a thread resumes the fiber.
  static void Leave() {
    Fiber* const self = *Running();
    swapcontext(&self->own_, &self->back_);
  }

 private:
  static constexpr size_t kStack = 256 << 10;

  // Not inlined, so that a fiber asks anew when it goes on in another thread.
  __attribute__((noinline)) static Fiber** Running() {
    static thread_local Fiber* running = nullptr;
    Fiber** address = &running;
    asm volatile("" : "+r"(address));
    return address;
  }

  static void Start() {
    Fiber* const self = *Running();
    self->body_();
    self->done_ = true;
    Leave();
  }

  const std::function<void()> body_;
  const std::unique_ptr<char[]> stack_{new char[kStack]};
  ucontext_t own_ = {};
  ucontext_t back_ = {};
  bool done_ = false;
};

class FiberTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
    GTEST_SKIP() << "the sanitizers do not follow fibers";
#endif
    const std::string path = "tests/edges/fibers_" + GetParam() + ".so";
    void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << dlerror();
    const auto get = reinterpret_cast<void (*)(FiberCalls*)>(
        dlsym(library, "holdfast_fiber_calls"));
    ASSERT_NE(get, nullptr);
    get(&calls_);
  }

  // Runs `body` in six fibers, which three threads resume.
  std::string Migrate(FiberCalls::Body body) const {
    return InChild([this, body](ChildReport& report) {
      FiberCalls::Table* const table = calls_.create();
      std::atomic<uint64_t> wrong{0};
      std::deque<Fiber> fibers;
      std::deque<Fiber*> ready;
      for (uint64_t me = 1; me <= 6; ++me) {
        fibers.emplace_back([&, me] {
          wrong.fetch_add(body(table, &Fiber::Leave, me, 8'000));
        });
        ready.push_back(&fibers.back());
      }
      std::mutex mutex;
      std::atomic<size_t> left{fibers.size()};
      RunThreads(3, [&](int) {
        while (left.load() > 0) {
          Fiber* fiber = nullptr;
          {
            const std::lock_guard<std::mutex> lock(mutex);
            if (!ready.empty()) {
              fiber = ready.front();
              ready.pop_front();
            }
          }
          if (fiber == nullptr) {
            std::this_thread::yield();
            continue;
          }
          fiber->Resume();
          const std::lock_guard<std::mutex> lock(mutex);
          if (fiber->done()) {
            left.fetch_sub(1);
          } else {
            ready.push_back(fiber);
          }
        }
      });
      report.Expect(wrong.load() == 0, std::to_string(wrong.load()) + " wrong");
      report.Expect(calls_.live(table) == 0, "values live on");
      calls_.destroy(table);
    });
  }

  FiberCalls calls_ = {};
};

// Returns whether two handles of one table name the same slot: then they differ
// only in the generation, which is in the low bits. (Both are XORed with the
// same key.)
bool OfOneSlot(uint64_t a, uint64_t b) {
  return (a ^ b) >> DefaultTraits::kGenerationBits == 0;
}

TEST_P(FiberTest, EachThreadThatAFiberComesToHasItsOwnSlots) {
  FiberCalls::Table* const table = calls_.create();
  constexpr int kTurns = 6;
  std::array<uint64_t, kTurns> handles = {};
  Fiber fiber([&] {
    calls_.pin_in_each_thread(table, &Fiber::Leave, handles.data(), kTurns);
  });
  // Two threads take turns: one has the even turns, the other one the odd ones.
  std::atomic<int> turn{0};
  RunThreads(2, [&](int me) {
    for (int i = me; i < kTurns; i += 2) {
      while (turn.load() != i) std::this_thread::yield();
      fiber.Resume();
      turn.fetch_add(1);
    }
  });
  for (size_t i = 1; i < kTurns; ++i) {
    EXPECT_FALSE(OfOneSlot(handles[i], handles[i - 1]))
        << "in turn " << i << " the fiber took a slot of the other thread's";
  }
  for (size_t i = 2; i < kTurns; ++i) {
    EXPECT_TRUE(OfOneSlot(handles[i], handles[i - 2]))
        << "a thread that unpins and pins gets its own slot again";
  }
  calls_.destroy(table);
}

TEST_P(FiberTest, PinHereAndTakeThere) {
  EXPECT_EQ(Migrate(calls_.pin_elsewhere_take), "");
}

TEST_P(FiberTest, AllVerbsHereAndThere) {
  EXPECT_EQ(Migrate(calls_.all_verbs), "");
}

INSTANTIATE_TEST_SUITE_P(Compiled, FiberTest,
                         testing::Values("o2", "o3", "o3_hidden"),
                         [](const auto& compiled) { return compiled.param; });

}  // namespace
}  // namespace holdfast

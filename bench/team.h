// A team of threads that work at the same time, and wait between two runs.

#ifndef HOLDFAST_BENCH_TEAM_H_
#define HOLDFAST_BENCH_TEAM_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::bench {

// The cpus that this process may use.
std::vector<int> AllowedCpus();

// Waits a little, for loops that wait for another thread. At first it spins;
// later it yields, since there may be more threads than cpus.
class Patience {
 public:
  void Wait();

 private:
  int waits_ = 0;
};

class Team {
 public:
  // Thread i has cpu i to itself, unless there are more threads than cpus.
  explicit Team(int threads);
  ~Team();

  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return static_cast<int>(threads_.size()); }

  // "yes", or why the threads may move between cpus.
  std::string pinning() const;

  // Each thread i calls prepare(i), and keeps the object that this may return.
  // When all threads are ready, each calls work(i). Returns the seconds from
  // then to when the last of the first `counted` threads (0: of all) was done.
  // Only one Run at a time.
  template <typename Prepare, typename Work>
  double Run(Prepare prepare, Work work, int counted = 0) {
    return RunInAll(
        [&](int thread) {
          [[maybe_unused]] const auto& scope = prepare(thread);
          AwaitStart();
          work(thread);
          NoteEnd(thread);
        },
        counted);
  }

 private:
  using Clock = std::chrono::steady_clock;

  double RunInAll(const std::function<void(int)>& job, int counted);
  void AwaitStart();
  void NoteEnd(int thread) {
    ends_[static_cast<size_t>(thread)] = Clock::now();
  }
  void Loop(int thread);
  void Pin(int thread);

  std::vector<int> cpus_;

  // Between two Runs the threads sleep, so that they do not slow down the main
  // thread, which prepares the next one.
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void(int)>* job_ = nullptr;
  uint64_t runs_ = 0;
  int busy_ = 0;
  bool stop_ = false;
  std::string pinning_ = "yes";

  // All threads wait for each other here. They write `start_` and `ends_`,
  // which the main thread reads when all of them are idle again.
  std::atomic<int> waiting_{0};
  std::atomic<uint64_t> starts_{0};
  Clock::time_point start_;
  std::vector<Clock::time_point> ends_;

  std::vector<std::thread> threads_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_TEAM_H_

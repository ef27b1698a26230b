// A team of threads that persist, for work that all of them do at once.

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

// Gives way to whoever is waited for: spins for a moment, then yields, since
// there may be more threads than cpus.
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

  // Each thread calls prepare(i), which may return an object for it to hold
  // meanwhile, waits until all others have, then calls work(i). Returns the
  // seconds from when all were ready to when the last of the first `counted`
  // threads (0: of all) was done. One Run at a time.
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

  // Between two Runs the threads sleep, so that they take no time from what
  // prepares the next.
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void(int)>* job_ = nullptr;
  uint64_t runs_ = 0;
  int busy_ = 0;
  bool stop_ = false;
  std::string pinning_ = "yes";

  // The line that all wait at. `start_` and `ends_` are written by the threads,
  // and read once all of them are idle again.
  std::atomic<int> waiting_{0};
  std::atomic<uint64_t> starts_{0};
  Clock::time_point start_;
  std::vector<Clock::time_point> ends_;

  std::vector<std::thread> threads_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_TEAM_H_

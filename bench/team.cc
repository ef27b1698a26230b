#include "team.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace holdfast::bench {

std::vector<int> AllowedCpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

void Patience::Wait() {
  constexpr int kSpins = 500;  // About ten microseconds.
  if (++waits_ > kSpins) {
    std::this_thread::yield();
    return;
  }
#if defined(__x86_64__)
  _mm_pause();
#endif
}

Team::Team(int threads)
    : cpus_(AllowedCpus()), ends_(static_cast<size_t>(threads)) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i] { Loop(i); });
    }
  }
  Run([](int) { return 0; }, [](int) {});  // Waits until all are pinned.
}

Team::~Team() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::string Team::pinning() const {
  if (threads_.size() > cpus_.size()) {
    return absl::StrCat("no: ", threads_.size(), " threads on ", cpus_.size(),
                        " cpus");
  }
  return pinning_;
}

double Team::RunInAll(const std::function<void(int)>& job, int counted) {
  std::unique_lock<std::mutex> lock(mutex_);
  job_ = &job;
  busy_ = threads();
  ++runs_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return busy_ == 0; });
  const auto end = counted == 0 ? ends_.end() : ends_.begin() + counted;
  return std::chrono::duration<double>(*std::max_element(ends_.begin(), end) -
                                       start_)
      .count();
}

void Team::AwaitStart() {
  // order: relaxed. Nobody starts before this thread is counted below.
  const uint64_t starts = starts_.load(std::memory_order_relaxed);
  // order: acq_rel. The last thread sees what all others have prepared.
  if (waiting_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads()) {
    // order: relaxed. Published by the store to starts_.
    waiting_.store(0, std::memory_order_relaxed);
    start_ = Clock::now();
    // order: release. It synchronizes with the load below, so all threads see
    // what all have prepared.
    starts_.store(starts + 1, std::memory_order_release);
    return;
  }
  Patience patience;
  // order: acquire. It synchronizes with the store above.
  while (starts_.load(std::memory_order_acquire) == starts) patience.Wait();
}

void Team::Loop(int thread) {
  std::unique_lock<std::mutex> lock(mutex_);
  Pin(thread);
  for (uint64_t run = 0;;) {
    changed_.wait(lock, [&] { return stop_ || runs_ != run; });
    if (stop_) return;
    run = runs_;
    const std::function<void(int)>& job = *job_;
    lock.unlock();
    job(thread);
    lock.lock();
    if (--busy_ == 0) changed_.notify_all();
  }
}

// Requires mutex_, since it writes to pinning_.
void Team::Pin(int thread) {
  if (threads_.size() > cpus_.size()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpus_[static_cast<size_t>(thread)], &set);
  const int error = pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  if (error != 0) pinning_ = absl::StrCat("no: ", std::strerror(error));
}

}  // namespace holdfast::bench

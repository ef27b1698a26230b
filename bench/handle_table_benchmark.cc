// What the table's operations cost, beside the limits that no table can pass:
// a raw array with bounds and generation compare, one uncontended CAS, and the
// memory operations of a pin and unpin without any logic.
//
// Each benchmark runs nine times, interleaved at random with the others; the
// ratios at the end are of medians. Every iteration is kBatch operations.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "benchmark/benchmark.h"
#include "holdfast/handle_table.h"
#include "ratio_reporter.h"

namespace holdfast {
namespace {

using benchmark::State;
using Table = HandleTable<uint64_t>;

constexpr int kBatch = 1000;
constexpr int kMillion = 1'000'000;

Table NewTable() { return *Table::Create(); }

// --- The limits --------------------------------------------------------------

struct RawSlot {
  uint64_t value;
  uint32_t generation;
};

// `count` slots, and {index, generation} of each, in random order if there are
// more than fit the caches.
struct RawArray {
  explicit RawArray(int count) : slots(static_cast<size_t>(count)) {
    for (uint32_t i = 0; i < slots.size(); ++i) {
      slots[i] = {i, 1};
      handles.push_back(uint64_t{i} << 32 | 1);
    }
    if (count > kBatch) {
      std::shuffle(handles.begin(), handles.end(), std::mt19937_64(1));
    }
  }

  std::optional<uint64_t> Read(uint64_t handle) const {
    const uint64_t index = handle >> 32;
    if (index >= slots.size()) return std::nullopt;
    const RawSlot& slot = slots[index];
    if (slot.generation != static_cast<uint32_t>(handle)) return std::nullopt;
    return slot.value;
  }

  std::vector<RawSlot> slots;
  std::vector<uint64_t> handles;
};

void BM_Read_RawArray(State& state) {
  const RawArray raw(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    uint64_t sum = 0;
    for (const uint64_t handle : raw.handles) {
      if (const std::optional<uint64_t> value = raw.Read(handle)) sum += *value;
    }
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(BM_Read_RawArray)->Arg(kBatch)->Arg(kMillion)->UseRealTime();

void BM_Cas_Uncontended(State& state) {
  std::atomic<uint64_t> word{0};
  for (auto _ : state) {
    for (int i = 0; i < kBatch; ++i) {
      uint64_t expected = word.load(std::memory_order_relaxed);
      benchmark::DoNotOptimize(word.compare_exchange_strong(
          expected, expected + 1, std::memory_order_acq_rel));
    }
  }
}
BENCHMARK(BM_Cas_Uncontended)->UseRealTime();

// The line that a pin and an unpin of one slot touch.
struct alignas(64) Line {
  std::atomic<uint64_t> word{0};
  std::atomic<uint64_t> value{0};  // Or the link to the next free slot.
};

// The same with four to a line, as slots lie.
struct Packed {
  std::atomic<uint64_t> word{0};
  std::atomic<uint64_t> value{0};
};

template <typename Line>
void RawPin(Line& line, uint64_t value) {
  line.value.store(value, std::memory_order_release);
  line.word.store(value, std::memory_order_release);
}

template <typename Line>
void RawUnpin(Line& line) {
  uint64_t word = line.word.load(std::memory_order_relaxed);
  benchmark::DoNotOptimize(line.word.compare_exchange_strong(
      word, word + 1, std::memory_order_acq_rel));
  line.value.store(word, std::memory_order_release);
}

void BM_PinUnpin_Irreducible(State& state) {
  Line line;
  for (auto _ : state) {
    for (uint64_t i = 0; i < kBatch; ++i) {
      RawPin(line, i);
      RawUnpin(line);
    }
  }
}
BENCHMARK(BM_PinUnpin_Irreducible)->UseRealTime();

// --- Reads -------------------------------------------------------------------

// `count` live handles, in random order if there are more than fit the caches.
template <typename T>
std::vector<Handle<T>> PinMany(HandleTable<T>& table, int64_t count) {
  std::vector<Handle<T>> handles;
  for (int64_t i = 0; i < count; ++i) {
    handles.push_back(table.Pin(static_cast<T>(i)));
  }
  if (count > kBatch) {
    std::shuffle(handles.begin(), handles.end(), std::mt19937_64(1));
  }
  return handles;
}

template <typename T>
void ReadAll(State& state, const HandleTable<T>& table,
             const std::vector<Handle<T>>& handles) {
  for (auto _ : state) {
    uint64_t sum = 0;
    for (const Handle<T> handle : handles) {
      if (const std::optional<T> value = table.Read(handle)) sum += *value;
    }
    benchmark::DoNotOptimize(sum);
  }
}

template <typename T>
void BM_Read_Hit(State& state) {
  auto table = *HandleTable<T>::Create();
  const auto handles = PinMany(table, state.range(0));
  ReadAll(state, table, handles);
}
BENCHMARK_TEMPLATE(BM_Read_Hit, uint64_t)
    ->Arg(kBatch)
    ->Arg(kMillion)
    ->UseRealTime();
BENCHMARK_TEMPLATE(BM_Read_Hit, uint32_t)
    ->Arg(kBatch)
    ->Arg(kMillion)
    ->UseRealTime();

void BM_Read_Stale(State& state) {
  Table table = NewTable();
  const auto handles = PinMany(table, state.range(0));
  table.UnpinAll();
  ReadAll(state, table, handles);
}
BENCHMARK(BM_Read_Stale)->Arg(kBatch)->Arg(kMillion)->UseRealTime();

void BM_Read_Rewritten(State& state) {
  Table table = NewTable();
  const auto handles = PinMany(table, state.range(0));
  for (const auto handle : handles) table.Write(handle, 1);
  ReadAll(state, table, handles);
}
BENCHMARK(BM_Read_Rewritten)->Arg(kBatch)->UseRealTime();

// --- Pins and unpins ---------------------------------------------------------

template <typename T>
void PinUnpinBatch(HandleTable<T>& table) {
  for (int i = 0; i < kBatch; ++i) {
    const Handle<T> handle = table.Pin(static_cast<T>(i));
    benchmark::DoNotOptimize(table.Unpin(handle));
  }
}

template <typename T>
void BM_PinUnpin(State& state) {
  auto table = *HandleTable<T>::Create();
  for (auto _ : state) PinUnpinBatch(table);
}
BENCHMARK_TEMPLATE(BM_PinUnpin, uint64_t)->UseRealTime();
BENCHMARK_TEMPLATE(BM_PinUnpin, uint32_t)->UseRealTime();

// kBatch pins, then kBatch unpins.
void BM_PinsThenUnpins(State& state) {
  Table table = NewTable();
  std::vector<Handle<uint64_t>> handles(kBatch);
  for (auto _ : state) {
    for (size_t i = 0; i < kBatch; ++i) handles[i] = table.Pin(i);
    for (const auto handle : handles) {
      benchmark::DoNotOptimize(table.Unpin(handle));
    }
  }
}
BENCHMARK(BM_PinsThenUnpins)->UseRealTime();

// --- Writes ------------------------------------------------------------------

void BM_Write(State& state) {
  Table table = NewTable();
  const auto handles = PinMany(table, state.range(0));
  for (auto _ : state) {
    for (size_t i = 0; i < kBatch; ++i) {
      benchmark::DoNotOptimize(table.Write(handles[i % handles.size()], i));
    }
  }
}
BENCHMARK(BM_Write)->Arg(1)->Arg(8)->Arg(kBatch)->UseRealTime();

// --- Two threads -------------------------------------------------------------

// What the threads of one benchmark share, made anew for each repetition.
struct Shared {
  Table table = NewTable();
  std::vector<Handle<uint64_t>> handles = PinMany(table, kBatch);

  // A ring that carries handles from one thread to another, with each side's
  // view of the other side on its own line.
  static constexpr uint64_t kRing = 1024;
  alignas(128) std::atomic<uint64_t> written{0};
  alignas(128) std::atomic<uint64_t> read{0};
  alignas(128) uint64_t ring[kRing];
  std::vector<Packed> lines = std::vector<Packed>(kRing);
};
std::unique_ptr<Shared> shared;

void SetUpShared(const State&) { shared = std::make_unique<Shared>(); }
void TearDownShared(const State&) { shared = nullptr; }

void BM_Read_SameHandles(State& state) {
  ReadAll(state, shared->table, shared->handles);
}
BENCHMARK(BM_Read_SameHandles)
    ->Setup(SetUpShared)
    ->Teardown(TearDownShared)
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();

void BM_PinUnpin_Together(State& state) {
  for (auto _ : state) PinUnpinBatch(shared->table);
}
BENCHMARK(BM_PinUnpin_Together)
    ->Setup(SetUpShared)
    ->Teardown(TearDownShared)
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime();

// Waits until `*counter` is no longer `value`; for the sake of a machine with
// other work, not for ever at the expense of the thread it waits for.
uint64_t AwaitOther(const std::atomic<uint64_t>& counter, uint64_t value) {
  for (int i = 0;; ++i) {
    const uint64_t now = counter.load(std::memory_order_acquire);
    if (now != value) return now;
    if (i > 1000) std::this_thread::yield();
  }
}

// kBatch handles into the ring. `*read` is this side's view of the other.
template <typename MakeHandle>
void Produce(Shared& to, uint64_t* read, MakeHandle make) {
  uint64_t at = to.written.load(std::memory_order_relaxed);
  for (uint64_t i = 0; i < kBatch; ++i, ++at) {
    const uint64_t handle = make(at);
    if (at - *read == Shared::kRing) *read = AwaitOther(to.read, *read);
    to.ring[at % Shared::kRing] = handle;
    to.written.store(at + 1, std::memory_order_release);
  }
}

template <typename UseHandle>
void Consume(Shared& from, uint64_t* written, UseHandle use) {
  uint64_t at = from.read.load(std::memory_order_relaxed);
  for (uint64_t i = 0; i < kBatch; ++i, ++at) {
    if (at == *written) *written = AwaitOther(from.written, *written);
    use(from.ring[at % Shared::kRing]);
    from.read.store(at + 1, std::memory_order_release);
  }
}

// One thread pins, another unpins: kBatch pairs an iteration of each.
void BM_PinHereUnpinThere(State& state) {
  uint64_t other_side = 0;
  for (auto _ : state) {
    if (state.thread_index() == 0) {
      Produce(*shared, &other_side,
              [](uint64_t i) { return shared->table.Pin(i).bits(); });
    } else {
      Consume(*shared, &other_side, [](uint64_t handle) {
        benchmark::DoNotOptimize(
            shared->table.Unpin(Handle<uint64_t>::FromBits(handle)));
      });
    }
  }
}
BENCHMARK(BM_PinHereUnpinThere)
    ->Setup(SetUpShared)
    ->Teardown(TearDownShared)
    ->Threads(2)
    ->UseRealTime();

// Its limit: the same ring, and the memory operations of a pin here and of an
// unpin there, on lines that go round as the ring does.
void BM_PinHereUnpinThere_Irreducible(State& state) {
  uint64_t other_side = 0;
  for (auto _ : state) {
    if (state.thread_index() == 0) {
      Produce(*shared, &other_side, [](uint64_t i) {
        RawPin(shared->lines[i % Shared::kRing], i);
        return i;
      });
    } else {
      Consume(*shared, &other_side,
              [](uint64_t i) { RawUnpin(shared->lines[i % Shared::kRing]); });
    }
  }
}
BENCHMARK(BM_PinHereUnpinThere_Irreducible)
    ->Setup(SetUpShared)
    ->Teardown(TearDownShared)
    ->Threads(2)
    ->UseRealTime();

std::vector<Ratio> Ratios() {
  const std::string raw = "BM_Read_RawArray/";
  const std::string read = "BM_Read_Hit<uint64_t>/";
  const std::string real = "/real_time";
  const std::string irreducible = "BM_PinUnpin_Irreducible/real_time";
  const std::string cas = "BM_Cas_Uncontended/real_time";
  // A multi-threaded benchmark's time is for one iteration of any thread: 1.8
  // times the throughput is at most 1 / 1.8 of the time.
  return {
      {"read 1,000 / raw array", read + "1000" + real, raw + "1000" + real,
       1.25},
      {"read 1,000,000 at random / raw array", read + "1000000" + real,
       raw + "1000000" + real, 1.25},
      {"stale read 1,000 / hit", "BM_Read_Stale/1000" + real,
       read + "1000" + real, 1.0},
      {"stale read 1,000,000 at random / hit", "BM_Read_Stale/1000000" + real,
       read + "1000000" + real, 1.0},
      {"pin + unpin / irreducible", "BM_PinUnpin<uint64_t>" + real, irreducible,
       1.3},
      {"1,000 pins, 1,000 unpins / irreducible", "BM_PinsThenUnpins" + real,
       irreducible, 1.6},
      {"write one handle / CAS", "BM_Write/1" + real, cas, 1.3},
      {"write 1,000 handles in turn / CAS", "BM_Write/1000" + real, cas, 1.3},
      {"read, 2 threads / 1", "BM_Read_SameHandles" + real + "/threads:2",
       "BM_Read_SameHandles" + real + "/threads:1", 1 / 1.8},
      {"pin + unpin, 2 threads / 1",
       "BM_PinUnpin_Together" + real + "/threads:2",
       "BM_PinUnpin_Together" + real + "/threads:1", 1 / 1.8},
      // Its two threads do half a pair each.
      {"half a pair in each of 2 threads / a pair in 1",
       "BM_PinHereUnpinThere" + real + "/threads:2",
       "BM_PinUnpin_Together" + real + "/threads:1", 0.5},
      {"the same / irreducible in 2 threads",
       "BM_PinHereUnpinThere" + real + "/threads:2",
       "BM_PinHereUnpinThere_Irreducible" + real + "/threads:2", 1.3},
  };
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
  // Defaults first, so that the command line can override them.
  std::vector<char*> arguments = {argv[0]};
  std::string defaults[] = {"--benchmark_repetitions=9",
                            "--benchmark_min_time=0.05",
                            "--benchmark_enable_random_interleaving=true",
                            "--benchmark_display_aggregates_only=true"};
  for (std::string& argument : defaults) arguments.push_back(argument.data());
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  int count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 1;
  holdfast::RatioReporter reporter(holdfast::Ratios());
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::Shutdown();
  return 0;
}

// Executes one operation of a table N times, so that callgrind can count the
// instructions:
//
//   count OPERATION N    executes it, in holdfast_count_measured only
//   count --list         prints the operations
//   count --build        prints the compiler, and whether it has optimized
//
// The counts are those of one thread. They include two to five instructions of
// the loop.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/attributes.h"
#include "holdfast/handle_table.h"

extern "C" {

// callgrind counts the instructions in this function. The statement after the
// call keeps the compiler from making the call a jump, at which callgrind would
// stop.
ABSL_ATTRIBUTE_NOINLINE void holdfast_count_measured(void (*run)(void*),
                                                     void* with) {
  run(with);
  asm volatile("" : : : "memory");
}

}  // extern "C"

namespace holdfast {
namespace {

using Table = HandleTable<uint64_t>;

// The number of slots that operations go through, the same as in benchmarks of
// time.
constexpr uint64_t kSlots = 1000;

template <typename F>
void Measure(F run) {
  const auto run_copy = [](void* with) {
    const F copy = *static_cast<F*>(with);  // So that it is in registers.
    copy();
  };
  holdfast_count_measured(run_copy, &run);
}

// Makes the compiler compute `value`.
template <typename T>
void Keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

template <typename T>
HandleTable<T> NewTable() {
  return *HandleTable<T>::Create();
}

template <typename T>
std::vector<Handle<T>> PinMany(HandleTable<T>& table, uint64_t count) {
  std::vector<Handle<T>> handles(count);
  for (uint64_t i = 0; i < count; ++i)
    handles[i] = table.Pin(static_cast<T>(i));
  return handles;
}

// Calls f(table, handle, i) n times, for the live handles of a table in turn.
template <typename T, typename F>
void RoundTable(uint64_t n, HandleTable<T>& table, F f) {
  std::vector<Handle<T>> handles = PinMany(table, kSlots);
  Measure([&, n] {
    for (uint64_t left = n; left > 0; left -= kSlots) {
      for (Handle<T>& handle : handles) f(table, handle, left);
    }
  });
}

template <typename T>
void Sum(uint64_t n, HandleTable<T>& table,
         const std::vector<Handle<T>>& handles) {
  Measure([&, n] {
    uint64_t sum = 0;
    for (uint64_t left = n; left > 0; left -= kSlots) {
      for (const Handle<T> handle : handles) {
        if (const std::optional<T> value = table.Read(handle)) sum += *value;
      }
    }
    Keep(sum);
  });
}

// --- The operations ----------------------------------------------------------

template <typename T>
void PinUnpin(uint64_t n) {
  HandleTable<T> table = NewTable<T>();
  Measure([&, n] {
    for (uint64_t i = 0; i < n; ++i) {
      Keep(table.Unpin(table.Pin(static_cast<T>(i))));
    }
  });
}

// A thousand pins, and then a thousand unpins, again and again.
void Burst(uint64_t n) {
  Table table = NewTable<uint64_t>();
  std::vector<Handle<uint64_t>> handles = PinMany(table, kSlots);
  for (const Handle<uint64_t> handle : handles) table.Unpin(handle);
  Measure([&, n] {
    for (uint64_t left = n; left > 0; left -= kSlots) {
      for (Handle<uint64_t>& handle : handles) handle = table.Pin(left);
      for (const Handle<uint64_t> handle : handles) Keep(table.Unpin(handle));
    }
  });
}

void PinNew(uint64_t n) {
  Table table = NewTable<uint64_t>();
  Measure([&, n] {
    for (uint64_t i = 0; i < n; ++i) Keep(table.Pin(i).bits());
  });
}

template <typename T>
void ReadHit(uint64_t n) {
  HandleTable<T> table = NewTable<T>();
  Sum(n, table, PinMany(table, kSlots));
}

// A type with an array, which compilers treat differently from a number.
template <int kWords>
struct Words {
  uint64_t words[kWords];
};

template <int kWords>
void ReadInto(uint64_t n) {
  using T = Words<kWords>;
  HandleTable<T> table = NewTable<T>();
  std::vector<Handle<T>> handles(kSlots);
  for (Handle<T>& handle : handles) handle = table.Pin(T{{1}});
  Measure([&, n] {
    uint64_t sum = 0;
    for (uint64_t left = n; left > 0; left -= kSlots) {
      for (const Handle<T> handle : handles) {
        T value;
        if (table.Read(handle, &value)) sum += value.words[0];
      }
    }
    Keep(sum);
  });
}

void ReadStale(uint64_t n) {
  Table table = NewTable<uint64_t>();
  const std::vector<Handle<uint64_t>> handles = PinMany(table, kSlots);
  table.UnpinAll();
  Sum(n, table, handles);
}

void ReadWritten(uint64_t n) {
  Table table = NewTable<uint64_t>();
  const std::vector<Handle<uint64_t>> handles = PinMany(table, kSlots);
  for (const Handle<uint64_t> handle : handles) table.Write(handle, 1);
  Sum(n, table, handles);
}

void Contains(uint64_t n) {
  Table table = NewTable<uint64_t>();
  RoundTable(n, table, [](Table& in, Handle<uint64_t> handle, uint64_t) {
    Keep(in.Contains(handle));
  });
}

template <typename T>
void Write(uint64_t n) {
  HandleTable<T> table = NewTable<T>();
  RoundTable(n, table, [](HandleTable<T>& in, Handle<T> handle, uint64_t i) {
    Keep(in.Write(handle, static_cast<T>(i)));
  });
}

void Exchange(uint64_t n) {
  Table table = NewTable<uint64_t>();
  RoundTable(n, table, [](Table& in, Handle<uint64_t> handle, uint64_t i) {
    Keep(*in.Exchange(handle, i));
  });
}

void TakePin(uint64_t n) {
  Table table = NewTable<uint64_t>();
  RoundTable(n, table, [](Table& in, Handle<uint64_t>& handle, uint64_t) {
    handle = in.Pin(*in.Take(handle));
  });
}

void ForEach(uint64_t n) {
  Table table = NewTable<uint64_t>();
  PinMany(table, kSlots);
  Measure([&, n] {
    for (uint64_t left = n; left > 0; left -= kSlots) {
      table.ForEach([](Handle<uint64_t>, uint64_t value) { Keep(value); });
    }
  });
}

void UnpinAll(uint64_t n) {
  Table table = NewTable<uint64_t>();
  PinMany(table, n);
  Measure([&] { Keep(table.UnpinAll()); });
}

struct Operation {
  const char* name;
  void (*run)(uint64_t n);
};

constexpr Operation kOperations[] = {
    {"pin_unpin", PinUnpin<uint64_t>},
    {"pin_unpin_4_bytes", PinUnpin<uint32_t>},
    {"burst", Burst},
    {"pin_new", PinNew},
    {"read_hit", ReadHit<uint64_t>},
    {"read_hit_4_bytes", ReadHit<uint32_t>},
    {"read_into_struct", ReadInto<1>},
    {"read_into_64_bytes", ReadInto<8>},
    {"read_stale", ReadStale},
    {"read_written", ReadWritten},
    {"contains", Contains},
    {"write", Write<uint64_t>},
    {"write_4_bytes", Write<uint32_t>},
    {"exchange", Exchange},
    {"take_pin", TakePin},
    {"for_each", ForEach},
    {"unpin_all", UnpinAll},
};

// --- The program -------------------------------------------------------------

void PrintBuild() {
#if defined(__clang__)
  std::printf("clang++-%d", __clang_major__);
#else
  std::printf("g++-%d", __GNUC__);
#endif
#if !defined(__x86_64__)
  std::printf("-other-cpu");
#endif
#if defined(__OPTIMIZE__) && defined(NDEBUG)
  std::printf(" optimized\n");
#else
  std::printf(" unoptimized\n");
#endif
}

int Main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  if (command == "--build") return PrintBuild(), 0;
  for (const Operation& operation : kOperations) {
    if (command == "--list") std::printf("%s\n", operation.name);
    if (command != operation.name || argc != 3) continue;
    const uint64_t n = std::strtoull(argv[2], nullptr, 10);
    if (n == 0 || n % kSlots != 0) {
      std::fprintf(stderr, "N must be a multiple of %d\n",
                   static_cast<int>(kSlots));
      return 2;
    }
    operation.run(n);
    return 0;
  }
  if (command == "--list") return 0;
  std::fprintf(stderr, "usage: count OPERATION N | --list | --build\n");
  return 2;
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) { return holdfast::Main(argc, argv); }

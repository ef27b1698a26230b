// The suite: which benchmarks there are.

#ifndef HOLDFAST_BENCH_SUITE_H_
#define HOLDFAST_BENCH_SUITE_H_

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "subject.h"
#include "trial.h"

namespace holdfast::bench {

// A part of a name: "/key:value".
struct Parameter {
  Parameter(const char* key, const char* value)
      : text(absl::StrCat("/", key, ":", value)) {}
  Parameter(const char* key, uint64_t value)
      : text(absl::StrCat("/", key, ":", value)) {}
  Parameter(const char* key, int value)
      : text(absl::StrCat("/", key, ":", value)) {}

  std::string text;
};

class Suite {
 public:
  using Function = std::function<void(Trial&)>;

  struct Benchmark {
    std::string name;
    Subject peer;
    Function run;
  };

  explicit Suite(const Scale& scale) : scale_(scale) {}

  const Scale& scale() const { return scale_; }
  const std::vector<Benchmark>& benchmarks() const { return benchmarks_; }

  // <workload>/<peer>/<key:value>/...
  void Add(const char* workload, const Subject& peer,
           std::initializer_list<Parameter> parameters, Function run) {
    std::string name = absl::StrCat(workload, "/", peer.id);
    for (const Parameter& parameter : parameters) name += parameter.text;
    benchmarks_.push_back({std::move(name), peer, std::move(run)});
  }

 private:
  Scale scale_;
  std::vector<Benchmark> benchmarks_;
};

// Each adds its workloads for every peer, and for their limits.
void AddReads(Suite& suite);
void AddWrites(Suite& suite);
void AddPins(Suite& suite);
void AddMixes(Suite& suite);
void AddExchanges(Suite& suite);
void AddTables(Suite& suite);
void AddObjects(Suite& suite);
void AddLatency(Suite& suite);
void AddMemory(Suite& suite);

// The benchmarks of AddMemory start this program again, with this flag. Such a
// process only calls PrintMemory with the text that follows the flag.
// PrintMemory returns the exit status.
inline constexpr char kMemoryFlag[] = "--suite_memory_of=";
int PrintMemory(absl::string_view what);

inline void AddAll(Suite& suite) {
  AddReads(suite);
  AddWrites(suite);
  AddPins(suite);
  AddMixes(suite);
  AddExchanges(suite);
  AddTables(suite);
  AddObjects(suite);
  AddLatency(suite);
  AddMemory(suite);
}

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_SUITE_H_

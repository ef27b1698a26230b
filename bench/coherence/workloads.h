// The workloads whose transfers are counted, each on any number of cores.

#ifndef HOLDFAST_BENCH_COHERENCE_WORKLOADS_H_
#define HOLDFAST_BENCH_COHERENCE_WORKLOADS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace holdfast::coherence {

struct Setting {
  uint32_t cores = 1;
  uint64_t seed = 1;
  // A core lets another one go on before one in so many of its accesses to
  // atomic variables.
  uint32_t switch_one_in = 4;
  // Operations of all cores together, and of each core: at least so many.
  uint64_t operations = 100'000;
  uint64_t operations_each = 1'000;
  // Whether the free list has one stack, instead of as many as by default.
  bool one_stack = false;
};

// What a workload costs once it has come to its steady state, if it has one.
struct Counts {
  uint64_t operations = 0;
  uint64_t transfers = 0;
  std::map<std::string, uint64_t> of_parts;  // The transfers, by part.
  uint64_t of_busiest_line = 0;
  std::string busiest_line;  // Empty if there were no transfers.

  double PerOperation() const { return Ratio(transfers); }
  double OfBusiestLinePerOperation() const { return Ratio(of_busiest_line); }

 private:
  double Ratio(uint64_t count) const {
    return static_cast<double>(count) / static_cast<double>(operations);
  }
};

std::vector<std::string> Workloads();

// `workload` is one of Workloads().
Counts Count(const std::string& workload, const Setting& setting);

}  // namespace holdfast::coherence

#endif  // HOLDFAST_BENCH_COHERENCE_WORKLOADS_H_

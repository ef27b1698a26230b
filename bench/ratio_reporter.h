// A console reporter for Google Benchmark that ends with a table of ratios: the
// median time of one benchmark over that of its limit, from the same run, with
// the largest ratio that is aimed at.

#ifndef HOLDFAST_BENCH_RATIO_REPORTER_H_
#define HOLDFAST_BENCH_RATIO_REPORTER_H_

#include <map>
#include <string>
#include <vector>

#include "benchmark/benchmark.h"

namespace holdfast {

struct Ratio {
  std::string what;
  std::string measured;  // Names of benchmarks, as they are reported.
  std::string limit;
  double at_most;
};

class RatioReporter : public benchmark::ConsoleReporter {
 public:
  explicit RatioReporter(std::vector<Ratio> ratios)
      : benchmark::ConsoleReporter(OO_Tabular), ratios_(std::move(ratios)) {}

  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

 private:
  std::vector<Ratio> ratios_;
  std::map<std::string, double> medians_;  // Nanoseconds an iteration.
  std::map<std::string, double> spreads_;  // Coefficient of variation.
};

}  // namespace holdfast

#endif  // HOLDFAST_BENCH_RATIO_REPORTER_H_

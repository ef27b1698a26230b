// Runs every input of the directories given; fails if there is none. What the
// fuzzer found once is tested with every compiler and sanitizer.

#include "corpus.h"

#include <cstdio>
#include <string>

#include "run_input.h"

int main(int argc, char** argv) {
  int inputs = 0;
  int failures = 0;
  for (int i = 1; i < argc; ++i) {
    for (const auto& [name, input] : holdfast::fuzz::LoadCorpus(argv[i])) {
      const std::string problem =
          holdfast::fuzz::InputRunner::Run(input.data(), input.size());
      ++inputs;
      if (problem.empty()) continue;
      ++failures;
      std::printf("%s/%s: %s\n", argv[i], name.c_str(), problem.c_str());
    }
  }
  std::printf("%d inputs, %d failures\n", inputs, failures);
  return inputs > 0 && failures == 0 ? 0 : 1;
}

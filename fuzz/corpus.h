// The inputs that are kept, in fuzz/corpus/.

#ifndef HOLDFAST_FUZZ_CORPUS_H_
#define HOLDFAST_FUZZ_CORPUS_H_

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

namespace holdfast::fuzz {

// The contents of each file of `directory`, by name; none if there is no such
// directory.
inline std::map<std::string, std::vector<uint8_t>> LoadCorpus(
    const std::string& directory) {
  std::map<std::string, std::vector<uint8_t>> inputs;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, error)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs[entry.path().filename()].assign(std::istreambuf_iterator<char>(file),
                                           std::istreambuf_iterator<char>());
  }
  return inputs;
}

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_FUZZ_CORPUS_H_

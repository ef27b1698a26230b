#include "examples/script_host/script_paths.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

namespace script_host {

namespace fs = std::filesystem;

std::vector<std::string> DefaultScripts(const std::string& program) {
  // From Bazel 7 on, the workspace's folder in the runfiles has the second
  // name.
  for (const std::string& root :
       {std::string("."), program + ".runfiles/holdfast",
        program + ".runfiles/_main"}) {
    std::error_code error;
    std::vector<std::string> scripts;
    for (const fs::directory_entry& entry : fs::directory_iterator(
             fs::path(root) / "examples/script_host", error)) {
      if (entry.path().extension() != ".lua") continue;
      scripts.push_back(entry.path().lexically_normal().string());
    }
    if (scripts.empty()) continue;
    std::sort(scripts.begin(), scripts.end());
    return scripts;
  }
  return {};
}

std::string ResolveScript(const std::string& path) {
  // No thread runs yet. NOLINTNEXTLINE(concurrency-mt-unsafe)
  const char* const directory = std::getenv("BUILD_WORKING_DIRECTORY");
  if (directory == nullptr) return path;
  // An absolute path replaces the directory.
  const fs::path resolved = fs::path(directory) / path;
  std::error_code error;
  return fs::exists(resolved, error) ? resolved.string() : path;
}

}  // namespace script_host
